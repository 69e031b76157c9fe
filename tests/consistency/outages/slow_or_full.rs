//! A store that answers late, is known to be down, evicts items, or has no room for new ones.

use std::{thread, time::Duration};

use cachalot_tests::memcached;

use super::super::world::World;
use super::{FROZEN_TIMEOUT, Scene, WAIT_TIMEOUT, hits_again, insert_counter, set, value};

#[test]
fn a_read_waits_for_answers_within_the_time_limit() {
    let mut scene = Scene::new(WAIT_TIMEOUT);
    scene.way.hold_answers();
    thread::scope(|scope| {
        let reading = scope.spawn(|| scene.one.sent(value));
        scene.way.wait_until_held();
        assert!(!reading.is_finished());
        scene.way.release_answers();
        assert_eq!(reading.join().unwrap(), (0, 0), "a hit all the same");
    });
    assert_eq!(scene.world.cache.stats().store_errors, 0);
}

/// The requests of the first process arrive, and the answers come after its time limit.
#[test]
fn answers_after_the_time_limit_are_ignored() {
    let mut scene = Scene::new(FROZEN_TIMEOUT);
    scene.way.hold_answers();
    assert_eq!(scene.one.sent(value), (0, 1), "the database answers");
    set(&mut scene.one.conn, 1);
    assert_eq!(scene.one.sent(value), (1, 1));
    scene.way.release_answers();
    hits_again(&mut scene.one, 1);
    hits_again(&mut scene.other, 1);
}

#[test]
fn while_a_store_is_known_to_be_down_it_gets_only_probes() {
    let mut scene = Scene::new(FROZEN_TIMEOUT);
    scene.way.hold_answers();
    assert_eq!(value(&mut scene.one.conn), 0);
    let _ = scene.way.take_sent();
    for number in 0..20 {
        set(&mut scene.one.conn, number);
        for _ in 0..5 {
            assert_eq!(scene.one.sent(value), (number, 1));
        }
    }
    let sent = scene.way.take_sent();
    let others: Vec<_> = sent
        .lines()
        .filter(|line| !line.starts_with("mg cachalot-probe "))
        .collect();
    assert!(others.is_empty(), "only a probe may go there: {others:?}");
    scene.way.release_answers();
    hits_again(&mut scene.one, 19);
    hits_again(&mut scene.other, 19);
}

#[test]
fn a_store_that_evicts_all_the_time_costs_only_hits() {
    let server = memcached::start(&["-m", "2"]);
    let world = World::with(server.url(), |b| b.store_timeout(Duration::from_secs(5)));
    let mut one = world.reader();
    let mut other = world.connect(&world.other_process());
    insert_counter(&mut one.conn);
    for number in 0..10 {
        // The sizes of entries, records and leases.
        for bytes in [1, 150, 250, 400] {
            server.wire().fill(bytes);
        }
        set(&mut one.conn, number);
        assert_eq!(value(&mut other.conn), number);
        assert_eq!(value(&mut one.conn), number);
        assert_eq!(value(&mut other.conn), number);
    }
    assert!(server.wire().statistic("evictions") > 0);
}

/// `-M`: the server answers "out of memory" instead of evicting.
#[test]
fn a_full_store_that_rejects_new_items_costs_only_hits() {
    let server = memcached::start(&["-m", "2", "-M"]);
    let world = World::with(server.url(), |b| b.store_timeout(Duration::from_secs(5)));
    let mut one = world.reader();
    let mut other = world.connect(&world.other_process());
    insert_counter(&mut one.conn);
    hits_again(&mut one, 0);
    hits_again(&mut other, 0);
    for bytes in [1, 150, 250, 400, 500, 650] {
        server.wire().fill(bytes);
    }
    let errors = world.cache.stats().store_errors;
    for number in 1..10 {
        set(&mut one.conn, number);
        assert_eq!(value(&mut other.conn), number);
        assert_eq!(value(&mut one.conn), number);
        assert_eq!(value(&mut other.conn), number);
    }
    assert!(world.cache.stats().store_errors > errors, "it refused some");
    server.flush();
    hits_again(&mut one, 9);
    hits_again(&mut other, 9);
}
