//! How old the rows may be that a read is given: its own time to live decides, not that of the read
//! that stored them.

use std::time::Duration;

use cachalot_diesel::Cachalot;
use cachalot_tests::{memcached, wait_until};
use diesel::prelude::*;

use super::CachedDsl as _;
use super::Conn;
use super::schema::tags;
use super::world::World;

const SECOND: Duration = Duration::from_secs(1);

fn read(conn: &mut Conn) -> Vec<i32> {
    tags::table.select(tags::id).cached(conn).load().unwrap()
}

fn read_for(ttl: Duration) -> impl Fn(&mut Conn) -> Vec<i32> {
    move |conn| {
        let query = tags::table.select(tags::id).cached(conn);
        query.ttl(ttl).load().unwrap()
    }
}

/// Whatever its age: nobody says how old an entry is that another read stored.
#[test]
fn f04_a_read_is_not_given_what_was_stored_for_a_longer_time() {
    for near_cache_bytes in [0, 1 << 20] {
        for url in [memcached::shared().url(), "memory://".to_owned()] {
            let mut world = World::with(url, |builder| builder.near_cache_bytes(near_cache_bytes));
            world.once(read);
            world.once(read_for(600 * SECOND));
            world.once(read_for(60 * SECOND));
            assert_eq!(world.sent(read).1, 0, "each has an entry of its own");
            assert_eq!(world.sent(read_for(600 * SECOND)).1, 0);
        }
    }
}

#[test]
fn f04_a_release_with_a_shorter_time_to_live_is_not_given_entries_of_the_one_before() {
    let mut world = World::new();
    world.once(read);
    let release: Cachalot = Cachalot::builder()
        .url(memcached::shared().url())
        .namespace(&world.namespace)
        .store_timeout(5 * SECOND)
        .ttl(60 * SECOND)
        .build()
        .unwrap();
    let mut reader = world.connect(&release);
    assert_eq!(reader.sent(read).1, 1);
    assert_eq!(reader.sent(read).1, 0);
    let mut like_before = world.connect(&world.other_process());
    assert_eq!(like_before.sent(read).1, 0);
}

#[test]
fn f04_a_write_invalidates_the_entries_of_every_time_to_live() {
    World::each(|world| {
        world.once(read);
        world.once(read_for(60 * SECOND));
        diesel::insert_into(tags::table)
            .values((tags::id.eq(7), tags::label.eq("new")))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(world.once(read), [7]);
        assert_eq!(world.once(read_for(60 * SECOND)), [7]);
    });
}

/// The age of rows counts from when the database was asked for them.
#[test]
fn f04_rows_that_took_longer_to_read_than_they_may_live_are_not_stored() {
    World::each(|world| {
        let brief = read_for(Duration::from_nanos(1));
        for times in 1..3 {
            assert_eq!(world.sent(&brief).1, 1);
            let stats = world.cache.stats();
            assert_eq!(stats.bypasses.get("expired"), Some(&times));
            assert_eq!(stats.stores, 0);
        }
    });
}

/// A world with the tag `old`, and a connection that changes it without anybody being told.
fn world(
    settings: impl FnOnce(cachalot_diesel::Builder) -> cachalot_diesel::Builder,
) -> (World, Conn) {
    let world = World::with(memcached::shared().url(), settings);
    let mut outsider = world.outsider();
    diesel::insert_into(tags::table)
        .values((tags::id.eq(1), tags::label.eq("old")))
        .execute(&mut outsider)
        .unwrap();
    (world, outsider)
}

fn rename(outsider: &mut Conn) {
    diesel::update(tags::table)
        .set(tags::label.eq("new"))
        .execute(outsider)
        .unwrap();
}

fn label(conn: &mut Conn, ttl: Option<Duration>) -> String {
    let query = tags::table.select(tags::label).cached(conn);
    match ttl {
        Some(ttl) => query.ttl(ttl).get_result(),
        None => query.get_result(),
    }
    .unwrap()
}

/// Until by memcached's own clock more than a second has passed.
fn wait_for_a_second() {
    let time = || memcached::shared().wire().statistic("time");
    let start = time();
    wait_until("memcached's clock goes on", Duration::from_secs(60), || {
        time() >= start + 2
    });
}

#[test]
fn f04_a_query_gets_no_rows_older_than_its_time_to_live() {
    let near = |builder: cachalot_diesel::Builder| builder.near_cache_bytes(1 << 20);
    for settings in [near, |builder| builder] {
        let (mut world, mut outsider) = world(settings);
        assert_eq!(label(&mut world.conn, None), "old");
        rename(&mut outsider);
        wait_for_a_second();
        assert_eq!(label(&mut world.conn, None), "old", "it is still cached");
        assert_eq!(label(&mut world.conn, Some(SECOND)), "new");
    }
}
