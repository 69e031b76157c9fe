//! Entries that a process keeps for itself: as current as those of the store, and without their rows
//! crossing the wire again.

use std::time::{Duration, Instant};

use cachalot_diesel::Cachalot;
use cachalot_tests::{memcached, wait_until};
use diesel::prelude::*;

use super::CachedDsl as _;
use super::Conn;
use super::blog;
use super::schema::{authors, comments};
use super::world::{Reader, World};

const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// A world that keeps entries, and another process that does not.
fn worlds(settings: impl FnOnce(cachalot_diesel::Builder) -> cachalot_diesel::Builder) -> Worlds {
    let mut world = World::with(memcached::shared().url(), |builder| {
        settings(builder.near_cache_bytes(1 << 20))
    });
    blog::fill(&mut world.conn);
    let other = world.connect(&world.other_process());
    Worlds { world, other }
}

struct Worlds {
    world: World,
    other: Reader,
}

fn bodies(conn: &mut Conn) -> Vec<String> {
    comments::table
        .order(comments::id)
        .select(comments::body)
        .cached(conn)
        .load()
        .unwrap()
}

fn rename(conn: &mut Conn, to: &str) {
    diesel::update(comments::table.find(1))
        .set(comments::body.eq(to))
        .execute(conn)
        .unwrap();
}

/// Bytes of entries that came from the store meanwhile, and hits that needed none.
fn counted<T>(cache: &Cachalot, work: impl FnOnce() -> T) -> (T, u64, u64) {
    let before = cache.stats();
    let done = work();
    let after = cache.stats();
    let bytes = after.bytes_read - before.bytes_read;
    (done, bytes, after.near_hits - before.near_hits)
}

#[test]
fn a_hit_fetches_no_rows_again() {
    let Worlds { mut world, .. } = worlds(|builder| builder);
    let cache = world.cache.clone();
    let plain = bodies(&mut world.conn);
    for _ in 0..3 {
        let ((rows, sent), bytes, near) = counted(&cache, || world.sent(bodies));
        assert_eq!((rows, sent), (plain.clone(), 0));
        assert_eq!((bytes, near), (0, 1));
    }
    // A read of another process's rows fetches them once.
    let mut third = world.connect(&world.other_process());
    assert_eq!(third.sent(bodies), (plain, 0));
}

#[test]
fn what_another_process_writes_is_seen_at_once() {
    let Worlds {
        mut world,
        mut other,
    } = worlds(|builder| builder);
    bodies(&mut world.conn);
    rename(&mut other.conn, "new");
    let (rows, sent) = world.sent(bodies);
    assert_eq!((rows[0].as_str(), sent), ("new", 1));
    // A write elsewhere takes nothing away.
    diesel::delete(authors::table.filter(authors::id.eq(99)))
        .execute(&mut other.conn)
        .unwrap();
    let cache = world.cache.clone();
    let (_, bytes, near) = counted(&cache, || bodies(&mut world.conn));
    assert_eq!((bytes, near), (0, 1));
}

#[test]
fn rows_that_another_process_has_read_meanwhile_come_from_the_store() {
    let Worlds {
        mut world,
        mut other,
    } = worlds(|builder| builder);
    bodies(&mut world.conn);
    rename(&mut other.conn, "new");
    assert_eq!(other.sent(bodies).1, 1);
    let (rows, sent) = world.sent(bodies);
    assert_eq!((rows[0].as_str(), sent), ("new", 0));
    let cache = world.cache.clone();
    let (_, bytes, near) = counted(&cache, || bodies(&mut world.conn));
    assert_eq!((bytes, near), (0, 1), "and are kept");
}

#[test]
fn s04_entries_of_the_near_cache_expire() {
    let Worlds { mut world, .. } = worlds(|builder| builder.ttl(Duration::from_secs(1)));
    bodies(&mut world.conn);
    wait_until("the entry has expired", WAIT_TIMEOUT, || {
        world.sent(bodies).1 == 1
    });
}

#[test]
fn a_staleness_that_is_allowed_ends() {
    let allowed = Duration::from_millis(500);
    let Worlds {
        mut world,
        mut other,
    } = worlds(|builder| builder.max_staleness(allowed));
    let cache = world.cache.clone();
    bodies(&mut world.conn);
    let start = Instant::now();
    rename(&mut other.conn, "new");
    let (rows, sent) = world.sent(bodies);
    if start.elapsed() < allowed / 2 {
        assert_eq!(
            (rows[0].as_str(), sent),
            ("first", 0),
            "the store is not asked"
        );
    }
    wait_until("the new row is read", WAIT_TIMEOUT, || {
        bodies(&mut world.conn)[0] == "new"
    });
    let (_, bytes, near) = counted(&cache, || bodies(&mut world.conn));
    assert_eq!((bytes, near), (0, 1));
}

#[test]
fn what_the_process_itself_writes_is_seen_whatever_staleness_is_allowed() {
    let Worlds { mut world, .. } =
        worlds(|builder| builder.max_staleness(Duration::from_secs(600)));
    let mut colleague = world.reader();
    bodies(&mut world.conn);
    rename(&mut colleague.conn, "new");
    let (rows, sent) = world.sent(bodies);
    assert_eq!((rows[0].as_str(), sent), ("new", 1));
    world
        .conn
        .transaction(|conn| {
            rename(conn, "newer");
            assert_eq!(bodies(conn)[0], "newer");
            diesel::QueryResult::Ok(())
        })
        .unwrap();
    assert_eq!(bodies(&mut colleague.conn)[0], "newer");
}
