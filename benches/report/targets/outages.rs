use cachalot_benches::Figure;
use cachalot_diesel::Cachalot;

use super::{
    super::{flights::one, store},
    Bench,
};

/// What a read costs more than a plain one while the store is down, and while it is frozen.
pub(super) fn added_latency(bench: &Bench<'_>) -> Vec<Figure> {
    let (dead, frozen) = (store::memcached(), store::memcached());
    let watched = |url| {
        let cache = Cachalot::builder().url(url).build().unwrap();
        bench.world.watched_by(&cache)
    };
    let (mut down, mut stuck) = (watched(dead.url()), watched(frozen.url()));
    let mut plain = bench.world.connect();
    one::cached(&mut down, 1);
    one::cached(&mut stuck, 1);
    dead.stop();
    frozen.freeze();
    // The first failure.
    one::cached(&mut down, 1);
    one::cached(&mut stuck, 1);
    let results = bench
        .pace
        .slower(4)
        .rounds()
        .subject("plain Diesel, 1 row, beside an outage", || {
            one::plain(&mut plain, 1)
        })
        .subject("cached read, store down", || one::cached(&mut down, 1))
        .subject("cached read, store frozen", || one::cached(&mut stuck, 1))
        .run();
    eprint!("{results}");
    let added = |subject| results[subject].minus(&results["plain Diesel, 1 row, beside an outage"]);
    vec![
        Figure::at_most(
            "added latency of a read while the store is down, µs",
            added("cached read, store down"),
            50.0,
        ),
        Figure::at_most(
            "added latency of a read while the store is frozen, µs",
            added("cached read, store frozen"),
            50.0,
        ),
    ]
}
