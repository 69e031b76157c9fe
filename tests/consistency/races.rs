//! The races that a cache must not lose, each made to happen: a gate before the store or a lock in
//! the database holds one side until the other has done its part.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use cachalot_diesel::{BypassReason, Command, Outcome, Store, prelude::*};
use cachalot_tests::{Counter, Database, gate::Gated, memcached, unique, wait_until};
use diesel::{connection::SimpleConnection, prelude::*};

use super::schema::counters;
use super::world::store;
use super::{Conn, db};

/// A process: a handle of its own behind a gate, and a connection that it watches.
pub(super) struct Process {
    pub(super) gate: Gated,
    pub(super) conn: Conn,
    pub(super) counter: Counter,
}

impl Process {
    fn new(database: &Database, namespace: &str) -> Self {
        Self::with(database, namespace, store(memcached::shared()))
    }

    /// One whose leases last a second.
    pub(super) fn with(database: &Database, namespace: &str, store: impl Store) -> Self {
        let gate = Gated::new(store);
        let cache = Cachalot::builder()
            .store(gate.clone())
            .namespace(namespace)
            .write_lease(Duration::from_secs(1))
            .build()
            .unwrap();
        let mut conn = db::establish(database.url());
        let counter = Counter::new();
        cache.watch_with(&mut conn, counter.instrumentation());
        Self {
            gate,
            conn,
            counter,
        }
    }

    pub(super) fn read(&mut self) -> i64 {
        counters::table
            .find(1)
            .select(counters::value)
            .cached(&mut self.conn)
            .get_result()
            .unwrap()
    }

    /// The value, and how many statements it took.
    pub(super) fn read_counted(&mut self) -> (i64, usize) {
        let counter = self.counter.clone();
        counter.during(|| self.read())
    }

    pub(super) fn outcome(&mut self) -> Outcome {
        let query = counters::table.find(1).select(counters::value);
        query.cached(&mut self.conn).explain().unwrap().outcome
    }

    pub(super) fn write(&mut self, id: i32, value: i64) {
        diesel::update(counters::table.find(id))
            .set(counters::value.eq(value))
            .execute(&mut self.conn)
            .unwrap();
    }
}

/// Two counters at 0, and two processes that share a cache.
pub(super) fn two_processes() -> (Database, Process, Process) {
    let database = two_counters();
    let namespace = unique::name("race");
    let (one, other) = (
        Process::new(&database, &namespace),
        Process::new(&database, &namespace),
    );
    (database, one, other)
}

/// A database with two counters at 0.
pub(super) fn two_counters() -> Database {
    let database = db::database();
    let mut setup = db::establish(database.url());
    for id in [1, 2] {
        diesel::insert_into(counters::table)
            .values((counters::id.eq(id), counters::value.eq(0)))
            .execute(&mut setup)
            .unwrap();
    }
    database
}

pub(super) fn stores_an_entry(command: &Command<'_>) -> bool {
    // An entry is binary; a lease is one byte, a record JSON.
    matches!(command, Command::Set { value, .. } if value.starts_with(b"cach"))
}

pub(super) fn swaps_a_record(command: &Command<'_>) -> bool {
    matches!(command, Command::CompareAndSwap { .. })
}

fn creates_a_record(command: &Command<'_>) -> bool {
    matches!(command, Command::Add { .. })
}

/// Lost by every cache that stamps a result when it is stored: django-cachalot among them.
#[test]
fn c01_rows_that_were_overtaken_before_they_were_stored_are_never_served() {
    let (_database, mut reader, mut writer) = two_processes();
    let gate = reader.gate.clone();
    gate.hold(stores_an_entry);
    let reading = thread::spawn(move || (reader.read(), reader));
    gate.wait_until_held();

    writer.write(1, 7);
    gate.release();

    let (seen, mut reader) = reading.join().unwrap();
    assert_eq!(
        seen, 0,
        "it began before the write and may see the older row"
    );
    assert_eq!(reader.read_counted(), (7, 1));
    assert_eq!(writer.read_counted(), (7, 0));
}

/// Lost by caches that invalidate when the statement is sent: django-cachalot among them.
#[test]
fn c02_a_write_that_waits_for_a_lock_stays_announced_until_it_ends() {
    let (database, mut reader, mut writer) = two_processes();
    assert_eq!(reader.read(), 0);
    let mut holder = db::establish(database.url());
    holder.batch_execute(begin_with_lock()).unwrap();

    let writing = thread::spawn(move || {
        writer.write(1, 7);
        writer
    });
    wait_until("the writer is announced", Duration::from_secs(20), || {
        reader.outcome() == Outcome::Bypass(BypassReason::WriterInFlight)
    });

    assert_eq!(
        reader.read_counted(),
        (0, 1),
        "nothing is committed yet, and nothing is stored"
    );
    holder.batch_execute("ROLLBACK").unwrap();
    let mut writer = writing.join().unwrap();

    assert_eq!(reader.read_counted(), (7, 1));
    assert_eq!(writer.read_counted(), (7, 0));
}

/// Lost, once more, by a cache that takes a writer for dead because it waits for longer than a lease.
#[test]
fn c02_a_write_that_waits_for_longer_than_its_lease_stays_announced() {
    let (database, mut reader, mut writer) = two_processes();
    assert_eq!(reader.read(), 0);
    let mut holder = db::establish(database.url());
    holder.batch_execute(begin_with_lock()).unwrap();
    let (gate, leases) = (writer.gate.clone(), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&leases);
    gate.hold(move |command| {
        if sets_a_lease(command) {
            seen.fetch_add(1, Ordering::Relaxed);
        }
        false
    });

    let writing = thread::spawn(move || {
        writer.write(1, 7);
        writer
    });
    // One at `begin`, the others each a third of the lease later.
    wait_until("the lease was renewed", Duration::from_secs(20), || {
        leases.load(Ordering::Relaxed) > 4
    });
    let in_flight = Outcome::Bypass(BypassReason::WriterInFlight);
    assert_eq!(reader.outcome(), in_flight);
    assert_eq!(reader.read_counted(), (0, 1));
    assert_eq!(reader.outcome(), in_flight);
    holder.batch_execute("ROLLBACK").unwrap();
    let mut writer = writing.join().unwrap();

    assert_eq!(reader.read_counted(), (7, 1));
    assert_eq!(writer.read_counted(), (7, 0));
}

fn sets_a_lease(command: &Command<'_>) -> bool {
    matches!(command, Command::Set { value: b"1", .. })
}

/// Opens a transaction that keeps others from writing the first counter.
fn begin_with_lock() -> &'static str {
    if std::any::type_name::<Conn>().contains("Sqlite") {
        "BEGIN IMMEDIATE"
    } else {
        "BEGIN; UPDATE counters SET value = 99 WHERE id = 1"
    }
}

/// Lost by caches that look at no isolation level: django-cachalot publishes the snapshot.
#[test]
fn c03_an_old_snapshot_is_neither_served_nor_stored_under_new_tokens() {
    let (_database, mut reader, mut writer) = two_processes();
    let begin = if std::any::type_name::<Conn>().contains("Pg") {
        "BEGIN ISOLATION LEVEL REPEATABLE READ"
    } else {
        "BEGIN"
    };
    if std::any::type_name::<Conn>().contains("Sqlite") {
        reader
            .conn
            .batch_execute("PRAGMA journal_mode = WAL")
            .unwrap();
    }
    reader.conn.batch_execute(begin).unwrap();
    let snapshot: i64 = counters::table
        .find(1)
        .select(counters::value)
        .first(&mut reader.conn)
        .unwrap();
    assert_eq!(snapshot, 0);

    writer.write(1, 7);
    assert_eq!(writer.read_counted(), (7, 1));

    assert_eq!(
        reader.read_counted(),
        (0, 1),
        "the transaction goes on seeing its snapshot"
    );
    assert_eq!(reader.outcome(), Outcome::Bypass(BypassReason::OldSnapshot));
    reader.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(reader.read_counted(), (7, 0));
}

/// Lost by caches that give a missing stamp the time of the reader's clock.
#[test]
fn c04_a_reader_does_not_replace_a_record_that_a_writer_has_created_first() {
    let (_database, mut reader, mut writer) = two_processes();
    let gate = reader.gate.clone();
    gate.hold(creates_a_record);
    let reading = thread::spawn(move || (reader.read(), reader));
    gate.wait_until_held();

    writer.write(1, 7);
    gate.release();

    let (seen, mut reader) = reading.join().unwrap();
    assert_eq!(seen, 7, "the database was asked after the write");
    assert_eq!(reader.read_counted().0, 7);
}

/// Lost by caches with one overwritten "writing" mark.
#[test]
fn c05_a_writer_that_ends_leaves_an_overlapping_writer_in_flight() {
    let (_database, mut slow, mut quick) = two_processes();
    assert_eq!(quick.read(), 0);
    // The slow one's second swap is its `end`: it has committed and not said so yet.
    let gate = slow.gate.clone();
    gate.hold(swaps_a_record);
    let writing = thread::spawn(move || {
        slow.write(1, 7);
        slow
    });
    gate.wait_until_held();
    gate.hold(swaps_a_record);
    gate.release();
    gate.wait_until_held();

    quick.write(2, 5);

    assert_eq!(
        quick.outcome(),
        Outcome::Bypass(BypassReason::WriterInFlight)
    );
    assert_eq!(quick.read_counted(), (7, 1));
    gate.release();
    let mut slow = writing.join().unwrap();
    assert_eq!(slow.read_counted(), (7, 1));
    assert_eq!(quick.read_counted(), (7, 0));
}
