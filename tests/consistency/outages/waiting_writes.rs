//! Writes that wait for the store, with `OnOutage::Wait`.

use std::{thread, time::Duration};

use cachalot_diesel::OnOutage;
use cachalot_tests::wait_until;
use diesel::prelude::*;

use super::super::schema::counters;
use super::{FROZEN_TIMEOUT, Scene, WAIT_TIMEOUT, ends, hits_again, set, value};

#[test]
fn a_write_that_waits_is_not_sent_before_the_store_has_its_begin() {
    let mut scene = Scene::with(FROZEN_TIMEOUT, OnOutage::Wait(WAIT_TIMEOUT));
    scene.way.cut();
    let errors = scene.world.cache.stats().store_errors;
    thread::scope(|scope| {
        let conn = &mut scene.one.conn;
        let writing = scope.spawn(|| set(conn, 1));
        wait_until("the write has tried several times", WAIT_TIMEOUT, || {
            scene.world.cache.stats().store_errors > errors + 5
        });
        assert!(!writing.is_finished());
        assert_eq!(value(&mut scene.other.conn), 0);
        let mut outsider = scene.world.outsider();
        let plain: i64 = counters::table
            .select(counters::value)
            .first(&mut outsider)
            .unwrap();
        assert_eq!(plain, 0, "nothing is committed");
        scene.way.mend();
        writing.join().unwrap();
    });
    assert_eq!(value(&mut scene.other.conn), 1, "at once");
    hits_again(&mut scene.other, 1);
}

#[test]
fn a_write_that_waits_does_not_return_before_the_store_has_its_end() {
    let mut scene = Scene::with(FROZEN_TIMEOUT, OnOutage::Wait(WAIT_TIMEOUT));
    scene.gate.hold(ends);
    thread::scope(|scope| {
        let conn = &mut scene.one.conn;
        let writing = scope.spawn(|| set(conn, 1));
        scene.gate.wait_until_held();
        let errors = scene.world.cache.stats().store_errors;
        scene.way.cut();
        scene.gate.release();
        wait_until("the delivery was tried", WAIT_TIMEOUT, || {
            scene.world.cache.stats().store_errors > errors + 5
        });
        assert!(!writing.is_finished());
        scene.way.mend();
        writing.join().unwrap();
    });
    assert_eq!(value(&mut scene.other.conn), 1, "at once");
    hits_again(&mut scene.other, 1);
}

#[test]
fn a_write_that_has_waited_long_enough_is_sent_and_its_invalidation_pending() {
    let mut scene = Scene::with(FROZEN_TIMEOUT, OnOutage::Wait(Duration::from_millis(20)));
    scene.way.cut();
    set(&mut scene.one.conn, 1);
    assert_eq!(scene.one.sent(value), (1, 1));
    scene.way.mend();
    hits_again(&mut scene.one, 1);
    hits_again(&mut scene.other, 1);
}
