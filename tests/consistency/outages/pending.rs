//! Invalidations that the store has not accepted yet.

use std::time::Duration;

use cachalot_diesel::{BypassReason, Outcome};
use cachalot_tests::{memcached, wait_until};

use super::super::world::World;
use super::{
    BRIEF, SOON, Scene, announces, ends, hits_again, insert_counter, labels, outcome, set, value,
};

/// Lost by caches whose reads and writes raise what the cache's client raises: django-cachalot.
#[test]
fn a_store_that_is_dead_from_the_start_is_used_when_it_comes() {
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

/// The exception of P1, shown, and that it ends by itself. Lost for good by django-cachalot: an
/// outage at the commit leaves stale rows for as long as they live.
#[test]
fn a_writer_that_is_cut_off_is_stale_to_others_only_until_it_reaches_the_store() {
    let mut scene = Scene::new(Duration::from_secs(2));
    scene.way.cut();
    set(&mut scene.one.conn, 1);
    assert_eq!(scene.one.sent(value), (1, 1), "it knows what it owes");
    assert_eq!(scene.other.sent(value), (0, 0), "the others cannot know");

    scene.way.mend();

    wait_until("the others see the write", SOON, || {
        value(&mut scene.other.conn) == 1
    });
    hits_again(&mut scene.one, 1);
    hits_again(&mut scene.other, 1);
}

#[test]
fn while_an_invalidation_is_owed_its_tables_and_no_others_bypass_the_cache() {
    let mut scene = Scene::new(Duration::from_secs(2));
    scene.way.cut();
    set(&mut scene.one.conn, 1);
    scene.gate.hold(ends);
    scene.way.mend();
    // The store answers, and the delivery is on its way.
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
fn a_debt_that_grows_while_it_is_delivered_is_delivered_again() {
    let mut scene = Scene::new(Duration::from_secs(2));
    scene.way.cut();
    set(&mut scene.one.conn, 1);
    scene.gate.hold(ends);
    scene.way.mend();
    scene.gate.wait_until_held();
    // The second write cannot tell anybody either.
    scene.way.cut();
    set(&mut scene.one.conn, 2);
    assert_eq!(scene.one.sent(value), (2, 1));
    scene.way.mend();
    scene.gate.release();
    hits_again(&mut scene.one, 2);
    hits_again(&mut scene.other, 2);
}

/// The announcement was carried out, its answer is late: the writer must not stay in flight in the
/// record until its lease ends.
#[test]
fn a_write_whose_announcement_was_answered_too_late_is_taken_back_with_what_it_owes() {
    let mut scene = Scene::new(BRIEF);
    scene.at(
        announces,
        |conn| set(conn, 1),
        |_, way, _| way.hold_answers(),
    );
    assert_eq!(
        value(&mut scene.other.conn),
        1,
        "it is in flight for others"
    );
    scene.way.release_answers();
    hits_again(&mut scene.other, 1);
    hits_again(&mut scene.one, 1);
}
