//! Procedures and stored functions of MariaDB.

use cachalot_diesel::{BypassReason, Outcome};
use diesel::{prelude::*, result::Error, sql_types::Text};

use super::ground::{Ground, cached, run};

const SCHEMA: &str = "\
CREATE TABLE shelf (id INTEGER PRIMARY KEY, name VARCHAR(40)); \
CREATE TABLE log (line VARCHAR(40)); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(40)); \
CREATE PROCEDURE add_book(IN number INT, IN title VARCHAR(40)) \
 INSERT INTO shelf VALUES (number, title); \
CREATE PROCEDURE add_both(IN number INT) BEGIN CALL add_book(number, 'both'); \
 INSERT INTO log VALUES ('both'); END; \
CREATE PROCEDURE prepared(IN target VARCHAR(40)) BEGIN \
 PREPARE s FROM concat('INSERT INTO ', target, ' VALUES (''prepared'')'); EXECUTE s; \
 DEALLOCATE PREPARE s; END; \
CREATE FUNCTION note(what VARCHAR(40)) RETURNS VARCHAR(40) MODIFIES SQL DATA BEGIN \
 INSERT INTO log VALUES (what); RETURN what; END; \
CREATE FUNCTION note_deep(what VARCHAR(40)) RETURNS VARCHAR(40) MODIFIES SQL DATA \
 RETURN note(upper(what)); \
INSERT INTO shelf VALUES (1, 'Emma'), (2, 'Faust'); INSERT INTO stones VALUES (1, 'flint')";

const SHELF: &str = "SELECT name FROM shelf ORDER BY id";
const LOG: &str = "SELECT line FROM log ORDER BY line";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

#[test]
fn w11_a_procedure_that_is_called() {
    let mut ground = Ground::new(SCHEMA);
    ground.changes("CALL add_book(3, 'Iliad')", &[SHELF]);
    ground.changes("CALL add_both(4)", &[SHELF, LOG]);
    ground.changes("CALL prepared('log')", &[LOG]);
    ground.changes(
        "BEGIN NOT ATOMIC DELETE FROM shelf WHERE id = 1; END",
        &[SHELF],
    );
    ground.changes(
        "EXECUTE IMMEDIATE concat('DELETE FROM ', 'shelf WHERE id = 2')",
        &[SHELF],
    );
    ground.does(
        "a procedure with binds",
        |conn| {
            diesel::sql_query("CALL add_book(5, ?)")
                .bind::<Text, _>("Dune")
                .execute(conn)
                .unwrap();
        },
        &[SHELF],
        &[],
    );
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
        "SELECT `note`('c')",
        "SELECT 1 FROM stones WHERE note('d') IS NOT NULL",
        "SELECT name FROM stones ORDER BY note('e')",
        "SELECT (SELECT note('f'))",
        "SELECT coalesce(NULL, note('g'))",
        "SELECT note('h') UNION ALL SELECT 'x'",
        "VALUES (note('j'))",
    ] {
        ground.writes(select, &[LOG], &[STONES]);
    }
    ground.changes("SET @noted = note('i')", &[LOG]);
    ground.changes("DO note('k')", &[LOG]);
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
        "UPDATE shelf SET name = concat(name, '?') WHERE id = 10 AND note('d') <> ''",
        "DELETE FROM shelf WHERE id = 11 AND note('e') IS NOT NULL",
        "REPLACE INTO shelf SET id = 10, name = note('f')",
        "INSERT INTO shelf VALUES (10, 'x') ON DUPLICATE KEY UPDATE name = note('g')",
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

#[test]
fn w11_a_view_that_calls_a_function_that_writes() {
    let mut ground = Ground::new(&format!(
        "{SCHEMA}; CREATE VIEW noted AS SELECT note(name) AS name FROM stones"
    ));
    // Its process knows what views do.
    cached(&mut ground.writer.conn, STONES);
    let read = "SELECT name FROM noted";
    assert_eq!(ground.cached(read).1, 1);
    assert_eq!(ground.cached(read).1, 1);
    ground.changes(read, &[LOG]);
}

#[test]
fn w11_a_function_in_a_transaction() {
    let mut ground = Ground::new(SCHEMA);
    ground.warm(LOG);
    let Ground { world, writer, .. } = &mut ground;
    run(
        &mut writer.conn,
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    );
    let undone = writer.conn.transaction(|conn| {
        run(conn, "SELECT note('x')");
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

/// A function that reads makes its tables the query's.
#[test]
fn w11_a_function_that_reads() {
    let mut ground = Ground::new(&format!(
        "{SCHEMA}; CREATE FUNCTION title(n INT) RETURNS VARCHAR(40) DETERMINISTIC READS SQL DATA \
          RETURN (SELECT name FROM shelf WHERE id = n); \
         CREATE FUNCTION loud(n INT) RETURNS VARCHAR(40) DETERMINISTIC READS SQL DATA BEGIN \
          DECLARE t VARCHAR(40); SELECT name INTO t FROM shelf WHERE id = n; \
          IF t IS NULL THEN RETURN '-'; END IF; RETURN concat(title(n), '!'); END; \
         CREATE VIEW titles AS SELECT DISTINCT title(id) AS name FROM stones"
    ));
    let reads = [
        "SELECT concat(name, title(1)) FROM stones",
        "SELECT concat(name, loud(1)) FROM stones",
        "SELECT name FROM titles",
    ];
    for read in reads {
        let tables = ground.explain(read).tables;
        for table in ["shelf", "stones"] {
            assert!(tables.contains(&table.to_owned()), "{read}: {tables:?}");
        }
    }
    ground.writes(
        "UPDATE shelf SET name = 'Persuasion' WHERE id = 1",
        &reads,
        &[STONES, LOG],
    );
}

/// One that does not promise the same result each time may be asked each time.
#[test]
fn w11_a_function_that_reads_and_promises_nothing() {
    let mut ground = Ground::new(&format!(
        "{SCHEMA}; CREATE FUNCTION title(n INT) RETURNS VARCHAR(40) READS SQL DATA \
         RETURN (SELECT name FROM shelf WHERE id = n)"
    ));
    ground.follows(
        "UPDATE shelf SET name = 'Persuasion' WHERE id = 1",
        &["SELECT concat(name, title(1)) FROM stones"],
    );
}

/// Variables and moments inside a function: the same text, another answer.
#[test]
fn r16_functions_that_ask_for_the_session_or_the_moment() {
    let mut ground = Ground::new(&format!(
        "{SCHEMA}; CREATE FUNCTION who() RETURNS VARCHAR(40) DETERMINISTIC NO SQL RETURN @who; \
         CREATE FUNCTION moment() RETURNS VARCHAR(40) NO SQL RETURN now(6); \
         CREATE VIEW mine AS SELECT DISTINCT concat(name, who()) AS name FROM stones; \
         CREATE VIEW dated AS SELECT DISTINCT concat(name, moment()) AS name FROM stones"
    ));
    let reads = [
        "SELECT concat(name, who()) FROM stones",
        "SELECT name FROM mine",
    ];
    for who in ["ada", "bob", "ada"] {
        run(&mut ground.world.conn, &format!("SET @who = '{who}'"));
        for read in reads {
            for _ in 0..2 {
                assert_eq!(ground.cached(read).0, [format!("flint{who}")], "{read}");
            }
        }
    }
    let mut other = ground.world.reader();
    run(&mut other.conn, "SET @who = 'eve'");
    for read in reads {
        assert_eq!(cached(&mut other.conn, read), ["flinteve"], "{read}");
    }
    for read in [
        "SELECT concat(name, moment()) FROM stones",
        "SELECT name FROM dated",
    ] {
        let outcome = ground.explain(read).outcome;
        assert!(
            matches!(outcome, Outcome::Bypass(BypassReason::VolatileFunction(_))),
            "{read}: {outcome:?}"
        );
        let (one, _) = ground.cached(read);
        assert_ne!(ground.cached(read).0, one, "{read}");
    }
}
