//! Transactions that PostgreSQL rejects or aborts, its isolation levels, and prepared transactions.

use cachalot_diesel::{BypassReason, Outcome};
use diesel::{
    connection::SimpleConnection,
    prelude::*,
    result::{DatabaseErrorKind, Error},
};

use super::CachedDsl as _;
use super::deadlocks::deadlock;
use super::failures::*;
use super::schema::counters;
use super::{Conn, db};

#[test]
fn t01_a_read_in_a_read_committed_transaction_is_cached() {
    let (mut world, _other) = two();
    let (_, sent) = world.sent(|conn| {
        conn.transaction(|conn| {
            value(conn, 1);
            Ok::<_, Error>(value(conn, 1))
        })
    });
    assert!(sent <= 3, "BEGIN, COMMIT, and at most one read: {sent}");
    assert_eq!(world.sent(|conn| value(conn, 1)), (0, 0));
}

fn overtaken(conn: &mut Conn, faster: &mut Conn) -> Error {
    conn.build_transaction()
        .repeatable_read()
        .run(|conn| {
            plain(conn, 1);
            set(faster, 1, 3);
            try_set(conn, 1, 5)
        })
        .unwrap_err()
}

#[test]
fn t05_a_statement_that_cannot_be_serialized_gives_diesels_error() {
    let (mut world, mut other) = two();
    let (mut outsider, mut another) = (world.outsider(), world.outsider());
    let expected = overtaken(&mut outsider, &mut another);
    assert_same(&overtaken(&mut world.conn, &mut other.conn), &expected);
    assert_eq!(value(&mut world.conn, 1), 3);
    agree(&world, &mut other, [3, 0]);
}

/// Two transactions, each of which reads what the other writes (write skew).
fn skewed(conn: &mut Conn, faster: &mut Conn) -> Error {
    let both = |conn: &mut Conn| counters::table.count().get_result::<i64>(conn);
    conn.build_transaction()
        .serializable()
        .run(|conn| {
            both(conn)?;
            faster
                .build_transaction()
                .serializable()
                .run(|faster| {
                    both(faster)?;
                    set(conn, 1, 5);
                    try_set(faster, 2, 6)
                })
                .map(drop)
        })
        .unwrap_err()
}

#[test]
fn t05_a_commit_that_cannot_be_serialized_gives_diesels_error() {
    let (mut world, mut other) = two();
    let (mut outsider, mut another) = (world.outsider(), world.outsider());
    let expected = skewed(&mut outsider, &mut another);
    let error = skewed(&mut world.conn, &mut other.conn);
    assert!(matches!(
        error,
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _)
    ));
    assert_same(&error, &expected);
    agree(&world, &mut other, [0, 6]);
    set(&mut world.conn, 1, 7);
    agree(&world, &mut other, [7, 6]);
}

#[test]
fn t05_the_commit_after_a_deadlock_succeeds_and_changes_nothing() {
    let (mut world, mut other) = two();
    world
        .conn
        .transaction(|conn| {
            deadlock(conn, &world.database);
            Ok::<_, Error>(())
        })
        .unwrap();
    agree(&world, &mut other, [0, 0]);
    set(&mut world.conn, 2, 7);
    agree(&world, &mut other, [0, 7]);
}

#[test]
fn t05_the_commit_of_a_transaction_in_which_a_statement_failed_changes_nothing() {
    let (mut world, mut other) = two();
    world.conn.batch_execute("BEGIN").unwrap();
    set(&mut world.conn, 1, 5);
    assert!(world.conn.batch_execute("SELECT nonsense").is_err());
    world.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(value(&mut world.conn, 1), 0);
    agree(&world, &mut other, [0, 0]);
    set(&mut world.conn, 1, 7);
    agree(&world, &mut other, [7, 0]);
}

#[test]
fn t06_every_isolation_level_is_followed() {
    let (mut world, mut other) = two();
    value(&mut world.conn, 1);
    let old = Outcome::Bypass(BypassReason::OldSnapshot);
    let mut expected = 0;
    for (level, seen) in [(0, Outcome::Hit), (1, old.clone()), (2, old)] {
        expected += 1;
        value(&mut world.conn, 1);
        let transaction = world.conn.build_transaction();
        let mut transaction = match level {
            0 => transaction.read_committed(),
            1 => transaction.repeatable_read(),
            _ => transaction.serializable(),
        };
        transaction
            .run(|conn| {
                assert_eq!(outcome(conn), seen);
                set(conn, 1, expected);
                assert_eq!(value(conn, 1), expected);
                assert_eq!(value(&mut other.conn, 1), expected - 1);
                Ok::<_, Error>(())
            })
            .unwrap();
        agree(&world, &mut other, [expected, 0]);
    }
    world
        .conn
        .build_transaction()
        .read_only()
        .deferrable()
        .serializable()
        .run(|conn| Ok::<_, Error>(value(conn, 1)))
        .unwrap();
}

#[test]
fn t06_isolation_set_by_statement_is_followed() {
    let (mut world, _other) = two();
    value(&mut world.conn, 1);
    let old = Outcome::Bypass(BypassReason::OldSnapshot);
    for begin in [
        "BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "BEGIN TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN",
        "BEGIN",
    ] {
        world.conn.batch_execute(begin).unwrap();
        assert_eq!(outcome(&mut world.conn), old, "{begin}");
        world.conn.batch_execute("COMMIT").unwrap();
    }
    world
        .conn
        .batch_execute(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN",
        )
        .unwrap();
    value(&mut world.conn, 1);
    assert_eq!(outcome(&mut world.conn), Outcome::Hit);
}

#[test]
fn t06_isolation_from_before_the_connection_was_watched_counts() {
    let (world, _other) = two();
    let url = world.database.url();
    let by_statement = {
        let mut conn = db::establish(url);
        let set = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ";
        conn.batch_execute(set).unwrap();
        conn
    };
    let options = "options=-c%20default_transaction_isolation%3Dserializable";
    let by_url = db::establish(&format!("{url}?{options}"));
    for conn in [by_statement, by_url] {
        let mut conn = world.watch(conn);
        assert_eq!(outcome(&mut conn), Outcome::Hit, "outside a transaction");
        conn.batch_execute("BEGIN").unwrap();
        assert_eq!(
            outcome(&mut conn),
            Outcome::Bypass(BypassReason::OldSnapshot)
        );
    }
}

#[test]
fn t06_a_prepared_transaction_is_seen_when_another_connection_commits_it() {
    let (mut world, mut other) = two();
    let mut finisher = world.reader();
    for (ending, expected) in [("ROLLBACK", 0), ("COMMIT", 5)] {
        let name = format!("{}_{ending}", world.namespace);
        world.conn.batch_execute("BEGIN").unwrap();
        set(&mut world.conn, 1, 5);
        world
            .conn
            .batch_execute(&format!("PREPARE TRANSACTION '{name}'"))
            .unwrap();
        assert_eq!(value(&mut other.conn, 1), 0);
        assert_eq!(value(&mut world.conn, 1), 0);
        finisher
            .conn
            .batch_execute(&format!("{ending} PREPARED '{name}'"))
            .unwrap();
        assert_eq!(value(&mut world.conn, 1), expected);
        agree(&world, &mut other, [expected, 0]);
    }
}

#[test]
fn t05_a_transaction_that_has_failed_reads_nothing() {
    let (mut world, mut other) = two();
    world.conn.batch_execute("BEGIN").unwrap();
    assert_eq!(outcome(&mut world.conn), Outcome::Hit);
    world.conn.batch_execute("SAVEPOINT a").unwrap();
    world.conn.batch_execute("SELECT 1 / 0").unwrap_err();
    let read = || counters::table.find(1).select(counters::value);
    let expected = read().get_result::<i64>(&mut world.conn).unwrap_err();
    let cached = read().cached(&mut world.conn).get_result::<i64>();
    assert_same(&cached.unwrap_err(), &expected);
    world.conn.batch_execute("ROLLBACK TO a").unwrap();
    assert_eq!(outcome(&mut world.conn), Outcome::Hit);
    world.conn.batch_execute("SELECT 1 / 0").unwrap_err();
    world.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(outcome(&mut world.conn), Outcome::Hit);
    agree(&world, &mut other, [0, 0]);
}
