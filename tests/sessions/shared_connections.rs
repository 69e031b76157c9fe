//! Sessions: the same text reads other rows. What a connection gets from the cache is what it would
//! read itself, whatever another, or the one who had it before, has set.

use cachalot_diesel::{Cachalot, CacheConnection, CachedDsl as _, disabled};
use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    r2d2::{ConnectionManager, CustomizeConnection, Pool},
    sql_query,
    sql_types::{Nullable, Text},
};

use super::Conn;
use super::dialect::{LEFT_BEHIND, SESSION_READS, SESSION_ROWS, here};
use super::world::World;

type Backend = <Conn as Connection>::Backend;

#[derive(Debug, PartialEq, QueryableByName)]
struct Value {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

/// The column `value`, or the error's text.
fn read<C>(conn: &mut C, sql: &str) -> Result<Vec<Option<String>>, String>
where
    C: CacheConnection<Backend = Backend>,
{
    let rows: QueryResult<Vec<Value>> = sql_query(sql).cached(conn).load();
    rows.map(|rows| rows.into_iter().map(|row| row.value).collect())
        .map_err(|error| error.to_string())
}

/// What is cached for the connection is what it reads itself: as it comes, and as it is kept.
#[track_caller]
pub(super) fn same<C>(conn: &mut C, reads: &[&str], when: &str)
where
    C: CacheConnection<Backend = Backend>,
{
    for sql in reads {
        let plain = disabled(|| read(conn, sql));
        for _ in 0..2 {
            assert_eq!(read(conn, sql), plain, "{when}: {sql}");
        }
    }
}

/// The rows that the connection reads, through the cache and past it.
#[track_caller]
pub(super) fn rows(conn: &mut Conn, sql: &str, when: &str) -> Vec<String> {
    same(conn, &[sql], when);
    let rows = read(conn, sql).unwrap_or_else(|error| panic!("{when}: {sql}: {error}"));
    rows.into_iter().map(Option::unwrap_or_default).collect()
}

/// Watches what a pool opens.
#[derive(Debug)]
struct Watching(Cachalot);

impl CustomizeConnection<Conn, diesel::r2d2::Error> for Watching {
    fn on_acquire(&self, conn: &mut Conn) -> Result<(), diesel::r2d2::Error> {
        self.0.watch(conn).unwrap();
        Ok(())
    }
}

/// A pool of one connection, so that a borrower gets what another has given back.
fn pool(world: &World) -> Pool<ConnectionManager<Conn>> {
    Pool::builder()
        .max_size(1)
        .connection_customizer(Box::new(Watching(world.cache.clone())))
        .build(ConnectionManager::new(world.database.url()))
        .unwrap()
}

/// Lost by caches whose key is the SQL text: they serve one session's rows to another.
#[test]
fn x01_what_a_borrower_leaves_behind_is_the_next_ones_session_and_nobody_elses() {
    let world = World::new();
    let other = World::new();
    for world in [&world, &other] {
        world.outsider().batch_execute(SESSION_ROWS).unwrap();
    }
    let mut fresh = world.reader();
    for left_behind in LEFT_BEHIND {
        let left_behind = &here(left_behind)
            .replace("$D", other.database.name())
            .replace("$URL", other.database.url());
        same(&mut fresh.conn, SESSION_READS, left_behind);
        let pool = pool(&world);
        let mut borrowed = pool.get().unwrap();
        same(&mut borrowed, SESSION_READS, left_behind);
        borrowed.batch_execute(left_behind).unwrap();
        same(&mut borrowed, SESSION_READS, left_behind);
        drop(borrowed);
        same(&mut pool.get().unwrap(), SESSION_READS, left_behind);
        same(&mut fresh.conn, SESSION_READS, left_behind);
        same(&mut pool.get().unwrap(), SESSION_READS, left_behind);
    }
    // Not by never caching: what nobody has changed since is kept.
    let hits = world.cache.stats().hits;
    same(&mut fresh.conn, SESSION_READS, "at the end");
    assert!(world.cache.stats().hits > hits);
}

/// The same, where nobody saw it left behind.
#[test]
fn x01_what_was_left_behind_before_anybody_watched_is_found() {
    let world = World::new();
    let other = World::new();
    for world in [&world, &other] {
        world.outsider().batch_execute(SESSION_ROWS).unwrap();
    }
    let mut fresh = world.reader();
    for left_behind in LEFT_BEHIND {
        let left_behind = &here(left_behind)
            .replace("$D", other.database.name())
            .replace("$URL", other.database.url());
        same(&mut fresh.conn, SESSION_READS, left_behind);
        let mut late = world.outsider();
        late.batch_execute(left_behind).unwrap();
        world.cache.watch(&mut late).unwrap();
        same(&mut late, SESSION_READS, left_behind);
        same(&mut fresh.conn, SESSION_READS, left_behind);
    }
}
