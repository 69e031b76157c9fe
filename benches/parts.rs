//! What the parts of a hit and of a write take, one at a time, for whoever changes them.
//!
//! `cargo bench -p cachalot-benches --bench parts -- hit` measures those of that name, and compares
//! them with the last time; with `--profile-time 10` they run under a profiler.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark stops on any error, and `criterion_group!` makes an undocumented function"
)]

use std::hint::black_box;

use cachalot_benches::Recorder;
use cachalot_diesel::{
    Cachalot, Command, MemcachedStore, MemoryStore, Store, prelude::CachedDsl as _,
};
use cachalot_sql::{Analysis, Dialect, Memo};
use cachalot_tests::{memcached, postgres, schema::postgres::flights};
use criterion::{BenchmarkId, Criterion, criterion_group};
use diesel::prelude::*;

type Flight = (i32, String, String, i32, Option<i32>);

const SHORT: &str =
    r#"SELECT "flights"."id", "flights"."carrier" FROM "flights" WHERE ("flights"."id" = $1)"#;
const LONG: &str = r#"SELECT "posts"."id", "posts"."title", "authors"."name" FROM (((("posts" INNER JOIN "authors" ON ("posts"."author_id" = "authors"."id")) INNER JOIN "comments" ON ("comments"."post_id" = "posts"."id")) INNER JOIN "posts_tags" ON ("posts_tags"."post_id" = "posts"."id")) INNER JOIN "tags" ON ("posts_tags"."tag_id" = "tags"."id")) WHERE (("posts"."id" <= $1) AND ("posts"."votes" != $2)) ORDER BY "posts"."id" LIMIT $3"#;

/// What a text reads: worked out, and remembered.
fn analysis(c: &mut Criterion) {
    let mut group = c.benchmark_group("analysis");
    let memo = Memo::new(1 << 20);
    for (name, sql) in [("1 table", SHORT), ("5 tables", LONG)] {
        group.bench_function(BenchmarkId::new("anew", name), |b| {
            b.iter(|| Analysis::of(black_box(sql), Dialect::Postgres));
        });
        group.bench_function(BenchmarkId::new("remembered", name), |b| {
            b.iter(|| memo.get(black_box(sql), Dialect::Postgres));
        });
    }
    group.finish();
}

/// A whole hit, with the store's answers at hand: with no rows it is the key, the plan and the
/// bookkeeping; every row adds its share of the entry's checksum and of decoding.
fn hit(c: &mut Criterion) {
    let database = postgres::database();
    cachalot_tests::flights::load(&mut postgres::establish(database.url()));
    let mut group = c.benchmark_group("hit");
    for rows in [0, 1, 100] {
        let recorder = Recorder::of(MemoryStore::new(1 << 24));
        let cache = Cachalot::builder().store(recorder.clone()).build().unwrap();
        let mut conn = postgres::establish(database.url());
        cache.watch(&mut conn).unwrap();
        let mut read = || -> Vec<Flight> {
            flights::table
                .filter(flights::id.le(rows))
                .select((
                    flights::id,
                    flights::carrier,
                    flights::origin,
                    flights::distance,
                    flights::arr_delay,
                ))
                .cached(&mut conn)
                .load()
                .unwrap()
        };
        read();
        assert_eq!(i32::try_from(read().len()), Ok(rows));
        recorder.replay();
        group.bench_function(format!("{rows} rows"), |b| b.iter(&mut read));
    }
    group.finish();
}

/// An invalidation of a table: what `begin` and `end` of a write do.
fn write(c: &mut Criterion) {
    let server = memcached::start(&["-t", "1"]);
    let stores = [
        ("this process", "memory://".to_owned()),
        ("memcached", server.url()),
    ];
    let mut group = c.benchmark_group("write");
    for (store, url) in stores {
        let cache = Cachalot::builder().url(url).build().unwrap();
        for tables in [&["flights"][..], &["a", "b", "c", "d", "e"]] {
            group.bench_function(BenchmarkId::new(store, tables.len()), |b| {
                b.iter(|| cache.invalidate(tables).unwrap());
            });
        }
    }
    group.finish();
}

/// What a hit asks of a store: an entry of a kilobyte and two records.
fn store(c: &mut Criterion) {
    let server = memcached::start(&["-t", "1"]);
    let address = server.address().to_string();
    let memcached = MemcachedStore::connect(&[address], std::time::Duration::from_secs(5)).unwrap();
    let memory = MemoryStore::new(1 << 24);
    let keys = ["a", "b", "c"].map(|letter| letter.repeat(64));
    let values = [1_000, 240, 240].map(|bytes| vec![b'x'; bytes]);
    let gets = keys.each_ref().map(|key| Command::Get { key });
    let mut group = c.benchmark_group("store");
    let stores: [(&str, &dyn Store); 2] = [("this process", &memory), ("memcached", &memcached)];
    for (name, store) in stores {
        for (key, value) in keys.iter().zip(&values) {
            let ttl = None;
            store.run(&[Command::Set { key, value, ttl }]);
        }
        group.bench_function(name, |b| b.iter(|| store.run(&gets)));
    }
    group.finish();
}

criterion_group!(parts, analysis, hit, write, store);

fn main() {
    // `cargo bench -- --quick` is for the report, which has the figures that have a target.
    if std::env::args().any(|argument| argument == "--quick") {
        return;
    }
    parts();
    Criterion::default().configure_from_args().final_summary();
}
