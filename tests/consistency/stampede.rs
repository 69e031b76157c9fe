//! Many cold readers of one query at one time.

use std::{sync::Barrier, thread, time::Duration};

use cachalot_diesel::prelude::*;
use cachalot_tests::{Counter, Database, gate::Gated, memcached, unique};

use super::counter::{set, value};
use super::races::{stores_an_entry, two_counters};
use super::world::store;
use super::{Conn, db};

const READERS: usize = 50;

/// A process with many connections, and what they send.
struct Crowd {
    cache: Cachalot,
    gate: Gated,
    conns: Vec<(Conn, Counter)>,
}

impl Crowd {
    fn new(database: &Database) -> Self {
        let gate = Gated::new(store(memcached::shared()));
        let cache = Cachalot::builder()
            .store(gate.clone())
            .namespace(unique::name("stampede"))
            .build()
            .unwrap();
        let conns = (0..READERS)
            .map(|_| {
                let mut conn = db::establish(database.url());
                let counter = Counter::new();
                cache.watch_with(&mut conn, counter.instrumentation());
                (conn, counter)
            })
            .collect();
        Self { cache, gate, conns }
    }

    /// Reads on every connection at once; what they saw, and how many statements it took.
    fn read(&mut self) -> (Vec<i64>, usize) {
        let start = Barrier::new(self.conns.len());
        thread::scope(|scope| {
            let readers: Vec<_> = self
                .conns
                .iter_mut()
                .map(|(conn, counter)| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        counter.during(|| value(conn))
                    })
                })
                .collect();
            let read = readers.into_iter().map(|reader| reader.join().unwrap());
            let (seen, sent): (Vec<_>, Vec<_>) = read.unzip();
            (seen, sent.into_iter().sum())
        })
    }
}

/// django-cachalot runs a statement for each of them.
#[test]
fn c14_fifty_cold_readers_of_one_query_send_one_statement() {
    let database = two_counters();
    let mut crowd = Crowd::new(&database);
    for round in 1..=5 {
        set(&mut crowd.conns[0].0, round);
        let (seen, sent) = crowd.read();
        assert_eq!(seen, [round; READERS]);
        assert_eq!(sent, 1);
    }
    let stats = crowd.cache.stats();
    assert_eq!((stats.misses, stats.stores), (5, 5));
}

/// Lost by caches that share what is being read with whoever comes: it may be older than they are.
#[test]
fn c14_a_read_after_a_write_does_not_join_a_query_sent_before_it() {
    let database = two_counters();
    let mut crowd = Crowd::new(&database);
    let (mut early, _) = crowd.conns.pop().unwrap();
    let gate = crowd.gate.clone();
    gate.hold(stores_an_entry);
    let reading = thread::spawn(move || value(&mut early));
    gate.wait_until_held();

    let (late, counter) = &mut crowd.conns[0];
    set(late, 7);
    let read = counter.during(|| value(late));
    assert_eq!(read, (7, 1));
    gate.release();

    assert_eq!(reading.join().unwrap(), 0);
    assert_eq!(crowd.read().0, [7; READERS - 1]);
}

/// One process asks; the others wait for its rows, as long as they may.
#[test]
fn c14_cold_readers_of_several_processes_send_one_statement() {
    let database = two_counters();
    let namespace = unique::name("stampede");
    let process = || {
        let gate = Gated::new(store(memcached::shared()));
        let cache = Cachalot::builder()
            .store(gate.clone())
            .namespace(&namespace)
            .stampede_wait(Duration::from_secs(20))
            .build()
            .unwrap();
        let mut conn = db::establish(database.url());
        let counter = Counter::new();
        cache.watch_with(&mut conn, counter.instrumentation());
        (gate, conn, counter)
    };
    let (gate, mut first, counter) = process();
    gate.hold(stores_an_entry);
    let asking = thread::spawn(move || counter.during(|| value(&mut first)));
    gate.wait_until_held();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let (_, mut conn, counter) = process();
            thread::spawn(move || counter.during(|| value(&mut conn)))
        })
        .collect();
    gate.release();
    assert_eq!(asking.join().unwrap(), (0, 1));
    for reader in waiting {
        assert_eq!(reader.join().unwrap(), (0, 0));
    }
}
