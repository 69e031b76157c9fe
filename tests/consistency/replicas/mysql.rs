//! A server that is read-only follows another, and may lag behind it.

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use diesel::{connection::SimpleConnection as _, prelude::*};

use super::schema::tags;
use super::world::World;
use super::{Conn, db};

const REPLICA: Outcome = Outcome::Bypass(BypassReason::Replica);

fn labels(conn: &mut Conn) -> Vec<String> {
    tags::table.select(tags::label).cached(conn).load().unwrap()
}

fn outcome(conn: &mut Conn) -> Outcome {
    let query = tags::table.select(tags::label);
    query.cached(conn).explain().unwrap().outcome
}

fn insert(conn: &mut Conn, label: &str) {
    diesel::insert_into(tags::table)
        .values(tags::label.eq(label))
        .execute(conn)
        .unwrap();
}

#[test]
fn c03_what_a_read_only_server_shows_is_not_stored() {
    let Some(server) = db::read_only() else {
        return;
    };
    let mut world = World::on(server.database());
    for times in 1..=2 {
        assert_eq!(outcome(&mut world.conn), REPLICA);
        assert_eq!(world.sent(labels), (Vec::new(), 1));
        assert_eq!(world.cache.stats().bypasses.get("replica"), Some(&times));
    }
    let status = &world.cache.table_status(["tags"]).unwrap()[0];
    assert_eq!(status.version, None, "no record is created");
    // A server that takes writes again is known by connections from then on.
    world
        .outsider()
        .batch_execute("SET GLOBAL read_only = 0")
        .unwrap();
    let mut reader = world.reader();
    assert_eq!(reader.sent(labels), (Vec::new(), 1));
    assert_eq!(reader.sent(labels), (Vec::new(), 0));
}

/// It shows no more than it showed when they were stored, and every write since makes them invalid.
#[test]
fn c03_what_was_stored_before_a_server_became_read_only_is_a_hit() {
    let Some(server) = db::read_only() else {
        return;
    };
    let mut world = World::on(server.database());
    let read_only = |on: u8| {
        let mut admin = db::establish(world.database.url());
        let sql = format!("SET GLOBAL read_only = {on}");
        admin.batch_execute(&sql).unwrap();
    };
    read_only(0);
    let mut filler = world.reader();
    insert(&mut filler.conn, "one");
    assert_eq!(labels(&mut filler.conn), ["one"]);
    read_only(1);
    let stores = world.cache.stats().stores;

    let other = world.other_process();
    for cache in [&world.cache, &other] {
        let mut reader = world.connect(cache);
        assert_eq!(outcome(&mut reader.conn), Outcome::Hit);
        assert_eq!(reader.sent(labels), (vec!["one".to_owned()], 0));
    }
    // A root may write; so does a replication, after a program has written elsewhere.
    insert(&mut world.conn, "two");
    let mut readers = [world.connect(&world.cache), world.connect(&other)];
    for reader in &mut readers {
        for _ in 0..2 {
            assert_eq!(outcome(&mut reader.conn), REPLICA);
            assert_eq!(reader.sent(labels).1, 1, "and nothing is stored");
        }
    }
    assert_eq!(world.cache.stats().stores, stores);
    assert_eq!(other.stats().stores, 0);

    read_only(0);
    let mut filler = world.reader();
    assert_eq!(filler.sent(labels).1, 1);
    for reader in &mut readers {
        let both = vec!["one".to_owned(), "two".to_owned()];
        assert_eq!(reader.sent(labels), (both, 0), "still known as read-only");
    }
}
