//! Invalidations that the store has not accepted yet.

use std::time::Duration;

use cachalot_diesel::{BypassReason, Outcome};
use cachalot_tests::{memcached, wait_until};

use super::super::world::World;
use super::{
    FROZEN_TIMEOUT, Scene, WAIT_TIMEOUT, begins, ends, hits_again, insert_counter, labels, outcome,
    set, value,
};

/// In django-cachalot such reads and writes fail with the error of the store's client.
#[test]
fn a_store_that_is_down_from_the_start_is_used_once_it_runs() {
    let server = memcached::start(&[]);
    server.stop();
    let world = World::at(server.url());
    let mut one = world.reader();
    let mut other = world.connect(&world.other_process());
    insert_counter(&mut one.conn);
    for number in 1..4 {
        set(&mut one.conn, number);
        assert_eq!(one.sent(value), (number, 1));
        assert_eq!(other.sent(value), (number, 1));
        let unavailable = Outcome::Bypass(BypassReason::StoreUnavailable);
        assert_eq!(outcome(&mut other.conn), unavailable);
    }
    assert!(world.cache.invalidate(["counters"]).is_err(), "it is told");
    server.start();
    hits_again(&mut one, 3);
    hits_again(&mut other, 3);
}

/// The exception to P1, and that it ends by itself. In django-cachalot an outage at the COMMIT leaves stale
/// rows until they expire.
#[test]
fn others_read_old_rows_only_until_a_disconnected_writer_reaches_the_store() {
    let mut scene = Scene::new(Duration::from_secs(2));
    scene.way.cut();
    set(&mut scene.one.conn, 1);
    assert_eq!(
        scene.one.sent(value),
        (1, 1),
        "it knows its pending invalidation"
    );
    assert_eq!(scene.other.sent(value), (0, 0), "the others cannot know");

    scene.way.mend();

    wait_until("the others see the write", WAIT_TIMEOUT, || {
        value(&mut scene.other.conn) == 1
    });
    hits_again(&mut scene.one, 1);
    hits_again(&mut scene.other, 1);
}

#[test]
fn while_an_invalidation_is_pending_only_its_tables_bypass_the_cache() {
    let mut scene = Scene::new(Duration::from_secs(2));
    scene.way.cut();
    set(&mut scene.one.conn, 1);
    scene.gate.hold(ends);
    scene.way.mend();
    // The store answers again, and the delivery has begun.
    scene.gate.wait_until_held();

    assert_eq!(scene.one.sent(value), (1, 1));
    assert_eq!(scene.one.sent(value), (1, 1));
    let unavailable = Outcome::Bypass(BypassReason::StoreUnavailable);
    assert_eq!(outcome(&mut scene.one.conn), unavailable);
    assert_eq!(scene.one.sent(labels).1, 1);
    assert_eq!(scene.one.sent(labels).1, 0);

    scene.gate.release();
    hits_again(&mut scene.one, 1);
    hits_again(&mut scene.other, 1);
}

#[test]
fn a_write_during_the_delivery_of_a_pending_invalidation_is_delivered_too() {
    let mut scene = Scene::new(Duration::from_secs(2));
    scene.way.cut();
    set(&mut scene.one.conn, 1);
    scene.gate.hold(ends);
    scene.way.mend();
    scene.gate.wait_until_held();
    // The second write cannot reach the store either.
    scene.way.cut();
    set(&mut scene.one.conn, 2);
    assert_eq!(scene.one.sent(value), (2, 1));
    scene.way.mend();
    scene.gate.release();
    hits_again(&mut scene.one, 2);
    hits_again(&mut scene.other, 2);
}

/// The `begin` was carried out, but its answer came too late: the writer must not stay in flight in the
/// version record until its lease ends.
#[test]
fn a_write_whose_begin_was_answered_too_late_does_not_stay_in_flight() {
    let mut scene = Scene::new(FROZEN_TIMEOUT);
    scene.at(begins, |conn| set(conn, 1), |_, way, _| way.hold_answers());
    assert_eq!(
        value(&mut scene.other.conn),
        1,
        "it is in flight for others"
    );
    scene.way.release_answers();
    hits_again(&mut scene.other, 1);
    hits_again(&mut scene.one, 1);
}
