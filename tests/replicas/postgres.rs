//! A standby shows what it has replayed, which may be less than what its primary has acknowledged.

use std::time::Duration;

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use cachalot_tests::wait_until;
use diesel::{connection::SimpleConnection as _, prelude::*, sql_types::Bool};

use super::schema::counters;
use super::world::World;
use super::{Conn, db};

const SOON: Duration = Duration::from_secs(20);

fn value(conn: &mut Conn) -> QueryResult<i64> {
    let query = counters::table.find(1).select(counters::value);
    query.cached(conn).get_result()
}

fn plain(conn: &mut Conn) -> QueryResult<i64> {
    counters::table.find(1).select(counters::value).first(conn)
}

fn outcome(conn: &mut Conn) -> Outcome {
    let query = counters::table.find(1).select(counters::value);
    query.cached(conn).explain().unwrap().outcome
}

fn asked(conn: &mut Conn, question: &str) -> bool {
    diesel::dsl::sql::<Bool>(question).get_result(conn).unwrap()
}

/// Lost by every cache that we know of: what the standby still shows is stored for everybody.
#[test]
fn c03_what_a_standby_shows_is_neither_served_nor_stored() {
    let Some((primary, standby)) = db::with_standby() else {
        return;
    };
    let database = primary.database();
    let world = World::on(database);
    let mut writer = world.reader();
    diesel::insert_into(counters::table)
        .values((counters::id.eq(1), counters::value.eq(0)))
        .execute(&mut writer.conn)
        .unwrap();
    assert_eq!(value(&mut writer.conn), Ok(0));
    let url = standby.url(world.database.name());
    wait_until("the standby has the database", SOON, || {
        PgConnection::establish(&url).is_ok_and(|mut conn| plain(&mut conn) == Ok(0))
    });
    let mut admin = db::establish(&standby.url("postgres"));
    admin.batch_execute("SELECT pg_wal_replay_pause()").unwrap();
    wait_until("the standby replays no more", SOON, || {
        asked(
            &mut admin,
            "SELECT pg_get_wal_replay_pause_state() = 'paused'",
        )
    });

    let mut reader = db::establish(&url);
    world.cache.watch(&mut reader).unwrap();
    diesel::update(counters::table)
        .set(counters::value.eq(7))
        .execute(&mut writer.conn)
        .unwrap();
    for _ in 0..2 {
        assert_eq!(value(&mut reader), Ok(0), "it lags");
        assert_eq!(outcome(&mut reader), Outcome::Bypass(BypassReason::Replica));
        assert_eq!(value(&mut writer.conn), Ok(7), "the primary does not");
    }
    assert_eq!(writer.sent(value), (Ok(7), 0));
    assert_eq!(world.cache.stats().bypasses.get("replica"), Some(&2));

    // Once it is a primary, it is another server than the first.
    admin
        .batch_execute("SELECT pg_wal_replay_resume()")
        .unwrap();
    wait_until("the standby has caught up", SOON, || {
        plain(&mut reader) == Ok(7)
    });
    assert!(asked(&mut admin, "SELECT pg_promote()"));
    let mut promoted = db::establish(&url);
    world.cache.watch(&mut promoted).unwrap();
    assert_eq!(outcome(&mut promoted), Outcome::Miss);
    assert_eq!(value(&mut promoted), Ok(7));
    assert_eq!(outcome(&mut promoted), Outcome::Hit);
}
