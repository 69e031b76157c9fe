//! Transactions that SQLite rejects at COMMIT or rolls back by itself.

use cachalot_diesel::{BypassReason, Outcome};
use diesel::{connection::SimpleConnection, prelude::*, result::Error};

use super::failures::*;
use super::{Conn, connections, db};

#[test]
fn t01_a_read_in_a_transaction_is_not_cached_and_counted() {
    let (mut world, _other) = two();
    assert_eq!(value(&mut world.conn, 1), 0);
    let before = world.cache.stats();
    world
        .conn
        .transaction(|conn| {
            assert_eq!(value(conn, 1), 0);
            Ok::<_, Error>(())
        })
        .unwrap();
    let after = world.cache.stats();
    assert_eq!(after.hits, before.hits);
    assert_ne!(after.bypasses, before.bypasses);
    assert_eq!(world.sent(|conn| value(conn, 1)), (0, 0));
}

/// The transaction stays open: it can be committed later, or rolled back.
#[test]
fn t05_a_commit_that_fails_as_busy_can_be_repeated() {
    for again in ["COMMIT", "ROLLBACK"] {
        let (mut world, mut other) = two();
        world.conn.batch_execute("PRAGMA busy_timeout = 0").unwrap();
        let mut holder = world.outsider();
        holder.batch_execute("BEGIN").unwrap();
        assert_eq!(plain(&mut holder, 1), 0);

        world.conn.batch_execute("BEGIN").unwrap();
        set(&mut world.conn, 1, 5);
        let busy = world.conn.batch_execute("COMMIT").unwrap_err();
        assert!(matches!(busy, Error::DatabaseError(..)), "{busy:?}");
        assert_eq!(value(&mut world.conn, 1), 5, "it is still in it");
        holder.batch_execute("COMMIT").unwrap();
        world.conn.batch_execute(again).unwrap();

        let expected = if again == "COMMIT" { 5 } else { 0 };
        agree(&world, &mut other, [expected, 0]);
    }
}

fn overtaken(conn: &mut Conn, faster: &mut Conn, to: i64) -> Error {
    conn.transaction(|conn| {
        plain(conn, 1);
        set(faster, 1, to);
        try_set(conn, 1, 5)
    })
    .unwrap_err()
}

/// A transaction writes whose snapshot is no longer the newest.
#[test]
fn t05_a_statement_that_cannot_be_serialized_gives_diesels_error() {
    let (mut world, mut other) = two();
    let (mut outsider, mut another) = (world.outsider(), world.outsider());
    outsider.batch_execute("PRAGMA journal_mode = WAL").unwrap();
    let expected = overtaken(&mut outsider, &mut another, 2);
    assert_same(&overtaken(&mut world.conn, &mut other.conn, 3), &expected);
    assert_eq!(value(&mut world.conn, 1), 3);
    agree(&world, &mut other, [3, 0]);
    set(&mut world.conn, 1, 7);
    agree(&world, &mut other, [7, 0]);
}

/// Connections of one process with a shared cache can read uncommitted rows.
#[test]
fn c08_what_a_read_uncommitted_reader_sees_is_cached_for_nobody() {
    for watched in ["before it is set", "after it was set"] {
        let (world, mut other) = two();
        let url = format!("file:{}?cache=shared", world.database.url());
        let (mut reader, mut writer) = (db::establish(&url), connections::unwatched(&url));
        let dirty = "PRAGMA read_uncommitted = 1";
        if watched == "after it was set" {
            reader.batch_execute(dirty).unwrap();
        }
        let mut reader = world.watch(reader);
        assert_eq!(value(&mut reader, 1), 0);
        if watched == "before it is set" {
            reader.batch_execute(dirty).unwrap();
        }
        writer.batch_execute("BEGIN").unwrap();
        set(&mut writer, 1, 99);
        world.cache.invalidate(["counters"]).unwrap();
        assert_eq!(value(&mut reader, 1), 99, "it is dirty");
        writer.batch_execute("ROLLBACK").unwrap();
        assert_eq!(value(&mut reader, 1), 0, "watched {watched}");
        agree(&world, &mut other, [0, 0]);
    }
}

/// The database rolls the whole transaction back, so later statements are committed at once.
#[test]
fn t05_writes_after_a_conflict_that_rolled_back_are_seen_at_once() {
    let (mut world, mut other) = two();
    world.conn.batch_execute("BEGIN").unwrap();
    set(&mut world.conn, 1, 5);
    let conflict = world
        .conn
        .batch_execute("INSERT OR ROLLBACK INTO counters (id, value) VALUES (1, 1)");
    assert!(matches!(conflict, Err(Error::DatabaseError(..))));
    assert_eq!(value(&mut world.conn, 1), 0);
    set(&mut world.conn, 2, 6);
    agree(&world, &mut other, [0, 6]);
    assert!(world.conn.batch_execute("COMMIT").is_err(), "there is none");
    set(&mut world.conn, 2, 7);
    agree(&world, &mut other, [0, 7]);
}

#[test]
fn t06_immediate_and_exclusive_transactions_are_followed() {
    let (mut world, mut other) = two();
    world
        .conn
        .immediate_transaction(|conn| {
            set(conn, 1, 5);
            assert_eq!(outcome(conn), Outcome::Bypass(BypassReason::OldSnapshot));
            Ok::<_, Error>(())
        })
        .unwrap();
    agree(&world, &mut other, [5, 0]);
    world
        .conn
        .exclusive_transaction(|conn| {
            set(conn, 2, 6);
            Ok::<_, Error>(())
        })
        .unwrap();
    agree(&world, &mut other, [5, 6]);
    let undone = world.conn.exclusive_transaction(|conn| {
        set(conn, 2, 7);
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert!(undone.is_err());
    agree(&world, &mut other, [5, 6]);
}
