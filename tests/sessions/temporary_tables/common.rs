//! A connection that had temporary tables is cached again once it has none, and not before.

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use diesel::{
    connection::SimpleConnection as _,
    dsl::sql,
    prelude::*,
    sql_types::{BigInt, Text},
};

use super::super::{
    Conn,
    dialect::{here, is_mysql},
    schema::{posts, tags},
    world::{Reader, World},
};

/// A world with a tag, and a further connection that reads it.
pub(super) fn reader() -> (World, Reader) {
    let mut world = World::new();
    diesel::insert_into(tags::table)
        .values((tags::id.eq(1), tags::label.eq("shared")))
        .execute(&mut world.conn)
        .unwrap();
    let reader = world.reader();
    (world, reader)
}

/// Makes a temporary table that hides the shared one.
pub(super) const HIDES: &str = "CREATE TEMPORARY TABLE tags (id INTEGER, label VARCHAR(9)); \
    INSERT INTO tags VALUES (1, 'hidden')";

/// As a text, which no connection keeps prepared, so its names are resolved again each time.
const LABELS: &str = "SELECT label FROM tags ORDER BY id";

pub(super) fn read(conn: &mut Conn) -> QueryResult<Vec<String>> {
    sql::<Text>(LABELS).cached(conn).load()
}

pub(super) fn labels(conn: &mut Conn) -> Vec<String> {
    read(conn).unwrap()
}

/// Runs a statement that may fail.
pub(super) fn run(conn: &mut Conn, sql: &str) {
    let _ = conn.batch_execute(here(sql));
}

/// Reads of the connection are answered from the cache.
#[track_caller]
pub(super) fn is_cached(reader: &mut Reader, when: &str) {
    labels(&mut reader.conn);
    let (rows, sent) = reader.sent(labels);
    assert_eq!((rows, sent), (vec!["shared".to_owned()], 0), "{when}");
}

/// Reads of the connection go to the database, and return this label.
#[track_caller]
pub(super) fn is_bypassed(reader: &mut Reader, label: &str, when: &str) {
    let query = sql::<Text>(LABELS).cached(&mut reader.conn);
    let outcome = query.explain().unwrap().outcome;
    assert_eq!(
        outcome,
        Outcome::Bypass(BypassReason::TemporaryTable),
        "{when}"
    );
    for _ in 0..2 {
        assert_eq!(reader.sent(labels), (vec![label.to_owned()], 1), "{when}");
    }
}

/// Each of these leaves no temporary table behind.
pub(super) fn leave_none(ways: &[&[&str]]) {
    for way in ways {
        let (_world, mut reader) = reader();
        is_cached(&mut reader, "before");
        for sql in *way {
            run(&mut reader.conn, sql);
        }
        is_cached(&mut reader, &format!("{way:?}"));
        // The same with reads between the statements.
        for sql in *way {
            run(&mut reader.conn, sql);
            // It may fail: the table may have other columns, or the transaction may have failed.
            let _ = read(&mut reader.conn);
        }
        is_cached(&mut reader, &format!("{way:?}, with reads"));
    }
}

/// Each of these leaves a temporary table that hides the shared one.
pub(super) fn leave_one(ways: &[&[&str]]) {
    for way in ways {
        let (_world, mut reader) = reader();
        is_cached(&mut reader, "before");
        for sql in *way {
            run(&mut reader.conn, sql);
            // It may fail: the table may have other columns, or the transaction may have failed.
            let _ = read(&mut reader.conn);
        }
        is_bypassed(&mut reader, "hidden", &format!("{way:?}"));
    }
}

/// After this, which leaves nothing temporary behind, a write to one table leaves entries of others valid.
#[allow(dead_code, reason = "MariaDB has no temporary views or triggers")]
pub(super) fn leaves_other_tables_cached(sql: &str) {
    let (mut world, mut reader) = reader();
    run(&mut reader.conn, sql);
    is_cached(&mut reader, "dropped");
    let titles = |conn: &mut Conn| -> Vec<String> {
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

#[test]
fn f05_a_connection_whose_temporary_tables_are_gone_is_cached_again() {
    leave_none(&[
        &[
            "CREATE TEMPORARY TABLE mine (id INTEGER)",
            "DROP TABLE mine",
        ],
        &["CREATE TEMPORARY TABLE mine (id INTEGER); DROP TABLE mine"],
        &["CREATE TEMPORARY TABLE mine (id nonsense('"],
        &["CREATE TEMPORARY TABLE mine AS SELECT * FROM no_such_table"],
        &[
            "CREATE TEMPORARY TABLE mine (id INTEGER)",
            "CREATE TEMPORARY TABLE mine (id INTEGER)",
            "CREATE TEMPORARY TABLE others (id INTEGER)",
            "DROP TABLE mine",
            "DROP TABLE others",
        ],
    ]);
}

#[test]
fn f05_a_table_that_was_hidden_is_cached_again() {
    let ways: [&[&str]; 2] = [
        &[
            "CREATE TEMPORARY TABLE tags (id INTEGER)",
            "DROP TABLE tags",
        ],
        &[
            "CREATE TEMPORARY TABLE Tags (id INTEGER)",
            "DROP TABLE Tags",
        ],
    ];
    if is_mysql() {
        // It cannot be told which of the two tables was dropped.
        for way in &ways[..1] {
            let (_world, mut reader) = reader();
            is_cached(&mut reader, "before");
            for sql in *way {
                run(&mut reader.conn, sql);
            }
            is_bypassed(&mut reader, "shared", &format!("{way:?}"));
        }
        // A table of another name hides nothing.
        leave_none(&ways[1..]);
        return;
    }
    leave_none(&ways);
}

#[test]
fn f05_a_temporary_table_that_is_there_hides_another() {
    leave_one(&[
        &[HIDES],
        &[
            "CREATE TEMPORARY TABLE mine (id INTEGER)",
            HIDES,
            "DROP TABLE mine",
        ],
        &[HIDES, "DROP TABLE no_such_table"],
        &[HIDES, "CREATE TEMPORARY TABLE tags (id INTEGER)"],
        &[HIDES, "BEGIN; INSERT INTO tags VALUES (2, 'x'); ROLLBACK"],
    ]);
}

/// Created before the connection was watched.
#[test]
fn f05_a_temporary_table_of_a_connection_that_is_watched_later() {
    let (world, mut before) = reader();
    is_cached(&mut before, "the other");
    let mut late = world.outsider();
    run(&mut late, HIDES);
    world.cache.watch(&mut late).unwrap();
    for _ in 0..2 {
        assert_eq!(labels(&mut late), ["hidden"]);
    }
    run(&mut late, "DROP TABLE tags");
    assert_eq!(labels(&mut late), ["shared"]);
}

/// Whether a connection's changes of its own temporary tables leave the entries of others valid.
#[track_caller]
fn keeps_entries(statements: &[&str]) {
    let (mut world, mut reader) = reader();
    is_cached(&mut reader, "before");
    assert_eq!(world.sent(labels).1, 0);
    for sql in statements {
        reader.conn.batch_execute(here(sql)).unwrap();
    }
    assert_eq!(world.sent(labels).1, 0, "{statements:?}");
}

#[test]
fn f06_changes_of_temporary_tables_leave_entries_valid() {
    keeps_entries(&[
        "CREATE TEMPORARY TABLE mine (id INTEGER)",
        "ALTER TABLE mine ADD COLUMN label TEXT",
        "CREATE INDEX mine_id ON mine (id)",
        "INSERT INTO mine (id) VALUES (1)",
        "DROP TABLE mine",
    ]);
    keeps_entries(&[
        "CREATE TEMPORARY TABLE mine (id INTEGER)",
        "CREATE TEMPORARY TABLE others (id INTEGER)",
        "INSERT INTO mine VALUES (1)",
        "DROP TABLE mine",
        "CREATE TEMPORARY TABLE mine (id INTEGER)",
        "DROP TABLE IF EXISTS mine",
        "DROP TABLE others",
    ]);
    keeps_entries(&[
        "BEGIN",
        "CREATE TEMPORARY TABLE mine (id INTEGER)",
        "INSERT INTO mine VALUES (1)",
        "DROP TABLE mine",
        "COMMIT",
    ]);
}

/// After the permanent table is dropped, no connection reads its rows from the cache.
#[test]
fn f06_a_permanent_table_named_like_a_temporary_one() {
    const PERMANENT: &str = "CREATE TABLE kept (id INTEGER)";
    const TEMPORARY: &str = "CREATE TEMPORARY TABLE kept (id INTEGER)";
    const DROP: &str = "DROP TABLE kept";
    let ways: [&[&str]; 6] = [
        &[PERMANENT, TEMPORARY, DROP, DROP],
        &[PERMANENT, "BEGIN", TEMPORARY, "ROLLBACK", DROP, DROP],
        &[
            PERMANENT,
            "BEGIN",
            "SAVEPOINT s",
            TEMPORARY,
            "ROLLBACK TO SAVEPOINT s",
            "COMMIT",
            DROP,
            DROP,
        ],
        &[TEMPORARY, PERMANENT, DROP, DROP],
        &[
            TEMPORARY,
            PERMANENT,
            "ALTER TABLE kept RENAME TO other",
            DROP,
        ],
        &[TEMPORARY, DROP, PERMANENT, DROP],
    ];
    for way in ways {
        let (mut world, mut reader) = reader();
        is_cached(&mut reader, "before");
        let count = |conn: &mut Conn| -> QueryResult<i64> {
            sql::<BigInt>("SELECT count(*) FROM kept")
                .cached(conn)
                .get_result()
        };
        for sql in way {
            // Another connection creates the permanent table, and its reads are cached.
            if *sql == PERMANENT {
                world.conn.batch_execute(PERMANENT).unwrap();
                count(&mut world.conn).unwrap();
                assert_eq!(world.sent(count), (Ok(0), 0), "{way:?}");
            } else {
                run(&mut reader.conn, sql);
            }
        }
        assert!(count(&mut world.conn).is_err(), "{way:?}");
    }
}
