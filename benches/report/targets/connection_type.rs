use cachalot_benches::Figure;
use cachalot_diesel::CachalotConnection;

use super::{
    super::{
        flights::{one, one_uncacheable, several},
        store,
    },
    Bench,
};

/// What `CachalotConnection` costs beside `.cached()`, and beside plain Diesel where it does not cache.
pub(super) fn overhead(bench: &Bench<'_>) -> Vec<Figure> {
    let cache = store::cache(&[&bench.memcached]);
    let watched = || bench.world.watched_by(&cache);
    let wrapped = || CachalotConnection::new(bench.world.connect(), &cache).unwrap();
    let (mut cached_one, mut cached_hundred) = (watched(), watched());
    let (mut type_one, mut type_hundred) = (wrapped(), wrapped());
    let (mut plain, mut uncached) = (bench.world.connect(), wrapped());
    let results = bench
        .pace
        .rounds()
        .subject("hit with .cached(), 1 row", || {
            one::cached(&mut cached_one, 1)
        })
        .subject("hit on CachalotConnection, 1 row", || {
            one::on_type(&mut type_one, 1)
        })
        .subject("hit with .cached(), 100 rows", || {
            several::cached(&mut cached_hundred, 100)
        })
        .subject("hit on CachalotConnection, 100 rows", || {
            several::on_type(&mut type_hundred, 100)
        })
        .subject("plain Diesel, not cacheable", || {
            one_uncacheable::plain(&mut plain, 1)
        })
        .subject("CachalotConnection, not cacheable", || {
            one_uncacheable::on_type(&mut uncached, 1)
        })
        .run();
    eprint!("{results}");
    assert!(cache.stats().bypasses["volatile_function"] > 0);
    vec![
        Figure::at_most(
            "hit on CachalotConnection ÷ with .cached(), 1 row",
            results["hit on CachalotConnection, 1 row"]
                .ratio_to(&results["hit with .cached(), 1 row"]),
            1.02,
        ),
        Figure::at_most(
            "hit on CachalotConnection ÷ with .cached(), 100 rows",
            results["hit on CachalotConnection, 100 rows"]
                .ratio_to(&results["hit with .cached(), 100 rows"]),
            1.02,
        ),
        Figure::at_most(
            "a read that is not cacheable on CachalotConnection ÷ plain Diesel",
            results["CachalotConnection, not cacheable"]
                .ratio_to(&results["plain Diesel, not cacheable"]),
            1.05,
        ),
    ]
}
