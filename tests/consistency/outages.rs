//! A store that is stopped, frozen, restarted or flushed at every point of a read and of a write: nothing
//! fails, no row is wrong, and hits come back. Other kinds of outages are in the modules.

mod partial;
mod pending;
mod slow_or_full;
mod waiting_writes;

use std::{thread, time::Duration};

use cachalot_diesel::{Command, MemcachedStore, OnOutage, prelude::*};
use cachalot_tests::{gate::Gated, memcached, memcached::Server, proxy::Proxy, wait_until};
use diesel::prelude::*;

use super::Conn;
use super::counter::{outcome, value};
use super::schema::{counters, tags};
use super::world::{Reader, World};

/// Longer than every awaited condition takes, shorter than a writer's lease.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// The time limit for a store that will be frozen.
const FROZEN_TIMEOUT: Duration = Duration::from_millis(150);

fn set(conn: &mut Conn, to: i64) {
    conn.transaction(|conn| {
        diesel::update(counters::table.find(1))
            .set(counters::value.eq(to))
            .execute(conn)
    })
    .unwrap();
}

fn labels(conn: &mut Conn) -> Vec<String> {
    tags::table
        .order(tags::id)
        .select(tags::label)
        .cached(conn)
        .load()
        .unwrap()
}

fn insert_counter(conn: &mut Conn) {
    diesel::insert_into(counters::table)
        .values((counters::id.eq(1), counters::value.eq(0)))
        .execute(conn)
        .unwrap();
}

/// Waits until reads hit; each read must return `expected`.
#[track_caller]
fn hits_again(reader: &mut Reader, expected: i64) {
    wait_until("the reads hit", WAIT_TIMEOUT, || {
        let (seen, sent) = reader.sent(value);
        assert_eq!(seen, expected);
        sent == 0
    });
}

/// Two processes with a store; the gate and the proxy are between the first process and the store.
struct Scene {
    server: Server,
    gate: Gated,
    way: Proxy,
    world: World,
    /// The first process.
    one: Reader,
    /// The second process, which is connected to the store directly.
    other: Reader,
}

impl Scene {
    /// A counter at 0, which both processes have cached.
    fn new(timeout: Duration) -> Self {
        Self::with(timeout, OnOutage::Defer)
    }

    fn with(timeout: Duration, on_outage: OnOutage) -> Self {
        let server = memcached::start(&[]);
        let way = Proxy::to(server.address());
        let store = MemcachedStore::connect(&[way.address().to_string()], timeout).unwrap();
        let gate = Gated::new(store);
        let world = World::with(server.url(), |builder| {
            builder.store(gate.clone()).on_outage(on_outage)
        });
        let mut one = world.reader();
        let mut other = world.connect(&world.other_process());
        insert_counter(&mut one.conn);
        hits_again(&mut one, 0);
        hits_again(&mut other, 0);
        Self {
            server,
            gate,
            way,
            world,
            one,
            other,
        }
    }

    /// Runs `work` on the first process's connection, and `meanwhile` while it is held before a
    /// command of the `wanted` kind.
    fn at<T: Send>(
        &mut self,
        wanted: fn(&Command<'_>) -> bool,
        work: impl FnOnce(&mut Conn) -> T + Send,
        meanwhile: impl FnOnce(&Server, &Proxy, &mut Reader),
    ) -> T {
        self.gate.hold(wanted);
        thread::scope(|scope| {
            let conn = &mut self.one.conn;
            let working = scope.spawn(move || work(conn));
            self.gate.wait_until_held();
            meanwhile(&self.server, &self.way, &mut self.other);
            self.gate.release();
            working.join().unwrap()
        })
    }
}

fn any(_: &Command<'_>) -> bool {
    true
}

fn sets_a_lease(command: &Command<'_>) -> bool {
    matches!(command, Command::Set { value: b"1", .. })
}

fn stores_an_entry(command: &Command<'_>) -> bool {
    matches!(command, Command::Set { value, .. } if value.starts_with(b"cach"))
}

fn creates_a_record(command: &Command<'_>) -> bool {
    matches!(command, Command::Add { .. })
}

fn begins(command: &Command<'_>) -> bool {
    matches!(command, Command::CompareAndSwap { value, .. } if !is_calm(value))
}

fn ends(command: &Command<'_>) -> bool {
    matches!(command, Command::CompareAndSwap { value, .. } if is_calm(value))
}

fn is_calm(record: &[u8]) -> bool {
    let calm = br#""writers":[]"#;
    record.windows(calm.len()).any(|part| part == calm)
}

/// How an outage of a server begins, and how it ends.
type Outage = (fn(&Server), fn(&Server));

const DEATH: Outage = (Server::stop, Server::start);
const FREEZE: Outage = (Server::freeze, Server::thaw);
const RESTART: Outage = (Server::restart, |_| ());
const FLUSH: Outage = (Server::flush, |_| ());

/// The outage begins before each command of a read in turn: a lookup that would hit, the creation of a
/// version record, and the storing of the rows.
fn outage_during_a_read((start, end): Outage) {
    for (point, wanted) in [
        ("lookup", any as fn(&Command<'_>) -> bool),
        ("creation of a record", creates_a_record),
        ("storing", stores_an_entry),
    ] {
        let mut scene = Scene::new(FROZEN_TIMEOUT);
        match point {
            "storing" => set(&mut scene.other.conn, 1),
            "creation of a record" => scene.server.flush(),
            _ => {}
        }
        let expected = i64::from(point == "storing");
        let seen = scene.at(wanted, value, |server, _, _| start(server));
        assert_eq!(seen, expected, "{point}");
        for reader in [&mut scene.one, &mut scene.other] {
            assert_eq!(value(&mut reader.conn), expected, "{point}");
            // Both see this write, whatever the state of the store.
            set(&mut reader.conn, expected);
        }
        end(&scene.server);
        hits_again(&mut scene.one, expected);
        hits_again(&mut scene.other, expected);
        set(&mut scene.other.conn, 7);
        hits_again(&mut scene.one, 7);
    }
}

/// The outage begins before each command of a write in turn: its lease, its `begin`, and its `end`, which
/// is after the COMMIT.
fn outage_during_a_write((start, end): Outage) {
    for (point, wanted) in [
        ("lease", sets_a_lease as fn(&Command<'_>) -> bool),
        ("begin", begins),
        ("end", ends),
    ] {
        let mut scene = Scene::new(FROZEN_TIMEOUT);
        scene.at(wanted, |conn| set(conn, 1), |server, _, _| start(server));
        assert_eq!(value(&mut scene.one.conn), 1, "{point}");
        assert_eq!(value(&mut scene.other.conn), 1, "{point}");
        end(&scene.server);
        // Hits return once the pending invalidation is delivered, before the lease ends.
        hits_again(&mut scene.one, 1);
        hits_again(&mut scene.other, 1);
        set(&mut scene.other.conn, 7);
        hits_again(&mut scene.one, 7);
    }
}

#[test]
fn a_store_that_stops_during_a_read_costs_only_hits() {
    outage_during_a_read(DEATH);
}

#[test]
fn a_store_that_stops_during_a_write_gets_its_invalidation_later() {
    outage_during_a_write(DEATH);
}

#[test]
fn a_store_that_freezes_during_a_read_costs_only_hits() {
    outage_during_a_read(FREEZE);
}

#[test]
fn a_store_that_freezes_during_a_write_gets_its_invalidation_later() {
    outage_during_a_write(FREEZE);
}

#[test]
fn c07_a_store_that_is_restarted_during_a_read_costs_only_hits() {
    outage_during_a_read(RESTART);
}

#[test]
fn c07_a_store_that_is_restarted_during_a_write_gets_its_invalidation() {
    outage_during_a_write(RESTART);
}

#[test]
fn c07_a_store_that_is_flushed_during_a_read_costs_only_hits() {
    outage_during_a_read(FLUSH);
}

#[test]
fn c07_a_store_that_is_flushed_during_a_write_gets_its_invalidation() {
    outage_during_a_write(FLUSH);
}
