//! What MySQL and MariaDB let be cached, or kept, although it looks like something else.

use super::CachedDsl as _;
use super::catalog_fixture::{CatalogFixture, run};
use chrono::{NaiveDate, NaiveTime};
use diesel::{
    connection::SimpleConnection as _,
    dsl::sql,
    sql_types::{Date, Text, Time},
};

use super::{Conn, dialect::here};

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
        "CONCAT(MONTH(MAX(c.d)), COUNT(*))",
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

/// A schema with a column of each temporal type.
const CALLS: &str = "CREATE TABLE calls \
     (id INTEGER PRIMARY KEY, d DATE, at DATETIME, clock TIME, n INTEGER, line VARCHAR(40)); \
     INSERT INTO calls VALUES (1, '2026-11-26', '2026-11-26 09:00:00', '10:00', 5, '10:00:00'); \
     CREATE VIEW renamed AS SELECT id, d, clock AS t FROM calls; \
     CREATE VIEW moving AS SELECT id, DATE(clock) AS day FROM calls; \
     CREATE FUNCTION clock_of(n INTEGER) RETURNS TIME DETERMINISTIC READS SQL DATA \
      RETURN (SELECT clock FROM calls WHERE id = n); \
     CREATE FUNCTION day_of(t TIME) RETURNS DATE DETERMINISTIC RETURN DATE(t); \
     CREATE FUNCTION day_of_text(t VARCHAR(20)) RETURNS DATE DETERMINISTIC BEGIN \
      DECLARE c TIME; SET c = t; RETURN c; END; \
     CREATE FUNCTION year_of(given DATE) RETURNS INTEGER DETERMINISTIC RETURN YEAR(given)";

/// The rows of a read on an unwatched connection, with the server's clock at these two days.
fn on_two_days(fixture: &mut CatalogFixture, read: &str) -> [Vec<String>; 2] {
    [1_764_152_000, 1_795_787_200].map(|now| {
        run(&mut fixture.outsider, &format!("SET timestamp = {now}"));
        fixture.shown(read)
    })
}

/// The server itself says whether each of them moves.
#[test]
fn f06_what_takes_a_time_for_a_date_is_not_cached() {
    let mut fixture = with(CALLS);
    for value in [
        "CAST(TIME'10:00:00' AS DATETIME)",
        "DATE(TIME'10:00:00')",
        "DATE({t '10:00:00'})",
        "TIMESTAMP(SEC_TO_TIME(5))",
        "CAST(MAKETIME(1,2,3) AS DATETIME)",
        "CAST(CAST('10:00' AS TIME) AS DATETIME)",
        "DATEDIFF(TIME'10:00:00', d)",
        "DATE(STR_TO_DATE('10:00', '%H:%i'))",
        "DATE(ADDTIME('10:00:00', '01:00'))",
        "DATE(TIME(at))",
        "COALESCE(TIME'10:00:00', d)",
        "COALESCE(clock, d)",
        "IFNULL(clock, d)",
        "IF(1, clock, d)",
        "CASE WHEN 1 THEN clock ELSE d END",
        "LEAST(clock, at)",
        "TIME(at) < DATE'2026-11-26'",
        "DATE'2026-01-01' < TIME'10:00:00'",
        "clock < at",
        "DATE'2026-01-01' < (SELECT clock FROM calls)",
        "TIMESTAMPDIFF(HOUR, clock, at)",
        "DAYNAME(clock)",
        "LAST_DAY(clock)",
        "CONVERT_TZ(clock, '+00:00', '+01:00')",
        "UNIX_TIMESTAMP(MAX(clock))",
        "DATE(clock_of(1))",
        "day_of('10:00')",
        "day_of_text('10:00')",
        "year_of(clock)",
        "(SELECT DATE(t) FROM renamed)",
        "(SELECT day FROM moving)",
        "(SELECT MIN(x) FROM (SELECT clock AS x FROM calls UNION SELECT d FROM calls) AS s)",
        "(SELECT DATE(x) FROM (SELECT clock AS x FROM calls) AS s)",
    ] {
        let read = format!("SELECT CONCAT({value}) FROM calls");
        let [one, other] = on_two_days(&mut fixture, &read);
        assert_ne!(one, other, "the server: {value}");
        for _ in 0..2 {
            assert_eq!(fixture.cached(&read).1, 1, "{value}");
        }
    }
}

#[test]
fn f06_times_that_are_taken_for_no_date_are_cached() {
    let mut fixture = with(CALLS);
    for value in [
        "TIME'10:00:00'",
        "TIME(at), DATE(at), clock, YEAR(d)",
        "DATEDIFF(at, d), UNIX_TIMESTAMP(at), CAST(at AS DATE), clock",
        "clock < '10:00', d < '2000-01-01', d < at",
        "TIME(at) < TIME'10:00', d < DATE'2000-01-01'",
        "TIME(at) BETWEEN '01:00' AND '10:00'",
        "clock IN ('10:00', '11:00')",
        "COALESCE(clock, '10:00'), COALESCE(d, at)",
        "clock + INTERVAL 1 HOUR, d + INTERVAL 1 DAY",
        "DATE_FORMAT(clock, '%H:%i'), DATE_FORMAT(d, '%Y-%m-%d')",
        "TIME_FORMAT(clock, '%H:%i')",
        "HOUR(clock), EXTRACT(YEAR FROM d)",
        "TIMEDIFF(clock, '01:00'), ADDTIME(at, clock), TIMESTAMP(d, clock)",
        "TIME_TO_SEC(clock), SEC_TO_TIME(n)",
        "DATE(STR_TO_DATE('2000-01-01 10', '%Y-%m-%d %H'))",
        "MAX(clock), MAX(at), COUNT(*)",
        "clock_of(1), YEAR(d)",
        "year_of(d), clock",
    ] {
        let read = format!("SELECT CONCAT({value}) FROM calls");
        let [one, other] = on_two_days(&mut fixture, &read);
        assert_eq!(one, other, "the server: {value}");
        fixture.warm(&read);
    }
    fixture.warm("SELECT CONCAT(YEAR(d), t) FROM renamed");
}

#[test]
fn f06_execute_invalidates_what_the_prepared_statement_writes() {
    let mut fixture = with(
        "CREATE TABLE pebbles (id INTEGER PRIMARY KEY, name VARCHAR(99)); \
         INSERT INTO pebbles VALUES (1, 'chert')",
    );
    const PEBBLES: &str = "SELECT name FROM pebbles ORDER BY id";
    let both = [STONES, PEBBLES];
    fixture.keeps(
        "PREPARE renames FROM 'UPDATE pebbles SET name = CONCAT(name, ?)'",
        &both,
    );
    run(&mut fixture.writer.conn, "SET @with = 'y'");
    fixture.writes("EXECUTE renames USING @with", &[PEBBLES], &[STONES]);
    fixture.keeps("PREPARE looks FROM 'SELECT 1'", &both);
    fixture.keeps("EXECUTE looks", &both);
    // A name is prepared anew; what does not show it may be anything.
    let stones = "UPDATE stones SET name = CONCAT(name, 1)";
    run(
        &mut fixture.writer.conn,
        &format!("PREPARE Looks FROM '{stones}'"),
    );
    fixture.writes("EXECUTE looks", &[STONES], &[PEBBLES]);
    run(&mut fixture.writer.conn, &format!("SET @v = '{stones}'"));
    run(&mut fixture.writer.conn, "PREPARE renames FROM @v");
    fixture.changes("EXECUTE renames", &[STONES]);
    let hides = "CREATE PROCEDURE hides() BEGIN \
        SET @h = 'UPDATE stones SET name = 8'; PREPARE looks FROM @h; END";
    run(&mut fixture.outsider, hides);
    run(&mut fixture.writer.conn, "PREPARE looks FROM 'SELECT 1'");
    run(&mut fixture.writer.conn, "CALL hides()");
    fixture.changes("EXECUTE looks", &[STONES]);
}

/// No variable tells of it, and the transaction after it shows what is not committed.
#[test]
fn f06_an_isolation_for_one_transaction_that_is_executed_is_seen() {
    let mut fixture = with("");
    fixture.warm(STONES);
    run(
        &mut fixture.outsider,
        "BEGIN; UPDATE stones SET name = 'dirty'",
    );
    let level = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED";
    let hides = format!("PREPARE sets FROM '{level}'; SET @v = '{level}'; PREPARE hidden FROM @v");
    for set in ["EXECUTE sets", "EXECUTE hidden"] {
        let mut reader = fixture.world.reader();
        // Uncached reads are what the transaction shows.
        run(
            &mut reader.conn,
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        );
        for sql in hides.split("; ") {
            run(&mut reader.conn, sql);
        }
        super::catalog_fixture::cached(&mut reader.conn, STONES);
        run(&mut reader.conn, set);
        run(&mut reader.conn, "BEGIN");
        assert_eq!(
            super::catalog_fixture::cached(&mut reader.conn, STONES),
            ["dirty"],
            "{set}"
        );
        run(&mut reader.conn, "COMMIT");
        assert_eq!(
            super::catalog_fixture::cached(&mut reader.conn, STONES),
            ["flint"],
            "{set}"
        );
        assert_eq!(fixture.cached(STONES).0, ["flint"], "{set}");
    }
}

#[test]
fn f06_a_bind_that_is_taken_for_a_date_is_not_cached() {
    let mut fixture = with(CALLS);
    let time = NaiveTime::from_hms_opt(10, 0, 0).unwrap();
    let moving = |conn: &mut Conn| -> Vec<String> {
        let read = sql::<Text>("SELECT CONCAT(DATE(").bind::<Time, _>(time);
        read.sql(")) FROM calls").cached(conn).load().unwrap()
    };
    let standing = |conn: &mut Conn| -> Vec<String> {
        let day = NaiveDate::from_ymd_opt(2026, 11, 26).unwrap();
        let read = sql::<Text>("SELECT CONCAT(clock < ").bind::<Time, _>(time);
        let read = read.sql(", d < ").bind::<Date, _>(day);
        read.sql(", YEAR(at)) FROM calls")
            .cached(conn)
            .load()
            .unwrap()
    };
    for _ in 0..2 {
        assert_eq!(fixture.world.sent(moving).1, 1);
    }
    fixture.world.sent(standing);
    assert_eq!(fixture.world.sent(standing).1, 0);
}

#[test]
fn f06_a_virtual_column_that_takes_a_time_for_a_date_is_not_cached() {
    let mut fixture = with(CALLS);
    let added = fixture.outsider.batch_execute(
        "ALTER TABLE calls ADD day DATE AS (DATE(clock)) VIRTUAL, \
         ADD hour INTEGER AS (HOUR(clock)) VIRTUAL",
    );
    if let Err(error) = added {
        assert!(super::db::is_mysql(), "{error}");
        return;
    }
    for _ in 0..2 {
        assert_eq!(fixture.cached("SELECT CONCAT(day) FROM calls").1, 1);
    }
}

#[test]
fn f06_operators_that_the_parser_does_not_know_depend_on_their_tables_alone() {
    let mut fixture = with("CREATE TABLE id (line INTEGER); CREATE TABLE name (line INTEGER)");
    for read in [
        "SELECT name FROM stones WHERE name SOUNDS LIKE 'flind' ORDER BY id",
        "SELECT HEX(WEIGHT_STRING(name AS CHAR(3))) FROM stones ORDER BY id",
    ] {
        fixture.depends(read, &["stones"]);
        fixture.warm(read);
    }
}

#[test]
fn f06_what_only_mysql_has_is_cached() {
    if !super::db::is_mysql() {
        assert_ne!(super::db::wants_mysql(), Some(true));
        return;
    }
    let mut fixture = with(
        "CREATE TABLE points (id INTEGER PRIMARY KEY, v VECTOR(2)); \
         INSERT INTO points VALUES (1, TO_VECTOR('[1, 2]')); \
         CREATE JSON RELATIONAL DUALITY VIEW dual_stones AS SELECT \
          JSON_DUALITY_OBJECT(WITH (INSERT, UPDATE, DELETE) '_id': id, 'name': name) FROM stones",
    );
    for read in [
        "SELECT CONCAT(VECTOR_DIM(v)) FROM points",
        "SELECT FROM_VECTOR(STRING_TO_VECTOR(VECTOR_TO_STRING(v))) FROM points",
        "SELECT CONCAT(COUNT(*)) FROM stones GROUP BY ROLLUP(id, name)",
        "SELECT ETAG(id, name) FROM stones",
        "SELECT STATEMENT_DIGEST_TEXT(CONCAT('SELECT ', id)) FROM stones",
    ] {
        fixture.warm(read);
    }
    let dual = "SELECT CONCAT(data) FROM dual_stones";
    fixture.changes("UPDATE stones SET name = CONCAT(name, 'y')", &[dual]);
    fixture.changes(
        "INSERT INTO dual_stones VALUES ('{\"_id\": 7, \"name\": \"new\"}')",
        &[STONES, dual],
    );
}
