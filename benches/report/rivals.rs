//! The same rows from Diesel, from this library, and from what people use or write instead.

use std::sync::Mutex;

use cachalot_diesel::Cachalot;
use cached::{Cached as _, LruCache};

use super::{
    flights::{Flight, hundred, one},
    pace::Pace,
    postgres::{Conn, world::World},
    results::Rival,
    store,
};

const PLAIN: &str = "plain Diesel";
const MEMCACHED: &str = "cachalot, memcached";
const IN_PROCESS: &str = "cachalot, in this process";
const BY_HAND: &str = "cache-aside by hand: `memcache::Client`, serde_json";
const BY_HAND_ASCII: &str = "the same, client in ASCII mode";
const CACHED: &str = "`cached`, in this process";

/// Asks `key` of memcached, as people write it by hand.
pub(crate) fn by_hand(client: &memcache::Client, key: &str) -> Vec<Flight> {
    let text: String = client.get(key).unwrap().unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn put_by_hand(client: &memcache::Client, key: &str, rows: &[Flight]) {
    let text = serde_json::to_string(rows).unwrap();
    client.set(key, text.as_str(), 0).unwrap();
}

pub(crate) fn measure(world: &World, pace: Pace) -> Vec<Rival> {
    let results = [
        times(
            world,
            pace,
            "1 row",
            |conn| one::plain(conn, 1),
            |conn| one::cached(conn, 1),
        ),
        times(world, pace, "100 rows", hundred::plain, hundred::cached),
    ];
    let [one_row, hundred_rows] = &results;
    [PLAIN, MEMCACHED, IN_PROCESS, BY_HAND, BY_HAND_ASCII, CACHED]
        .map(|name| Rival {
            name: name.to_owned(),
            one_row: one_row[name].spread(),
            hundred_rows: hundred_rows[name].spread(),
        })
        .into()
}

fn times(
    world: &World,
    pace: Pace,
    key: &str,
    plain: fn(&mut Conn) -> Vec<Flight>,
    cached: fn(&mut Conn) -> Vec<Flight>,
) -> cachalot_benches::Results {
    let memcached = store::memcached();
    let ours = store::cache(&[&memcached]);
    let in_process = Cachalot::builder().url("memory://").build().unwrap();
    let (mut asking, mut hitting, mut near) = (
        world.connect(),
        world.watched_by(&ours),
        world.watched_by(&in_process),
    );
    let client = memcache::Client::connect(memcached.url()).unwrap();
    let ascii = memcache::Client::connect(memcached.url() + "?protocol=ascii").unwrap();
    let rows = plain(&mut asking);
    put_by_hand(&client, "by-hand", &rows);
    // What the crate's `#[cached]` writes for a function.
    let memo = Mutex::new(LruCache::builder().max_size(1_000).build().unwrap());
    memo.lock().unwrap().cache_set(key.to_owned(), rows);

    let results = pace
        .turns()
        .subject(PLAIN, || plain(&mut asking))
        .subject(MEMCACHED, || cached(&mut hitting))
        .subject(IN_PROCESS, || cached(&mut near))
        .subject(BY_HAND, || by_hand(&client, "by-hand"))
        .subject(BY_HAND_ASCII, || by_hand(&ascii, "by-hand"))
        .subject(CACHED, || memo.lock().unwrap().cache_get(key).cloned())
        .run();
    eprint!("{key}\n{results}");
    results
}
