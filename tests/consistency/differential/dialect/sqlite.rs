//! How the differential test speaks to SQLite, and what only SQLite has.

use cachalot_tests::Database;
use fastrand::Rng;

use super::Conn;
use super::differential::schema::{Change, Schema, make_writable};
use super::differential::writes::{Values as _, Write, row_of, update_from};

/// The type that everything is shown as.
pub(crate) const TEXT: &str = "TEXT";

pub(crate) const ACTIONS: &[&str] = &["CASCADE", "CASCADE", "SET NULL", "SET DEFAULT", "NO ACTION"];

/// A table may refer to one that is yet to come.
pub(crate) const INLINE_KEYS: bool = true;

/// How a transaction may begin.
pub(crate) const BEGINS: &[&str] = &["BEGIN", "BEGIN IMMEDIATE", "begin transaction"];

pub(crate) const MORE_CHANGES: &[Change] = &[make_writable];

pub(crate) const MORE_WRITES: &[Write] = &[replace, update_from, move_over_others];

pub(crate) fn trigger(
    name: &str,
    moment: &str,
    table: &str,
    condition: Option<&str>,
    body: &str,
) -> String {
    let when = condition.map_or_else(String::new, |it| format!(" WHEN {it}"));
    format!("CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW{when} BEGIN {body} END")
}

pub(crate) fn drop_trigger(name: &str, _table: &str) -> String {
    format!("DROP TRIGGER {name}")
}

/// The ways to write a name.
pub(crate) fn spellings(name: &str) -> Vec<String> {
    let upper = name.to_uppercase();
    vec![
        format!("\"{name}\""),
        format!("[{name}]"),
        format!("`{name}`"),
        format!("main.{name}"),
        upper,
    ]
}

/// What an insert that meets a row does instead.
pub(crate) fn upsert(set: &str) -> String {
    format!("ON CONFLICT (id) DO UPDATE SET {set}")
}

fn replace(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let verb = if rng.bool() {
        "REPLACE"
    } else {
        "INSERT OR REPLACE"
    };
    Some(row_of(verb, &schema.some_table(rng), rng))
}

fn move_over_others(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let table = schema.some_table(rng);
    Some(format!(
        "UPDATE OR REPLACE {table} SET id = {} WHERE id = {}",
        rng.number(),
        rng.number()
    ))
}

/// A database that nobody needs any more.
pub(crate) fn discard(_conn: &mut Conn, database: &Database, _schema: &Schema) {
    let _ = std::fs::remove_file(database.url());
}
