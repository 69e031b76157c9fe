//! Writes that the database rejects or rolls back, or whose outcome is unknown: the caller gets Diesel's own
//! error, and later reads are correct.

use std::{mem::discriminant, time::Duration};

use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};

use super::CachedDsl as _;
use super::Conn;
pub(crate) use super::counter::outcome;
use super::schema::counters;
use super::world::{Reader, World};

/// Longer than every awaited condition takes.
#[allow(dead_code, reason = "nothing in SQLite waits")]
pub(crate) const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// Counters 1 and 2 at 0, and a connection of another process, which has them cached.
pub(crate) fn two() -> (World, Reader) {
    let mut world = World::new();
    // The first read probes the session.
    outcome(&mut world.conn);
    for id in [1, 2] {
        diesel::insert_into(counters::table)
            .values((counters::id.eq(id), counters::value.eq(0)))
            .execute(&mut world.conn)
            .unwrap();
    }
    let mut other = world.connect(&world.other_process());
    for id in [1, 2] {
        assert_eq!(value(&mut other.conn, id), 0);
        assert_eq!(other.sent(|conn| value(conn, id)), (0, 0));
    }
    (world, other)
}

pub(crate) fn value(conn: &mut Conn, id: i32) -> i64 {
    counters::table
        .find(id)
        .select(counters::value)
        .cached(conn)
        .get_result()
        .unwrap()
}

pub(crate) fn plain(conn: &mut Conn, id: i32) -> i64 {
    counters::table
        .find(id)
        .select(counters::value)
        .first(conn)
        .unwrap()
}

pub(crate) fn try_set(conn: &mut Conn, id: i32, to: i64) -> QueryResult<usize> {
    diesel::update(counters::table.find(id))
        .set(counters::value.eq(to))
        .execute(conn)
}

pub(crate) fn set(conn: &mut Conn, id: i32, to: i64) {
    try_set(conn, id, to).unwrap();
}

/// Cached reads of another process return what a plain read returns, when stored and as a hit.
#[track_caller]
pub(crate) fn agree(world: &World, other: &mut Reader, expected: [i64; 2]) {
    let mut outsider = world.outsider();
    for (id, expected) in [1, 2].into_iter().zip(expected) {
        assert_eq!(plain(&mut outsider, id), expected, "the database, {id}");
        assert_eq!(value(&mut other.conn, id), expected, "the cache, {id}");
        assert_eq!(other.sent(|conn| value(conn, id)), (expected, 0), "{id}");
    }
}

/// The error is the same as on an unwatched connection.
#[track_caller]
pub(crate) fn assert_same(watched: &Error, unwatched: &Error) {
    let same = match (watched, unwatched) {
        (Error::DatabaseError(one, _), Error::DatabaseError(other, _)) => {
            discriminant(one) == discriminant(other)
        }
        (one, other) => discriminant(one) == discriminant(other),
    };
    assert!(same, "{watched:?} instead of {unwatched:?}");
}

/// A cache that ignores transactions would store uncommitted rows for others.
#[test]
fn c08_uncommitted_rows_are_not_cached() {
    let (mut world, mut other) = two();
    let result = world.conn.transaction(|conn| {
        set(conn, 1, 5);
        assert_eq!(value(conn, 1), 5);
        assert_eq!(value(conn, 1), 5);
        assert_eq!(other.sent(|conn| value(conn, 1)), (0, 0));
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(result, Err(Error::RollbackTransaction));
    assert_eq!(value(&mut world.conn, 1), 0);
    agree(&world, &mut other, [0, 0]);
}

/// django-cachalot keeps rows that were read before the savepoint was rolled back.
#[test]
fn c09_rows_of_a_savepoint_that_was_rolled_back_are_not_read_again() {
    let (mut world, mut other) = two();
    world
        .conn
        .transaction(|conn| {
            set(conn, 2, 1);
            let inner = conn.transaction(|conn| {
                set(conn, 1, 5);
                assert_eq!(value(conn, 1), 5);
                Err::<(), _>(Error::RollbackTransaction)
            });
            assert_eq!(inner, Err(Error::RollbackTransaction));
            assert_eq!(value(conn, 1), 0, "in the same transaction");
            assert_eq!(other.sent(|conn| value(conn, 1)).0, 0, "by others");
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(value(&mut world.conn, 1), 0);
    agree(&world, &mut other, [0, 1]);
}

#[test]
fn c09_raw_savepoints_that_were_rolled_back_are_not_read_again() {
    let (mut world, mut other) = two();
    let run = |conn: &mut Conn, sql: &str| conn.batch_execute(sql).unwrap();
    let conn = &mut world.conn;
    run(conn, "BEGIN");
    run(conn, "SAVEPOINT one");
    set(conn, 1, 5);
    run(conn, "savepoint two");
    set(conn, 1, 6);
    assert_eq!(value(conn, 1), 6);
    run(conn, "ROLLBACK TO two");
    assert_eq!(value(conn, 1), 5);
    run(conn, "ROLLBACK TO SAVEPOINT One");
    assert_eq!(value(conn, 1), 0);
    assert_eq!(other.sent(|conn| value(conn, 1)), (0, 0));
    run(conn, "RELEASE SAVEPOINT one; COMMIT");
    assert_eq!(value(conn, 1), 0);
    agree(&world, &mut other, [0, 0]);
}

/// The transaction goes on after the failed savepoint.
#[test]
fn t05_a_statement_that_fails_in_a_savepoint_undoes_nothing_else() {
    let (mut world, mut other) = two();
    world
        .conn
        .transaction(|conn| {
            set(conn, 1, 5);
            let again = conn.transaction(|conn| {
                diesel::insert_into(counters::table)
                    .values((counters::id.eq(1), counters::value.eq(0)))
                    .execute(conn)
            });
            assert!(matches!(again, Err(Error::DatabaseError(..))), "{again:?}");
            set(conn, 2, 6);
            Ok::<_, Error>(())
        })
        .unwrap();
    agree(&world, &mut other, [5, 6]);
}
