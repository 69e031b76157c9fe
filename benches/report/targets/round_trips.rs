use cachalot_benches::{Figure, Spread};
use cachalot_diesel::Cachalot;
use cachalot_tests::proxy::Proxy;

use super::{
    super::{postgres::posts::of_5_tables, store::STORE_TIMEOUT},
    Bench,
};

/// Counted between the library and memcached, not in the library.
pub(super) fn of_a_hit(bench: &Bench<'_>) -> Figure {
    const HITS: u32 = 100;
    let proxy = Proxy::to(bench.memcached.address());
    let cache = Cachalot::builder()
        .url(format!("memcache://{}", proxy.address()))
        .store_timeout(STORE_TIMEOUT)
        .build()
        .unwrap();
    let mut conn = bench.world.watched_by(&cache);
    of_5_tables::cached(&mut conn, 10, 1);
    let before = proxy.round_trips();
    for _ in 0..HITS {
        of_5_tables::cached(&mut conn, 10, 1);
    }
    assert_eq!(cache.stats().hits, u64::from(HITS), "each is a hit");
    let each = f64::from(proxy.round_trips() - before) / f64::from(HITS);
    Figure::at_most(
        "round trips of a hit, 5-table join",
        Spread {
            median: each,
            low: each,
            high: each,
        },
        1.0,
    )
}
