//! Rows of MariaDB that change without a statement on them.

use cachalot_diesel::{BypassReason, Outcome};

use super::catalog_fixture::CatalogFixture;

#[track_caller]
fn bypasses(fixture: &mut CatalogFixture, read: &str, reason: BypassReason) {
    assert_eq!(fixture.explain(read).outcome, Outcome::Bypass(reason));
    for _ in 0..2 {
        assert_eq!(fixture.cached(read), (fixture.shown(read), 1), "{read}");
    }
}

/// They are empty after the server has been started again.
#[test]
fn r16_tables_in_memory() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE seats (line VARCHAR(9)) ENGINE=MEMORY; INSERT INTO seats VALUES ('a')",
    );
    let unseen = BypassReason::Untrackable("seats".to_owned());
    bypasses(&mut fixture, "SELECT line FROM seats", unseen);
}

/// A virtual column is worked out when it is read.
#[test]
fn r16_virtual_columns_that_use_the_current_time() {
    let moves = "CREATE TABLE x (born DATE, days INT AS (DATEDIFF(CURRENT_DATE, born)) VIRTUAL)";
    if !cachalot_tests::mysql::takes_as_mariadb(moves) {
        return;
    }
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE people (line VARCHAR(9), born DATE, \
          days INTEGER AS (DATEDIFF(CURRENT_DATE, born)) VIRTUAL); \
         INSERT INTO people (line, born) VALUES ('a', '2000-01-01'); \
         CREATE VIEW old AS SELECT line FROM people WHERE days > 100; \
         CREATE TABLE boxes (line VARCHAR(9), twice VARCHAR(18) AS (CONCAT(line, line)) VIRTUAL); \
         INSERT INTO boxes (line) VALUES ('b')",
    );
    for read in [
        "SELECT CAST(days AS CHAR) FROM people",
        "SELECT line FROM old",
    ] {
        let outcome = fixture.explain(read).outcome;
        assert!(
            matches!(outcome, Outcome::Bypass(BypassReason::VolatileFunction(_))),
            "{read}: {outcome:?}"
        );
        assert_eq!(fixture.cached(read), (fixture.shown(read), 1), "{read}");
    }
    fixture.changes("UPDATE boxes SET line = 'c'", &["SELECT twice FROM boxes"]);
}

/// Where a date is wanted, a time is one of today.
#[test]
fn r16_times_that_become_dates() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE calls (line VARCHAR(9), at TIME); INSERT INTO calls VALUES ('a', '10:00'); \
         CREATE VIEW todays AS SELECT CONCAT(TIMESTAMP(at)) AS line FROM calls; \
         CREATE TABLE days (line VARCHAR(9), at DATETIME); INSERT INTO days VALUES ('b', '2000-01-01')",
    );
    for read in [
        "SELECT CONCAT(CAST(at AS DATETIME)) FROM calls",
        "SELECT CONCAT(YEAR(at)) FROM calls",
        "SELECT line FROM todays",
    ] {
        let moving = BypassReason::VolatileFunction("time".to_owned());
        bypasses(&mut fixture, read, moving);
    }
    fixture.warm("SELECT CONCAT(at) FROM calls");
    fixture.warm("SELECT CONCAT(DATE(at)) FROM days");
}
