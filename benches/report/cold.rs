//! Many readers of one question that nobody has asked before.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use cachalot_benches::Samples;
use cachalot_tests::{Counter, unique};

use super::{
    flights::by_airline,
    postgres::{Conn, world::World},
    results::Cold,
    store,
};

const ROUNDS: usize = 5;

#[derive(Debug, Clone, Copy)]
struct Crowd {
    /// Each with a cache of its own, as processes have: they know of each other through memcached only.
    processes: usize,
    readers_of_each: usize,
    stampede_protection: bool,
}

pub(crate) fn measure(world: &World) -> Vec<Cold> {
    let one_process = [1, 4, 16, 50].map(|readers_of_each| Crowd {
        processes: 1,
        readers_of_each,
        stampede_protection: false,
    });
    let several = [false, true].map(|stampede_protection| Crowd {
        processes: 8,
        readers_of_each: 2,
        stampede_protection,
    });
    let crowds = one_process.into_iter().chain(several);
    crowds.map(|crowd| of(world, crowd)).collect()
}

fn of(world: &World, crowd: Crowd) -> Cold {
    let memcached = store::memcached();
    let namespace = unique::name("bench");
    let counter = Counter::new();
    let readers = crowd.processes * crowd.readers_of_each;
    let mut asking: Vec<_> = (0..readers).map(|_| world.connect()).collect();
    let mut cached = Vec::new();
    for _ in 0..crowd.processes {
        let mut builder = store::builder(&[&memcached]).namespace(&*namespace);
        if crowd.stampede_protection {
            builder = builder.stampede_wait(store::STORE_TIMEOUT);
        }
        let cache = builder.build().unwrap();
        cached.extend((0..crowd.readers_of_each).map(|_| {
            let mut conn = world.connect();
            cache.watch_with(&mut conn, counter.instrumentation());
            conn
        }));
    }
    // So that the connections have been probed, and the statements prepared.
    for conn in &mut asking {
        by_airline::plain(conn, 0);
    }
    for conn in &mut cached {
        by_airline::cached(conn, 0);
        by_airline::plain(conn, 0);
    }
    let (mut plain_times, mut cached_times) = (Samples::default(), Samples::default());
    counter.reset();
    for salt in (1..).take(ROUNDS) {
        plain_times.push(all_at_once(&mut asking, |conn| {
            by_airline::plain(conn, salt)
        }));
        cached_times.push(all_at_once(&mut cached, |conn| {
            by_airline::cached(conn, salt)
        }));
    }
    #[allow(clippy::cast_precision_loss, reason = "an average")]
    let statements = counter.count() as f64 / ROUNDS as f64;
    let cold = Cold {
        processes: crowd.processes,
        readers,
        stampede_protection: crowd.stampede_protection,
        cached: cached_times.spread(),
        plain: plain_times.spread(),
        statements,
    };
    eprintln!("{cold:?}");
    cold
}

/// The time until the last has its rows.
fn all_at_once<T>(readers: &mut [Conn], read: impl Fn(&mut Conn) -> T + Sync) -> Duration {
    let ready = &Barrier::new(readers.len() + 1);
    let read = &read;
    thread::scope(|scope| {
        let readers: Vec<_> = readers
            .iter_mut()
            .map(|conn| {
                scope.spawn(move || {
                    ready.wait();
                    read(conn);
                })
            })
            .collect();
        ready.wait();
        let start = Instant::now();
        for reader in readers {
            reader.join().unwrap();
        }
        start.elapsed()
    })
}
