//! A store that is dead, frozen, restarted, emptied, full, slow, or out of one process's reach, at
//! every point of a read and of a write: nothing fails, no row is wrong, and hits come back.

use std::{sync::Arc, thread, time::Duration};

use cachalot_diesel::{
    BypassReason, Command, MemcachedStore, OnOutage, Outcome, Reply, Store, StoreError, prelude::*,
};
use cachalot_tests::{gate::Gated, memcached, memcached::Server, proxy::Proxy, wait_until};
use diesel::prelude::*;
use parking_lot::Mutex;

use super::Conn;
use super::schema::{counters, tags};
use super::world::{Reader, World};

/// Longer than anything takes that is waited for, shorter than a writer's lease.
const SOON: Duration = Duration::from_secs(20);

/// The time limit of a store that is going to be frozen.
const BRIEF: Duration = Duration::from_millis(150);

fn value(conn: &mut Conn) -> i64 {
    counters::table
        .find(1)
        .select(counters::value)
        .cached(conn)
        .get_result()
        .unwrap()
}

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

fn outcome(conn: &mut Conn) -> Outcome {
    let query = counters::table.find(1).select(counters::value);
    query.cached(conn).explain().unwrap().outcome
}

fn insert_counter(conn: &mut Conn) {
    diesel::insert_into(counters::table)
        .values((counters::id.eq(1), counters::value.eq(0)))
        .execute(conn)
        .unwrap();
}

/// Waits until reads hit; each of them has to give `expected`.
#[track_caller]
fn hits_again(reader: &mut Reader, expected: i64) {
    wait_until("the reads hit", SOON, || {
        let (seen, sent) = reader.sent(value);
        assert_eq!(seen, expected);
        sent == 0
    });
}

/// Two processes with a store, and what stands between the first and the store.
struct Scene {
    server: Server,
    gate: Gated,
    way: Proxy,
    world: World,
    /// The first process.
    one: Reader,
    /// The second, which reaches the store without a detour.
    other: Reader,
}

impl Scene {
    /// A counter at 0, cached for both.
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

fn announces(command: &Command<'_>) -> bool {
    matches!(command, Command::CompareAndSwap { value, .. } if !is_calm(value))
}

fn ends(command: &Command<'_>) -> bool {
    matches!(command, Command::CompareAndSwap { value, .. } if is_calm(value))
}

fn is_calm(record: &[u8]) -> bool {
    let calm = br#""writers":[]"#;
    record.windows(calm.len()).any(|part| part == calm)
}

/// What befalls a server, and how it ends.
type Outage = (fn(&Server), fn(&Server));

const DEATH: Outage = (Server::stop, Server::start);
const FREEZE: Outage = (Server::freeze, Server::thaw);
const RESTART: Outage = (Server::restart, |_| ());
const FLUSH: Outage = (Server::flush, |_| ());

/// The outage strikes before each command of a read in turn: a lookup that would hit, one whose
/// record is to be created, and the storing of the rows.
fn strikes_a_read((strike, end): Outage) {
    for (point, wanted) in [
        ("lookup", any as fn(&Command<'_>) -> bool),
        ("creation of a record", creates_a_record),
        ("storing", stores_an_entry),
    ] {
        let mut scene = Scene::new(BRIEF);
        match point {
            "storing" => set(&mut scene.other.conn, 1),
            "creation of a record" => scene.server.flush(),
            _ => {}
        }
        let expected = i64::from(point == "storing");
        let seen = scene.at(wanted, value, |server, _, _| strike(server));
        assert_eq!(seen, expected, "{point}");
        for reader in [&mut scene.one, &mut scene.other] {
            assert_eq!(value(&mut reader.conn), expected, "{point}");
            // It is seen by both, whatever the state of the store.
            set(&mut reader.conn, expected);
        }
        end(&scene.server);
        hits_again(&mut scene.one, expected);
        hits_again(&mut scene.other, expected);
        set(&mut scene.other.conn, 7);
        hits_again(&mut scene.one, 7);
    }
}

/// The outage strikes before each command of a write in turn: its lease, its announcement, and its
/// end, which is after the COMMIT.
fn strikes_a_write((strike, end): Outage) {
    for (point, wanted) in [
        ("lease", sets_a_lease as fn(&Command<'_>) -> bool),
        ("announcement", announces),
        ("end", ends),
    ] {
        let mut scene = Scene::new(BRIEF);
        scene.at(wanted, |conn| set(conn, 1), |server, _, _| strike(server));
        assert_eq!(value(&mut scene.one.conn), 1, "{point}");
        assert_eq!(value(&mut scene.other.conn), 1, "{point}");
        end(&scene.server);
        // Hits come back once what is owed is delivered, and before the lease ends.
        hits_again(&mut scene.one, 1);
        hits_again(&mut scene.other, 1);
        set(&mut scene.other.conn, 7);
        hits_again(&mut scene.one, 7);
    }
}

#[test]
fn a_store_that_dies_in_a_read_costs_nothing_but_hits() {
    strikes_a_read(DEATH);
}

#[test]
fn a_store_that_dies_in_a_write_hears_of_it_later() {
    strikes_a_write(DEATH);
}

#[test]
fn a_store_that_freezes_in_a_read_costs_nothing_but_hits() {
    strikes_a_read(FREEZE);
}

#[test]
fn a_store_that_freezes_in_a_write_hears_of_it_when_it_wakes() {
    strikes_a_write(FREEZE);
}

#[test]
fn c07_a_store_that_is_restarted_in_a_read_costs_nothing_but_hits() {
    strikes_a_read(RESTART);
}

#[test]
fn c07_a_store_that_is_restarted_in_a_write_hears_of_it() {
    strikes_a_write(RESTART);
}

#[test]
fn c07_a_store_that_is_flushed_in_a_read_costs_nothing_but_hits() {
    strikes_a_read(FLUSH);
}

#[test]
fn c07_a_store_that_is_flushed_in_a_write_hears_of_it() {
    strikes_a_write(FLUSH);
}

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

#[test]
fn answers_that_come_late_but_in_time_are_waited_for() {
    let mut scene = Scene::new(SOON);
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

/// Holds the answers of the first process, whose requests arrive: slower than its time limit.
#[test]
fn answers_that_come_too_late_are_nobodys_and_do_no_harm() {
    let mut scene = Scene::new(BRIEF);
    scene.way.hold_answers();
    assert_eq!(scene.one.sent(value), (0, 1), "the database answers");
    set(&mut scene.one.conn, 1);
    assert_eq!(scene.one.sent(value), (1, 1));
    scene.way.release_answers();
    hits_again(&mut scene.one, 1);
    hits_again(&mut scene.other, 1);
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

#[test]
fn while_a_store_is_known_to_be_down_no_read_or_write_asks_it_anything() {
    let mut scene = Scene::new(BRIEF);
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
fn a_store_that_evicts_all_the_time_costs_nothing_but_hits() {
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
fn a_full_store_that_refuses_whatever_is_new_costs_nothing_but_hits() {
    let server = memcached::start(&["-m", "2", "-M"]);
    let world = World::with(server.url(), |b| b.store_timeout(Duration::from_secs(5)));
    let mut one = world.reader();
    let mut other = world.connect(&world.other_process());
    insert_counter(&mut one.conn);
    hits_again(&mut one, 0);
    hits_again(&mut other, 0);
    for bytes in [1, 150, 250, 400] {
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

type Down = Box<dyn Fn(&Command<'_>) -> bool + Send>;

/// A store some of whose servers can be down: those that would have to carry out these commands.
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

/// Two processes, the first of them behind a store that can be down in part.
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

/// Lost by a collector that gives up at the first debt that cannot be paid.
#[test]
fn a_server_that_stays_down_does_not_hold_up_what_another_would_take() {
    let (partial, gate, world, mut one, mut other) = partial();
    // The record of `counters` is what a write to it swaps, and its debt is paid first.
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

    wait_until("the other table's debt is paid", SOON, || {
        labels(&mut other.conn) == ["new"]
    });
    assert_eq!(one.sent(value), (2, 1), "this one is still owed");
    partial.down(|_| false);
    hits_again(&mut one, 2);
    hits_again(&mut other, 2);
    drop((gate, world));
}

#[test]
fn a_write_whose_lease_has_no_server_is_announced_all_the_same() {
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

#[test]
fn a_write_that_waits_is_not_sent_before_the_store_hears_of_it() {
    let mut scene = Scene::with(BRIEF, OnOutage::Wait(SOON));
    scene.way.cut();
    let errors = scene.world.cache.stats().store_errors;
    thread::scope(|scope| {
        let conn = &mut scene.one.conn;
        let writing = scope.spawn(|| set(conn, 1));
        wait_until("the write has tried several times", SOON, || {
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
fn a_write_that_waits_does_not_return_before_the_store_has_heard_of_its_end() {
    let mut scene = Scene::with(BRIEF, OnOutage::Wait(SOON));
    scene.gate.hold(ends);
    thread::scope(|scope| {
        let conn = &mut scene.one.conn;
        let writing = scope.spawn(|| set(conn, 1));
        scene.gate.wait_until_held();
        let errors = scene.world.cache.stats().store_errors;
        scene.way.cut();
        scene.gate.release();
        wait_until("the collector has tried", SOON, || {
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
fn a_write_that_has_waited_long_enough_goes_on_and_is_remembered() {
    let mut scene = Scene::with(BRIEF, OnOutage::Wait(Duration::from_millis(20)));
    scene.way.cut();
    set(&mut scene.one.conn, 1);
    assert_eq!(scene.one.sent(value), (1, 1));
    scene.way.mend();
    hits_again(&mut scene.one, 1);
    hits_again(&mut scene.other, 1);
}
