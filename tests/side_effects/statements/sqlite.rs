//! What SQLite does behind Diesel's back, and how it is told to.

/// Something that may be another value next time.
pub(crate) const MOVING: &str = "datetime('now')";

/// Makes a trigger for each row; `moment` is `AFTER INSERT` and the like.
pub(crate) fn trigger(name: &str, moment: &str, table: &str, body: &str) -> String {
    format!("CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW BEGIN {body} END;")
}

/// Drops it.
pub(crate) fn drop_trigger(name: &str, _table: &str) -> String {
    format!("DROP TRIGGER {name};")
}
