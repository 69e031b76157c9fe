//! Procedures, blocks and functions of PostgreSQL that write.

use cachalot_diesel::{BypassReason, Outcome};
use cachalot_tests::memcached;
use diesel::{dsl::sql, prelude::*, result::Error, sql_types::Text};

use super::Conn;
use super::ground::{Ground, cached, run};
use super::world::World;

const SCHEMA: &str = "\
CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE log (line TEXT); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
CREATE PROCEDURE add_book(number INTEGER, title TEXT) LANGUAGE sql AS \
 $f$ INSERT INTO shelf VALUES (number, title) $f$; \
CREATE FUNCTION note(what TEXT) RETURNS TEXT LANGUAGE plpgsql AS \
 $f$ BEGIN INSERT INTO log VALUES (what); RETURN what; END $f$; \
CREATE FUNCTION note_deep(what TEXT) RETURNS TEXT LANGUAGE sql AS \
 $f$ SELECT note(upper(what)) $f$; \
CREATE FUNCTION rename_all() RETURNS SETOF TEXT LANGUAGE sql AS \
 $f$ UPDATE shelf SET name = name || '!' RETURNING name $f$; \
INSERT INTO shelf VALUES (1, 'Emma'), (2, 'Faust'); INSERT INTO stones VALUES (1, 'flint')";

const SHELF: &str = "SELECT name FROM shelf ORDER BY id";
const LOG: &str = "SELECT line FROM log ORDER BY line";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

#[test]
fn w11_a_procedure_that_is_called() {
    let mut ground = Ground::new(SCHEMA);
    ground.changes("CALL add_book(3, 'Iliad')", &[SHELF]);
    ground.does(
        "a procedure with binds",
        |conn| {
            diesel::sql_query("CALL add_book(4, $1)")
                .bind::<Text, _>("Dune")
                .execute(conn)
                .unwrap();
        },
        &[SHELF],
        &[],
    );
}

#[test]
fn w11_a_block() {
    let mut ground = Ground::new(SCHEMA);
    ground.changes(
        "DO $$ BEGIN DELETE FROM shelf WHERE id = 1; END $$",
        &[SHELF],
    );
    ground.changes("DO 'BEGIN PERFORM note(''d''); END'", &[LOG]);
}

/// What it may write is asked for again; the rest stays.
#[test]
fn w11_a_select_whose_function_writes() {
    let mut ground = Ground::new(SCHEMA);
    // Its process knows what functions do.
    cached(&mut ground.writer.conn, STONES);
    for select in [
        "SELECT note('a')",
        "SELECT note_deep('b')",
        "SELECT public.note('c')",
        "SELECT \"note\"('d')",
        "SELECT 1 WHERE note('e') IS NOT NULL",
        "SELECT * FROM note('f')",
        "SELECT name FROM stones ORDER BY note('g')",
        "SELECT count(*) FROM stones s, LATERAL note(s.name)",
        "SELECT (SELECT note('h'))",
        "WITH w AS MATERIALIZED (SELECT note('i') AS n) SELECT n FROM w",
        "SELECT coalesce(NULL, note('j'))",
        "SELECT note('k') UNION ALL SELECT 'x'",
        "VALUES (note('l'))",
    ] {
        ground.writes(select, &[LOG], &[STONES]);
    }
    ground.writes("SELECT rename_all()", &[SHELF], &[STONES]);
    ground.writes("SELECT count(*) FROM rename_all()", &[SHELF], &[STONES]);
}

/// The statement writes one table by itself and another by its function.
#[test]
fn w11_a_write_whose_function_writes_too() {
    let mut ground = Ground::new(SCHEMA);
    // Its process knows what functions do.
    cached(&mut ground.writer.conn, STONES);
    for write in [
        "INSERT INTO shelf VALUES (10, note('a'))",
        "INSERT INTO shelf SELECT 11, note('b')",
        "UPDATE shelf SET name = note('c') WHERE id = 10",
        "UPDATE shelf SET name = name || '?' WHERE id = 10 AND note('d') <> ''",
        "UPDATE shelf SET name = name || '.' WHERE id = 10 RETURNING note('e')",
        "DELETE FROM shelf WHERE id = 11 AND note('f') IS NOT NULL",
        "WITH w AS MATERIALIZED (SELECT note('g') AS n) \
         INSERT INTO shelf SELECT 12, n FROM w",
        "INSERT INTO shelf VALUES (10, 'x') ON CONFLICT (id) DO UPDATE SET name = note('h')",
    ] {
        ground.writes(write, &[SHELF, LOG], &[STONES]);
    }
}

#[test]
fn w11_a_function_as_diesel_calls_it() {
    #[diesel::declare_sql_function]
    extern "SQL" {
        fn note(what: Text) -> Text;
    }
    let mut ground = Ground::new(SCHEMA);
    // Its process knows what functions do.
    cached(&mut ground.writer.conn, STONES);
    ground.does(
        "a select",
        |conn| {
            let noted = diesel::select(note("diesel")).get_result::<String>(conn);
            assert_eq!(noted.as_deref(), Ok("diesel"));
        },
        &[LOG],
        &[STONES],
    );
}

/// A read through the cache is no way round the call.
#[test]
fn w11_a_cached_read_whose_function_writes() {
    let mut ground = Ground::new(SCHEMA);
    let read = "SELECT note(name) FROM stones";
    let outcome = ground.explain(read).outcome;
    assert!(
        matches!(outcome, Outcome::Bypass(BypassReason::VolatileFunction(_))),
        "{outcome:?}"
    );
    for _ in 0..2 {
        ground.does(
            "a cached read",
            |conn| assert_eq!(cached(conn, read), ["flint"]),
            &[LOG],
            &[SHELF, STONES],
        );
    }
}

#[test]
fn w11_a_view_that_calls_a_function_that_writes() {
    let mut ground = Ground::new(&format!(
        "{SCHEMA}; CREATE VIEW noted AS SELECT note(name) AS name FROM stones; \
         CREATE VIEW nested AS SELECT name FROM noted"
    ));
    // Its process knows what views do.
    cached(&mut ground.writer.conn, STONES);
    for view in ["noted", "nested"] {
        let read = format!("SELECT name FROM {view}");
        assert_eq!(ground.cached(&read).1, 1, "{view}");
        assert_eq!(ground.cached(&read).1, 1, "{view}");
        ground.changes(&read, &[LOG]);
    }
}

/// What the function of an uncommitted transaction has written is its own.
#[test]
fn w11_a_function_in_a_transaction() {
    let mut ground = Ground::new(SCHEMA);
    ground.warm(LOG);
    let Ground { world, writer, .. } = &mut ground;
    let undone = writer.conn.transaction(|conn: &mut Conn| {
        sql::<Text>("SELECT note('x')").load::<String>(conn)?;
        assert_eq!(cached(conn, LOG), ["x"], "its own");
        assert_eq!(
            world.sent(|conn| cached(conn, LOG)),
            (Vec::new(), 0),
            "others'"
        );
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(Error::RollbackTransaction));
    assert_eq!(ground.cached(LOG).0, Vec::<String>::new());
    assert_eq!(cached(&mut ground.writer.conn, LOG), Vec::<String>::new());
}

/// A call that hides in an operator or a cast.
#[test]
fn w11_operators_and_casts_that_write() {
    let mut ground = Ground::new(&format!(
        "{SCHEMA}; CREATE FUNCTION note_two(a TEXT, b TEXT) RETURNS TEXT LANGUAGE sql AS \
          $f$ SELECT note(a || b) $f$; \
         CREATE OPERATOR <+> (FUNCTION = note_two, LEFTARG = TEXT, RIGHTARG = TEXT); \
         CREATE TYPE mark AS (v INTEGER); \
         CREATE FUNCTION mark(what TEXT) RETURNS mark LANGUAGE sql AS \
          $f$ SELECT note(what); SELECT ROW(1)::mark $f$; \
         CREATE CAST (TEXT AS mark) WITH FUNCTION mark(TEXT)"
    ));
    // Its process knows what operators and casts do.
    cached(&mut ground.writer.conn, STONES);
    ground.changes("SELECT 'a'::text <+> 'b'::text", &[LOG]);
    ground.changes("SELECT 'c'::text::mark", &[LOG]);
}

const IDLE: &str = "CREATE FUNCTION idle() RETURNS INTEGER LANGUAGE sql VOLATILE AS 'SELECT 1'";
const BUSY: &str = "CREATE OR REPLACE FUNCTION idle() RETURNS INTEGER LANGUAGE sql VOLATILE AS \
    $f$ INSERT INTO log VALUES ('busy'); SELECT 1 $f$";

#[test]
fn w11_a_function_that_is_replaced_by_one_that_writes() {
    let mut ground = Ground::new(&format!("{SCHEMA}; {IDLE}"));
    // Its process knows what functions do.
    cached(&mut ground.writer.conn, STONES);
    ground.keeps("SELECT idle()", &[LOG, SHELF, STONES]);
    run(&mut ground.writer.conn, BUSY);
    ground.changes("SELECT idle()", &[LOG]);
}

/// What the process knows of the function is no longer so.
#[test]
fn w11_a_function_that_another_process_replaces() {
    let mut ground = Ground::new(&format!("{SCHEMA}; {IDLE}"));
    // Its process knows what functions do.
    cached(&mut ground.writer.conn, STONES);
    ground.keeps("SELECT idle()", &[LOG, SHELF, STONES]);
    run(&mut ground.world.conn, BUSY);
    ground.changes("SELECT idle()", &[LOG]);
}

/// Nobody in the writing process has read anything: what the function does is not known there.
#[test]
fn w11_a_function_in_a_process_that_does_not_read() {
    let mut ground = Ground::new(SCHEMA);
    ground.changes("SELECT note('a')", &[LOG]);
    ground.changes(
        "UPDATE shelf SET name = note('b') WHERE id = 1",
        &[SHELF, LOG],
    );
}

/// What its text does not tell, it may write.
#[test]
fn w11_a_function_that_makes_its_statements() {
    let mut ground = Ground::new(&format!(
        "{SCHEMA}; CREATE FUNCTION run_it(what TEXT) RETURNS VOID LANGUAGE plpgsql AS \
         $f$ BEGIN EXECUTE what; END $f$"
    ));
    ground.changes("SELECT run_it('DELETE FROM shelf')", &[SHELF]);
    ground.changes("SELECT run_it('INSERT INTO ' || 'log VALUES (1)')", &[LOG]);
}

/// Nobody can look into it, and the program says that it need not be.
#[test]
fn w11_a_function_that_the_program_vouches_for() {
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
        run(&mut world.outsider(), &format!("{SCHEMA}; {MADE_UP}"));
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
