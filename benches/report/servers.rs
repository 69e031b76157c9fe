//! One namespace over more and more memcached processes.

use std::time::{Duration, Instant};

use super::{
    load::{load, sleep_until},
    pace::Pace,
    postgres::{Conn, posts::of_5_tables, world::World},
    results::Servers,
    store,
};

const SERVERS: [usize; 4] = [1, 2, 4, 8];
const READERS: usize = 4;
const TURNS: u32 = 3;
const ROUND: Duration = Duration::from_secs(1);

pub(crate) fn measure(world: &World, pace: Pace) -> Vec<Servers> {
    let memcached: Vec<_> = (0..8).map(|_| store::memcached()).collect();
    let caches = SERVERS.map(|servers| {
        let servers: Vec<_> = memcached.iter().take(servers).collect();
        store::cache(&servers)
    });
    let hit = |conn: &mut Conn| drop(of_5_tables::cached(conn, 10, 1));
    let mut turns = pace.rounds();
    for (servers, cache) in SERVERS.iter().zip(&caches) {
        let mut conn = world.watched_by(cache);
        turns = turns.subject(servers.to_string(), move || hit(&mut conn));
    }
    let results = turns.run();
    eprint!("5-table hits by servers\n{results}");

    let mut reads = [0; SERVERS.len()];
    let mut took = [Duration::ZERO; SERVERS.len()];
    let mut readers = caches
        .each_ref()
        .map(|cache| [(); READERS].map(|()| world.watched_by(cache)));
    for _ in 0..TURNS {
        for (place, readers) in readers.iter_mut().enumerate() {
            let start = Instant::now();
            reads[place] += load(readers, ROUND, |conn, _| hit(conn), sleep_until);
            took[place] += start.elapsed();
        }
    }
    let mut all = Vec::new();
    for (place, servers) in SERVERS.into_iter().enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        let throughput = reads[place] as f64 / took[place].as_secs_f64();
        all.push(Servers {
            servers,
            hit: results[servers.to_string().as_str()].spread(),
            throughput,
        });
    }
    eprintln!("{all:?}");
    all
}
