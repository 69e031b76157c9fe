//! Transactions: own writes are nobody else's until they are committed, and nobody's if they are not.

use cachalot_diesel::{BypassReason, Outcome};
use diesel::{connection::SimpleConnection, prelude::*, result::Error};

use super::Conn;
use super::counter::{outcome, set, two, value};
use super::dialect::BEGIN_SNAPSHOT;
use super::world::Reader;

#[test]
fn t01_a_read_of_a_snapshot_is_right_and_counted() {
    let (mut world, mut reader) = two();
    world.conn.batch_execute(BEGIN_SNAPSHOT).unwrap();
    for times in 1..=2 {
        assert_eq!(world.sent(value), (0, 1));
        let bypasses = world.cache.stats().bypasses;
        assert_eq!(bypasses.get("old_snapshot"), Some(&times));
    }
    world.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(world.sent(value), (0, 0), "the entry of before");
    set(&mut reader.conn, 5);
    assert_eq!(world.sent(value), (5, 1));
}

#[test]
fn t02_own_writes_are_seen_inside_and_by_others_only_after_the_commit() {
    let (mut world, mut reader) = two();
    world
        .conn
        .transaction(|conn| {
            set(conn, 5);
            assert_eq!(value(conn), 5, "the transaction sees its own row");
            assert!(matches!(
                outcome(conn),
                Outcome::Bypass(BypassReason::OwnWrites | BypassReason::OldSnapshot)
            ));
            assert_eq!(reader.sent(value), (0, 0), "others do not, and hit");
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(reader.sent(value), (5, 1));
    assert_eq!(world.sent(value), (5, 0));
}

#[test]
fn t03_a_rollback_leaves_every_entry_valid() {
    let (mut world, mut reader) = two();
    let result = world.conn.transaction(|conn| {
        set(conn, 5);
        assert_eq!(value(conn), 5);
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(result, Err(Error::RollbackTransaction));
    assert_eq!(world.sent(value), (0, 0));
    assert_eq!(reader.sent(value), (0, 0));
    assert_eq!(
        world.cache.stats().invalidations,
        1,
        "that of the first insert"
    );
}

#[test]
fn t04_writes_of_a_savepoint_that_was_rolled_back_are_not_published() {
    let (mut world, mut reader) = two();
    world
        .conn
        .transaction(|conn| {
            let inner = conn.transaction(|conn| {
                set(conn, 5);
                let innermost = conn.transaction(|conn| {
                    set(conn, 6);
                    assert_eq!(value(conn), 6);
                    Err::<(), _>(Error::RollbackTransaction)
                });
                assert_eq!(innermost, Err(Error::RollbackTransaction));
                assert_eq!(value(conn), 5);
                Err::<(), _>(Error::RollbackTransaction)
            });
            assert_eq!(inner, Err(Error::RollbackTransaction));
            assert_eq!(value(conn), 0);
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(world.sent(value), (0, 0), "nothing of it was kept");
    assert_eq!(reader.sent(value), (0, 0));
}

#[test]
fn t04_writes_of_a_released_savepoint_are_published_with_the_transaction() {
    let (mut world, mut reader) = two();
    world
        .conn
        .transaction(|conn| {
            conn.transaction(|conn| {
                set(conn, 5);
                Ok::<_, Error>(())
            })?;
            assert_eq!(reader.sent(value), (0, 0));
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(reader.sent(value), (5, 1));
}

/// Writes at each of four levels, each of which is kept or taken back.
fn level(conn: &mut Conn, reader: &mut Reader, depth: u32, kept: u32, before: i64) -> i64 {
    let own = i64::from(depth) + 10;
    let mut shown = own;
    let done = conn.transaction(|conn| {
        set(conn, own);
        assert_eq!(value(conn), own);
        if depth < 3 {
            shown = level(conn, reader, depth + 1, kept, own);
        }
        assert_eq!(value(conn), shown, "level {depth} of {kept:04b}");
        assert_eq!(reader.sent(value).0, 0, "not committed yet");
        match kept & (1 << depth) {
            0 => Err(Error::RollbackTransaction),
            _ => Ok(()),
        }
    });
    let shown = if done.is_ok() { shown } else { before };
    if depth > 0 {
        assert_eq!(value(conn), shown, "after level {depth} of {kept:04b}");
    }
    shown
}

#[test]
fn t04_three_levels_of_savepoints_each_released_or_rolled_back() {
    for kept in 0..16 {
        let (mut world, mut reader) = two();
        let shown = level(&mut world.conn, &mut reader, 0, kept, 0);
        let published = u64::from(kept & 1);
        assert_eq!(world.cache.stats().invalidations, 1 + published);
        let sent = usize::from(kept & 1 != 0);
        assert_eq!(reader.sent(value), (shown, sent), "{kept:04b}");
        assert_eq!(world.sent(value), (shown, 0), "{kept:04b}");
    }
}

#[test]
fn t06_raw_transaction_control_is_followed() {
    let (mut world, mut reader) = two();
    world.conn.batch_execute("BEGIN").unwrap();
    set(&mut world.conn, 5);
    assert_eq!(reader.sent(value), (0, 0));
    world.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(reader.sent(value), (5, 1));

    world.conn.batch_execute("BEGIN").unwrap();
    set(&mut world.conn, 6);
    world.conn.batch_execute("ROLLBACK").unwrap();
    assert_eq!(reader.sent(value), (5, 0));
}

#[test]
fn t07_a_test_transaction_leaks_nothing() {
    let (mut world, mut reader) = two();
    world.conn.begin_test_transaction().unwrap();
    set(&mut world.conn, 5);
    assert_eq!(value(&mut world.conn), 5);
    assert_eq!(reader.sent(value), (0, 0));
    drop(world.conn);
    assert_eq!(reader.sent(value), (0, 0));
}

#[test]
fn t08_what_follows_a_commit_in_another_process_sees_it() {
    let (mut world, _) = two();
    let other = world.other_process();
    let mut process = world.connect(&other);
    assert_eq!(process.sent(value), (0, 0));
    for number in 1..50 {
        world
            .conn
            .transaction(|conn| {
                set(conn, number);
                Ok::<_, Error>(())
            })
            .unwrap();
        assert_eq!(process.sent(value).0, number);
    }
}

/// What it says of transactions is nothing, so the connection is in none afterwards either.
#[test]
fn t06_a_batch_that_fails_outside_a_transaction_leaves_the_connection_cached() {
    let (mut world, mut reader) = two();
    let failed = world.conn.batch_execute(
        "UPDATE counters SET value = 5 WHERE id = 1; \
         INSERT INTO counters (id, value) VALUES (1, 6)",
    );
    assert!(failed.is_err(), "the row is there already");
    // PostgreSQL undoes all of it, the others what failed.
    let shown = if super::DATABASE == "postgres" { 0 } else { 5 };
    assert_eq!(value(&mut world.conn), shown);
    assert_eq!(world.sent(value), (shown, 0));
    assert_eq!(reader.sent(value), (shown, 0));
}

#[test]
fn t06_a_transaction_that_was_begun_before_tracking_is_found() {
    let (mut world, mut reader) = two();
    let mut late = super::db::establish(world.database.url());
    late.batch_execute("BEGIN; UPDATE counters SET value = 5 WHERE id = 1")
        .unwrap();
    let mut late = world.watch(late);
    for _ in 0..2 {
        assert_eq!(value(&mut late), 5, "its own");
    }
    for _ in 0..2 {
        assert_eq!(world.sent(value).0, 0, "not committed yet");
    }
    late.batch_execute("COMMIT").unwrap();
    assert_eq!(reader.sent(value).0, 5);
    assert_eq!(world.sent(value), (5, 0));
}
