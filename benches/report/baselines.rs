//! The same rows from Diesel, from this library, and from what people use or write instead.

use std::time::Duration;

use cachalot_benches::Results;
use cachalot_diesel::{Builder, Cachalot};
use cached::{Cached as _, LruCache};
use parking_lot::Mutex;

use super::{
    flights::{Flight, several},
    pace::Pace,
    postgres::world::World,
    results::Baseline,
    store,
};

const PLAIN: &str = "plain Diesel";
const MEMCACHED: &str = "cachalot, memcached";
const NEAR: &str = "cachalot, memcached, kept here too";
const STALE: &str = "the same, may be 1 s stale";
const IN_PROCESS: &str = "cachalot, in this process only";
const BY_HAND: &str = "by hand: `memcache::Client`, serde_json";
const BY_HAND_ASCII: &str = "the same, client in ASCII mode";
const CACHED: &str = "`cached`, in this process only";

/// Room for all that is read here.
const NEAR_BYTES: usize = 16 << 20;

pub(crate) const ROWS: [i32; 3] = [1, 100, 1_000];

/// Asks `key` of memcached, as people write it by hand.
pub(crate) fn by_hand(client: &memcache::Client, key: &str) -> Vec<Flight> {
    let text: String = client.get(key).unwrap().unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn put_by_hand(client: &memcache::Client, key: &str, rows: &[Flight]) {
    let text = serde_json::to_string(rows).unwrap();
    client.set(key, text.as_str(), 0).unwrap();
}

pub(crate) fn measure(world: &World, pace: Pace) -> Vec<Baseline> {
    let results = ROWS.map(|rows| times(world, pace, rows));
    [
        PLAIN,
        MEMCACHED,
        NEAR,
        STALE,
        IN_PROCESS,
        BY_HAND,
        BY_HAND_ASCII,
        CACHED,
    ]
    .map(|name| Baseline {
        name: name.to_owned(),
        times: results.iter().map(|it| it[name].spread()).collect(),
    })
    .into()
}

fn times(world: &World, pace: Pace, rows: i32) -> Results {
    let memcached = store::memcached();
    let builder = || store::builder(&[&memcached]);
    let connect = |builder: Builder| world.watched_by(&builder.build().unwrap());
    let mut asking = world.connect();
    let mut hitting = connect(builder());
    let mut near = connect(builder().near_cache_bytes(NEAR_BYTES));
    let mut stale = connect(
        builder()
            .near_cache_bytes(NEAR_BYTES)
            .max_staleness(Duration::from_secs(1)),
    );
    let mut in_process = connect(Cachalot::builder().url("memory://"));
    let client = memcache::Client::connect(memcached.url()).unwrap();
    let ascii = memcache::Client::connect(memcached.url() + "?protocol=ascii").unwrap();
    let expected = several::plain(&mut asking, rows);
    put_by_hand(&client, "by-hand", &expected);
    // What the crate's `#[cached]` writes for a function.
    let memo = Mutex::new(LruCache::builder().max_size(1_000).build().unwrap());
    memo.lock().cache_set(rows, expected);

    let results = pace
        .rounds()
        .subject(PLAIN, || several::plain(&mut asking, rows))
        .subject(MEMCACHED, || several::cached(&mut hitting, rows))
        .subject(NEAR, || several::cached(&mut near, rows))
        .subject(STALE, || several::cached(&mut stale, rows))
        .subject(IN_PROCESS, || several::cached(&mut in_process, rows))
        .subject(BY_HAND, || by_hand(&client, "by-hand"))
        .subject(BY_HAND_ASCII, || by_hand(&ascii, "by-hand"))
        .subject(CACHED, || memo.lock().cache_get(&rows).cloned())
        .run();
    eprint!("{rows} rows\n{results}");
    results
}
