//! Procedures and blocks of MariaDB: what only it has, and those that fail half-way, or end and begin transactions of their caller's.

use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
};

use super::super::dialect::here;
use super::catalog_fixture::{CatalogFixture, cached, run};
use super::routine_statements::ROUTINES;
use super::routines::{LOG, SHELF, STONES};

const SCHEMA: &str = "\
CREATE PROCEDURE add_both(IN number INT) BEGIN CALL add_book(number, 'both'); \
 INSERT INTO log VALUES ('both'); END; \
CREATE PROCEDURE prepared(IN target VARCHAR(40)) BEGIN \
 SET @text = concat('INSERT INTO ', target, ' VALUES (''prepared'')'); \
 PREPARE s FROM @text; EXECUTE s; \
 DEALLOCATE PREPARE s; END; \
CREATE PROCEDURE add_twice(IN number INT) BEGIN \
 INSERT INTO shelf VALUES (number, 'once'); INSERT INTO shelf VALUES (number, 'twice'); END; \
CREATE PROCEDURE add_safely(IN number INT) BEGIN START TRANSACTION; \
 INSERT INTO shelf VALUES (number, 'safe'); COMMIT; END; \
CREATE PROCEDURE add_deep(IN number INT) CALL add_safely(number); \
CREATE PROCEDURE opens() START TRANSACTION; \
CREATE PROCEDURE waits() SET autocommit = 0";

/// A fixture whose writer knows what procedures do.
fn fixture() -> CatalogFixture {
    let mut fixture = CatalogFixture::new(&format!("{ROUTINES}; {SCHEMA}"));
    cached(&mut fixture.writer.conn, STONES);
    fixture
}

#[test]
fn w11_procedures_that_call_others_or_make_their_statements() {
    let mut fixture = fixture();
    fixture.writes("CALL add_both(3)", &[SHELF, LOG], &[STONES]);
    fixture.writes("CALL add_deep(4)", &[SHELF], &[STONES, LOG]);
    fixture.writes("DO note('k')", &[LOG], &[STONES]);
    fixture.changes("CALL prepared('log')", &[LOG]);
    fixture.changes(
        here("BEGIN NOT ATOMIC DELETE FROM shelf WHERE id = 1; END"),
        &[SHELF],
    );
    fixture.changes(
        here("EXECUTE IMMEDIATE concat('DELETE FROM ', 'shelf WHERE id = 2')"),
        &[SHELF],
    );
    fixture.changes("SET @noted = note('i')", &[LOG]);
}

/// What it wrote before it failed is committed.
#[test]
fn w11_a_procedure_that_fails_half_way() {
    let mut fixture = fixture();
    fixture.does(
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
        let mut fixture = fixture();
        run(&mut fixture.writer.conn, "BEGIN");
        fixture.keeps("INSERT INTO log VALUES ('before')", &[LOG]);
        fixture.changes(call, &[SHELF, LOG]);
        fixture.changes("INSERT INTO log VALUES ('after')", &[LOG]);
        run(&mut fixture.writer.conn, "COMMIT");
        fixture.changes("INSERT INTO log VALUES ('later')", &[LOG]);
    }
}

/// What follows is committed later than it seems.
#[test]
fn w11_a_procedure_that_leaves_a_transaction_open() {
    for call in ["CALL opens()", "CALL opens", "CALL waits()"] {
        let mut fixture = fixture();
        run(&mut fixture.writer.conn, call);
        for round in 0..2 {
            let name = format!("book {round}");
            let insert = format!("INSERT INTO shelf VALUES (10 + {round}, '{name}')");
            run(&mut fixture.writer.conn, &insert);
            fixture.warm(SHELF);
            assert!(!fixture.cached(SHELF).0.contains(&name), "{call}");
            run(&mut fixture.writer.conn, "COMMIT");
            assert!(fixture.cached(SHELF).0.contains(&name), "{call}: {name}");
            if call.contains("opens") {
                run(&mut fixture.writer.conn, call);
            }
        }
    }
}
