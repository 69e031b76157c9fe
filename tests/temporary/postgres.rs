//! Temporary tables of PostgreSQL.

#[path = "common.rs"]
mod common;

use cachalot_diesel::CachedDsl as _;
use diesel::prelude::*;

use self::common::{is_cached, labels, leave_none, leave_one, reader, run};
use super::schema::{posts, tags};

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
    const HIDES: &str = "CREATE TEMP TABLE tags (id INTEGER, label TEXT); \
        INSERT INTO tags VALUES (1, 'hidden')";
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

/// A domain, a function or an operator of that schema is the connection's own, too.
#[test]
fn f05_what_else_is_temporary() {
    let (_world, mut reader) = reader();
    run(&mut reader.conn, "CREATE DOMAIN pg_temp.mine AS text");
    common::is_bypassed(&mut reader, "shared", "a domain");
    run(&mut reader.conn, "DROP DOMAIN pg_temp.mine");
    is_cached(&mut reader, "dropped");
    run(
        &mut reader.conn,
        "CREATE FUNCTION pg_temp.upper(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
    );
    common::is_bypassed(&mut reader, "shared", "a function");
}

/// Its entries are those of everybody.
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
    let (mut world, mut reader) = reader();
    run(
        &mut reader.conn,
        "CREATE TEMP VIEW mine AS SELECT id, label FROM tags; DROP VIEW mine",
    );
    is_cached(&mut reader, "dropped");
    let titles = |conn: &mut super::Conn| -> Vec<String> {
        posts::table
            .select(posts::title)
            .cached(conn)
            .load()
            .unwrap()
    };
    world.once(titles);
    diesel::insert_into(tags::table)
        .values((tags::id.eq(2), tags::label.eq("another")))
        .execute(&mut reader.conn)
        .unwrap();
    assert_eq!(world.sent(titles).1, 0);
}

/// The server makes a temporary table for it, and drops it.
#[test]
fn f05_a_view_that_is_refreshed_concurrently_leaves_no_temporary_table() {
    leave_none(&[&[
        "CREATE MATERIALIZED VIEW IF NOT EXISTS sums AS SELECT id FROM tags",
        "CREATE UNIQUE INDEX IF NOT EXISTS sums_id ON sums (id)",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY sums",
    ]]);
}
