//! How the differential test speaks to MariaDB, and what only MariaDB has.

use cachalot_tests::Database;
use diesel::connection::SimpleConnection as _;
use fastrand::Rng;

use super::Conn;
use super::differential::schema::{Change, Schema};
use super::differential::writes::{Values as _, Write, row_of};

/// The type that everything is shown as.
pub(crate) const TEXT: &str = "CHAR";

/// InnoDB has no SET DEFAULT.
pub(crate) const ACTIONS: &[&str] = &["CASCADE", "CASCADE", "SET NULL", "NO ACTION"];

/// A table may refer to one that is yet to come.
pub(crate) const INLINE_KEYS: bool = false;

/// How a transaction may begin.
pub(crate) const BEGINS: &[&str] = &[
    "BEGIN",
    "START TRANSACTION",
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; START TRANSACTION",
];

pub(crate) const MORE_CHANGES: &[Change] = &[
    add_reader,
    add_reader,
    add_writer,
    add_procedure,
    replace_reader,
];

pub(crate) const MORE_WRITES: &[Write] = &[replace, insert_ignore, update_two, delete_two];

pub(crate) fn trigger(
    name: &str,
    moment: &str,
    table: &str,
    condition: Option<&str>,
    body: &str,
) -> String {
    let body = match condition {
        Some(condition) => format!("IF {condition} THEN {body} END IF;"),
        None => body.to_owned(),
    };
    format!("CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW BEGIN {body} END")
}

pub(crate) fn drop_trigger(name: &str, _table: &str) -> String {
    format!("DROP TRIGGER {name}")
}

/// The ways to write a name.
pub(crate) fn spellings(name: &str) -> Vec<String> {
    vec![format!("`{name}`")]
}

/// What an insert that meets a row does instead.
pub(crate) fn upsert(set: &str) -> String {
    format!("ON DUPLICATE KEY UPDATE {set}")
}

/// A database that nobody needs any more.
pub(crate) fn discard(conn: &mut Conn, database: &Database, _schema: &Schema) {
    let _ = conn.batch_execute(&format!("DROP DATABASE {}", database.name()));
}

/// A function that reads what it can: a table, a view, or another function.
fn reader(schema: &Schema, name: &str, rng: &mut Rng) -> String {
    let relation = schema.relation(rng);
    let result = match rng.u8(..3) {
        0 => format!("SELECT count(*) FROM {relation}"),
        1 => format!("SELECT max(n) FROM {relation} WHERE id <> x"),
        _ => match rng.choice(&schema.readers) {
            Some(other) if other != name => format!("SELECT {other}(x)"),
            _ => format!("SELECT min(id) FROM {relation} WHERE n = x"),
        },
    };
    format!(
        "CREATE FUNCTION {name}(x INT) RETURNS INT DETERMINISTIC READS SQL DATA RETURN ({result})"
    )
}

fn add_reader(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = schema.name("f");
    let sql = reader(schema, &name, rng);
    schema.readers.push(name);
    Some(sql)
}

fn replace_reader(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = rng.choice(&schema.readers)?.clone();
    let sql = reader(schema, &name, rng);
    Some(sql.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
}

fn add_writer(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = schema.name("w");
    let body = schema.body("nobody", ["x", "x"], rng);
    schema.calls.push(format!("SELECT {name}(?)"));
    Some(format!(
        "CREATE FUNCTION {name}(x INT) RETURNS INT MODIFIES SQL DATA BEGIN {body} RETURN x; END"
    ))
}

fn add_procedure(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = schema.name("p");
    let body = schema.body("nobody", ["x", "x"], rng);
    schema.calls.push(format!("CALL {name}(?)"));
    Some(format!(
        "CREATE PROCEDURE {name}(IN x INT) BEGIN {body} END"
    ))
}

fn replace(schema: &Schema, rng: &mut Rng) -> Option<String> {
    Some(row_of("REPLACE", &schema.some_table(rng), rng))
}

fn insert_ignore(schema: &Schema, rng: &mut Rng) -> Option<String> {
    Some(row_of("INSERT IGNORE", &schema.some_table(rng), rng))
}

fn update_two(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let (table, other) = (schema.some_table(rng), schema.some_table(rng));
    Some(format!(
        "UPDATE {table} a JOIN {other} b ON a.id = b.n SET a.n = 5, b.s = 'two' WHERE b.id < {}",
        rng.number()
    ))
}

fn delete_two(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let (table, other) = (schema.some_table(rng), schema.some_table(rng));
    Some(format!(
        "DELETE a, b FROM {table} a JOIN {other} b ON a.id = b.id WHERE b.n = {}",
        rng.u8(..7)
    ))
}
