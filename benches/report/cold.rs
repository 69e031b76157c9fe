//! Many readers of one question that nobody has asked before.

use std::{sync::Barrier, thread, time::Instant};

use cachalot_benches::Samples;
use cachalot_tests::Counter;

use super::{
    flights::by_airline,
    postgres::{Conn, world::World},
    results::Cold,
    store,
};

const READERS: [usize; 4] = [1, 4, 16, 50];
const ROUNDS: usize = 5;

pub(crate) fn measure(world: &World) -> Vec<Cold> {
    READERS.map(|readers| of_readers(world, readers)).into()
}

fn of_readers(world: &World, readers: usize) -> Cold {
    let memcached = store::memcached();
    let cache = store::cache(&[&memcached]);
    let counter = Counter::new();
    let mut asking: Vec<_> = (0..readers).map(|_| world.connect()).collect();
    let mut cached: Vec<_> = (0..readers)
        .map(|_| {
            let mut conn = world.connect();
            cache.watch_with(&mut conn, counter.instrumentation());
            // So that the connection has been probed, and the statement prepared.
            by_airline::cached(&mut conn, 0);
            by_airline::plain(&mut conn, 0);
            conn
        })
        .collect();
    for conn in &mut asking {
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
        readers,
        cached: cached_times.spread(),
        plain: plain_times.spread(),
        statements,
    };
    eprintln!("{cold:?}");
    cold
}

/// The time until the last has its rows.
fn all_at_once<T>(
    readers: &mut [Conn],
    read: impl Fn(&mut Conn) -> T + Sync,
) -> std::time::Duration {
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
