//! What MariaDB undoes, in part or wholly, what it commits by itself, and connections that it ends.

use std::{thread, time::Duration};

use cachalot_diesel::{BypassReason, Outcome};
use cachalot_tests::{Counter, Database, proxy::Proxy, wait_until};
use diesel::{
    connection::SimpleConnection,
    prelude::*,
    result::{DatabaseErrorKind, Error},
    sql_types::BigInt,
};

use super::dialect::lock_waits;
use super::failures::*;
use super::world::World;
use super::{Conn, connections, db};

const SOON: Duration = Duration::from_secs(20);

fn number(conn: &mut Conn, sql: &str) -> i64 {
    diesel::dsl::sql::<BigInt>(sql).get_result(conn).unwrap()
}

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

/// Locks counter 2 in a transaction that weighs more than the watched one's, waits for counter 1,
/// and gives up everything.
fn rival(url: &str) -> thread::JoinHandle<()> {
    let mut rival = connections::unwatched(url);
    rival.batch_execute("BEGIN").unwrap();
    for label in 0..50 {
        let insert = format!("INSERT INTO tags (label) VALUES ('rival {label}')");
        rival.batch_execute(&insert).unwrap();
    }
    set(&mut rival, 2, 99);
    thread::spawn(move || {
        set(&mut rival, 1, 99);
        rival.batch_execute("ROLLBACK").unwrap();
    })
}

fn rival_waits(conn: &mut Conn, database: &Database) {
    wait_until("the rival waits for the row", SOON, || {
        lock_waits(conn, database, "counters") > 0
    });
}

/// The deadlock undoes the whole transaction, so what follows is committed at once.
#[test]
fn t05_what_follows_a_deadlock_is_seen_at_once() {
    let (mut world, mut other) = two();
    let mut outsider = world.outsider();
    world.conn.batch_execute("BEGIN").unwrap();
    set(&mut world.conn, 1, 5);
    let rival = rival(world.database.url());
    rival_waits(&mut outsider, &world.database);
    let deadlock = try_set(&mut world.conn, 2, 6).unwrap_err();
    assert!(format!("{deadlock}").contains("eadlock"), "{deadlock:?}");
    rival.join().unwrap();

    set(&mut world.conn, 2, 7);
    agree(&world, &mut other, [0, 7]);
    assert_eq!(value(&mut world.conn, 2), 7);
    world.conn.batch_execute("COMMIT").unwrap();
    agree(&world, &mut other, [0, 7]);
}

#[test]
fn t05_a_transaction_that_a_deadlock_undid_is_not_published() {
    let (mut world, mut other) = two();
    let mut outsider = world.outsider();
    let url = world.database.url().to_owned();
    let undone = world.conn.transaction(|conn| {
        set(conn, 1, 5);
        let rival = rival(&url);
        rival_waits(&mut outsider, &world.database);
        let undone = try_set(conn, 2, 6);
        rival.join().unwrap();
        undone
    });
    assert!(undone.is_err());
    agree(&world, &mut other, [0, 0]);
    set(&mut world.conn, 1, 8);
    agree(&world, &mut other, [8, 0]);
}

/// It commits before it fails.
#[test]
fn t05_a_change_of_the_schema_that_fails_has_committed_what_was_open() {
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

/// Only the statement is undone.
#[test]
fn t05_a_lock_that_is_not_had_in_time_leaves_the_transaction_as_it_was() {
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

fn killed_before_commit(conn: &mut Conn, killer: &mut Conn) -> Error {
    let id = number(conn, "SELECT CONNECTION_ID()");
    conn.transaction(|conn| {
        set(conn, 1, 5);
        killer.batch_execute(&format!("KILL {id}")).unwrap();
        let alive = format!("SELECT count(*) FROM information_schema.processlist WHERE id = {id}");
        wait_until("the connection is gone", SOON, || {
            number(killer, &alive) == 0
        });
        Ok::<_, Error>(())
    })
    .unwrap_err()
}

#[test]
fn t05_a_connection_that_is_killed_before_commit_has_changed_nothing() {
    let (mut world, mut other) = two();
    let (mut outsider, mut victim) = (world.outsider(), world.outsider());
    let expected = killed_before_commit(&mut victim, &mut outsider);
    let error = killed_before_commit(&mut world.conn, &mut outsider);
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

/// django-cachalot loses it: the rows leak and survive the rollback.
#[test]
fn c08_without_autocommit_uncommitted_rows_are_cached_for_nobody() {
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
fn t06_without_autocommit_whatever_commits_implicitly_publishes() {
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

/// Lost by caches that look at no isolation level.
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
fn t06_what_was_set_before_anybody_watched_is_asked_for() {
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
fn t06_a_distributed_transaction_is_seen_when_it_is_committed_and_not_before() {
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
