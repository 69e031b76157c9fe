//! Statements and transactions that MariaDB rolls back, its implicit COMMITs and its isolation levels.

use cachalot_diesel::{BypassReason, Outcome};
use diesel::{
    connection::SimpleConnection,
    prelude::*,
    result::{DatabaseErrorKind, Error},
};

use super::db;
use super::deadlocks::deadlock;
use super::failures::*;

#[test]
fn t01_a_read_in_a_read_committed_transaction_is_cached() {
    let (mut world, _other) = two();
    world
        .conn
        .batch_execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        .unwrap();
    world
        .conn
        .transaction(|conn| {
            value(conn, 1);
            assert_eq!(outcome(conn), Outcome::Hit);
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(world.sent(|conn| value(conn, 1)), (0, 0));
}

/// The deadlock rolls the whole transaction back, so later statements are committed at once.
#[test]
fn t05_writes_after_a_deadlock_are_seen_at_once() {
    let (mut world, mut other) = two();
    world.conn.batch_execute("BEGIN").unwrap();
    deadlock(&mut world.conn, &world.database);

    set(&mut world.conn, 2, 7);
    agree(&world, &mut other, [0, 7]);
    assert_eq!(value(&mut world.conn, 2), 7);
    world.conn.batch_execute("COMMIT").unwrap();
    agree(&world, &mut other, [0, 7]);
}

/// It commits the open transaction before it fails.
#[test]
fn t05_a_schema_change_that_fails_has_committed_the_open_transaction() {
    let (mut world, mut other) = two();
    world.conn.batch_execute("BEGIN").unwrap();
    set(&mut world.conn, 1, 5);
    set(&mut world.conn, 2, 5);
    let alter = diesel::sql_query("ALTER TABLE counters ADD UNIQUE (value)");
    let violated = alter.execute(&mut world.conn);
    let unique = DatabaseErrorKind::UniqueViolation;
    assert!(matches!(violated, Err(Error::DatabaseError(kind, _)) if kind == unique));
    agree(&world, &mut other, [5, 5]);
    set(&mut world.conn, 1, 6);
    agree(&world, &mut other, [6, 5]);
}

/// Only the statement is rolled back.
#[test]
fn t05_a_lock_timeout_leaves_the_transaction_open() {
    let (mut world, mut other) = two();
    let mut holder = world.outsider();
    holder.batch_execute("BEGIN").unwrap();
    set(&mut holder, 2, 99);
    world
        .conn
        .batch_execute("SET SESSION innodb_lock_wait_timeout = 1")
        .unwrap();
    world
        .conn
        .transaction(|conn| {
            set(conn, 1, 5);
            let timeout = try_set(conn, 2, 6).unwrap_err();
            assert!(matches!(timeout, Error::DatabaseError(..)), "{timeout:?}");
            assert_eq!(other.sent(|conn| value(conn, 1)).0, 0);
            Ok::<_, Error>(())
        })
        .unwrap();
    holder.batch_execute("ROLLBACK").unwrap();
    agree(&world, &mut other, [5, 0]);
}

/// django-cachalot stores such rows for others, and keeps them after the ROLLBACK.
#[test]
fn c08_without_autocommit_uncommitted_rows_are_not_cached() {
    let (mut world, mut other) = two();
    world.conn.batch_execute("SET autocommit = 0").unwrap();
    set(&mut world.conn, 1, 5);
    assert_eq!(value(&mut world.conn, 1), 5);
    assert_eq!(other.sent(|conn| value(conn, 1)), (0, 0));
    world.conn.batch_execute("ROLLBACK").unwrap();
    assert_eq!(value(&mut world.conn, 1), 0);
    agree(&world, &mut other, [0, 0]);
    set(&mut world.conn, 1, 6);
    world.conn.batch_execute("COMMIT").unwrap();
    agree(&world, &mut other, [6, 0]);
}

#[test]
fn t06_without_autocommit_implicit_commits_are_seen() {
    for commits in [
        "CREATE TABLE another (id INTEGER)",
        "BEGIN",
        "LOCK TABLES counters WRITE",
        "SET autocommit = 1",
    ] {
        let (mut world, mut other) = two();
        world.conn.batch_execute("SET autocommit = 0").unwrap();
        set(&mut world.conn, 1, 5);
        assert_eq!(other.sent(|conn| value(conn, 1)), (0, 0), "{commits}");
        world.conn.batch_execute(commits).unwrap();
        if commits.starts_with("LOCK") {
            world.conn.batch_execute("UNLOCK TABLES").unwrap();
        }
        agree(&world, &mut other, [5, 0]);
    }
}

/// A cache that ignores isolation levels would store these rows.
#[test]
fn c08_what_a_read_uncommitted_reader_sees_is_cached_for_nobody() {
    let variable = if cachalot_tests::mysql::is_mysql() {
        "SET SESSION transaction_isolation = 'READ-UNCOMMITTED'"
    } else {
        "SET SESSION tx_isolation = 'READ-UNCOMMITTED'"
    };
    for set_isolation in [
        "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
        "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
        variable,
    ] {
        let (mut world, mut other) = two();
        let mut writer = world.outsider();
        writer.batch_execute("BEGIN").unwrap();
        set(&mut writer, 1, 99);
        world.cache.invalidate(["counters"]).unwrap();
        world.conn.batch_execute(set_isolation).unwrap();
        assert_eq!(value(&mut world.conn, 1), 99, "it is dirty");
        writer.batch_execute("ROLLBACK").unwrap();
        agree(&world, &mut other, [0, 0]);
    }
}

#[test]
fn t06_isolation_levels_decide_what_is_cached() {
    let (mut world, _other) = two();
    let (old, dirty) = (
        Outcome::Bypass(BypassReason::OldSnapshot),
        Outcome::Bypass(BypassReason::ReadUncommitted),
    );
    assert_eq!(value(&mut world.conn, 1), 0);
    for (level, expected) in [
        ("READ COMMITTED", Outcome::Hit),
        ("REPEATABLE READ", old.clone()),
        ("SERIALIZABLE", old),
        ("READ UNCOMMITTED", dirty),
    ] {
        for scope in ["", "SESSION "] {
            let set = format!("SET {scope}TRANSACTION ISOLATION LEVEL {level}");
            world.conn.batch_execute(&set).unwrap();
            world.conn.batch_execute("BEGIN").unwrap();
            assert_eq!(outcome(&mut world.conn), expected, "{set}");
            world.conn.batch_execute("COMMIT").unwrap();
        }
    }
}

#[test]
fn t06_settings_from_before_the_connection_was_watched_count() {
    for (set_before, expected) in [
        (
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            Outcome::Hit,
        ),
        (
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            Outcome::Bypass(BypassReason::OldSnapshot),
        ),
        (
            "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
            Outcome::Bypass(BypassReason::ReadUncommitted),
        ),
    ] {
        let (world, _other) = two();
        let mut conn = db::establish(world.database.url());
        conn.batch_execute(set_before).unwrap();
        let mut conn = world.watch(conn);
        conn.batch_execute("BEGIN").unwrap();
        assert_eq!(outcome(&mut conn), expected, "{set_before}");
    }
    let (world, mut other) = two();
    let mut conn = db::establish(world.database.url());
    conn.batch_execute("SET autocommit = 0").unwrap();
    let mut conn = world.watch(conn);
    set(&mut conn, 1, 5);
    assert_eq!(value(&mut conn, 1), 5);
    assert_eq!(value(&mut other.conn, 1), 0, "it is not committed");
    conn.batch_execute("COMMIT").unwrap();
    agree(&world, &mut other, [5, 0]);
}

#[test]
fn t06_a_distributed_transaction_is_seen_only_once_it_is_committed() {
    for ending in ["XA COMMIT", "XA ROLLBACK"] {
        let (mut world, mut other) = two();
        let name = world.namespace.clone();
        world
            .conn
            .batch_execute(&format!("XA START '{name}'"))
            .unwrap();
        set(&mut world.conn, 1, 5);
        assert_eq!(value(&mut world.conn, 1), 5);
        assert_eq!(value(&mut other.conn, 1), 0, "{ending}");
        world
            .conn
            .batch_execute(&format!("XA END '{name}'"))
            .unwrap();
        world
            .conn
            .batch_execute(&format!("XA PREPARE '{name}'"))
            .unwrap();
        assert_eq!(value(&mut other.conn, 1), 0, "{ending}");
        world
            .conn
            .batch_execute(&format!("{ending} '{name}'"))
            .unwrap();
        let expected = if ending == "XA COMMIT" { 5 } else { 0 };
        assert_eq!(value(&mut world.conn, 1), expected);
        agree(&world, &mut other, [expected, 0]);
        set(&mut world.conn, 2, 7);
        agree(&world, &mut other, [expected, 7]);
    }
}
