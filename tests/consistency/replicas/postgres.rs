//! A standby shows what it has replayed, which may be less than what its primary has acknowledged.

use std::time::Duration;

use cachalot_diesel::{BypassReason, Cachalot, CachedDsl as _, Outcome};
use cachalot_tests::{Counter, wait_until};
use diesel::{connection::SimpleConnection as _, prelude::*, sql_types::Bool};

use super::counter::outcome;
use super::schema::counters;
use super::world::{Reader, World};
use super::{Conn, db};

const WAIT_TIMEOUT: Duration = Duration::from_secs(20);
const REPLICA: Outcome = Outcome::Bypass(BypassReason::Replica);

fn value(conn: &mut Conn) -> QueryResult<i64> {
    let query = counters::table.find(1).select(counters::value);
    query.cached(conn).get_result()
}

fn plain(conn: &mut Conn) -> QueryResult<i64> {
    counters::table.find(1).select(counters::value).first(conn)
}

fn asked(conn: &mut Conn, question: &str) -> bool {
    diesel::dsl::sql::<Bool>(question).get_result(conn).unwrap()
}

/// A primary, a standby of it, and a cache of one of its databases.
struct Pair {
    world: World,
    primary: db::Server,
    standby: db::Server,
}

impl Pair {
    /// One row is there already, on both.
    fn new(replica_hits: bool) -> Option<Self> {
        let (primary, standby) = db::with_standby()?;
        let database = primary.database();
        let world = World::on_with(database, |it| it.replica_hits(replica_hits));
        diesel::insert_into(counters::table)
            .values((counters::id.eq(1), counters::value.eq(0)))
            .execute(&mut world.reader().conn)
            .unwrap();
        let pair = Self {
            world,
            primary,
            standby,
        };
        pair.catch_up(0);
        Some(pair)
    }

    fn url(&self) -> String {
        self.standby.url(self.world.database.name())
    }

    /// Waits until the standby shows that value.
    fn catch_up(&self, expected: i64) {
        let url = self.url();
        wait_until("the standby has caught up", WAIT_TIMEOUT, || {
            PgConnection::establish(&url).is_ok_and(|mut conn| plain(&mut conn) == Ok(expected))
        });
    }

    fn pause(&self) {
        let mut admin = db::establish(&self.standby.url("postgres"));
        admin.batch_execute("SELECT pg_wal_replay_pause()").unwrap();
        wait_until("the standby replays no more", WAIT_TIMEOUT, || {
            asked(
                &mut admin,
                "SELECT pg_get_wal_replay_pause_state() = 'paused'",
            )
        });
    }

    fn resume(&self) {
        db::establish(&self.standby.url("postgres"))
            .batch_execute("SELECT pg_wal_replay_resume()")
            .unwrap();
    }

    /// A connection to the standby, which receives by then.
    fn reader(&self, cache: &Cachalot) -> Reader {
        self.streams();
        connect(&self.url(), cache)
    }

    fn streams(&self) {
        let mut admin = db::establish(&self.standby.url("postgres"));
        wait_until("the standby receives", WAIT_TIMEOUT, || {
            asked(
                &mut admin,
                "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')",
            )
        });
    }

    /// Another process, with the setting.
    fn process(&self) -> Cachalot {
        Cachalot::builder()
            .url(cachalot_tests::memcached::shared().url())
            .namespace(&self.world.namespace)
            .replica_hits(true)
            .build()
            .unwrap()
    }
}

/// A watched and counted connection.
fn connect(url: &str, cache: &Cachalot) -> Reader {
    let mut conn = db::establish(url);
    let counter = Counter::new();
    cache.watch_with(&mut conn, counter.instrumentation());
    Reader { conn, counter }
}

fn update(conn: &mut Conn, value: i64) {
    diesel::update(counters::table)
        .set(counters::value.eq(value))
        .execute(conn)
        .unwrap();
}

/// Lost by every cache that we know of: what the standby still shows is stored for everybody.
#[test]
fn c03_what_a_standby_shows_is_neither_served_nor_stored() {
    let Some(pair) = Pair::new(false) else {
        return;
    };
    let (world, url) = (&pair.world, pair.url());
    let mut writer = world.reader();
    assert_eq!(value(&mut writer.conn), Ok(0));
    pair.pause();

    let mut reader = db::establish(&url);
    world.cache.watch(&mut reader).unwrap();
    diesel::update(counters::table)
        .set(counters::value.eq(7))
        .execute(&mut writer.conn)
        .unwrap();
    for _ in 0..2 {
        assert_eq!(value(&mut reader), Ok(0), "it lags");
        assert_eq!(outcome(&mut reader), REPLICA);
        assert_eq!(value(&mut writer.conn), Ok(7), "the primary does not");
    }
    assert_eq!(writer.sent(value), (Ok(7), 0));
    assert_eq!(world.cache.stats().bypasses.get("replica"), Some(&2));

    // Once it is a primary, it is another server than the first.
    pair.resume();
    pair.catch_up(7);
    let mut admin = db::establish(&pair.standby.url("postgres"));
    assert!(asked(&mut admin, "SELECT pg_promote()"));
    let mut promoted = db::establish(&url);
    world.cache.watch(&mut promoted).unwrap();
    assert_eq!(outcome(&mut promoted), Outcome::Miss);
    assert_eq!(value(&mut promoted), Ok(7));
    assert_eq!(outcome(&mut promoted), Outcome::Hit);
}

/// An entry that was filled from the primary is no older than the last acknowledged commit, whatever
/// the standby shows.
#[test]
fn c03_a_lagging_standby_has_hits_on_entries_filled_from_its_primary() {
    let Some(pair) = Pair::new(true) else {
        return;
    };
    let world = &pair.world;
    let mut writer = world.reader();
    assert_eq!(value(&mut writer.conn), Ok(0));
    pair.pause();
    let mut readers = [pair.reader(&world.cache), pair.reader(&pair.process())];
    for written in 7..=9 {
        update(&mut writer.conn, written);
        let stores = world.cache.stats().stores;
        for reader in &mut readers {
            for _ in 0..2 {
                assert_eq!(outcome(&mut reader.conn), REPLICA);
                assert_eq!(reader.sent(value), (Ok(0), 1), "it lags");
            }
        }
        assert_eq!(world.cache.stats().stores, stores);
        assert_eq!(outcome(&mut writer.conn), Outcome::Miss);
        assert_eq!(writer.sent(value), (Ok(written), 1));
        for reader in &mut readers {
            // Another process looks for the catalog of the others now and then.
            wait_until("it is a hit", WAIT_TIMEOUT, || {
                outcome(&mut reader.conn) == Outcome::Hit
            });
            assert_eq!(reader.sent(value), (Ok(written), 0));
            assert_eq!(plain(&mut reader.conn), Ok(0), "it lags still");
        }
    }
}

/// What it would make of a read is what a former schema says.
#[test]
fn c03_a_standby_that_has_not_replayed_the_schema_has_no_hits() {
    let Some(pair) = Pair::new(true) else {
        return;
    };
    let mut writer = pair.world.reader();
    assert_eq!(value(&mut writer.conn), Ok(0));
    let mut known = pair.reader(&pair.process());
    assert_eq!(outcome(&mut known.conn), Outcome::Hit);
    pair.pause();
    writer
        .conn
        .batch_execute("CREATE TABLE later (id INT PRIMARY KEY)")
        .unwrap();
    assert_eq!(value(&mut writer.conn), Ok(0));
    for mut reader in [known, pair.reader(&pair.process())] {
        assert_eq!(outcome(&mut reader.conn), REPLICA);
        assert_eq!(reader.sent(value), (Ok(0), 1));
        assert_eq!(outcome(&mut writer.conn), Outcome::Hit, "nobody minds");
    }
    pair.resume();
    let url = pair.url();
    wait_until("the standby has the table", WAIT_TIMEOUT, || {
        asked(
            &mut db::establish(&url),
            "SELECT to_regclass('later') IS NOT NULL",
        )
    });
    let mut reader = pair.reader(&pair.process());
    assert_eq!(reader.sent(value), (Ok(0), 0));
}

#[test]
fn c03_a_standby_that_is_promoted_is_another_server() {
    let Some(pair) = Pair::new(true) else {
        return;
    };
    let mut writer = pair.world.reader();
    assert_eq!(value(&mut writer.conn), Ok(0));
    let mut reader = pair.reader(&pair.world.cache);
    assert_eq!(reader.sent(value), (Ok(0), 0));
    let mut admin = db::establish(&pair.standby.url("postgres"));
    assert!(asked(&mut admin, "SELECT pg_promote()"));
    // The connection is the same.
    wait_until("the promotion is found", WAIT_TIMEOUT, || {
        outcome(&mut reader.conn) == Outcome::Miss
    });
    assert_eq!(reader.sent(value), (Ok(0), 1));
    assert_eq!(reader.sent(value), (Ok(0), 0));
    // The former primary is none of its relatives, and the other way round.
    let mut outsider = pair.world.outsider();
    outsider
        .batch_execute("UPDATE counters SET value = 5")
        .unwrap();
    pair.world.cache.invalidate(["counters"]).unwrap();
    for (reader, shown) in [(&mut writer, 5), (&mut reader, 0)] {
        assert_eq!(reader.sent(value), (Ok(shown), 1));
        assert_eq!(reader.sent(value), (Ok(shown), 0));
    }
}

/// It may follow another from then on, without what the lost one had acknowledged.
#[test]
fn c03_a_standby_that_has_lost_its_primary_has_no_hits() {
    let Some(pair) = Pair::new(true) else {
        return;
    };
    assert_eq!(value(&mut pair.world.reader().conn), Ok(0));
    let mut reader = pair.reader(&pair.world.cache);
    assert_eq!(reader.sent(value), (Ok(0), 0));
    drop(pair.primary);
    wait_until("the loss is found", WAIT_TIMEOUT, || {
        outcome(&mut reader.conn) == REPLICA
    });
    assert_eq!(reader.sent(value), (Ok(0), 1));
}

/// Nobody can tell the two apart but by when they were started: whose standby is it?
#[test]
fn c03_after_a_copy_of_the_primary_takes_writes_the_standby_has_no_hits() {
    let Some(pair) = Pair::new(true) else {
        return;
    };
    let mut writer = pair.world.reader();
    assert_eq!(value(&mut writer.conn), Ok(0));
    let mut reader = pair.reader(&pair.world.cache);
    assert_eq!(reader.sent(value), (Ok(0), 0));
    let copy = db::copy_of(&pair.primary);
    let url = copy.url(pair.world.database.name());
    db::establish(&url)
        .batch_execute("UPDATE counters SET value = 5")
        .unwrap();
    let mut copied = connect(&url, &pair.world.cache);
    assert_eq!(copied.sent(value), (Ok(5), 1));
    assert_eq!(copied.sent(value), (Ok(5), 0));
    wait_until("the dispute is found", WAIT_TIMEOUT, || {
        assert_eq!(writer.sent(value), (Ok(0), 0));
        outcome(&mut reader.conn) == REPLICA
    });
    let mut readers = [reader, pair.reader(&pair.process())];
    for reader in &mut readers {
        assert_eq!(reader.sent(value), (Ok(0), 1));
    }
    assert_eq!(copied.sent(value), (Ok(5), 0));
}

#[test]
fn c03_a_role_without_privileges_has_no_hits_on_a_standby() {
    let Some(pair) = Pair::new(true) else {
        return;
    };
    let granting = |sql: &str, done: &str| {
        let mut outsider = pair.world.outsider();
        outsider.batch_execute(sql).unwrap();
        let url = pair.url();
        wait_until("the standby knows it", WAIT_TIMEOUT, || {
            asked(&mut db::establish(&url), done)
        });
    };
    granting(
        "CREATE ROLE reader LOGIN; GRANT SELECT ON counters TO reader; \
         REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
        "SELECT NOT has_function_privilege('pg_monitor', 'pg_control_system()', 'EXECUTE')",
    );
    let as_reader = |url: &str| url.replace("//postgres@", "//reader@");
    let (primary, standby) = (as_reader(pair.world.database.url()), as_reader(&pair.url()));
    let cache = &pair.world.cache;
    // Somebody else makes the primary known.
    assert_eq!(value(&mut pair.world.reader().conn), Ok(0));
    let mut filler = connect(&primary, cache);
    let in_transaction = |reader: &mut Reader, expected: &Outcome| {
        reader
            .conn
            .transaction(|conn| {
                assert_eq!(outcome(conn), *expected);
                assert_eq!(value(conn), Ok(0));
                plain(conn)
            })
            .unwrap();
    };
    in_transaction(&mut filler, &Outcome::Miss);
    in_transaction(&mut filler, &Outcome::Hit);
    pair.streams();
    in_transaction(&mut connect(&standby, cache), &REPLICA);
    // It may ask, and is not told what the standby receives.
    granting(
        "GRANT EXECUTE ON FUNCTION pg_control_system() TO reader",
        "SELECT has_function_privilege('reader', 'pg_control_system()', 'EXECUTE')",
    );
    in_transaction(&mut connect(&standby, cache), &REPLICA);
    granting(
        "GRANT pg_read_all_stats TO reader",
        "SELECT pg_has_role('reader', 'pg_read_all_stats', 'USAGE')",
    );
    in_transaction(&mut connect(&standby, cache), &Outcome::Hit);
}
