//! The id of the list of families, when memcached servers restart or are down.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cachalot_diesel::{Cachalot, Command, MemcachedStore, Reply, Store as _};
use cachalot_tests::{gate::Gated, memcached, wait_until};
use parking_lot::Mutex;

use super::catalog_fixture::{cached, run, shown};
use super::families::{EVENTS, FIRST, MEMBERS, schema};
use super::world::{Reader, World};

const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

fn store(servers: &[&memcached::Server]) -> MemcachedStore {
    let addresses: Vec<_> = servers.iter().map(|it| it.address().to_string()).collect();
    MemcachedStore::connect(&addresses, Duration::from_secs(5)).unwrap()
}

fn process(world: &World, gate: &Gated) -> Cachalot {
    let builder = Cachalot::builder().store(gate.clone());
    builder.namespace(&world.namespace).build().unwrap()
}

/// The next batch is held that ends a write; the keys and versions of what the write swaps are kept.
fn hold_end(gate: &Gated) -> Arc<Mutex<Vec<(String, u64)>>> {
    let swapped = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&swapped);
    gate.hold(move |command| {
        if let Command::CompareAndSwap { key, version, .. } = command {
            seen.lock().push(((*key).to_owned(), version.0));
        }
        matches!(command, Command::Delete { .. })
    });
    swapped
}

fn hits_again(reader: &mut Reader, read: &str) {
    wait_until("a read is a hit", WAIT_TIMEOUT, || {
        let rows = cached(&mut reader.conn, read);
        reader.sent(|conn| cached(conn, read)) == (rows, 0)
    });
}

/// memcached's own number of an item. Above it, a version has when it was read, so that it fits no item of after a restart.
fn number(version: u64) -> u64 {
    version & ((1 << 48) - 1)
}

/// After the restart a newer record has the very CAS number that the writer has kept for `end`.
#[test]
fn f01_a_family_that_is_listed_after_a_restart_during_a_write() {
    let server = memcached::start(&[]);
    let world = World::at(server.url());
    let mut outsider = world.outsider();
    run(&mut outsider, &schema(MEMBERS));
    let (mut reader, mut last) = (world.reader(), world.connect(&world.other_process()));
    let gate = Gated::new(store(&[&server]));
    let mut writer = world.connect(&process(&world, &gate));
    // The table is announced. Nobody has loaded the catalog.
    run(&mut writer.conn, "INSERT INTO part_0 VALUES (1, 'a')");
    let mut wire = server.wire();
    for number in 0..1000 {
        wire.set("filler", number.to_string().as_bytes());
    }
    let swapped = hold_end(&gate);
    let writing =
        thread::spawn(move || run(&mut writer.conn, "INSERT INTO part_0 VALUES (2, 'b')"));
    gate.wait_until_held();
    server.restart();
    // The catalog is loaded, and the member gets a new record.
    hits_again(&mut reader, EVENTS);
    hits_again(&mut reader, FIRST);
    let (key, kept) = swapped.lock().pop().unwrap();
    let get = || gate.run(&[Command::Get { key: &key }]).pop().unwrap();
    wait_until("the writer reaches the server", WAIT_TIMEOUT, || {
        get().is_ok()
    });
    // The new record gets the number that the writer has kept.
    loop {
        let Ok(Reply::Item { value, version }) = get() else {
            panic!("no record");
        };
        let (now, kept) = (number(version.0), number(kept));
        assert!(now <= kept, "{now} of {kept}");
        if now == kept {
            break;
        }
        let (key, ttl) = (&*key, None);
        let value = &*value;
        let reply = gate.run(&[Command::Set { key, value, ttl }]).pop().unwrap();
        assert!(matches!(reply, Ok(Reply::Stored(_))), "{reply:?}");
    }
    gate.release();
    writing.join().unwrap();
    assert_eq!(
        cached(&mut reader.conn, EVENTS),
        shown(&mut outsider, EVENTS)
    );
    run(&mut last.conn, "INSERT INTO part_0 VALUES (3, 'c')");
    assert_eq!(
        cached(&mut reader.conn, EVENTS),
        shown(&mut outsider, EVENTS)
    );
}

/// What a record tells is trusted if any record of the epoch that can be read has its list.
#[test]
fn f02_writes_while_a_server_with_records_of_the_epoch_is_down() {
    let servers = [memcached::start(&[]), memcached::start(&[])];
    let [up, down] = &servers;
    let gate = Gated::new(store(&[up, down]));
    let world = World::with(up.url(), |builder| builder.store(gate.clone()));
    let tables: Vec<_> = (0..MEMBERS)
        .map(|number| format!("plain_{number}"))
        .collect();
    let mut outsider = world.outsider();
    for table in &tables {
        run(&mut outsider, &format!("CREATE TABLE {table} (id INTEGER)"));
    }
    let mut writer = world.reader();
    // It knows the tables, so that a write to one renews no epoch.
    cached(&mut writer.conn, "SELECT id::text FROM plain_0");
    let mut record_of = |table: &String| {
        let insert = format!("INSERT INTO {table} VALUES (1)");
        run(&mut writer.conn, &insert);
        run(&mut writer.conn, &insert);
        let swapped = hold_end(&gate);
        thread::scope(|scope| {
            scope.spawn(|| run(&mut writer.conn, &insert));
            gate.wait_until_held();
            gate.release();
        });
        let swapped = swapped.lock();
        swapped[0].0.clone()
    };
    let records: Vec<_> = tables.iter().map(&mut record_of).collect();
    let mut wire = up.wire();
    let living = tables.iter().zip(records);
    let living: Vec<_> = living
        .filter(|(_, record)| wire.get(record).is_some())
        .map(|(table, _)| table)
        .collect();
    assert!(!living.is_empty());
    down.stop();
    for table in living {
        // Another record of the epoch each time.
        for _ in 0..8 {
            world.cache.invalidate([table]).unwrap();
        }
    }
}
