//! Stored functions of MariaDB that read, and what they promise.

use cachalot_diesel::{BypassReason, Outcome};

use super::catalog_fixture::{CatalogFixture, cached, run};
use super::routine_statements::ROUTINES;
use super::routines::{LOG, STONES};

/// A function that reads makes its tables the query's.
#[test]
fn w11_a_function_that_reads() {
    let mut fixture = CatalogFixture::new(&format!(
        "{ROUTINES}; CREATE FUNCTION title(n INT) RETURNS VARCHAR(40) DETERMINISTIC READS SQL DATA \
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
        let tables = fixture.explain(read).tables;
        for table in ["shelf", "stones"] {
            assert!(tables.contains(&table.to_owned()), "{read}: {tables:?}");
        }
    }
    fixture.writes(
        "UPDATE shelf SET name = 'Persuasion' WHERE id = 1",
        &reads,
        &[STONES, LOG],
    );
}

/// One that does not promise the same result each time may be asked each time.
#[test]
fn w11_a_function_that_is_not_declared_deterministic() {
    let mut fixture = CatalogFixture::new(&format!(
        "{ROUTINES}; CREATE FUNCTION title(n INT) RETURNS VARCHAR(40) READS SQL DATA \
         RETURN (SELECT name FROM shelf WHERE id = n)"
    ));
    fixture.follows(
        "UPDATE shelf SET name = 'Persuasion' WHERE id = 1",
        &["SELECT concat(name, title(1)) FROM stones"],
    );
}

/// Variables and moments inside a function: the same text, another answer.
#[test]
fn r16_functions_that_use_the_session_or_the_current_time() {
    let mut fixture = CatalogFixture::new(&format!(
        "{ROUTINES}; CREATE FUNCTION who() RETURNS VARCHAR(40) DETERMINISTIC NO SQL RETURN @who; \
         CREATE FUNCTION moment() RETURNS VARCHAR(40) NO SQL RETURN now(6); \
         CREATE VIEW mine AS SELECT DISTINCT concat(name, who()) AS name FROM stones; \
         CREATE VIEW dated AS SELECT DISTINCT concat(name, moment()) AS name FROM stones"
    ));
    let reads = [
        "SELECT concat(name, who()) FROM stones",
        "SELECT name FROM mine",
    ];
    for who in ["ada", "bob", "ada"] {
        run(&mut fixture.world.conn, &format!("SET @who = '{who}'"));
        for read in reads {
            for _ in 0..2 {
                assert_eq!(fixture.cached(read).0, [format!("flint{who}")], "{read}");
            }
        }
    }
    let mut other = fixture.world.reader();
    run(&mut other.conn, "SET @who = 'eve'");
    for read in reads {
        assert_eq!(cached(&mut other.conn, read), ["flinteve"], "{read}");
    }
    for read in [
        "SELECT concat(name, moment()) FROM stones",
        "SELECT name FROM dated",
    ] {
        let outcome = fixture.explain(read).outcome;
        assert!(
            matches!(outcome, Outcome::Bypass(BypassReason::VolatileFunction(_))),
            "{read}: {outcome:?}"
        );
        let (one, _) = fixture.cached(read);
        assert_ne!(fixture.cached(read).0, one, "{read}");
    }
}
