//! Lists beside a counter of the same table.

use std::time::{Duration, Instant};

use cachalot_benches::{Figure, Spread};
use cachalot_diesel::Cachalot;
use diesel::prelude::*;

use super::{
    super::{
        load::{load, sleep_until},
        postgres::{
            Conn,
            posts::{of_1_table, titles},
            schema::posts,
        },
        store,
    },
    Bench,
};

const INCREMENTS_A_MINUTE: u32 = 10_000;
const READERS: usize = 4;
/// Of 10, 20, … posts.
const LISTS: usize = 20;
const TURNS: u32 = 5;

/// The share of hits while the votes of the posts are counted.
pub(super) fn hits(bench: &Bench<'_>) -> Vec<Figure> {
    let length = bench.pace.limit / (2 * TURNS);
    let without = shares(bench, length, |conn, rows| drop(titles::cached(conn, rows)));
    let with = shares(bench, length, |conn, rows| {
        drop(of_1_table::cached(conn, rows, 1));
    });
    let increments: Vec<f64> = without.iter().chain(&with).map(|turn| turn.rate).collect();
    vec![
        Figure::at_least(
            "hits ÷ reads, lists that do not show a counter (at least)",
            spread(without.iter().map(|turn| turn.hits).collect()),
            0.99,
        ),
        Figure::without_target(
            "hits ÷ reads, lists that show the counter",
            spread(with.iter().map(|turn| turn.hits).collect()),
        ),
        Figure::at_least(
            "increments of the counter a minute (at least)",
            spread(increments),
            f64::from(INCREMENTS_A_MINUTE) * 0.95,
        ),
    ]
}

struct Turn {
    /// A share of the reads.
    hits: f64,
    /// Increments a minute.
    rate: f64,
}

/// After one read of each list.
fn shares(bench: &Bench<'_>, length: Duration, read: fn(&mut Conn, i32)) -> Vec<Turn> {
    let cache = store::cache(&[&bench.memcached]);
    let mut writer = bench.world.watched_by(&cache);
    let connect = |_| bench.world.watched_by(&cache);
    let mut readers: Vec<Conn> = (0..READERS).map(connect).collect();
    for conn in &mut readers {
        (0..LISTS).for_each(|list| read(conn, rows(list)));
    }
    let turn = |_| one_turn(&cache, &mut readers, &mut writer, length, read);
    (0..TURNS).map(turn).collect()
}

#[allow(clippy::cast_precision_loss, reason = "shares and rates")]
fn one_turn(
    cache: &Cachalot,
    readers: &mut [Conn],
    writer: &mut Conn,
    length: Duration,
    read: fn(&mut Conn, i32),
) -> Turn {
    let period = Duration::from_secs(60) / INCREMENTS_A_MINUTE;
    let before = cache.stats().hits;
    let start = Instant::now();
    let mut increments = 0;
    let read_list = |conn: &mut Conn, random| read(conn, rows(random));
    let reads = load(readers, length, read_list, |end| {
        let mut next = start;
        while next < end {
            sleep_until(next);
            increment(writer);
            increments += 1;
            next += period;
        }
        sleep_until(end);
    });
    Turn {
        hits: (cache.stats().hits - before) as f64 / reads as f64,
        rate: f64::from(increments) / start.elapsed().as_secs_f64() * 60.0,
    }
}

fn rows(list: usize) -> i32 {
    (i32::try_from(list % LISTS).unwrap_or_default() + 1) * 10
}

/// A post that is in every list.
fn increment(conn: &mut Conn) {
    diesel::update(posts::table.find(1))
        .set(posts::votes.eq(posts::votes + 1))
        .execute(conn)
        .unwrap();
}

/// The median of the turns, and their range.
fn spread(mut turns: Vec<f64>) -> Spread {
    turns.sort_by(f64::total_cmp);
    Spread {
        median: turns[turns.len() / 2],
        low: turns[0],
        high: turns[turns.len() - 1],
    }
}
