//! Temporary tables of PostgreSQL.

#[path = "common.rs"]
mod common;

use cachalot_diesel::CachedDsl as _;
use diesel::prelude::*;

use self::common::{
    HIDES, is_bypassed, is_cached, labels, leave_none, leave_one, leaves_other_tables_cached,
    reader, run,
};

#[test]
fn f05_what_ends_a_temporary_table() {
    leave_none(&[
        &["BEGIN; CREATE TEMP TABLE mine (id INTEGER) ON COMMIT DROP; COMMIT"],
        &[
            "BEGIN",
            "CREATE TEMP TABLE mine (id INTEGER) ON COMMIT DROP",
            "COMMIT",
        ],
        &["BEGIN; CREATE TEMP TABLE mine (id INTEGER); ROLLBACK"],
        &[
            "BEGIN",
            "SAVEPOINT s",
            "CREATE TEMP TABLE mine (id INTEGER)",
            "ROLLBACK TO s",
            "COMMIT",
        ],
        &[
            "BEGIN",
            "CREATE TEMP TABLE mine (id INTEGER)",
            "SELECT nonsense",
            "COMMIT",
        ],
        &["CREATE TEMP TABLE mine (id INTEGER)", "DISCARD TEMP"],
        &["CREATE TEMP TABLE mine (id INTEGER)", "DISCARD ALL"],
        &[
            "CREATE TABLE pg_temp.mine (id INTEGER)",
            "DROP TABLE pg_temp.mine",
        ],
        &["SELECT id INTO TEMP mine FROM tags", "DROP TABLE mine"],
        &[
            "CREATE TEMP VIEW mine AS SELECT id FROM tags",
            "DROP VIEW mine",
        ],
        &["CREATE TEMP SEQUENCE mine", "DROP SEQUENCE mine"],
        &[
            "CREATE DOMAIN pg_temp.mine AS text",
            "DROP DOMAIN pg_temp.mine",
        ],
        &["DO $$ BEGIN CREATE TEMP TABLE mine (id INTEGER); DROP TABLE mine; END $$"],
        &[
            "DO $$ BEGIN EXECUTE 'CREATE TEMP TABLE mine (id INTEGER)'; END $$",
            "DROP TABLE mine",
        ],
    ]);
}

#[test]
fn f05_a_drop_that_is_rolled_back_or_seen_by_nobody() {
    leave_one(&[
        &[HIDES, "BEGIN", "DROP TABLE tags", "ROLLBACK"],
        &[
            HIDES,
            "BEGIN",
            "SAVEPOINT s",
            "DROP TABLE tags",
            "ROLLBACK TO s",
            "COMMIT",
        ],
        &[
            HIDES,
            "BEGIN",
            "DROP TABLE tags",
            "SELECT nonsense",
            "COMMIT",
        ],
        &[
            "DO $$ BEGIN EXECUTE 'CREATE TEMP TABLE tags AS SELECT 1 AS id, text ''hidden'' AS label'; END $$",
        ],
        &[
            "PREPARE x AS SELECT 1 AS id, text 'hidden' AS label",
            "CREATE TEMP TABLE tags AS EXECUTE x",
        ],
    ]);
}

/// Domains, functions and operators of the schema `pg_temp` belong to the connection, too.
#[test]
fn f05_what_else_is_temporary() {
    let (_world, mut reader) = reader();
    run(&mut reader.conn, "CREATE DOMAIN pg_temp.mine AS text");
    is_bypassed(&mut reader, "shared", "a domain");
    run(&mut reader.conn, "DROP DOMAIN pg_temp.mine");
    is_cached(&mut reader, "dropped");
    run(
        &mut reader.conn,
        "CREATE FUNCTION pg_temp.upper(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
    );
    is_bypassed(&mut reader, "shared", "a function");
}

/// It uses the same entries as other connections.
#[test]
fn f05_a_connection_that_had_a_temporary_table_shares_the_entries_of_others() {
    let (mut world, mut reader) = reader();
    run(
        &mut reader.conn,
        "CREATE TEMP TABLE mine (id INTEGER); DROP TABLE mine",
    );
    labels(&mut world.conn);
    assert_eq!(reader.sent(labels).1, 0);
}

#[test]
fn f05_after_a_temporary_view_writes_touch_their_tables_alone() {
    leaves_other_tables_cached(
        "CREATE TEMP VIEW mine AS SELECT id, label FROM tags; DROP VIEW mine",
    );
}

/// The server creates a temporary table for it, and drops it again.
#[test]
fn f05_a_view_that_is_refreshed_concurrently_leaves_no_temporary_table() {
    leave_none(&[&[
        "CREATE MATERIALIZED VIEW IF NOT EXISTS sums AS SELECT id FROM tags",
        "CREATE UNIQUE INDEX IF NOT EXISTS sums_id ON sums (id)",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY sums",
    ]]);
}

/// With this `search_path` the permanent table is found first.
#[test]
fn f06_a_permanent_table_before_a_temporary_one_in_the_search_path() {
    let (mut world, mut reader) = reader();
    is_cached(&mut reader, "before");
    run(&mut reader.conn, "SET search_path = public, pg_temp");
    is_cached(&mut reader, "with another path");
    run(&mut reader.conn, "CREATE TEMP TABLE kept (id INTEGER)");
    run(&mut world.conn, "CREATE TABLE kept (id INTEGER)");
    let ids = |conn: &mut super::Conn| -> QueryResult<Vec<i32>> {
        diesel::dsl::sql::<diesel::sql_types::Integer>("SELECT id FROM kept")
            .cached(conn)
            .load()
    };
    ids(&mut world.conn).unwrap();
    assert_eq!(world.sent(ids), (Ok(Vec::new()), 0));
    run(&mut reader.conn, "DROP TABLE kept");
    assert!(ids(&mut world.conn).is_err());
}

/// A change of the temporary table changes the rows of the permanent one, too.
#[test]
fn f06_a_permanent_table_with_a_temporary_row_type_is_not_cached() {
    let (mut world, mut reader) = reader();
    run(
        &mut reader.conn,
        "CREATE TEMP TABLE pair (a INTEGER, b INTEGER)",
    );
    run(
        &mut reader.conn,
        "CREATE TABLE holder (pair pair, pairs pair[])",
    );
    run(
        &mut reader.conn,
        "INSERT INTO holder VALUES (ROW(1, 2), '{}')",
    );
    let seconds = |conn: &mut super::Conn| -> QueryResult<Vec<i32>> {
        diesel::dsl::sql::<diesel::sql_types::Integer>("SELECT (pair).b FROM holder")
            .cached(conn)
            .load()
    };
    assert_eq!(seconds(&mut world.conn), Ok(vec![2]));
    run(
        &mut reader.conn,
        "ALTER TABLE pg_temp.pair RENAME COLUMN b TO c",
    );
    assert!(seconds(&mut world.conn).is_err());
    run(
        &mut reader.conn,
        "ALTER TABLE pg_temp.pair RENAME COLUMN c TO b",
    );
    assert_eq!(seconds(&mut world.conn), Ok(vec![2]));
    run(&mut reader.conn, "DROP TABLE pg_temp.pair CASCADE");
    assert!(seconds(&mut world.conn).is_err());
}

/// The server runs functions for a change of a temporary table, too.
#[test]
fn f06_functions_that_a_change_of_a_temporary_table_calls() {
    let (mut world, mut reader) = reader();
    run(
        &mut world.conn,
        "CREATE FUNCTION renamed() RETURNS integer LANGUAGE sql AS \
         $$ UPDATE tags SET label = 'renamed' RETURNING 1 $$",
    );
    is_cached(&mut reader, "before");
    run(&mut reader.conn, "CREATE TEMP TABLE mine (id INTEGER)");
    run(&mut reader.conn, "INSERT INTO mine VALUES (1)");
    run(
        &mut reader.conn,
        "ALTER TABLE pg_temp.mine ADD COLUMN n INTEGER DEFAULT renamed()",
    );
    assert_eq!(labels(&mut world.conn), ["renamed"]);
}
