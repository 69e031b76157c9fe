//! `OnOutage::Fail`: what the store cannot be told of is not written.

use std::{thread, time::Duration};

use cachalot_diesel::{CachalotConnection, Command, MemcachedStore, OnOutage};
use cachalot_tests::{gate::Gated, memcached, memcached::Server, proxy::Proxy, wait_until};
use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};

use super::{Typed, schema::counters, world::World};

type Conn = CachalotConnection<super::Conn>;

/// Longer than anything takes that is waited for, shorter than a writer's lease.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

fn value(conn: &mut Conn) -> i64 {
    let counter = counters::table.find(1).select(counters::value);
    counter.get_result(conn).unwrap()
}

fn set(conn: &mut Conn, to: i64) -> QueryResult<usize> {
    let counter = diesel::update(counters::table.find(1));
    counter.set(counters::value.eq(to)).execute(conn)
}

/// Two processes with a store, and what stands between the first and the store.
struct Scene {
    server: Server,
    way: Proxy,
    gate: Gated,
    world: World,
    one: Typed,
    other: Typed,
}

impl Scene {
    /// A counter at 0, cached for both.
    fn new() -> Self {
        let server = memcached::start(&[]);
        let way = Proxy::to(server.address());
        let timeout = Duration::from_millis(500);
        let store = MemcachedStore::connect(&[way.address().to_string()], timeout).unwrap();
        let gate = Gated::new(store);
        let world = World::with(server.url(), |builder| {
            builder.store(gate.clone()).on_outage(OnOutage::Fail)
        });
        let mut one = Typed::of(&world);
        let mut other = Typed::on(&world.database, &world.other_process());
        diesel::insert_into(counters::table)
            .values((counters::id.eq(1), counters::value.eq(0)))
            .execute(&mut one.conn)
            .unwrap();
        assert_eq!((value(&mut one.conn), value(&mut other.conn)), (0, 0));
        Self {
            server,
            way,
            gate,
            world,
            one,
            other,
        }
    }

    /// What the database has, whatever a cache says.
    fn truth(&self) -> i64 {
        let counter = counters::table.find(1).select(counters::value);
        counter.get_result(&mut self.world.outsider()).unwrap()
    }
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: QueryResult<T>) {
    let error = result.unwrap_err();
    let Error::QueryBuilderError(cause) = &error else {
        panic!("{error:?}");
    };
    let cause = cause.downcast_ref::<cachalot_diesel::Error>();
    assert!(matches!(cause, Some(cachalot_diesel::Error::Refused)));
    let text = error.to_string();
    assert!(text.contains("CACHALOT_ON_OUTAGE=fail"), "{text}");
}

#[test]
fn n05_a_lone_write_is_refused_before_it_is_sent() {
    let mut scene = Scene::new();
    scene.server.stop();
    let (refused, sent) = scene.one.sent(|conn| set(conn, 1));
    assert_refused(refused);
    assert_eq!(sent, 0);
    let sql = "UPDATE counters SET value = 1 WHERE id = 1";
    assert_refused(scene.one.conn.batch_execute(sql));
    assert_refused(diesel::sql_query(sql).execute(&mut scene.one.conn));
    assert_eq!(scene.truth(), 0);
    assert_eq!(value(&mut scene.one.conn), 0, "reads go on");
    scene.server.start();
    wait_until("writes are accepted", WAIT_TIMEOUT, || {
        set(&mut scene.one.conn, 2).is_ok()
    });
    assert_eq!(value(&mut scene.other.conn), 2);
    assert_eq!(value(&mut scene.one.conn), 2);
}

#[test]
fn n05_a_transaction_is_rolled_back_instead_of_committed() {
    let mut scene = Scene::new();
    let refused = scene.one.conn.transaction(|conn| {
        set(conn, 1)?;
        scene.server.stop();
        conn.transaction(|conn| set(conn, 2))?;
        assert_eq!(value(conn), 2);
        QueryResult::Ok(())
    });
    assert_refused(refused);
    assert_eq!(scene.truth(), 0);
    assert_eq!(value(&mut scene.one.conn), 0);
    // The connection is out of the transaction, and one that writes nothing commits.
    let read = scene
        .one
        .conn
        .transaction(|conn| QueryResult::Ok(value(conn)));
    assert_eq!(read, Ok(0));
    scene.server.start();
    let written = || scene.one.conn.transaction(|conn| set(conn, 3)).is_ok();
    wait_until("writes are accepted", WAIT_TIMEOUT, written);
    assert_eq!(value(&mut scene.other.conn), 3);
}

#[test]
fn n05_a_raw_transaction_is_rolled_back() {
    let mut scene = Scene::new();
    scene.one.conn.batch_execute("BEGIN").unwrap();
    set(&mut scene.one.conn, 1).unwrap();
    scene.server.stop();
    assert_refused(scene.one.conn.batch_execute("COMMIT"));
    assert_eq!(scene.truth(), 0);
    assert_eq!(value(&mut scene.one.conn), 0);
    // It is over.
    scene.server.start();
    wait_until("writes are accepted", WAIT_TIMEOUT, || {
        set(&mut scene.one.conn, 2).is_ok()
    });
    assert_eq!(scene.truth(), 2);
    assert_eq!(value(&mut scene.other.conn), 2);
}

#[test]
fn n05_a_rollback_is_never_refused() {
    let mut scene = Scene::new();
    scene.server.stop();
    let rolled_back = scene.one.conn.transaction(|conn| {
        set(conn, 1)?;
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(rolled_back, Err(Error::RollbackTransaction));
    assert_eq!(scene.truth(), 0);
}

#[test]
fn n05_a_process_that_alone_has_lost_the_store_writes_nothing() {
    let mut scene = Scene::new();
    scene.way.cut();
    assert_refused(set(&mut scene.one.conn, 1));
    assert_refused(scene.one.conn.transaction(|conn| set(conn, 1)));
    let (seen, sent) = scene.other.sent(value);
    assert_eq!((seen, sent), (0, 0), "a hit, and right");
    assert_eq!(scene.truth(), 0);
}

#[test]
fn n05_a_frozen_store_refuses_like_a_dead_one() {
    let mut scene = Scene::new();
    scene.server.freeze();
    assert_refused(set(&mut scene.one.conn, 1));
    assert_eq!(scene.truth(), 0);
    scene.server.thaw();
    wait_until("writes are accepted", WAIT_TIMEOUT, || {
        set(&mut scene.one.conn, 2).is_ok()
    });
    wait_until(
        "the mark of the refused write is gone",
        WAIT_TIMEOUT,
        || {
            let (seen, sent) = scene.other.sent(value);
            assert_eq!(seen, 2);
            sent == 0
        },
    );
}

#[test]
fn n05_a_write_during_which_the_store_dies_returns_when_the_store_is_back() {
    let mut scene = Scene::new();
    // The lease goes at the end of the write.
    scene
        .gate
        .hold(|command| matches!(command, Command::Delete { .. }));
    thread::scope(|scope| {
        let conn = &mut scene.one.conn;
        let writing = scope.spawn(move || set(conn, 1));
        scene.gate.wait_until_held();
        scene.server.stop();
        scene.gate.release();
        let failed = || scene.world.cache.stats().store_errors > 0;
        wait_until("the invalidation could not be sent", WAIT_TIMEOUT, failed);
        assert!(!writing.is_finished(), "it has not returned");
        scene.server.start();
        assert_eq!(writing.join().unwrap(), Ok(1));
        assert_eq!(value(&mut scene.other.conn), 1);
    });
}

#[test]
fn n05_what_a_plain_connection_writes_is_not_refused() {
    let scene = Scene::new();
    scene.server.stop();
    let mut plain = scene.world.reader();
    thread::scope(|scope| {
        let writing = scope.spawn(move || {
            diesel::update(counters::table.find(1))
                .set(counters::value.eq(1))
                .execute(&mut plain.conn)
        });
        wait_until("it is written", WAIT_TIMEOUT, || scene.truth() == 1);
        scene.server.start();
        assert_eq!(writing.join().unwrap(), Ok(1));
    });
}
