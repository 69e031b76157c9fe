//! What only SQLite has in its catalog: temporary triggers, an empty temporary database, virtual tables.

use cachalot_diesel::prelude::*;
use diesel::{connection::SimpleConnection, dsl::sql, prelude::*, sql_types::Text};

use super::Conn;
use super::catalog_fixture::{CatalogFixture, made_goods};
use super::world::World;

fn lines(conn: &mut Conn) -> Vec<String> {
    let read = sql::<Text>("SELECT line FROM log");
    read.cached(conn).load().unwrap()
}

#[test]
fn w10_what_a_temporary_trigger_writes_is_seen_by_others() {
    let mut world = World::new();
    world
        .outsider()
        .batch_execute("CREATE TABLE log (line TEXT); CREATE TABLE people (id INTEGER PRIMARY KEY)")
        .unwrap();
    let mut writer = world.reader();
    writer
        .conn
        .batch_execute(
            "CREATE TEMP TRIGGER t AFTER INSERT ON people \
             BEGIN INSERT INTO log VALUES ('born'); END",
        )
        .unwrap();
    assert!(lines(&mut world.conn).is_empty());
    writer
        .conn
        .batch_execute("INSERT INTO people VALUES (1)")
        .unwrap();
    assert_eq!(world.sent(lines), (vec!["born".to_owned()], 1));
    assert_eq!(world.sent(lines), (vec!["born".to_owned()], 0));
    writer
        .conn
        .transaction(|conn| diesel::sql_query("INSERT INTO people VALUES (2)").execute(conn))
        .unwrap();
    assert_eq!(lines(&mut world.conn).len(), 2);
}

/// `ALTER TABLE` opens the temporary database, and leaves it empty.
#[test]
fn w06_a_connection_that_has_altered_a_table_is_cached_as_before() {
    let mut world = World::new();
    world
        .conn
        .batch_execute("CREATE TABLE log (text TEXT); ALTER TABLE log RENAME COLUMN text TO line")
        .unwrap();
    assert!(lines(&mut world.conn).is_empty());
    assert_eq!(world.sent(lines), (Vec::new(), 0));
}

#[test]
fn k02_keys_and_generated_columns_change_with_others() {
    let mut fixture = CatalogFixture::new(&made_goods(
        "twice INTEGER GENERATED ALWAYS AS (price * 2) STORED, thrice INTEGER AS (price * 3),",
    ));
    fixture.depends_on_updates(&["maker_id", "twice", "thrice", "*"], &["name", "price"]);
    fixture.depends("SELECT id FROM makers", &["makers"]);
}

/// Which row a full-text search finds depends on all its columns.
#[test]
fn k02_the_columns_of_a_virtual_table_are_not_told_apart() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE log (line TEXT); CREATE VIRTUAL TABLE notes USING fts5(title, body, content=''); \
         CREATE TRIGGER t AFTER UPDATE ON log BEGIN UPDATE notes SET body = NEW.line; END",
    );
    let shadows = ["config", "data", "docsize", "idx"].map(|it| format!("notes_{it}"));
    let tables = ["log", "notes"].into_iter();
    let tables: Vec<_> = tables.chain(shadows.iter().map(|it| &**it)).collect();
    fixture.depends("SELECT title FROM notes", &tables);
}

/// A virtual table keeps its rows in tables that can be read, and written, by their names.
#[test]
fn w08_the_tables_behind_a_virtual_table() {
    let mut fixture = CatalogFixture::new(
        "CREATE VIRTUAL TABLE notes USING fts5(line); CREATE TABLE stones (line TEXT); \
         INSERT INTO notes VALUES ('one')",
    );
    fixture.writes(
        "INSERT INTO notes VALUES ('two')",
        &["SELECT c0 FROM notes_content", "SELECT line FROM notes"],
        &["SELECT line FROM stones"],
    );
    fixture.writes(
        "UPDATE notes_content SET c0 = 'three' WHERE id = 2",
        &["SELECT c0 FROM notes_content", "SELECT line FROM notes"],
        &["SELECT line FROM stones"],
    );
}
