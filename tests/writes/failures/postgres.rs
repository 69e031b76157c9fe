//! What PostgreSQL refuses at COMMIT or before, and connections that are lost around it.

use std::{thread, time::Duration};

use cachalot_diesel::{BypassReason, Outcome};
use cachalot_tests::{Counter, proxy::Proxy, wait_until};
use diesel::{
    connection::SimpleConnection,
    prelude::*,
    result::{DatabaseErrorKind, Error},
    sql_types::{BigInt, Integer},
};

use super::CachedDsl as _;
use super::failures::*;
use super::schema::counters;
use super::world::World;
use super::{Conn, connections, db};

const SOON: Duration = Duration::from_secs(20);

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

fn with_a_child_of_nobody(conn: &mut Conn) -> Error {
    conn.transaction(|conn| {
        set(conn, 1, 5);
        conn.batch_execute("INSERT INTO children (author_id) VALUES (99)")
    })
    .unwrap_err()
}

#[test]
fn t05_a_deferred_constraint_that_fails_at_commit_is_diesels_error() {
    let (mut world, mut other) = two();
    let mut outsider = world.outsider();
    outsider
        .batch_execute(
            "CREATE TABLE children (author_id INTEGER NOT NULL \
             REFERENCES authors (id) DEFERRABLE INITIALLY DEFERRED)",
        )
        .unwrap();
    let expected = with_a_child_of_nobody(&mut outsider);
    assert_same(&with_a_child_of_nobody(&mut world.conn), &expected);
    assert_eq!(other.sent(|conn| value(conn, 1)), (0, 0), "it is undone");
    agree(&world, &mut other, [0, 0]);
    set(&mut world.conn, 1, 7);
    agree(&world, &mut other, [7, 0]);
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
fn t05_a_statement_that_cannot_be_serialized_is_diesels_error() {
    let (mut world, mut other) = two();
    let (mut outsider, mut another) = (world.outsider(), world.outsider());
    let expected = overtaken(&mut outsider, &mut another);
    assert_same(&overtaken(&mut world.conn, &mut other.conn), &expected);
    assert_eq!(value(&mut world.conn, 1), 3);
    agree(&world, &mut other, [3, 0]);
}

/// Each reads what the other writes.
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
fn t05_a_commit_that_cannot_be_serialized_is_diesels_error() {
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
fn t05_a_deadlock_undoes_the_transaction() {
    let (mut world, mut other) = two();
    let mut outsider = world.outsider();
    let mut rival = world.outsider();
    // It never takes itself for the victim.
    rival
        .batch_execute("SET deadlock_timeout = '1h'; BEGIN")
        .unwrap();
    set(&mut rival, 2, 99);
    let undone = world.conn.transaction(|conn| {
        set(conn, 1, 5);
        let rival = thread::spawn(move || {
            set(&mut rival, 1, 99);
            rival.batch_execute("ROLLBACK").unwrap();
        });
        wait_until("the rival waits for the row", SOON, || {
            let waiting = "SELECT count(*) FROM pg_stat_activity \
                           WHERE wait_event_type = 'Lock' AND datname = current_database()";
            let waiting: i64 = diesel::dsl::sql::<BigInt>(waiting)
                .get_result(&mut outsider)
                .unwrap();
            waiting > 0
        });
        let undone = try_set(conn, 2, 6);
        Ok::<_, Error>((undone, rival))
    });
    let (deadlock, rival) = undone.expect("COMMIT of an aborted transaction succeeds");
    let deadlock = deadlock.unwrap_err();
    assert!(deadlock.to_string().contains("deadlock"), "{deadlock:?}");
    rival.join().unwrap();
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

fn pid(conn: &mut Conn) -> i32 {
    diesel::dsl::sql::<Integer>("SELECT pg_backend_pid()")
        .get_result(conn)
        .unwrap()
}

fn terminate(killer: &mut Conn, pid: i32) {
    killer
        .batch_execute(&format!("SELECT pg_terminate_backend({pid}, 20000)"))
        .unwrap();
}

fn terminated_before_commit(conn: &mut Conn, killer: &mut Conn) -> Error {
    let pid = pid(conn);
    conn.transaction(|conn| {
        set(conn, 1, 5);
        terminate(killer, pid);
        Ok::<_, Error>(())
    })
    .unwrap_err()
}

#[test]
fn t05_a_connection_that_is_ended_before_commit_has_changed_nothing() {
    let (mut world, mut other) = two();
    let (mut outsider, mut victim) = (world.outsider(), world.outsider());
    let expected = terminated_before_commit(&mut victim, &mut outsider);
    let error = terminated_before_commit(&mut world.conn, &mut outsider);
    assert_same(&error, &expected);
    agree(&world, &mut other, [0, 0]);
}

/// A watched connection to the world's database by way of a proxy.
fn by_way_of(world: &World) -> (Proxy, Conn) {
    let (proxy, url) = Proxy::before(world.database.url());
    let conn = connections::watched(db::establish(&url), &world.cache, &Counter::new());
    (proxy, conn)
}

/// django-cachalot invalidates nothing where COMMIT raises.
#[test]
fn t05_a_commit_whose_answer_is_lost_counts_as_a_success() {
    let (world, mut other) = two();
    let (proxy, mut conn) = by_way_of(&world);
    proxy.swallow_answer_to("COMMIT");
    let error = conn
        .transaction(|conn| try_set(conn, 1, 5))
        .expect_err("the answer is lost");
    assert!(!matches!(error, Error::NotFound), "{error:?}");
    agree(&world, &mut other, [5, 0]);
}

#[test]
fn t05_a_write_whose_answer_is_lost_counts_as_a_success() {
    let (world, mut other) = two();
    let (proxy, mut conn) = by_way_of(&world);
    proxy.swallow_answer_to("UPDATE");
    let error = conn.batch_execute("UPDATE counters SET value = 5 WHERE id = 1");
    assert!(error.is_err());
    agree(&world, &mut other, [5, 0]);
}

/// The server has carried the COMMIT out, its answer is on the way: the writer is in flight.
#[test]
fn t05_while_a_commit_is_under_way_others_ask_the_database() {
    let (world, mut other) = two();
    let (proxy, mut conn) = by_way_of(&world);
    conn.batch_execute("BEGIN").unwrap();
    set(&mut conn, 1, 5);
    proxy.hold_answer_to("COMMIT");
    let committing = thread::spawn(move || conn.batch_execute("COMMIT"));
    proxy.wait_until_held();
    assert_eq!(
        outcome(&mut other.conn),
        Outcome::Bypass(BypassReason::WriterInFlight)
    );
    assert_eq!(other.sent(|conn| value(conn, 1)), (5, 1));
    proxy.cut();
    assert!(committing.join().unwrap().is_err(), "its answer is lost");
    agree(&world, &mut other, [5, 0]);
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
fn t06_isolation_that_was_set_before_anybody_watched_is_asked_for() {
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
