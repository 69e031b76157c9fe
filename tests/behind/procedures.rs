//! Procedures and blocks of MariaDB: what only it has, and those that fail half-way, or end and begin transactions of their caller's.

use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
};

use super::ROUTINES;
use super::ground::{Ground, cached, run};
use super::routines::{LOG, SHELF, STONES};

const SCHEMA: &str = "\
CREATE PROCEDURE add_both(IN number INT) BEGIN CALL add_book(number, 'both'); \
 INSERT INTO log VALUES ('both'); END; \
CREATE PROCEDURE prepared(IN target VARCHAR(40)) BEGIN \
 PREPARE s FROM concat('INSERT INTO ', target, ' VALUES (''prepared'')'); EXECUTE s; \
 DEALLOCATE PREPARE s; END; \
CREATE PROCEDURE add_twice(IN number INT) BEGIN \
 INSERT INTO shelf VALUES (number, 'once'); INSERT INTO shelf VALUES (number, 'twice'); END; \
CREATE PROCEDURE add_safely(IN number INT) BEGIN START TRANSACTION; \
 INSERT INTO shelf VALUES (number, 'safe'); COMMIT; END; \
CREATE PROCEDURE add_deep(IN number INT) CALL add_safely(number); \
CREATE PROCEDURE opens() START TRANSACTION; \
CREATE PROCEDURE waits() SET autocommit = 0";

/// A ground whose writer knows what procedures do.
fn ground() -> Ground {
    let mut ground = Ground::new(&format!("{ROUTINES}; {SCHEMA}"));
    cached(&mut ground.writer.conn, STONES);
    ground
}

#[test]
fn w11_procedures_that_call_others_or_make_their_statements() {
    let mut ground = ground();
    ground.writes("CALL add_both(3)", &[SHELF, LOG], &[STONES]);
    ground.writes("CALL add_deep(4)", &[SHELF], &[STONES, LOG]);
    ground.writes("DO note('k')", &[LOG], &[STONES]);
    ground.changes("CALL prepared('log')", &[LOG]);
    ground.changes(
        "BEGIN NOT ATOMIC DELETE FROM shelf WHERE id = 1; END",
        &[SHELF],
    );
    ground.changes(
        "EXECUTE IMMEDIATE concat('DELETE FROM ', 'shelf WHERE id = 2')",
        &[SHELF],
    );
    ground.changes("SET @noted = note('i')", &[LOG]);
}

/// What it wrote before it failed is committed.
#[test]
fn w11_a_procedure_that_fails_half_way() {
    let mut ground = ground();
    ground.does(
        "a procedure that fails",
        |conn| {
            let failed = diesel::sql_query("CALL add_twice(3)").execute(conn);
            let violated = DatabaseErrorKind::UniqueViolation;
            assert!(matches!(failed, Err(Error::DatabaseError(kind, _)) if kind == violated));
        },
        &[SHELF],
        &[],
    );
}

/// It commits what its caller has written, and what the caller writes next is committed at once.
#[test]
fn w11_a_procedure_that_commits_its_callers_transaction() {
    for call in ["CALL add_safely(3)", "CALL add_deep(3)"] {
        let mut ground = ground();
        run(&mut ground.writer.conn, "BEGIN");
        ground.keeps("INSERT INTO log VALUES ('before')", &[LOG]);
        ground.changes(call, &[SHELF, LOG]);
        ground.changes("INSERT INTO log VALUES ('after')", &[LOG]);
        run(&mut ground.writer.conn, "COMMIT");
        ground.changes("INSERT INTO log VALUES ('later')", &[LOG]);
    }
}

/// What follows is committed later than it seems.
#[test]
fn w11_a_procedure_that_leaves_a_transaction_open() {
    for call in ["CALL opens()", "CALL opens", "CALL waits()"] {
        let mut ground = ground();
        run(&mut ground.writer.conn, call);
        for round in 0..2 {
            let name = format!("book {round}");
            let insert = format!("INSERT INTO shelf VALUES (10 + {round}, '{name}')");
            run(&mut ground.writer.conn, &insert);
            ground.warm(SHELF);
            assert!(!ground.cached(SHELF).0.contains(&name), "{call}");
            run(&mut ground.writer.conn, "COMMIT");
            assert!(ground.cached(SHELF).0.contains(&name), "{call}: {name}");
            if call.contains("opens") {
                run(&mut ground.writer.conn, call);
            }
        }
    }
}
