use cachalot_benches::Figure;

use super::{
    super::{
        flights::{self, one},
        store,
    },
    Bench,
    reads::raw_get,
};

pub(super) fn update(bench: &Bench<'_>) -> Figure {
    let cache = store::cache(&[&bench.memcached]);
    let (mut plain, mut cached) = (bench.world.connect(), bench.world.watched_by(&cache));
    let (mut raw, get) = raw_get(bench, |conn| drop(one::cached(conn, 1)));
    let (mut ours, mut theirs) = (0, 0);
    let results = bench
        .pace
        .slower(4)
        .rounds()
        .subject("plain UPDATE and three raw round trips", || {
            theirs += 1;
            flights::update(&mut plain, 1, theirs);
            for _ in 0..3 {
                raw.get(&get);
            }
        })
        .subject("UPDATE that invalidates", || {
            ours += 1;
            flights::update(&mut cached, 2, ours);
        })
        .run();
    eprint!("{results}");
    assert!(cache.stats().invalidations > 0, "each invalidates");
    Figure::at_most(
        "one-row UPDATE in a transaction ÷ (plain + three raw round trips)",
        results["UPDATE that invalidates"]
            .ratio_to(&results["plain UPDATE and three raw round trips"]),
        1.3,
    )
}
