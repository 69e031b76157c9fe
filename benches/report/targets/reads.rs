use cachalot_benches::{Figure, RawSocket, Recorder};
use cachalot_diesel::{Cachalot, Command, MemoryStore, Store as _};
use cachalot_tests::unique;
use diesel::PgConnection;

use super::{
    super::{
        baselines::{by_hand, put_by_hand},
        flights::{self, by_airline, one, one_anew, several},
        store,
    },
    Bench,
};

/// Runs in a round of what is too short for the clock.
const RUNS: u32 = 50;

/// A raw multi-get of the very items that a hit of `read` looks at.
pub(super) fn raw_get(bench: &Bench<'_>, read: impl Fn(&mut PgConnection)) -> (RawSocket, Vec<u8>) {
    let recorder = Recorder::of(store::connect(&bench.memcached));
    let cache = Cachalot::builder()
        .store(recorder.clone())
        .namespace(unique::name("raw"))
        .build()
        .unwrap();
    let mut conn = bench.world.watched_by(&cache);
    read(&mut conn);
    read(&mut conn);
    assert_eq!(cache.stats().hits, 1, "the second read is a hit");
    let command = format!("get {}\r\n", recorder.keys().join(" "));
    (
        RawSocket::connect(bench.memcached.address()),
        command.into_bytes(),
    )
}

pub(super) fn hits(bench: &Bench<'_>) -> Vec<Figure> {
    let cache = store::cache(&[&bench.memcached]);
    let conn = || bench.world.watched_by(&cache);
    let (mut hit_one, mut hit_hundred) = (conn(), conn());
    let (mut plain_one, mut plain_hundred) = (bench.world.connect(), bench.world.connect());
    let (mut raw_one, get_one) = raw_get(bench, |conn| drop(one::cached(conn, 1)));
    let (mut raw_hundred, get_hundred) = raw_get(bench, |conn| drop(several::cached(conn, 100)));
    let client = memcache::Client::connect(bench.memcached.url()).unwrap();
    let ascii = memcache::Client::connect(bench.memcached.url() + "?protocol=ascii").unwrap();
    put_by_hand(&client, "by-hand", &one::plain(&mut plain_one, 1));

    let results = bench
        .pace
        .rounds()
        .subject("raw multi-get, 1 row", || raw_one.get(&get_one))
        .subject("hit, 1 row", || one::cached(&mut hit_one, 1))
        .subject("cache-aside by hand, 1 row", || by_hand(&client, "by-hand"))
        .subject("the same, client in ASCII mode", || {
            by_hand(&ascii, "by-hand")
        })
        .subject("plain Diesel, 1 row", || one::plain(&mut plain_one, 1))
        .subject("raw multi-get, 100 rows", || raw_hundred.get(&get_hundred))
        .subject("hit, 100 rows", || several::cached(&mut hit_hundred, 100))
        .subject("plain Diesel, 100 rows", || {
            several::plain(&mut plain_hundred, 100)
        })
        .run();
    eprint!("{results}");
    let hit = &results["hit, 1 row"];
    vec![
        Figure::at_most(
            "hit, 1 row ÷ raw multi-get of the same keys and bytes",
            hit.ratio_to(&results["raw multi-get, 1 row"]),
            2.0,
        ),
        Figure::at_most(
            "hit, 100 rows × 5 columns ÷ raw multi-get of the same keys and bytes",
            results["hit, 100 rows"].ratio_to(&results["raw multi-get, 100 rows"]),
            3.0,
        ),
        Figure::at_most(
            "hit, 1 row ÷ cache-aside by hand",
            hit.ratio_to(&results["cache-aside by hand, 1 row"]),
            0.5,
        ),
        Figure::without_target(
            "hit, 1 row ÷ cache-aside by hand, client in ASCII mode",
            hit.ratio_to(&results["the same, client in ASCII mode"]),
        ),
    ]
}

pub(super) fn miss(bench: &Bench<'_>) -> Figure {
    let cache = store::cache(&[&bench.memcached]);
    let (mut plain, mut cached) = (bench.world.connect(), bench.world.watched_by(&cache));
    let (mut raw, get) = raw_get(bench, |conn| drop(one::cached(conn, 1)));
    let stored = vec![b'x'; raw.get(&get) / 2];
    let (mut ours, mut theirs) = (0, 0);
    let results = bench
        .pace
        .slower(4)
        .rounds()
        .subject("plain Diesel and two raw round trips", || {
            theirs += 1;
            one_anew::plain(&mut plain, theirs);
            raw.get(&get);
            raw.set("stored-by-hand", &stored);
        })
        .subject("miss, 1 row", || {
            ours += 1;
            one_anew::cached(&mut cached, ours);
        })
        .run();
    eprint!("{results}");
    assert_eq!(cache.stats().hits, 0, "every read is a miss");
    Figure::at_most(
        "miss ÷ (plain + two raw round trips)",
        results["miss, 1 row"].ratio_to(&results["plain Diesel and two raw round trips"]),
        1.3,
    )
}

/// What is left of a hit when the store answers from memory and its part is taken off.
pub(super) fn processor_time(bench: &Bench<'_>) -> Figure {
    let recorder = Recorder::of(MemoryStore::new(1 << 24));
    let cache = Cachalot::builder().store(recorder.clone()).build().unwrap();
    let mut conn = bench.world.watched_by(&cache);
    for _ in 0..2 {
        one::cached(&mut conn, 1);
    }
    let keys = recorder.keys();
    let gets: Vec<_> = keys.iter().map(|key| Command::Get { key }).collect();
    recorder.replay();
    let results = bench
        .pace
        .slower(4)
        .rounds()
        .many("hit, 1 row, answers at hand", RUNS, || {
            one::cached(&mut conn, 1)
        })
        .many("the answers alone", RUNS, || recorder.run(&gets))
        .run();
    eprint!("{results}");
    Figure::at_most(
        "processor time of a hit outside the store, row decoding included, µs",
        results["hit, 1 row, answers at hand"].minus(&results["the answers alone"]),
        3.0,
    )
}

pub(super) fn heavy(bench: &Bench<'_>) -> Figure {
    let cache = store::cache(&[&bench.memcached]);
    let (mut plain, mut cached) = (bench.world.connect(), bench.world.watched_by(&cache));
    let rows = by_airline::plain(&mut plain, 1);
    assert_eq!(rows, by_airline::cached(&mut cached, 1));
    let counted: i64 = rows.iter().map(|(_, flights, _)| flights).sum();
    assert!(
        counted > i64::from(flights::COUNT) * 9 / 10,
        "it reads them all"
    );
    let results = bench
        .pace
        .slower(100)
        .rounds()
        .subject("aggregate over 336,776 flights", || {
            by_airline::plain(&mut plain, 1)
        })
        .many("hit of the aggregate", 10, || {
            by_airline::cached(&mut cached, 1)
        })
        .run();
    eprint!("{results}");
    Figure::at_least(
        format!("aggregate over {} flights ÷ hit (at least)", flights::COUNT),
        results["aggregate over 336,776 flights"].ratio_to(&results["hit of the aggregate"]),
        300.0,
    )
}
