//! Transactions that MariaDB ends by itself, or begins, and those of which no text tells.

use std::{thread, time::Duration};

use cachalot_diesel::{BypassReason, Outcome};
use cachalot_tests::wait_until;
use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    result::{DatabaseErrorKind, Error},
};

use super::CachedDsl as _;
use super::counter::value;
use super::db;
use super::dialect::lock_waits;
use super::schema::*;
use super::world::{Reader, World};

/// A deadlock undoes the whole transaction, and what follows in it is committed at once.
#[test]
fn t05_what_is_written_after_a_deadlock_has_ended_the_transaction_is_seen_at_once() {
    let mut world = World::new();
    let rows: Vec<_> = (1..100)
        .map(|id| (counters::id.eq(id), counters::value.eq(0)))
        .collect();
    diesel::insert_into(counters::table)
        .values(rows)
        .execute(&mut world.conn)
        .unwrap();
    assert_eq!(world.once(value), 0);
    let mut reader = world.reader();

    world
        .conn
        .batch_execute("BEGIN; UPDATE counters SET value = 1 WHERE id = 1")
        .unwrap();
    // The heavier transaction survives.
    let mut heavy = world.outsider();
    heavy
        .batch_execute("BEGIN; UPDATE counters SET value = 2 WHERE id > 1")
        .unwrap();
    let heavy = thread::spawn(move || {
        heavy
            .batch_execute("UPDATE counters SET value = 2 WHERE id = 1")
            .unwrap();
        heavy.batch_execute("ROLLBACK").unwrap();
    });
    let mut watcher = world.outsider();
    wait_until("the other waits", Duration::from_secs(20), || {
        lock_waits(&mut watcher, &world.database, "counters") > 0
    });
    let deadlock = diesel::update(counters::table.find(2))
        .set(counters::value.eq(1))
        .execute(&mut world.conn);
    assert!(
        matches!(
            deadlock,
            Err(Error::DatabaseError(
                DatabaseErrorKind::SerializationFailure,
                _
            ))
        ),
        "{deadlock:?}"
    );
    heavy.join().unwrap();

    world
        .conn
        .batch_execute("UPDATE counters SET value = 5 WHERE id = 1")
        .unwrap();

    assert_eq!(reader.sent(value).0, 5);
    world.conn.batch_execute("ROLLBACK").unwrap();
    assert_eq!(reader.sent(value).0, 5);
}

/// A counter at 0, and another process that reads it.
fn two() -> (World, Reader) {
    let mut world = World::new();
    world
        .outsider()
        .batch_execute(
            "CREATE PROCEDURE commits() COMMIT; CREATE PROCEDURE begins() START TRANSACTION",
        )
        .unwrap();
    diesel::insert_into(counters::table)
        .values((counters::id.eq(1), counters::value.eq(0)))
        .execute(&mut world.conn)
        .unwrap();
    assert_eq!(world.once(value), 0);
    let reader = world.connect(&world.other_process());
    (world, reader)
}

const TO_FIVE: &str = "UPDATE counters SET value = 5 WHERE id = 1";

#[test]
fn t06_what_only_may_commit_leaves_the_rest_to_the_commit() {
    for statement in [
        "UNLOCK TABLES",
        "SET autocommit = 1",
        "LOAD INDEX INTO CACHE counters",
        "CALL commits(); START TRANSACTION",
    ] {
        // MySQL commits there, as its manual says.
        if db::is_mysql() && statement.starts_with("LOAD INDEX") {
            continue;
        }
        let (mut world, mut reader) = two();
        world.conn.batch_execute("BEGIN").unwrap();
        world.conn.batch_execute(statement).unwrap();
        world.conn.batch_execute(TO_FIVE).unwrap();
        assert_eq!(value(&mut world.conn), 5, "{statement}: its own");
        assert_eq!(value(&mut reader.conn), 0, "{statement}: not committed yet");
        assert_eq!(value(&mut reader.conn), 0, "{statement}: nor now");
        world.conn.batch_execute("COMMIT").unwrap();
        assert_eq!(value(&mut reader.conn), 5, "{statement}: committed");
        assert_eq!(world.sent(value), (5, 0), "{statement}: and kept");
    }
}

#[test]
fn t06_what_follows_a_commit_that_no_text_shows_is_seen_at_once() {
    const MARIADB: &[&str] = &[
        "EXECUTE IMMEDIATE 'COMMIT'",
        "BEGIN NOT ATOMIC COMMIT; END",
        "SET STATEMENT max_statement_time = 100 FOR COMMIT",
        "CREATE TEMPORARY SEQUENCE numbers",
        "BACKUP UNLOCK",
    ];
    const MYSQL: &[&str] = &["PREPARE ends FROM 'COMMIT'; EXECUTE ends"];
    let more = if db::is_mysql() { MYSQL } else { MARIADB };
    for &statement in ["CALL commits()"].iter().chain(more) {
        let (mut world, mut reader) = two();
        world
            .conn
            .batch_execute("BEGIN; UPDATE counters SET value = 1 WHERE id = 1")
            .unwrap();
        assert_eq!(value(&mut reader.conn), 0, "{statement}: not committed yet");
        world.conn.batch_execute(statement).unwrap();
        assert_eq!(value(&mut reader.conn), 1, "{statement}: committed by it");
        world.conn.batch_execute(TO_FIVE).unwrap();
        assert_eq!(value(&mut reader.conn), 5, "{statement}: and what follows");
        world.conn.batch_execute("ROLLBACK").unwrap();
        assert_eq!(value(&mut reader.conn), 5, "{statement}: for good");
    }
}

#[test]
fn t06_a_transaction_that_a_procedure_has_begun_is_one() {
    let (mut world, mut reader) = two();
    world.conn.batch_execute("CALL begins()").unwrap();
    world.conn.batch_execute(TO_FIVE).unwrap();
    assert_eq!(value(&mut world.conn), 5, "its own");
    for _ in 0..2 {
        assert_eq!(value(&mut reader.conn), 0, "not committed yet");
    }
    world.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(value(&mut reader.conn), 5);
    world.conn.batch_execute("CALL commits()").unwrap();
    let kept = world.sent(value);
    assert_eq!(kept, (5, 0), "a call that leaves nothing open");
}

#[test]
fn t06_a_commit_that_begins_the_next_transaction_by_itself_is_followed() {
    let (mut world, mut reader) = two();
    world
        .conn
        .batch_execute("SET completion_type = 'CHAIN'; BEGIN; COMMIT")
        .unwrap();
    for statement in ["SELECT 1", "SET completion_type = 'NO_CHAIN'"] {
        world.conn.batch_execute(statement).unwrap();
        world
            .conn
            .batch_execute("UPDATE counters SET value = value + 1 WHERE id = 1")
            .unwrap();
        let own = value(&mut world.conn);
        for _ in 0..2 {
            assert_eq!(value(&mut reader.conn), own - 1, "not committed yet");
        }
        world.conn.batch_execute("COMMIT").unwrap();
        assert_eq!(value(&mut reader.conn), own, "after {statement}");
    }
    assert_eq!(world.sent(value), (2, 0));
}

#[test]
fn t06_a_statement_that_commits_and_then_fails_has_committed() {
    let (mut world, mut reader) = two();
    world
        .conn
        .batch_execute("INSERT INTO counters (id, value) VALUES (2, 5); BEGIN")
        .unwrap();
    world.conn.batch_execute(TO_FIVE).unwrap();
    assert_eq!(value(&mut reader.conn), 0, "not committed yet");
    let failed = diesel::sql_query("CREATE UNIQUE INDEX one_of_each ON counters (value)")
        .execute(&mut world.conn);
    assert!(matches!(
        failed,
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
    ));
    assert_eq!(value(&mut reader.conn), 5);
    world.conn.batch_execute("ROLLBACK").unwrap();
    assert_eq!(value(&mut reader.conn), 5);
}

/// Whether it commits is the server's to say: it may not know the statement, or the account not be allowed it.
#[test]
fn t06_statements_that_commit_even_when_they_fail() {
    for statement in [
        "IMPORT TABLE FROM 'no_such_file.sdi'",
        "CLONE LOCAL DATA DIRECTORY = '/no/such/folder'",
        "ALTER SERVER no_such OPTIONS (USER 'x')",
        "INSTALL PLUGIN no_such SONAME 'no_such.so'",
        "UNINSTALL PLUGIN no_such",
        "DROP RESOURCE GROUP no_such",
        "DROP SPATIAL REFERENCE SYSTEM IF EXISTS 123456",
        "SET DEFAULT ROLE NONE TO no_such",
        "CACHE INDEX counters IN no_such",
        "CHECK TABLE counters",
        "FLUSH STATUS",
        "DROP TABLE no_such",
    ] {
        let (mut world, mut reader) = two();
        world
            .conn
            .batch_execute("BEGIN; UPDATE counters SET value = 1 WHERE id = 1")
            .unwrap();
        assert_eq!(value(&mut reader.conn), 0, "{statement}: not committed yet");
        let _ = world.conn.batch_execute(statement);
        let committed: i64 = counters::table
            .find(1)
            .select(counters::value)
            .get_result(&mut world.outsider())
            .unwrap();
        assert_eq!(value(&mut reader.conn), committed, "{statement}");
    }
}

#[test]
fn t06_a_transaction_that_was_begun_before_the_watch_is_known() {
    let world = World::new();
    for begin in [
        "BEGIN",
        "START TRANSACTION READ ONLY",
        "SET autocommit = 0",
        "XA START 'early'",
    ] {
        let mut conn = super::db::establish(world.database.url());
        conn.batch_execute(begin).unwrap();
        conn.batch_execute("SELECT * FROM counters").unwrap();
        let mut conn = world.watch(conn);
        let read = counters::table.select(counters::value);
        let outcome = read.cached(&mut conn).explain().unwrap().outcome;
        assert_eq!(
            outcome,
            Outcome::Bypass(BypassReason::OldSnapshot),
            "{begin}"
        );
    }
    let mut conn = world.watch(super::db::establish(world.database.url()));
    let read = counters::table.select(counters::value);
    assert_eq!(
        read.cached(&mut conn).explain().unwrap().outcome,
        Outcome::Miss
    );
}

/// A procedure may have begun a transaction, so the server is asked.
#[test]
fn t06_after_a_call_the_first_cached_read_is_bypassed_only_in_a_transaction() {
    let (world, _) = two();
    for (procedure, expected) in [
        ("commits", Outcome::Miss),
        ("begins", Outcome::Bypass(BypassReason::OldSnapshot)),
    ] {
        let mut conn = world.reader().conn;
        conn.batch_execute(&format!("CALL {procedure}()")).unwrap();
        let read = counters::table.find(1).select(counters::value);
        let outcome = read.cached(&mut conn).explain().unwrap().outcome;
        assert_eq!(outcome, expected, "{procedure}");
    }
}

/// To ask whether a transaction is open leaves what was said of the next one.
#[test]
fn t06_the_watch_changes_nothing_of_the_next_transaction() {
    let world = World::new();
    let mut conn = super::db::establish(world.database.url());
    conn.batch_execute("SET TRANSACTION READ ONLY").unwrap();
    let mut conn = world.watch(conn);
    conn.batch_execute("BEGIN").unwrap();
    let refused = conn.batch_execute("INSERT INTO counters (id, value) VALUES (7, 7)");
    assert!(refused.is_err(), "it is read only");
}
