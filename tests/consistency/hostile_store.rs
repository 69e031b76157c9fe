//! Hostile bytes in the store, put by another client under the very keys that the library uses: the
//! rows are right, and the next read is a hit again. With a secret that holds for what is forged, too.

mod forgery;

use std::time::Duration;

use cachalot_diesel::{Builder, Cachalot, CachedDsl as _};
use cachalot_tests::{memcached, wire::Wire};
use diesel::prelude::*;

use self::forgery::{
    BODY_AT, RECORD_START, TAG_AT, forged, patched, records, spoilt, unreadable, wrong,
};
use super::Conn;
use super::schema::tags;
use super::spy_store::SpyStore;
use super::world::World;

type Row = (i32, String);

const SECRET: &str = "of this test";

fn read(conn: &mut Conn) -> Vec<Row> {
    let query = tags::table.order(tags::id);
    query.cached(conn).load().unwrap()
}

/// A world with a row that is cached in the shared memcached.
struct Target {
    world: World,
    spy_store: SpyStore,
    /// The library's own client stores nothing empty.
    wire: Wire,
    /// The keys of the row's entry, of the namespace's record and of the table's.
    keys: Vec<String>,
}

impl Target {
    fn new(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let spy_store = SpyStore::memcached();
        let mut world = World::with("memory://".to_owned(), |builder| {
            settings(builder).store(spy_store.clone())
        });
        diesel::insert_into(tags::table)
            .values((tags::id.eq(1), tags::label.eq("right")))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(world.once(read), right());
        let keys = spy_store.asked();
        assert_eq!(keys.len(), 3);
        Self {
            world,
            spy_store,
            wire: memcached::shared().wire(),
            keys,
        }
    }

    fn with_secret() -> Self {
        Self::new(|builder| builder.secret(SECRET))
    }

    /// Another process with the same namespace.
    fn process(&self) -> Builder {
        process(&self.world.namespace)
    }

    fn entry(&self) -> &str {
        &self.keys[0]
    }

    /// The entry as the library stored it.
    fn sound(&self) -> Vec<u8> {
        self.spy_store.get(self.entry()).unwrap()
    }

    /// The entry with another label, under a checksum that holds.
    fn forgery(&self) -> Vec<u8> {
        forged(self.entry(), &wrong(&self.sound()))
    }

    /// Puts the bytes there. The rows are right then, and a hit the second time; how many statements
    /// that took.
    #[track_caller]
    fn withstands(&mut self, key: &str, bytes: &[u8], what: &str) -> usize {
        self.wire.set(key, bytes);
        let (rows, sent) = self.world.sent(read);
        assert_eq!(rows, right(), "{what}");
        assert_eq!(self.world.sent(read), (right(), 0), "healed after {what}");
        sent
    }

    /// As [`withstands`](Self::withstands), of bytes that are no entry of this read's.
    #[track_caller]
    fn misses(&mut self, bytes: &[u8], what: &str) {
        let entry = self.entry().to_owned();
        assert_eq!(self.withstands(&entry, bytes, what), 1, "{what}");
    }
}

fn process(namespace: &str) -> Builder {
    Cachalot::builder()
        .url(memcached::shared().url())
        .namespace(namespace)
        .store_timeout(Duration::from_secs(5))
}

fn right() -> Vec<Row> {
    vec![(1, "right".to_owned())]
}

#[test]
fn x04_damaged_bytes_are_misses() {
    for mut target in [Target::new(|builder| builder), Target::with_secret()] {
        // The namespace's record is one like the table's.
        for key in [target.keys[0].clone(), target.keys[2].clone()] {
            let sound = target.spy_store.get(&key).unwrap();
            for (way, bytes) in spoilt(&sound) {
                let sent = target.withstands(&key, &bytes, &way);
                assert!(sent == 1 || key != target.entry(), "{way} of an entry");
            }
        }
        assert_eq!(target.world.cache.stats().store_errors, 0);
    }
}

#[test]
fn x04_what_another_read_database_or_namespace_has_stored_is_a_miss() {
    let mut target = Target::new(|builder| builder);
    let stored = |conn: &mut Conn| {
        read(conn);
        let explanation = tags::table.order(tags::id).cached(conn).explain();
        let key = explanation.unwrap().key.unwrap();
        target.spy_store.get(&key).unwrap()
    };
    let of_a_read = {
        let read = |conn: &mut Conn| tags::table.cached(conn).load::<Row>();
        assert_eq!(target.world.sent(read), (Ok(right()), 1));
        target.spy_store.get(&target.spy_store.asked()[0]).unwrap()
    };
    let mut elsewhere = World::new();
    let cache = target.process().build().unwrap();
    cache.watch(&mut elsewhere.conn).unwrap();
    let of_a_database = stored(&mut elsewhere.conn);
    let namesake = process(&elsewhere.namespace).build().unwrap();
    let of_a_namespace = stored(&mut target.world.connect(&namesake).conn);

    target.misses(&of_a_read, "another read's");
    target.misses(&of_a_database, "another database's");
    target.misses(&of_a_namespace, "another namespace's");
}

#[test]
fn x04_a_forged_entry_without_readable_rows_is_a_miss() {
    for mut target in [Target::new(|builder| builder), Target::with_secret()] {
        let sound = target.sound();
        for (what, bytes) in unreadable(&sound) {
            target
                .spy_store
                .set(target.entry(), &forged(target.entry(), &bytes));
            assert_eq!(target.world.sent(read), (right(), 1), "{what}");
            // The second read stores the rows if the first has only found that there are none.
            assert_eq!(read(&mut target.world.conn), right(), "{what}");
            assert_eq!(target.world.sent(read), (right(), 0), "healed after {what}");
        }
        assert_eq!(target.world.cache.stats().store_errors, 0);
    }
}

#[test]
fn x04_a_forged_entry_without_readable_rows_is_not_kept_in_the_process() {
    let mut target = Target::new(|builder| builder);
    let sound = target.sound();
    for (what, bytes) in unreadable(&sound) {
        target
            .spy_store
            .set(target.entry(), &forged(target.entry(), &bytes));
        let near = target.process().near_cache_bytes(1 << 20).build().unwrap();
        let mut reader = target.world.connect(&near);
        assert_eq!(reader.sent(read), (right(), 1), "{what}");
        assert_eq!(read(&mut reader.conn), right(), "{what}");
        assert_eq!(reader.sent(read), (right(), 0), "healed after {what}");
        assert_eq!(target.world.sent(read), (right(), 0), "healed after {what}");
    }
}

#[test]
fn x04_with_a_secret_a_forged_entry_is_a_miss() {
    let mut target = Target::with_secret();
    let forgery = target.forgery();
    target.misses(&forgery, "a forgery");
    for (at, byte) in (TAG_AT..BODY_AT).zip(0..) {
        target.misses(&patched(&forgery, at, &[byte]), "a guess");
    }

    // Who has no secret, or another, is not believed either.
    for process in [target.process(), target.process().secret("a guess")] {
        let mut other = target.world.connect(&process.build().unwrap());
        for _ in 0..2 {
            assert_eq!(other.sent(read), (right(), 1));
            assert_eq!(target.world.sent(read), (right(), 1));
        }
        assert_eq!(target.world.sent(read), (right(), 0));
    }
}

/// So that it is the secret that rejects the forged entry in the test above.
#[test]
fn x04_without_a_secret_a_forged_entry_is_a_hit() {
    let mut target = Target::new(|builder| builder);
    target.spy_store.set(target.entry(), &target.forgery());
    assert_eq!(target.world.sent(read), (vec![(1, "wrong".to_owned())], 0));
}

#[test]
fn x04_a_forged_record_costs_a_miss_and_hides_no_write() {
    for mut target in [Target::new(|builder| builder), Target::with_secret()] {
        let keys = target.keys.clone();
        for key in &keys[1..] {
            let sound = target.spy_store.get(key).unwrap();
            assert!(sound.starts_with(RECORD_START.as_bytes()));
            for (what, bytes) in records() {
                target.withstands(key, bytes.as_bytes(), what);

                target.wire.set(key, bytes.as_bytes());
                for label in ["written", "right"] {
                    diesel::update(tags::table)
                        .set(tags::label.eq(label))
                        .execute(&mut target.world.conn)
                        .unwrap();
                    let rows = read(&mut target.world.conn);
                    assert_eq!(rows[0].1, label, "a write over {what}");
                }
                assert_eq!(target.world.sent(read), (right(), 0), "healed after {what}");
            }
        }
        assert_eq!(target.world.cache.stats().store_errors, 0);
    }
}

/// Who can write records can keep a table from being cached, and no more than that.
#[test]
fn x04_a_forged_writer_that_never_ends_costs_only_hits() {
    let besieged = |target: &Target| {
        for key in &target.keys[1..] {
            let item = String::from_utf8(target.spy_store.get(key).unwrap()).unwrap();
            let writer = format!("[{{\"id\":\"{}\",\"until\":{}}}]", "1".repeat(32), u64::MAX);
            target
                .spy_store
                .set(key, item.replacen("[]", &writer, 1).as_bytes());
        }
    };
    let mut open = Target::new(|builder| builder);
    besieged(&open);
    for _ in 0..3 {
        assert_eq!(open.world.sent(read), (right(), 1));
    }
    for key in &open.keys[1..] {
        open.spy_store.delete(key);
    }
    assert_eq!(open.world.once(read), right());

    let mut closed = Target::with_secret();
    besieged(&closed);
    assert_eq!(closed.world.once(read), right());
}
