//! The maximum age of a result bounds what a read is given, whoever stored it and for how long.

use std::time::Duration;

use cachalot_diesel::{Builder, Cachalot, CachedDsl as _};
use cachalot_tests::{memcached, wait_until};
use diesel::prelude::*;

use super::Conn;
use super::schema::tags;
use super::world::World;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A world with the tag `old`, and a connection that changes it without anybody being told.
fn world(settings: impl FnOnce(Builder) -> Builder) -> (World, Conn) {
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
fn f04_a_query_is_given_no_older_rows_than_its_maximum_age_allows() {
    let near = |builder: Builder| builder.near_bytes(1 << 20);
    for settings in [near, |builder| builder] {
        let (mut world, mut outsider) = world(settings);
        assert_eq!(label(&mut world.conn, None), "old");
        rename(&mut outsider);
        wait_for_a_second();
        assert_eq!(label(&mut world.conn, None), "old", "it is still cached");
        assert_eq!(label(&mut world.conn, Some(SECOND)), "new");
    }
}

#[test]
fn f04_a_process_with_a_shorter_maximum_age_is_given_no_older_rows() {
    let (mut world, mut outsider) = world(|builder| builder.ttl(DAY));
    assert_eq!(label(&mut world.conn, None), "old");
    rename(&mut outsider);
    wait_for_a_second();
    let next_release: Cachalot = Cachalot::builder()
        .url(memcached::shared().url())
        .namespace(&world.namespace)
        .ttl(SECOND)
        .build()
        .unwrap();
    let mut reader = world.connect(&next_release);
    assert_eq!(label(&mut reader.conn, None), "new");
}

#[test]
fn f04_reads_of_one_maximum_age_share_an_entry() {
    let (mut world, _outsider) = world(|builder| builder);
    for ttl in [None, Some(DAY / 2), Some(Duration::ZERO)] {
        assert_eq!(world.sent(|conn| label(conn, ttl)).1, 1, "{ttl:?}");
        assert_eq!(world.sent(|conn| label(conn, ttl)).1, 0, "{ttl:?}");
    }
    // The cache's own is a day, whoever says it.
    assert_eq!(world.sent(|conn| label(conn, Some(DAY))).1, 0);
}
