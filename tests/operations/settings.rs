//! Settings, as far as a database and a store have to do with them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachalot_diesel::{Builder, BypassReason, Cacheable, CachedDsl as _, Outcome};
use cachalot_tests::memcached;
use diesel::{prelude::*, sql_query, sql_types::Integer};

use super::Conn;
use super::blog;
use super::dialect::RANDOM;
use super::schema::*;
use super::world::{World, assert_cached, assert_not_cached};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn s03_an_excluded_table_anywhere_in_a_query_makes_it_uncached() {
    let settings: [fn(Builder) -> Builder; 2] = [
        |builder| builder.uncacheable_tables(["public.Authors", "comments"]),
        |builder| builder.only_tables(["posts"]),
    ];
    for setting in settings {
        let mut world = World::with(memcached::shared().url(), setting);
        blog::fill(&mut world.conn);
        let joined = || posts::table.inner_join(authors::table).select(posts::id);
        let written = || {
            let written = authors::table.select(authors::id);
            posts::table
                .filter(posts::author_id.eq_any(written))
                .select(posts::id)
        };
        assert_not_cached!(world, i32, joined(), BypassReason::ExcludedTable(_));
        assert_not_cached!(world, i32, written(), BypassReason::ExcludedTable(_));
        let alone = || posts::table.select(posts::id);
        assert_eq!(assert_cached!(world, i32, alone()).len(), 4);
    }
}

fn seconds_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// memcached reads a time to live above thirty days as a date, which would be one long past.
#[test]
fn s04_the_store_is_told_the_time_to_live_that_was_set() {
    let hour = DAY / 24;
    for (of_cache, of_query, expected) in [
        (hour, None, Some(hour)),
        (30 * DAY, None, Some(30 * DAY)),
        (40 * DAY, None, Some(40 * DAY)),
        (Duration::ZERO, None, None),
        (hour, Some(40 * DAY), Some(40 * DAY)),
        (40 * DAY, Some(hour), Some(hour)),
        (hour, Some(Duration::ZERO), None),
        (Duration::ZERO, Some(hour), Some(hour)),
    ] {
        let mut world = World::with(memcached::shared().url(), |builder| builder.ttl(of_cache));
        let query = |conn: &mut Conn, explain: bool| {
            let query = tags::table.select(tags::id).cached(conn);
            let query = match of_query {
                Some(ttl) => query.ttl(ttl),
                None => query,
            };
            if explain {
                return query.explain().unwrap().key;
            }
            query.load::<i32>().unwrap();
            None
        };
        query(&mut world.conn, false);
        assert_eq!(
            world.sent(|conn| query(conn, false)).1,
            0,
            "{of_cache:?} {of_query:?}"
        );
        let key = query(&mut world.conn, true).unwrap();
        let mut wire = memcached::shared().wire();
        let server = i64::try_from(wire.statistic("time")).unwrap();
        let left = wire.seconds_left(&key).expect("the entry");
        // memcached's clock ticks each second, and later on a busy machine.
        let late = (seconds_now() - server).max(0);
        match expected {
            None => assert_eq!(left, -1, "for ever"),
            Some(ttl) => {
                let ttl = i64::try_from(ttl.as_secs()).unwrap();
                let most = ttl + late + 1;
                assert!((ttl - 300..=most).contains(&left), "{left} of {ttl}");
            }
        }
    }
}

/// Tables that nobody reads, as a model's settings hold for the whole process.
#[derive(Cacheable)]
#[cachalot(table = "Brief", ttl = "5m")]
struct Brief;

#[derive(Cacheable)]
#[cachalot(table = "restless", uncacheable)]
struct Restless;

#[test]
fn s04_a_table_that_a_query_names_besides_brings_its_models_time_to_live() {
    let mut world = World::new();
    let brief = Duration::from_secs(300);
    for (by_name, of_query, expected) in [
        (true, None, brief),
        (false, None, brief),
        (true, Some(DAY / 2), DAY / 2),
    ] {
        let query = |conn: &mut Conn, explain: bool| {
            let query = tags::table.select(tags::label).cached(conn);
            let query = match by_name {
                true => query.depends_on_tables(["brief"]),
                false => query.depends_on::<Brief>(),
            };
            let query = match of_query {
                Some(ttl) => query.ttl(ttl),
                None => query,
            };
            if explain {
                return query.explain().unwrap().key;
            }
            query.load::<String>().unwrap();
            None
        };
        world.cache.invalidate(["tags"]).unwrap();
        query(&mut world.conn, false);
        let key = query(&mut world.conn, true).unwrap();
        let left = memcached::shared().wire().seconds_left(&key);
        let left = u64::try_from(left.expect("the entry")).unwrap();
        let expected = expected.as_secs();
        assert!((expected - 100..=expected + 1).contains(&left), "{left}");
    }
}

#[test]
fn s03_a_table_that_a_query_names_besides_may_be_uncacheable() {
    let mut world = World::new();
    let query = |conn: &mut Conn| {
        let query = tags::table.select(tags::label).cached(conn);
        query
            .depends_on_tables(["Restless"])
            .load::<String>()
            .unwrap()
    };
    assert_eq!(world.sent(query).1, 1);
    assert_eq!(world.sent(query).1, 1);
    let query = tags::table.cached(&mut world.conn);
    let explained = query.depends_on::<Restless>().explain().unwrap();
    let excluded = BypassReason::ExcludedTable("restless".to_owned());
    assert_eq!(explained.outcome, Outcome::Bypass(excluded));
}

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[test]
fn s05_random_order_is_cached_when_it_is_asked_for() {
    let mut world = World::with(memcached::shared().url(), |builder| {
        builder.cache_random(true)
    });
    blog::fill(&mut world.conn);
    for sql in [
        format!("SELECT id FROM posts ORDER BY {RANDOM}"),
        format!(
            "SELECT id FROM posts WHERE id IN (SELECT x.id FROM (SELECT id FROM posts ORDER BY {RANDOM} LIMIT 2) AS x)"
        ),
    ] {
        let read = |conn: &mut Conn| -> Vec<Id> { sql_query(&sql).cached(conn).load().unwrap() };
        let first = world.once(read);
        assert!(first.len() >= 2, "{sql}");
        for _ in 0..9 {
            assert_eq!(
                world.sent(read),
                (read(&mut world.conn), 0),
                "the same order each time"
            );
        }
        sql_query("DELETE FROM posts WHERE id < 0")
            .execute(&mut world.conn)
            .unwrap();
        let (again, sent) = world.sent(read);
        assert_eq!((again.len(), sent), (first.len(), 1), "until a write");
    }
    // A random value is no order.
    let value = || sql_query(format!("SELECT id FROM posts WHERE {RANDOM} < 2"));
    assert_not_cached!(world, Id, value(), BypassReason::VolatileFunction(_));
}
