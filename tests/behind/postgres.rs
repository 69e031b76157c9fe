//! What PostgreSQL does behind Diesel's back, and how it is told to.

#[path = "by_itself/postgres.rs"]
mod by_itself;
mod cascades;
mod ground;
mod inheritance;
mod materialized;
mod partitions;
mod principals;
mod reading_functions;
mod row_security;
mod rules;
mod schema_changes;
mod trigger_functions;
mod triggers;
mod views;
mod writing_functions;

use super::{Conn, DATABASE, db, world};

/// Something that may be another value next time.
pub(crate) const MOVING: &str = "clock_timestamp()";

/// Makes a trigger for each row; `moment` is `AFTER INSERT` and the like.
pub(crate) fn trigger(name: &str, moment: &str, table: &str, body: &str) -> String {
    format!(
        "{} CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();",
        trigger_function(name, body)
    )
}

/// A function for triggers, which lets the row through.
pub(crate) fn trigger_function(name: &str, body: &str) -> String {
    format!(
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} \
         IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$;"
    )
}

/// Drops it.
pub(crate) fn drop_trigger(name: &str, table: &str) -> String {
    format!("DROP TRIGGER {name} ON {table};")
}
