//! The races of keyed reads with keyed writes: each is held before each of its commands to the store while the
//! other goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use cachalot_diesel::{
    BypassReason, Cachalot, CachalotConnection, MemcachedStore, OnOutage, Outcome, prelude::*,
};
use cachalot_tests::{
    Database,
    gate::{Gated, OneByOne},
    memcached, unique, wait_until,
};
use diesel::{connection::SimpleConnection as _, prelude::*};

use super::connection_type::Typed;
use super::schema::{authors, posts};
use super::{Conn, db};

type Client = CachalotConnection<Conn>;

const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// More commands than a read or a write has.
const MANY: usize = 60;

/// A process that is held before certain commands to its store.
struct Process {
    gate: Gated,
    typed: Typed,
}

/// In which order the store runs the commands of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Kept,
    /// What a store must not do.
    Reversed,
}

/// Two authors, whose posts are told apart by `id` and by `author_id`, and what several processes share.
struct Scene {
    database: Database,
    namespace: String,
    servers: Vec<String>,
    outsider: Conn,
    /// Ends after the stores.
    _own: Vec<memcached::Server>,
}

impl Scene {
    /// With one memcached, or with several.
    fn new(servers: usize) -> Self {
        let own: Vec<_> = match servers {
            1 => Vec::new(),
            several => (0..several).map(|_| memcached::start(&[])).collect(),
        };
        let mut servers: Vec<_> = own.iter().map(|it| it.address().to_string()).collect();
        if servers.is_empty() {
            servers.push(memcached::shared().address().to_string());
        }
        let database = db::database();
        let mut outsider = db::establish(database.url());
        let authors: Vec<_> = [1, 2]
            .map(|id| (authors::id.eq(id), authors::name.eq("a")))
            .into();
        diesel::insert_into(authors::table)
            .values(authors)
            .execute(&mut outsider)
            .unwrap();
        let posts: Vec<_> = (1..20)
            .map(|id| {
                (
                    posts::id.eq(id),
                    posts::author_id.eq(1),
                    posts::title.eq("p"),
                )
            })
            .collect();
        diesel::insert_into(posts::table)
            .values(posts)
            .execute(&mut outsider)
            .unwrap();
        Self {
            database,
            namespace: unique::name("race"),
            servers,
            outsider,
            _own: own,
        }
    }

    /// One whose leases last a second and whose writes fail without the store.
    fn process(&self, order: Order) -> Process {
        let store = MemcachedStore::connect(&self.servers, Duration::from_secs(5)).unwrap();
        let gate = Gated::new(store);
        let store = match order {
            Order::Kept => OneByOne::new(gate.clone()),
            Order::Reversed => OneByOne::reversed(gate.clone()),
        };
        let cache = Cachalot::builder()
            .store(store)
            .namespace(&self.namespace)
            .write_lease(Duration::from_secs(1))
            .on_outage(OnOutage::Fail)
            .build()
            .unwrap();
        let typed = Typed::on(&self.database, &cache);
        Process { gate, typed }
    }
}

/// What is read by keys.
fn votes_of<C>(conn: &mut C, id: i32) -> Vec<i64>
where
    C: diesel::connection::LoadConnection<Backend = <Conn as Connection>::Backend>,
{
    let query = posts::table.find(id).select(posts::votes);
    query.load(conn).unwrap()
}

fn ids_of<C>(conn: &mut C, author: i32) -> Vec<i64>
where
    C: diesel::connection::LoadConnection<Backend = <Conn as Connection>::Backend>,
{
    let query = posts::table
        .filter(posts::author_id.eq(author))
        .order(posts::id)
        .select(posts::id);
    let ids: Vec<i32> = query.load(conn).unwrap();
    ids.into_iter().map(i64::from).collect()
}

/// A write, and what it changes.
struct Race {
    name: &'static str,
    /// The n-th time that it is run.
    write: fn(&mut Client, i32),
    read: fn(&mut Client) -> Vec<i64>,
    plain: fn(&mut Conn) -> Vec<i64>,
}

const RACES: &[Race] = &[
    Race {
        name: "an update",
        write: |conn, _| {
            let post = diesel::update(posts::table.find(1));
            post.set(posts::votes.eq(posts::votes + 1))
                .execute(conn)
                .unwrap();
        },
        read: |conn| votes_of(conn, 1),
        plain: |conn| votes_of(conn, 1),
    },
    Race {
        name: "a row that moves, where it was",
        write: |conn, run| moves(conn, run),
        read: |conn| ids_of(conn, 1),
        plain: |conn| ids_of(conn, 1),
    },
    Race {
        name: "a row that moves, where it comes",
        write: |conn, run| moves(conn, run),
        read: |conn| ids_of(conn, 2),
        plain: |conn| ids_of(conn, 2),
    },
    Race {
        name: "a row that comes and goes, in a transaction",
        write: |conn, run| {
            conn.transaction(|conn| {
                if run % 2 == 0 {
                    let post = (
                        posts::id.eq(77),
                        posts::author_id.eq(2),
                        posts::title.eq("new"),
                    );
                    diesel::insert_into(posts::table)
                        .values(post)
                        .execute(conn)?;
                } else {
                    diesel::delete(posts::table.find(77)).execute(conn)?;
                }
                let other = diesel::update(posts::table.find(5));
                other.set(posts::votes.eq(posts::votes + 1)).execute(conn)
            })
            .unwrap();
        },
        read: |conn| votes_of(conn, 77),
        plain: |conn| votes_of(conn, 77),
    },
];

/// Between the two authors, there and back.
fn moves(conn: &mut Client, run: i32) {
    let (from, to) = if run % 2 == 0 { (1, 2) } else { (2, 1) };
    let post = posts::table.find(3).filter(posts::author_id.eq(from));
    let moved = diesel::update(post)
        .set(posts::author_id.eq(to))
        .execute(conn);
    assert_eq!(moved, Ok(1));
}

/// Holds the process before its n-th command from now on.
fn hold_before(gate: &Gated, number: usize) {
    let seen = AtomicUsize::new(0);
    gate.hold(move |_| seen.fetch_add(1, Ordering::Relaxed) == number);
}

/// Waits until the process is held, or its thread has ended. Is it held?
fn is_held<T>(gate: &Gated, thread: &thread::ScopedJoinHandle<'_, T>) -> bool {
    let start = Instant::now();
    while !gate.is_held() && !thread.is_finished() {
        assert!(
            start.elapsed() < WAIT_TIMEOUT,
            "it is neither held nor ends"
        );
        thread::sleep(Duration::from_micros(100));
    }
    let held = gate.is_held();
    if !held {
        gate.open();
    }
    held
}

/// A writer is held before each of its commands, and meanwhile a reader before each of its own, until the writer
/// has ended. What was older than what the database showed when the read began.
fn stale_reads(race: &Race, servers: usize, [reading, writing]: [Order; 2]) -> Vec<String> {
    let mut scene = Scene::new(servers);
    let mut stale = Vec::new();
    let [mut reader, mut writer, mut third] =
        [reading, writing, Order::Kept].map(|it| scene.process(it));
    let runs = Arc::new(AtomicUsize::new(0));
    for step_of_writer in 0..MANY {
        let mut writes_on = true;
        for step_of_reader in 0..MANY {
            // An entry that may be a hit.
            (race.read)(&mut third.typed.conn);
            (race.read)(&mut reader.typed.conn);
            let run = i32::try_from(runs.fetch_add(1, Ordering::Relaxed)).unwrap();
            let (seen, before, reads_on) = thread::scope(|scope| {
                hold_before(&writer.gate, step_of_writer);
                let conn = &mut writer.typed.conn;
                let writer_thread = scope.spawn(move || (race.write)(conn, run));
                writes_on = is_held(&writer.gate, &writer_thread);
                let before = (race.plain)(&mut scene.outsider);
                hold_before(&reader.gate, step_of_reader);
                let conn = &mut reader.typed.conn;
                let reader_thread = scope.spawn(move || (race.read)(conn));
                let reads_on = is_held(&reader.gate, &reader_thread);
                writer.gate.release();
                writer_thread.join().unwrap();
                reader.gate.release();
                (reader_thread.join().unwrap(), before, reads_on)
            });
            let after = (race.plain)(&mut scene.outsider);
            let held = format!(
                "{}, held at {step_of_writer} and {step_of_reader}",
                race.name
            );
            if seen != before && seen != after {
                stale.push(format!(
                    "{held}: {seen:?} instead of {before:?} or {after:?}"
                ));
            }
            for (who, process) in [
                ("reader", &mut reader),
                ("writer", &mut writer),
                ("third", &mut third),
            ] {
                let seen = (race.read)(&mut process.typed.conn);
                if seen != after {
                    stale.push(format!(
                        "{held}, afterwards, the {who}: {seen:?} instead of {after:?}"
                    ));
                }
            }
            if !reads_on {
                assert_ne!(step_of_reader, 0, "no command of the reader was held");
                break;
            }
        }
        if !writes_on {
            assert_ne!(step_of_writer, 0, "no command of the writer was held");
            break;
        }
    }
    stale
}

/// With one memcached, and with several, of which each has some of the items.
#[test]
fn k13_no_keyed_read_is_stale_wherever_a_writer_and_a_reader_are_held() {
    for race in RACES {
        for servers in [1, 3] {
            let stale = stale_reads(race, servers, [Order::Kept; 2]);
            assert!(stale.is_empty(), "{servers} servers:\n{}", stale.join("\n"));
        }
    }
}

/// A writer dies before each of its commands. The database is asked, and after the lease reads hit again.
#[test]
fn k12_a_process_that_dies_at_any_step_of_a_keyed_write_leaves_nothing_stale() {
    let mut scene = Scene::new(1);
    let mut reader = scene.process(Order::Kept);
    let mut last = 0;
    for step in 0..MANY {
        let id = i32::try_from(step).unwrap() + 1;
        for _ in 0..2 {
            votes_of(&mut reader.typed.conn, id);
        }
        let mut writer = scene.process(Order::Kept);
        let steps = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&steps);
        writer
            .gate
            .die_at(move |_| counted.fetch_add(1, Ordering::Relaxed) == step);
        let post = diesel::update(posts::table.find(id));
        let result = post.set(posts::votes.eq(7)).execute(&mut writer.typed.conn);
        drop(writer);
        let shown = votes_of(&mut scene.outsider, id);
        assert_eq!(shown, [if result.is_ok() { 7 } else { 0 }], "{step}");
        assert_eq!(votes_of(&mut reader.typed.conn, id), shown, "{step}");
        last = id;
        if steps.load(Ordering::Relaxed) <= step {
            break;
        }
    }
    assert!((3..19).contains(&last), "a write has other steps: {last}");
    let in_flight = |reader: &mut Process, id: i32| {
        let query = posts::table.find(id).select(posts::votes);
        let explained = query.cached(&mut reader.typed.conn).explain().unwrap();
        explained.outcome == Outcome::Bypass(BypassReason::WriterInFlight)
    };
    for id in 1..=last {
        wait_until("the lease is over", WAIT_TIMEOUT, || {
            !in_flight(&mut reader, id)
        });
        let shown = votes_of(&mut scene.outsider, id);
        assert_eq!(votes_of(&mut reader.typed.conn, id), shown);
        assert_eq!(
            reader.typed.sent(|conn| votes_of(conn, id)),
            (shown, 0),
            "a hit again"
        );
    }
}

/// A writer waits for a lock: it is in flight, and nothing has happened yet.
#[test]
fn k13_a_keyed_write_that_waits_for_a_lock_is_seen_when_it_ends() {
    let mut scene = Scene::new(1);
    let [mut reader, mut writer] = [scene.process(Order::Kept), scene.process(Order::Kept)];
    assert_eq!(votes_of(&mut reader.typed.conn, 1), [0]);
    assert_eq!(votes_of(&mut reader.typed.conn, 2), [0]);
    let lock = match super::DATABASE {
        "sqlite" => "BEGIN IMMEDIATE",
        _ => "BEGIN; UPDATE posts SET title = 'q' WHERE id = 1",
    };
    scene.outsider.batch_execute(lock).unwrap();
    let writing = thread::spawn(move || {
        (RACES[0].write)(&mut writer.typed.conn, 0);
        writer
    });
    wait_until("the writer is announced", WAIT_TIMEOUT, || {
        let query = posts::table.find(1).select(posts::votes);
        let explained = query.cached(&mut reader.typed.conn).explain().unwrap();
        explained.outcome == Outcome::Bypass(BypassReason::WriterInFlight)
    });
    assert_eq!(reader.typed.sent(|conn| votes_of(conn, 1)), (vec![0], 1));
    scene.outsider.batch_execute("ROLLBACK").unwrap();
    let mut writer = writing.join().unwrap();
    assert_eq!(reader.typed.sent(|conn| votes_of(conn, 1)), (vec![1], 1));
    assert_eq!(writer.typed.sent(|conn| votes_of(conn, 1)), (vec![1], 0));
}

/// Rule 6: the buckets change before the record, and are read after it.
#[test]
fn k13_the_opposite_order_of_a_batch_is_found() {
    for orders in [
        [Order::Reversed, Order::Kept],
        [Order::Kept, Order::Reversed],
    ] {
        let stale = stale_reads(&RACES[0], 1, orders);
        assert!(!stale.is_empty(), "{orders:?}: no read was stale");
    }
}

/// A write of one key holds up nobody who reads another, at any of its steps.
#[test]
fn k13_reads_of_other_keys_are_hits_while_a_keyed_write_is_in_flight() {
    let scene = Scene::new(1);
    let [mut reader, mut writer] = [scene.process(Order::Kept), scene.process(Order::Kept)];
    for process in [&mut reader, &mut writer] {
        votes_of(&mut process.typed.conn, 1);
        votes_of(&mut process.typed.conn, 2);
    }
    for step in 0..MANY {
        hold_before(&writer.gate, step);
        let held = thread::scope(|scope| {
            let conn = &mut writer.typed.conn;
            let writing = scope.spawn(move || (RACES[0].write)(conn, 0));
            let held = is_held(&writer.gate, &writing);
            assert_eq!(
                reader.typed.sent(|conn| votes_of(conn, 2)),
                (vec![0], 0),
                "at {step}"
            );
            writer.gate.release();
            writing.join().unwrap();
            held
        });
        assert_eq!(
            reader.typed.sent(|conn| votes_of(conn, 2)),
            (vec![0], 0),
            "after {step}"
        );
        assert_eq!(
            reader.typed.sent(|conn| votes_of(conn, 1)).1,
            1,
            "after {step}"
        );
        if !held {
            assert!(step > 3, "a write has other steps");
            return;
        }
    }
    panic!("a write has more steps");
}
