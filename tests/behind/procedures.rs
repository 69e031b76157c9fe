//! Procedures of MariaDB that fail half-way, or end and begin transactions of their caller's.

use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
};

use super::ground::{Ground, cached, run};

const SCHEMA: &str = "\
CREATE TABLE shelf (id INTEGER PRIMARY KEY, name VARCHAR(40)); \
CREATE TABLE log (id INTEGER PRIMARY KEY AUTO_INCREMENT, line VARCHAR(40)); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(40)); \
CREATE PROCEDURE add_book(IN number INT, IN title VARCHAR(40)) \
 INSERT INTO shelf VALUES (number, title); \
CREATE PROCEDURE add_twice(IN number INT) BEGIN \
 INSERT INTO shelf VALUES (number, 'once'); INSERT INTO shelf VALUES (number, 'twice'); END; \
CREATE PROCEDURE add_safely(IN number INT) BEGIN START TRANSACTION; \
 INSERT INTO shelf VALUES (number, 'safe'); COMMIT; END; \
CREATE PROCEDURE add_deep(IN number INT) CALL add_safely(number); \
CREATE PROCEDURE opens() START TRANSACTION; \
CREATE PROCEDURE waits() SET autocommit = 0; \
INSERT INTO shelf VALUES (1, 'Emma'); INSERT INTO stones VALUES (1, 'flint')";

const SHELF: &str = "SELECT name FROM shelf ORDER BY id";
const LOG: &str = "SELECT line FROM log ORDER BY id";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

/// A ground whose writer knows what procedures do.
fn ground() -> Ground {
    let mut ground = Ground::new(SCHEMA);
    cached(&mut ground.writer.conn, STONES);
    ground
}

#[test]
fn w11_a_procedure_writes_what_its_body_writes() {
    let mut ground = ground();
    ground.writes("CALL add_book(2, 'Iliad')", &[SHELF], &[STONES, LOG]);
    ground.writes("CALL `add_book` (3, concat('D', 'une'))", &[SHELF], &[LOG]);
    ground.writes("CALL add_deep(4)", &[SHELF], &[STONES, LOG]);
}

/// What it wrote before it failed is committed.
#[test]
fn w11_a_procedure_that_fails_half_way() {
    let mut ground = ground();
    ground.does(
        "a procedure that fails",
        |conn| {
            let failed = diesel::sql_query("CALL add_twice(2)").execute(conn);
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
        ground.keeps("INSERT INTO log (line) VALUES ('before')", &[LOG]);
        ground.changes(call, &[SHELF, LOG]);
        ground.changes("INSERT INTO log (line) VALUES ('after')", &[LOG]);
        run(&mut ground.writer.conn, "COMMIT");
        ground.changes("INSERT INTO log (line) VALUES ('later')", &[LOG]);
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
