//! Readers beside a writer: where is the break-even?

use std::time::{Duration, Instant};

use cachalot_diesel::Cachalot;

use super::{
    flights::{CARRIERS, of_airline, one, update},
    load::{load, sleep_until},
    postgres::{Conn, world::World},
    results::Rate,
    store,
};

const WRITES_A_MINUTE: [u32; 5] = [1, 10, 100, 1_000, 10_000];
const READERS: [usize; 3] = [1, 4, 16];

/// Plain and cached take this many turns for one comparison.
const TURNS: u32 = 3;
/// How long each is measured in total, at least; and at least as long as the period of the writes.
const MIN_DURATION: Duration = Duration::from_secs(3);

/// How many rows are read by their keys.
const KEYS: usize = 100;

struct Work {
    name: &'static str,
    plain: fn(&mut Conn, usize),
    cached: fn(&mut Conn, usize),
}

const WORK: [Work; 2] = [
    Work {
        name: "one flight of 100, by its key",
        plain: |conn, random| drop(one::plain(conn, key(random))),
        cached: |conn, random| drop(one::cached(conn, key(random))),
    },
    Work {
        name: "one airline of 4, its flights summed up",
        plain: |conn, random| drop(of_airline::plain(conn, CARRIERS[random % CARRIERS.len()])),
        cached: |conn, random| drop(of_airline::cached(conn, CARRIERS[random % CARRIERS.len()])),
    },
];

fn key(random: usize) -> i32 {
    i32::try_from(random % KEYS).unwrap_or_default() + 1
}

pub(crate) fn measure(world: &World) -> Vec<Rate> {
    let mut rates = Vec::new();
    for work in &WORK {
        for readers in READERS {
            for writes_a_minute in WRITES_A_MINUTE {
                rates.push(one_rate(world, work, readers, writes_a_minute));
            }
        }
    }
    rates
}

fn one_rate(world: &World, work: &Work, readers: usize, writes_a_minute: u32) -> Rate {
    let memcached = store::memcached();
    let cache = store::cache(&[&memcached]);
    let period = Duration::from_secs(60) / writes_a_minute;
    let mut plain = Side::new(readers, MIN_DURATION, period, || world.connect());
    let mut cached = Side::new(readers, MIN_DURATION.max(period), period, || {
        world.watched_by(&cache)
    });
    for _ in 0..TURNS {
        plain.turn(work.plain);
        cached.turn(work.cached);
    }
    let rate = Rate {
        work: work.name.to_owned(),
        readers,
        writes_a_minute,
        hit_rate: hit_rate(&cache),
        cached: cached.throughput(),
        plain: plain.throughput(),
    };
    eprintln!("{rate:?}");
    rate
}

#[allow(clippy::cast_precision_loss, reason = "a share")]
fn hit_rate(cache: &Cachalot) -> f64 {
    let stats = cache.stats();
    let reads = stats.hits + stats.misses + stats.bypasses.values().sum::<u64>();
    stats.hits as f64 / reads as f64
}

/// The readers and the writer of one kind.
struct Side {
    readers: Vec<Conn>,
    writer: Conn,
    turn: Duration,
    period: Duration,
    /// How long the writer has to wait in the next turn.
    next_write: Duration,
    writes: i32,
    reads: u64,
    took: Duration,
}

impl Side {
    fn new(readers: usize, total: Duration, period: Duration, connect: impl Fn() -> Conn) -> Self {
        Self {
            readers: (0..readers).map(|_| connect()).collect(),
            writer: connect(),
            turn: total / TURNS,
            period,
            next_write: period / 2,
            writes: 0,
            reads: 0,
            took: Duration::ZERO,
        }
    }

    fn turn(&mut self, read: fn(&mut Conn, usize)) {
        let start = Instant::now();
        self.reads += load(&mut self.readers, self.turn, read, |end| {
            let mut next = start + self.next_write;
            while next < end {
                sleep_until(next);
                self.writes += 1;
                // In their midst, so that what is read changes.
                update(&mut self.writer, self.writes % 100 + 1, self.writes);
                next += self.period;
            }
            sleep_until(end);
            // Writes that were due in this turn are not made up for in the next.
            self.next_write = next.saturating_duration_since(end);
        });
        self.took += start.elapsed();
    }

    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    fn throughput(&self) -> f64 {
        self.reads as f64 / self.took.as_secs_f64()
    }
}
