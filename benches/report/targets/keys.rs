//! Reads of certain rows beside writes to other rows of the same table.

use std::time::{Duration, Instant};

use cachalot_benches::{Figure, Spread};
use cachalot_diesel::{Cachalot, CachalotConnection};
use diesel::prelude::*;

use super::{
    super::{
        flights::one,
        load::{load, sleep_until},
        postgres::{
            Conn,
            posts::of_author,
            schema::{flights, posts},
        },
        store,
    },
    Bench,
};

const READERS: usize = 16;
const TURNS: u32 = 5;
/// How many flights are read by their keys. Others are written.
const FLIGHTS: usize = 100;
/// The authors whose posts are read and, by turns, written.
const AUTHORS: usize = 1_000;

type Type = CachalotConnection<Conn>;

struct Work {
    name: &'static str,
    writes_a_minute: u32,
    plain: fn(&mut Conn, usize),
    on_type: fn(&mut Type, usize),
    write_plain: fn(&mut Conn, i32),
    write_on_type: fn(&mut Type, i32),
    /// The least reads per second ÷ plain Diesel's, if there is a target.
    speed: Option<f64>,
    /// The least share of hits.
    hits: f64,
}

const WORK: [Work; 3] = [
    Work {
        name: "one flight of 100 by its key, 10,000 writes a minute to others",
        writes_a_minute: 10_000,
        plain: |conn, random| drop(one::plain(conn, flight(random))),
        on_type: |conn, random| drop(one::on_type(conn, flight(random))),
        write_plain: delay,
        write_on_type: delay,
        speed: Some(1.5),
        hits: 0.95,
    },
    Work {
        name: "one flight of 100 by its key, 100,000 writes a minute to others",
        writes_a_minute: 100_000,
        plain: |conn, random| drop(one::plain(conn, flight(random))),
        on_type: |conn, random| drop(one::on_type(conn, flight(random))),
        write_plain: delay,
        write_on_type: delay,
        speed: Some(1.3),
        hits: 0.90,
    },
    Work {
        name: "posts of one author of 1,000, 10,000 writes a minute to them",
        writes_a_minute: 10_000,
        plain: |conn, random| drop(of_author::plain(conn, author(random))),
        on_type: |conn, random| drop(of_author::on_type(conn, author(random))),
        write_plain: retitle,
        write_on_type: retitle,
        speed: None,
        hits: 0.95,
    },
];

fn flight(random: usize) -> i32 {
    i32::try_from(random % FLIGHTS).unwrap_or_default() + 1
}

fn author(random: usize) -> i32 {
    i32::try_from(random % AUTHORS).unwrap_or_default() + 1
}

/// A flight that nobody reads.
fn delay<C>(conn: &mut C, number: i32)
where
    C: diesel::connection::LoadConnection<Backend = <Conn as Connection>::Backend>,
{
    diesel::update(flights::table.find(FIRST_WRITTEN + number % 1_000))
        .set(flights::arr_delay.eq(number))
        .execute(conn)
        .unwrap();
}

const FIRST_WRITTEN: i32 = 101;

/// The posts of the next author.
fn retitle<C>(conn: &mut C, number: i32)
where
    C: diesel::connection::LoadConnection<Backend = <Conn as Connection>::Backend>,
{
    let author = author(usize::try_from(number).unwrap_or_default());
    diesel::update(posts::table.filter(posts::author_id.eq(author)))
        .set(posts::title.eq(format!("Title {number}")))
        .execute(conn)
        .unwrap();
}

pub(super) fn beside_other_keys(bench: &Bench<'_>) -> Vec<Figure> {
    let figures = WORK.iter().flat_map(|work| of_work(bench, work));
    figures.collect()
}

fn of_work(bench: &Bench<'_>, work: &Work) -> Vec<Figure> {
    let length = bench.pace.limit / (2 * TURNS);
    let period = Duration::from_secs(60) / work.writes_a_minute;
    let cache = store::cache(&[&bench.memcached]);
    let on_type = || CachalotConnection::new(bench.world.connect(), &cache).unwrap();
    let mut plain = Side::new(|| bench.world.connect(), work.plain, work.write_plain);
    let mut cached = Side::new(on_type, work.on_type, work.write_on_type);
    (0..AUTHORS).for_each(|n| (work.on_type)(&mut cached.readers[0], n));
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        let plain = plain.turn(length, period);
        let before = hits_and_reads(&cache);
        let cached = cached.turn(length, period);
        let after = hits_and_reads(&cache);
        turns.push(Turn {
            speed: cached.0 / plain.0,
            hits: (after.0 - before.0) / (after.1 - before.1),
            writes: cached.1,
        });
    }
    let hits = format!("hits ÷ reads, {} (at least)", work.name);
    let writes = format!("writes a minute, {} (at least)", work.name);
    let rate = f64::from(work.writes_a_minute) * 0.95;
    let mut figures = vec![
        Figure::at_least(hits, spread(turns.iter().map(|turn| turn.hits)), work.hits),
        Figure::at_least(writes, spread(turns.iter().map(|turn| turn.writes)), rate),
    ];
    if let Some(target) = work.speed {
        let speed = format!("reads ÷ plain Diesel's, {} (at least)", work.name);
        let speeds = spread(turns.iter().map(|turn| turn.speed));
        figures.push(Figure::at_least(speed, speeds, target));
    }
    figures
}

struct Turn {
    /// ÷ plain Diesel's.
    speed: f64,
    /// A share of the reads.
    hits: f64,
    /// A minute.
    writes: f64,
}

#[allow(clippy::cast_precision_loss, reason = "a share")]
fn hits_and_reads(cache: &Cachalot) -> (f64, f64) {
    let stats = cache.stats();
    let reads = stats.hits + stats.misses + stats.bypasses.values().sum::<u64>();
    (stats.hits as f64, reads as f64)
}

/// The readers and the writer of one kind.
struct Side<C> {
    readers: Vec<C>,
    writer: C,
    read: fn(&mut C, usize),
    write: fn(&mut C, i32),
    writes: i32,
}

impl<C: Send> Side<C> {
    fn new(connect: impl Fn() -> C, read: fn(&mut C, usize), write: fn(&mut C, i32)) -> Self {
        Self {
            readers: (0..READERS).map(|_| connect()).collect(),
            writer: connect(),
            read,
            write,
            writes: 0,
        }
    }

    /// Reads a second and writes a minute.
    #[allow(clippy::cast_precision_loss, reason = "rates")]
    fn turn(&mut self, length: Duration, period: Duration) -> (f64, f64) {
        let start = Instant::now();
        let first = self.writes;
        let reads = load(&mut self.readers, length, self.read, |end| {
            let mut next = start;
            while next < end {
                sleep_until(next);
                self.writes += 1;
                (self.write)(&mut self.writer, self.writes);
                next += period;
            }
            sleep_until(end);
        });
        let took = start.elapsed().as_secs_f64();
        let writes = f64::from(self.writes - first) / took * 60.0;
        (reads as f64 / took, writes)
    }
}

/// The median of the turns, and their range.
fn spread(turns: impl Iterator<Item = f64>) -> Spread {
    let mut turns: Vec<f64> = turns.collect();
    turns.sort_by(f64::total_cmp);
    Spread {
        median: turns[turns.len() / 2],
        low: turns[0],
        high: turns[turns.len() - 1],
    }
}
