//! Procedures, blocks and functions of PostgreSQL that write: what only it has.

use cachalot_tests::memcached;
use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
};

use super::Conn;
use super::catalog_fixture::{CatalogFixture, cached, run};
use super::routine_statements::ROUTINES;
use super::routines::{LOG, SHELF, STONES};
use super::world::World;

const SCHEMA: &str = "\
CREATE PROCEDURE add_twice(number INTEGER) LANGUAGE plpgsql AS \
 $f$ BEGIN INSERT INTO shelf VALUES (number, 'once'); COMMIT; \
 INSERT INTO shelf VALUES (number, 'twice'); END $f$; \
CREATE FUNCTION rename_all() RETURNS SETOF TEXT LANGUAGE sql AS \
 $f$ UPDATE shelf SET name = name || '!' RETURNING name $f$";

/// A fixture whose writer knows what routines do.
fn fixture(more: &str) -> CatalogFixture {
    let mut fixture = CatalogFixture::new(&format!("{ROUTINES}; {SCHEMA}; {more}"));
    cached(&mut fixture.writer.conn, STONES);
    fixture
}

#[test]
fn w11_a_function_that_returns_what_it_writes() {
    let mut fixture = fixture("");
    fixture.writes("SELECT rename_all()", &[SHELF], &[STONES]);
    fixture.writes("SELECT count(*) FROM rename_all()", &[SHELF], &[STONES]);
}

/// What it wrote before it failed is committed.
#[test]
fn w11_a_procedure_that_fails_half_way() {
    for call in ["CALL add_twice(3)", "DO $$ BEGIN CALL add_twice(3); END $$"] {
        let mut fixture = fixture("");
        fixture.does(
            call,
            |conn| {
                let failed = diesel::sql_query(call).execute(conn);
                let violated = DatabaseErrorKind::UniqueViolation;
                assert!(matches!(failed, Err(Error::DatabaseError(kind, _)) if kind == violated));
            },
            &[SHELF],
            &[],
        );
    }
}

#[test]
fn w11_a_block() {
    let mut fixture = fixture("");
    fixture.changes(
        "DO $$ BEGIN DELETE FROM shelf WHERE id = 1; END $$",
        &[SHELF],
    );
    fixture.changes("DO 'BEGIN PERFORM note(''d''); END'", &[LOG]);
}

/// A call that hides in an operator or a cast.
#[test]
fn w11_operators_and_casts_that_write() {
    let mut fixture = fixture(
        "CREATE FUNCTION note_two(a TEXT, b TEXT) RETURNS TEXT LANGUAGE sql AS \
          $f$ SELECT note(a || b) $f$; \
         CREATE OPERATOR <+> (FUNCTION = note_two, LEFTARG = TEXT, RIGHTARG = TEXT); \
         CREATE TYPE mark AS (v INTEGER); \
         CREATE FUNCTION mark(what TEXT) RETURNS mark LANGUAGE sql AS \
          $f$ SELECT note(what); SELECT ROW(1)::mark $f$; \
         CREATE CAST (TEXT AS mark) WITH FUNCTION mark(TEXT)",
    );
    fixture.changes("SELECT 'a'::text <+> 'b'::text", &[LOG]);
    fixture.changes("SELECT 'c'::text::mark", &[LOG]);
}

const IDLE: &str = "CREATE FUNCTION idle() RETURNS INTEGER LANGUAGE sql VOLATILE AS 'SELECT 1'";
const BUSY: &str = "CREATE OR REPLACE FUNCTION idle() RETURNS INTEGER LANGUAGE sql VOLATILE AS \
    $f$ INSERT INTO log VALUES ('busy'); SELECT 1 $f$";

#[test]
fn w11_a_function_that_is_replaced_by_one_that_writes() {
    let mut fixture = fixture(IDLE);
    fixture.keeps("SELECT idle()", &[LOG, SHELF, STONES]);
    run(&mut fixture.writer.conn, BUSY);
    fixture.changes("SELECT idle()", &[LOG]);
}

/// What the process knows of the function is no longer so.
#[test]
fn w11_a_function_that_another_process_replaces() {
    let mut fixture = fixture(IDLE);
    fixture.keeps("SELECT idle()", &[LOG, SHELF, STONES]);
    run(&mut fixture.world.conn, BUSY);
    fixture.changes("SELECT idle()", &[LOG]);
}

/// What its text does not tell, it may write.
#[test]
fn w11_a_function_that_makes_its_statements() {
    let mut fixture = fixture(
        "CREATE FUNCTION run_it(what TEXT) RETURNS VOID LANGUAGE plpgsql AS \
         $f$ BEGIN EXECUTE what; END $f$",
    );
    fixture.changes("SELECT run_it('DELETE FROM shelf')", &[SHELF]);
    fixture.changes("SELECT run_it('INSERT INTO ' || 'log VALUES (1)')", &[LOG]);
}

/// Nobody can look into it, and the program says that it need not be.
#[test]
fn w11_a_function_that_is_declared_pure() {
    const MADE_UP: &str = "\
CREATE FUNCTION shout(what TEXT) RETURNS TEXT LANGUAGE plpgsql AS \
 $f$ DECLARE said TEXT; BEGIN EXECUTE 'SELECT upper($1)' INTO said USING what; RETURN said; END $f$; \
CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT DEFAULT shout('new'));";
    const SHOUTED: &str = "SELECT shout(name) FROM stones";
    const INSERT: &str = "INSERT INTO goods (id) VALUES (1)";
    let vouched = |builder: cachalot_diesel::Builder| builder.pure_functions(["public.Shout"]);
    for (settings, asked) in [(None, 1), (Some(vouched), 0)] {
        let mut world = World::with(memcached::shared().url(), |builder| match settings {
            Some(settings) => settings(builder),
            None => builder,
        });
        run(&mut world.outsider(), &format!("{ROUTINES}; {MADE_UP}"));
        assert_eq!(cached(&mut world.conn, STONES), ["flint"]);
        run(&mut world.conn, INSERT);
        let read = |conn: &mut Conn| cached(conn, STONES);
        assert_eq!(world.sent(read), (vec!["flint".to_owned()], asked));

        let read = |conn: &mut Conn| cached(conn, SHOUTED);
        assert_eq!(world.sent(read), (vec!["FLINT".to_owned()], 1));
        assert_eq!(world.sent(read), (vec!["FLINT".to_owned()], asked));
        run(&mut world.conn, "UPDATE stones SET name = 'slate'");
        assert_eq!(world.sent(read), (vec!["SLATE".to_owned()], 1));
    }
}
