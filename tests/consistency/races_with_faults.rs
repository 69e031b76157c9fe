//! The races in which something fails: a process that dies, items that are lost, clocks that differ.

use std::{thread, time::Duration};

use cachalot_diesel::{BypassReason, Command, Outcome, Reply, Store, StoreError};
use cachalot_tests::{memcached, unique, wait_until};
use diesel::{connection::SimpleConnection, prelude::*};

use super::races::{Process, stores_an_entry, swaps_a_record, two_counters, two_processes};
use super::schema::counters;
use super::world::store;

const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

fn in_flight() -> Outcome {
    Outcome::Bypass(BypassReason::WriterInFlight)
}

/// `begin` swaps first and `end` second, if the records are there.
pub(super) fn at_the_end(process: &Process) {
    let begun = std::sync::atomic::AtomicBool::new(false);
    process.gate.die_at(move |command| {
        swaps_a_record(command) && begun.swap(true, std::sync::atomic::Ordering::Relaxed)
    });
}

/// Lost for good by every cache that invalidates after the COMMIT only: django-cachalot, cacheops.
#[test]
fn c06_a_commit_of_a_killed_process_is_seen_at_once_and_cached_after_its_lease() {
    let (_database, mut reader, mut writer) = two_processes();
    assert_eq!(reader.read(), 0);
    at_the_end(&writer);
    writer.write(1, 7);
    drop(writer);

    assert_eq!(reader.outcome(), in_flight());
    assert_eq!(reader.read_counted(), (7, 1), "the database is asked");
    wait_until("the lease is over", WAIT_TIMEOUT, || {
        reader.outcome() != in_flight()
    });
    assert_eq!(reader.read_counted(), (7, 1), "the older entry is dead");
    assert_eq!(reader.read_counted(), (7, 0));
}

/// Lost by no cache that we know; some leave the table uncached for ever.
#[test]
fn c06_after_its_lease_a_process_killed_before_its_commit_prevents_no_caching() {
    let (_database, mut reader, mut writer) = two_processes();
    assert_eq!(reader.read(), 0);
    at_the_end(&writer);
    let twice = (counters::id.eq(1), counters::value.eq(9));
    diesel::insert_into(counters::table)
        .values(twice)
        .execute(&mut writer.conn)
        .expect_err("there is such a row");
    drop(writer);

    assert_eq!(reader.read_counted(), (0, 1));
    wait_until("the lease is over", WAIT_TIMEOUT, || {
        reader.outcome() != in_flight()
    });
    reader.read();
    assert_eq!(reader.read_counted(), (0, 0));
}

/// A memcached, and two processes that share it and that nobody else uses.
fn two_on_their_own_store() -> (
    cachalot_tests::Database,
    memcached::Server,
    Process,
    Process,
) {
    let database = two_counters();
    let server = memcached::start(&[]);
    let namespace = unique::name("race");
    let process = || Process::with(&database, &namespace, store(&server));
    let (one, other) = (process(), process());
    (database, server, one, other)
}

/// Lost by caches whose stamps are times or counters that start anew.
#[test]
fn c07_rows_stored_after_everything_was_lost_are_not_served() {
    let (_database, server, mut reader, mut writer) = two_on_their_own_store();
    let gate = reader.gate.clone();
    gate.hold(stores_an_entry);
    let reading = thread::spawn(move || (reader.read(), reader));
    gate.wait_until_held();

    writer.write(1, 7);
    server.flush();
    gate.release();

    let (_, mut reader) = reading.join().unwrap();
    assert_eq!(reader.read_counted(), (7, 1));
    assert_eq!(writer.read_counted(), (7, 0));
}

/// Lost by caches that take a missing stamp for "nothing has changed".
#[test]
fn c07_a_writer_whose_record_is_lost_in_flight_still_invalidates() {
    let (_database, server, mut reader, mut writer) = two_on_their_own_store();
    assert_eq!(reader.read(), 0);
    let gate = writer.gate.clone();
    gate.hold(swaps_a_record);
    let writing = thread::spawn(move || {
        writer.write(1, 7);
        writer
    });
    gate.wait_until_held();
    gate.hold(swaps_a_record);
    gate.release();
    gate.wait_until_held();

    server.restart();
    reader.read();
    gate.release();
    let mut writer = writing.join().unwrap();

    assert_eq!(reader.read_counted().0, 7, "it was acknowledged");
    assert_eq!(writer.read_counted().0, 7);
}

/// Lost by no cache that we know.
#[test]
fn c07_a_lost_entry_costs_a_miss() {
    let (_database, server, mut reader, mut writer) = two_on_their_own_store();
    writer.write(1, 7);
    assert_eq!(reader.read_counted(), (7, 1));
    server.flush();
    assert_eq!(reader.read_counted(), (7, 1));
    assert_eq!(reader.read_counted(), (7, 0));
}

/// A machine whose clock is that many milliseconds ahead: every time that it writes is.
struct Skewed<S> {
    store: S,
    by: i64,
}

impl<S> Skewed<S> {
    fn skew(&self, value: &[u8]) -> Vec<u8> {
        let Ok(mut record) = serde_json::from_slice::<serde_json::Value>(value) else {
            return value.to_vec();
        };
        let shift = |time: &mut serde_json::Value| {
            if let Some(millis) = time.as_i64() {
                *time = (millis + self.by).into();
            }
        };
        let times = record.get_mut("at").and_then(|it| it.as_object_mut());
        let times = times.into_iter().flat_map(|times| times.values_mut());
        times.for_each(shift);
        let writers = record.get_mut("writers").and_then(|it| it.as_array_mut());
        for writer in writers.into_iter().flatten() {
            writer.get_mut("until").into_iter().for_each(shift);
        }
        serde_json::to_vec(&record).unwrap()
    }
}

impl<S: Store> Store for Skewed<S> {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        commands
            .iter()
            .map(|command| {
                let reply = match *command {
                    Command::CompareAndSwap {
                        key,
                        value,
                        ttl,
                        version,
                    } => self.store.run(&[Command::CompareAndSwap {
                        key,
                        value: &self.skew(value),
                        ttl,
                        version,
                    }]),
                    Command::Add { key, value, ttl } => self.store.run(&[Command::Add {
                        key,
                        value: &self.skew(value),
                        ttl,
                    }]),
                    command => self.store.run(&[command]),
                };
                reply.into_iter().next().unwrap()
            })
            .collect()
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
}

const MINUTES: i64 = 10 * 60 * 1000;

/// A reader, and a writer on a machine whose clock is that far ahead.
fn with_clock_ahead(by: i64) -> (cachalot_tests::Database, Process, Process) {
    let database = two_counters();
    let namespace = unique::name("race");
    let reader = Process::with(&database, &namespace, store(memcached::shared()));
    let skewed = Skewed {
        store: store(memcached::shared()),
        by,
    };
    let writer = Process::with(&database, &namespace, skewed);
    (database, reader, writer)
}

/// Lost by caches that compare the times of two machines: django-cachalot with two seconds between.
#[test]
fn c10_a_writer_whose_clock_is_minutes_behind_does_not_count_as_crashed() {
    let (_database, mut reader, mut writer) = with_clock_ahead(-MINUTES);
    assert_eq!(reader.read(), 0);
    let gate = writer.gate.clone();
    gate.hold(swaps_a_record);
    let writing = thread::spawn(move || {
        writer.write(1, 7);
        writer
    });
    gate.wait_until_held();
    gate.hold(swaps_a_record);
    gate.release();
    gate.wait_until_held();

    assert_eq!(reader.outcome(), in_flight());
    assert_eq!(reader.read_counted(), (7, 1));
    gate.release();
    let mut writer = writing.join().unwrap();
    assert_eq!(reader.read_counted(), (7, 1));
    assert_eq!(writer.read_counted(), (7, 0));
}

/// Lost by the same: what is stamped by the clock that is behind is taken for older than it is.
#[test]
fn c10_writes_by_a_clock_minutes_off_invalidate_like_any() {
    for by in [-MINUTES, MINUTES] {
        let (_database, mut reader, mut writer) = with_clock_ahead(by);
        assert_eq!(reader.read(), 0);
        writer.write(1, 7);
        assert_eq!(reader.read_counted(), (7, 1));
        reader.write(1, 8);
        assert_eq!(writer.read_counted(), (8, 1));
        writer.write(1, 9);
        assert_eq!(reader.read_counted(), (9, 1));
        assert_eq!(reader.read_counted(), (9, 0));
    }
}

/// Lost by caches that drop what a transaction wrote only at one of the moments.
#[test]
fn c11_another_thread_reads_what_is_committed_before_during_and_after_a_transaction() {
    let (_database, mut reader, mut writer) = two_processes();
    let mut committed = 0;
    let mut number = 0;
    // Each way to choose among four moments, and both ends of the transaction.
    for moments in 0..16 {
        for end in ["COMMIT", "ROLLBACK"] {
            number += 1;
            let mut look = |moment: u32, expected: i64| {
                if moments & (1 << moment) != 0 {
                    let reader = &mut reader;
                    let seen = thread::scope(|scope| scope.spawn(|| reader.read()).join());
                    assert_eq!(seen.unwrap(), expected, "{moments:04b}, {moment}, {end}");
                }
            };
            look(0, committed);
            writer.conn.batch_execute("BEGIN").unwrap();
            look(1, committed);
            writer.write(1, number);
            assert_eq!(writer.read(), number, "its own row");
            look(2, committed);
            writer.conn.batch_execute(end).unwrap();
            if end == "COMMIT" {
                committed = number;
            }
            look(3, committed);
        }
    }
}
