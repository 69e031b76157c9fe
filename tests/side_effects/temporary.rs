//! Temporary triggers and views of SQLite: one connection has them, and writes to tables of all.

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use diesel::{dsl::sql, sql_types::Text};

use super::catalog_fixture::{CatalogFixture, cached, run};

const SCHEMA: &str = "\
CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE log (line TEXT); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
INSERT INTO goods VALUES (1, 'oil'), (2, 'salt'); INSERT INTO stones VALUES (1, 'flint')";

const GOODS: &str = "SELECT name FROM goods ORDER BY id";
const LOG: &str = "SELECT line FROM log ORDER BY line";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

const NOTED: &str = "CREATE TEMP TRIGGER noted AFTER INSERT ON main.goods \
    BEGIN INSERT INTO log VALUES ('new ' || NEW.name); END";

/// Nobody else can know of the trigger; the writer's connection does.
#[test]
fn w10_a_temporary_trigger_of_the_writer() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.warm(LOG);
    run(&mut fixture.writer.conn, NOTED);
    fixture.changes("INSERT INTO goods VALUES (3, 'tea')", &[GOODS, LOG]);
    fixture.changes(
        "INSERT INTO goods VALUES (4, 'rum'); DELETE FROM goods",
        &[GOODS, LOG],
    );
    run(&mut fixture.writer.conn, "DROP TRIGGER noted");
    fixture.changes("INSERT INTO goods VALUES (5, 'gin')", &[GOODS]);
    assert_eq!(fixture.cached(LOG).0.len(), 2);
}

/// Made before the library looks at the connection.
#[test]
fn w10_a_temporary_trigger_of_a_connection_that_is_watched_later() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    let mut late = fixture.world.outsider();
    run(&mut late, NOTED);
    fixture.world.cache.watch(&mut late).unwrap();
    fixture.warm(LOG);
    assert_eq!(cached(&mut late, LOG), Vec::<String>::new());
    run(&mut late, "INSERT INTO goods VALUES (3, 'tea')");
    assert_eq!(fixture.cached(LOG).0, ["new tea"]);
}

#[test]
fn w10_a_temporary_view_that_a_trigger_makes_writable() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    run(
        &mut fixture.writer.conn,
        "CREATE TEMP VIEW names AS SELECT name FROM goods; \
         CREATE TEMP TRIGGER added INSTEAD OF INSERT ON names \
         BEGIN INSERT INTO goods VALUES (NULL, NEW.name); END",
    );
    fixture.changes("INSERT INTO names VALUES ('tea')", &[GOODS]);
}

/// The name is one connection's view and everybody else's table.
#[test]
fn w08_a_temporary_view_in_the_place_of_a_table() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.warm(GOODS);
    run(
        &mut fixture.writer.conn,
        "CREATE TEMP VIEW goods AS SELECT id, 'hidden' AS name FROM main.goods",
    );
    let writer = &mut fixture.writer.conn;
    for _ in 0..2 {
        assert_eq!(cached(writer, GOODS), ["hidden", "hidden"]);
    }
    let outcome = sql::<Text>(GOODS).cached(writer).explain().unwrap().outcome;
    assert_eq!(outcome, Outcome::Bypass(BypassReason::TemporaryTable));
    assert_eq!(fixture.cached(GOODS).0, ["oil", "salt"]);
    run(&mut fixture.writer.conn, "DROP VIEW temp.goods");
    assert_eq!(cached(&mut fixture.writer.conn, GOODS), ["oil", "salt"]);
    fixture.follows("INSERT INTO goods VALUES (3, 'tea')", &[GOODS]);
    assert_eq!(fixture.world.once(|conn| cached(conn, STONES)), ["flint"]);
}
