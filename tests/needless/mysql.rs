//! What MySQL and MariaDB let be cached, or kept, although it looks like something else.

#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../behind/catalog_fixture.rs"]
mod catalog_fixture;

use catalog_fixture::CatalogFixture;

use super::{Conn, dialect::here, world};

const STONES: &str = "SELECT name FROM stones ORDER BY id";

fn with(schema: &str) -> CatalogFixture {
    CatalogFixture::new(&format!(
        "CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(99)); \
         INSERT INTO stones VALUES (1, 'flint'); {schema}"
    ))
}

#[test]
fn f06_prepared_statements_and_own_temporary_tables_invalidate_nothing() {
    let mut fixture = with("");
    for write in [
        "PREPARE one FROM 'SELECT 1'",
        "CREATE TEMPORARY TABLE own (id INTEGER)",
        "DROP TEMPORARY TABLE own",
    ] {
        fixture.keeps(write, &[STONES]);
    }
    fixture.changes(
        "PREPARE two FROM 'UPDATE stones SET id = 2, name = 0'; EXECUTE two",
        &[STONES],
    );
}

#[test]
fn f06_columns_beside_one_of_times_are_cached() {
    let mut fixture = with(
        "CREATE TABLE calls (id INTEGER PRIMARY KEY, d DATE, at DATETIME, clock TIME); \
         INSERT INTO calls VALUES (1, '2000-01-02', '2001-02-03 04:05:06', '10:00'); \
         CREATE VIEW plain AS SELECT id, d, at, clock AS t FROM calls; \
         CREATE FUNCTION clock_of(n INTEGER) RETURNS TIME READS SQL DATA \
          RETURN (SELECT clock FROM calls WHERE id = n)",
    );
    for value in [
        "YEAR(d)",
        "DATE(at)",
        "DATEDIFF(at, d)",
        "UNIX_TIMESTAMP(at)",
        "CAST(at AS DATE)",
        "CONCAT(MONTH(c.d), COUNT(*))",
    ] {
        for table in ["calls", "plain"] {
            fixture.warm(&format!("SELECT CONCAT({value}) FROM {table} c"));
        }
    }
    fixture.warm("SELECT CONCAT(clock) FROM calls");
    fixture.changes(
        "UPDATE calls SET d = '2004-01-01'",
        &["SELECT CONCAT(YEAR(d)) FROM calls"],
    );
    for read in [
        "SELECT CONCAT(DATE(clock)) FROM calls",
        "SELECT CONCAT(CAST(`Clock` AS DATE)) FROM calls",
        "SELECT CONCAT(DATE(t)) FROM plain",
        "SELECT CONCAT(DATE(x)) FROM (SELECT clock AS x FROM calls) AS s",
        "WITH s(a, b, c, x) AS (SELECT * FROM calls) SELECT CONCAT(DATE(x)) FROM s",
        "WITH s(a, b, c, x) AS (SELECT calls.* FROM calls) SELECT CONCAT(DATE(x)) FROM s",
        "SELECT CONCAT(DATE(clock_of(1))) FROM stones",
    ] {
        for _ in 0..2 {
            assert_eq!(fixture.cached(read).1, 1, "{read}");
        }
    }
}

#[test]
fn f06_formats_are_cached() {
    let mut fixture = with("");
    fixture.warm(here("SELECT SFORMAT('{} {}', id, name) FROM stones"));
}
