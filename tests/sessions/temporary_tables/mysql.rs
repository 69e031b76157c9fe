//! Temporary tables of MariaDB, which does not list them.

#[path = "common.rs"]
mod common;

use diesel::connection::SimpleConnection as _;

use self::common::{HIDES, is_bypassed, is_cached, leave_none, leave_one, reader, run};

#[test]
fn f05_what_ends_a_temporary_table() {
    leave_none(&[
        &[
            "CREATE TEMPORARY TABLE mine (id INTEGER)",
            "DROP TEMPORARY TABLE mine",
        ],
        &[
            "CREATE TEMPORARY TABLE IF NOT EXISTS mine (id INTEGER)",
            "DROP TABLE IF EXISTS mine",
        ],
        &[
            "CREATE OR REPLACE TEMPORARY TABLE mine (id INTEGER)",
            "DROP TEMPORARY TABLE IF EXISTS mine",
        ],
        &[
            "BEGIN",
            "CREATE TEMPORARY TABLE mine (id INTEGER)",
            "DROP TEMPORARY TABLE mine",
            "ROLLBACK",
        ],
        &[
            "CREATE TEMPORARY TABLE mine AS SELECT id FROM tags",
            "DROP TABLE mine",
        ],
        &["CREATE TEMPORARY TABLE mine LIKE tags", "DROP TABLE mine"],
        &[
            "CREATE TEMPORARY TABLE a LIKE tags; CREATE TEMPORARY TABLE b LIKE tags",
            "DROP TABLE a, b",
        ],
        &[
            "SET lc_messages = 'de_DE'; CREATE TEMPORARY TABLE mine (id INTEGER)",
            "DROP TABLE mine",
        ],
    ]);
}

#[test]
fn f05_a_temporary_table_that_no_statement_shows_is_assumed_until_the_session_ends() {
    leave_one(&[
        &["EXECUTE IMMEDIATE 'CREATE TEMPORARY TABLE tags AS SELECT 1 AS id, \"hidden\" AS label'"],
        &[
            "CREATE TEMPORARY TABLE mine AS SELECT 1 AS id, 'hidden' AS label",
            "ALTER TABLE mine RENAME TO tags",
        ],
        &[
            "CREATE TEMPORARY TABLE mine AS SELECT 1 AS id, 'hidden' AS label",
            "RENAME TABLE mine TO tags",
        ],
        &[
            "CREATE TEMPORARY TABLE mine AS SELECT 1 AS id, 'hidden' AS label",
            "EXECUTE IMMEDIATE 'ALTER TABLE mine RENAME TO tags'",
        ],
        &[HIDES, "DROP TEMPORARY TABLE IF EXISTS Tags"],
        &[HIDES, "FLUSH STATUS"],
    ]);
}

#[test]
fn f05_a_temporary_table_that_a_routine_makes() {
    let (world, mut reader) = reader();
    run(
        &mut world.outsider(),
        "CREATE PROCEDURE makes() CREATE TEMPORARY TABLE tags AS SELECT 1 AS id, 'hidden' AS label; \
         CREATE FUNCTION made() RETURNS INTEGER BEGIN \
         CREATE TEMPORARY TABLE IF NOT EXISTS tags AS SELECT 1 AS id, 'hidden' AS label; RETURN 1; END",
    );
    is_cached(&mut reader, "before");
    run(&mut reader.conn, "CALL makes()");
    is_bypassed(&mut reader, "hidden", "by a procedure");
    let mut other = world.reader();
    is_cached(&mut other, "before");
    run(&mut other.conn, "DO made()");
    is_bypassed(&mut other, "hidden", "by a function");
    // The counter is reset, but the table was created before.
    let mut third = world.reader();
    is_cached(&mut third, "before");
    run(&mut third.conn, "CALL makes(); FLUSH STATUS");
    is_bypassed(&mut third, "hidden", "and the count set back");
}

#[test]
fn f05_a_temporary_table_of_another_database() {
    let (world, mut reader) = reader();
    let (own, other) = (world.database.name(), super::db::empty_database());
    is_cached(&mut reader, "before");
    let other = other.name();
    run(
        &mut reader.conn,
        &format!("CREATE TEMPORARY TABLE {other}.tags (id INTEGER)"),
    );
    is_bypassed(&mut reader, "shared", "of the other");
    // This drops the table of the other database.
    run(
        &mut reader.conn,
        &format!("DROP TEMPORARY TABLE {other}.tags"),
    );
    is_cached(&mut reader, "dropped");
    run(
        &mut reader.conn,
        &format!("USE {other}; CREATE TEMPORARY TABLE mine (id INTEGER)"),
    );
    let _ = reader.conn.batch_execute("SELECT 1");
    run(
        &mut reader.conn,
        &format!("DROP TEMPORARY TABLE mine; USE {own}"),
    );
    // Its database is not known, as no read came in between.
    is_bypassed(&mut reader, "shared", "made elsewhere");
}

/// MySQL counts permanent and temporary tables in one counter.
#[test]
fn f05_a_connection_that_creates_permanent_tables_stays_cached() {
    for made in [
        "CREATE TABLE made (id INTEGER)",
        "CREATE TABLE made LIKE tags",
        "CREATE TABLE made AS SELECT * FROM tags",
        "CREATE TABLE IF NOT EXISTS made (id INTEGER)",
        "CREATE TABLE IF NOT EXISTS tags (id INTEGER)",
        "CREATE TABLE tags (id INTEGER)",
        "CREATE TABLE one (id INTEGER); CREATE TABLE other (id INTEGER)",
    ] {
        let (_world, mut reader) = reader();
        run(&mut reader.conn, made);
        is_cached(&mut reader, &format!("before the first read: {made}"));
        run(&mut reader.conn, "DROP TABLE IF EXISTS made, one, other");
        run(&mut reader.conn, made);
        is_cached(&mut reader, made);
    }
}

/// They do not explain the counter if a temporary table was created as well.
#[test]
fn f05_a_permanent_table_does_not_hide_the_count_of_a_temporary_one() {
    for made in [
        "CREATE TABLE made (id INTEGER)",
        "CREATE TABLE IF NOT EXISTS tags (id INTEGER)",
        "CREATE TABLE tags (id INTEGER)",
    ] {
        let (world, mut reader) = reader();
        run(
            &mut world.outsider(),
            "CREATE PROCEDURE makes() \
             CREATE TEMPORARY TABLE tags AS SELECT 1 AS id, 'hidden' AS label",
        );
        is_cached(&mut reader, "before");
        run(&mut reader.conn, made);
        run(&mut reader.conn, "CALL makes()");
        is_bypassed(&mut reader, "hidden", made);
    }
}
