//! Some of a store's servers are down, and the others are not.

use std::{sync::Arc, thread, time::Duration};

use cachalot_diesel::{BypassReason, Command, MemcachedStore, Outcome, Reply, Store, StoreError};
use cachalot_tests::{gate::Gated, memcached, memcached::Server, wait_until};
use diesel::prelude::*;
use parking_lot::Mutex;

use super::super::schema::tags;
use super::super::world::{Reader, World};
use super::{
    WAIT_TIMEOUT, ends, hits_again, insert_counter, labels, outcome, set, sets_a_lease, value,
};

type Down = Box<dyn Fn(&Command<'_>) -> bool + Send>;

/// A store that fails some commands, as if the servers that hold their keys were down.
#[derive(Clone)]
struct Partial {
    store: Arc<MemcachedStore>,
    down: Arc<Mutex<Option<Down>>>,
}

impl Partial {
    fn new(server: &Server) -> Self {
        let address = server.address().to_string();
        let store = MemcachedStore::connect(&[address], Duration::from_secs(5)).unwrap();
        Self {
            store: Arc::new(store),
            down: Arc::default(),
        }
    }

    fn down(&self, down: impl Fn(&Command<'_>) -> bool + Send + 'static) {
        *self.down.lock() = Some(Box::new(down));
    }
}

impl Store for Partial {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        let down = self.down.lock();
        let answer = |command: &Command<'_>| match &*down {
            Some(down) if down(command) => Err(StoreError::Unavailable("down".to_owned())),
            _ => self.store.run(&[*command]).pop().unwrap(),
        };
        commands.iter().map(answer).collect()
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
}

/// Two processes; the first has a store that can be partly down.
fn partial() -> (Partial, Gated, World, Reader, Reader) {
    let partial = Partial::new(memcached::shared());
    let gate = Gated::new(partial.clone());
    let world = World::with(memcached::shared().url(), |b| b.store(gate.clone()));
    let mut one = world.reader();
    let mut other = world.connect(&world.other_process());
    insert_counter(&mut one.conn);
    hits_again(&mut one, 0);
    hits_again(&mut other, 0);
    assert!(labels(&mut one.conn).is_empty());
    assert!(labels(&mut other.conn).is_empty());
    (partial, gate, world, one, other)
}

/// Fails if delivery stops at the first pending invalidation that cannot be delivered.
#[test]
fn a_server_that_stays_down_does_not_delay_invalidations_for_others() {
    let (partial, gate, world, mut one, mut other) = partial();
    // A write to `counters` swaps its version record; its invalidation is delivered first.
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&keys);
    partial.down(move |command| {
        if matches!(command, Command::CompareAndSwap { .. }) {
            seen.lock().push(command.key().to_owned());
        }
        false
    });
    set(&mut one.conn, 1);
    let counters_record = keys.lock()[0].clone();
    assert_eq!(value(&mut other.conn), 1);

    partial.down(|_| true);
    set(&mut one.conn, 2);
    diesel::insert_into(tags::table)
        .values(tags::label.eq("new"))
        .execute(&mut one.conn)
        .unwrap();
    partial.down(move |command| command.key() == counters_record);

    wait_until(
        "the other table's invalidation is delivered",
        WAIT_TIMEOUT,
        || labels(&mut other.conn) == ["new"],
    );
    assert_eq!(one.sent(value), (2, 1), "this one is still pending");
    partial.down(|_| false);
    hits_again(&mut one, 2);
    hits_again(&mut other, 2);
    drop((gate, world));
}

#[test]
fn a_write_whose_lease_cannot_be_stored_is_still_in_flight_for_others() {
    let (partial, gate, world, mut one, mut other) = partial();
    partial.down(sets_a_lease);
    gate.hold(ends);
    thread::scope(|scope| {
        let writing = scope.spawn(|| set(&mut one.conn, 1));
        gate.wait_until_held();
        let in_flight = Outcome::Bypass(BypassReason::WriterInFlight);
        assert_eq!(outcome(&mut other.conn), in_flight);
        assert_eq!(other.sent(value), (1, 1));
        gate.release();
        writing.join().unwrap();
    });
    hits_again(&mut other, 1);
    drop(world);
}
