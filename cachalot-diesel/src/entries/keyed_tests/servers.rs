//! The same on memcached, of several servers.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use super::{hits::check_all, *};
use crate::store::{MemcachedStore, test_server::TestServer};

/// No timeout must occur, however busy the machine is.
const LONG_TIMEOUT: Duration = Duration::from_secs(20);

fn process_on(servers: &[TestServer]) -> Process {
    let addresses: Vec<_> = servers.iter().map(TestServer::address).collect();
    let store = MemcachedStore::connect(&addresses, LONG_TIMEOUT).unwrap();
    Process::with_store(Arc::new(Spy::on(store)), |_| {})
}

fn start(count: usize) -> Vec<TestServer> {
    (0..count).map(|_| TestServer::start()).collect()
}

#[test]
fn a_keyed_entry_depends_on_its_buckets_on_any_number_of_servers() {
    for count in [1, 2, 4] {
        let servers = start(count);
        check_all(&process_on(&servers));
    }
}

#[test]
fn a_server_of_the_record_that_is_down_makes_a_keyed_write_pending() {
    let mut servers = start(1);
    let process = process_on(&servers);
    process.store_entry(&[1]);
    process.store_entry(&[2]);
    let write = process.begin(&writes(&[2]));
    servers[0].kill();
    let ended = process.versions.end(write, WriteOutcome::Success);
    assert!(ended.is_err());
    servers[0].restart();
    crate::store::contract::eventually("it is delivered", || {
        (!process.versions.is_pending(&process.dependencies)).then_some(())
    });
    assert_eq!(process.invalidations(), (1, 0));
}

/// Readers and writers of two rows, in any order that comes about.
#[test]
fn no_keyed_read_is_older_than_what_the_database_showed() {
    const WRITES: u64 = 1_000;
    for count in [1, 4] {
        let servers = start(count);
        let process = process_on(&servers);
        // The database: a row in each bucket.
        let rows = [AtomicU64::new(0), AtomicU64::new(0)];
        let read = |row: usize| rows[row].load(Ordering::SeqCst);
        let write = |row: usize| {
            let bucket = Bucket::try_from(row).unwrap();
            let write = process.begin(&writes(&[bucket]));
            rows[row].fetch_add(1, Ordering::SeqCst);
            process.versions.end(write, WriteOutcome::Success).unwrap();
        };
        let hits = AtomicU64::new(0);
        let look = |row: usize| {
            let bucket = Bucket::try_from(row).unwrap();
            let shown = read(row);
            match process.look(&[bucket]) {
                Lookup::Hit(entry, _) => {
                    hits.fetch_add(1, Ordering::SeqCst);
                    let value = value_in(&entry);
                    assert!(value >= shown, "{value} after {shown}");
                }
                Lookup::Miss(permit) => process.fill_with(&permit, read(row)),
                Lookup::Bypass(reason) => assert_eq!(reason, crate::BypassReason::WriterInFlight),
                Lookup::Outdated => panic!("the epoch does not change"),
            }
        };
        let (write, look) = (&write, &look);
        thread::scope(|scope| {
            let writers = [0, 1].map(|row| {
                scope.spawn(move || {
                    for _ in 0..WRITES {
                        write(row);
                        look(1 - row);
                    }
                })
            });
            while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
                look(0);
                look(1);
            }
        });
        for row in [0, 1] {
            assert_eq!(read(row), WRITES);
            look(row);
            look(row);
        }
        assert!(hits.load(Ordering::SeqCst) >= 2);
        assert_eq!(process.invalidations(), (0, 2 * WRITES));
    }
}

fn value_in(entry: &Entry) -> u64 {
    let rows = entry.rows().unwrap();
    u64::from_le_bytes(rows.cell(0, 0).unwrap().try_into().unwrap())
}

impl Process {
    fn fill_with(&self, permit: &FillPermit, value: u64) {
        let mut rows = BlockWriter::default();
        rows.start_row([Some("id".to_owned())].into_iter());
        rows.cell(0, 20, [&value.to_le_bytes(), b""]);
        let stored = self.entries.store(permit, &rows, RemainingTtl::Forever);
        stored.unwrap();
    }
}
