//! Tenants in files that are attached under one name.

use cachalot_diesel::CachedDsl as _;
use cachalot_tests::{Database, folder, unique};
use diesel::{connection::SimpleConnection as _, prelude::*, sql_query, sql_types::Text};

use super::shared_connections::rows;
use super::world::{Reader, World};
use super::{Conn, db};

const ITEMS: &str = "SELECT value FROM items ORDER BY value";

/// Files of tenants `a` and `b` with a table that the world's own file does not have, and two
/// connections.
fn tenants() -> (World, [Database; 2], Reader, Reader) {
    let world = World::new();
    let files = ["a", "b"].map(|tenant| {
        let file = db::database();
        db::establish(file.url())
            .batch_execute(&format!(
                "CREATE TABLE items (value TEXT NOT NULL); INSERT INTO items VALUES ('of {tenant}')"
            ))
            .unwrap();
        file
    });
    let (one, two) = (world.reader(), world.reader());
    (world, files, one, two)
}

fn attach(conn: &mut Conn, file: &Database) {
    conn.batch_execute(&format!("ATTACH DATABASE '{}' AS tenant", file.url()))
        .unwrap();
}

#[track_caller]
fn sees(reader: &mut Reader, tenant: &str, when: &str) {
    let expected = vec![format!("of {tenant}")];
    assert_eq!(rows(&mut reader.conn, ITEMS, when), expected, "{when}");
    let items = |conn: &mut Conn| -> Vec<String> {
        diesel::dsl::sql::<Text>(ITEMS).cached(conn).load().unwrap()
    };
    assert_eq!(reader.sent(items).0, expected, "{when}");
    assert_eq!(reader.sent(items), (expected, 0), "{when}");
}

#[test]
fn x01_a_file_that_is_attached_under_the_same_name_is_another() {
    let (_world, [a, b], mut one, mut two) = tenants();
    attach(&mut two.conn, &a);
    for _ in 0..2 {
        for (file, tenant) in [(&a, "a"), (&b, "b")] {
            attach(&mut one.conn, file);
            sees(&mut one, tenant, "attached");
            sees(&mut two, "a", "the other");
            one.conn.batch_execute("DETACH tenant").unwrap();
            assert!(
                sql_query(ITEMS).execute(&mut one.conn).is_err(),
                "it is gone"
            );
        }
    }
    // Its name as a bind value.
    sql_query("ATTACH ? AS tenant")
        .bind::<Text, _>(b.url())
        .execute(&mut one.conn)
        .unwrap();
    sees(&mut one, "b", "bound");
    sees(&mut two, "a", "the other");
}

#[test]
fn x01_a_file_that_was_attached_before_the_connection_was_watched_counts() {
    let (world, [a, b], mut one, _) = tenants();
    attach(&mut one.conn, &a);
    sees(&mut one, "a", "before");
    let mut late = world.outsider();
    attach(&mut late, &b);
    world.cache.watch(&mut late).unwrap();
    assert_eq!(rows(&mut late, ITEMS, "late"), ["of b"]);
    sees(&mut one, "a", "after");
}

/// A table of the first file hides those of the attached ones, from statements that are prepared
/// from then on: SQLite does not prepare older ones again.
#[test]
fn x01_a_table_that_begins_to_hide_another_is_seen() {
    let (world, [a, _], mut one, _) = tenants();
    attach(&mut one.conn, &a);
    sees(&mut one, "a", "attached");
    let attached = || {
        let mut reader = world.reader();
        attach(&mut reader.conn, &a);
        reader
    };
    let hide = "CREATE TABLE items (value TEXT); INSERT INTO items VALUES ('of main')";
    world.reader().conn.batch_execute(hide).unwrap();
    sees(&mut attached(), "main", "hidden");
    one.conn.batch_execute("DROP TABLE main.items").unwrap();
    sees(&mut attached(), "a", "no longer hidden");
}

/// To the writer it is the main file, or an attached one under another name.
#[test]
fn x01_a_write_to_an_attached_file_is_seen_by_whoever_has_it() {
    let (world, [a, b], mut one, mut two) = tenants();
    attach(&mut one.conn, &a);
    attach(&mut two.conn, &b);
    sees(&mut one, "a", "before");
    sees(&mut two, "b", "before");
    let mut owner = db::establish(a.url());
    world.cache.watch(&mut owner).unwrap();
    owner
        .batch_execute("UPDATE items SET value = 'of a2'")
        .unwrap();
    sees(&mut one, "a2", "by its owner");
    let mut writer = world.reader();
    writer
        .conn
        .batch_execute(&format!("ATTACH '{}' AS theirs", b.url()))
        .unwrap();
    writer
        .conn
        .batch_execute("UPDATE theirs.items SET value = 'of b2'")
        .unwrap();
    sees(&mut two, "b2", "by another name");
    sees(&mut one, "a2", "the other");
}

/// The same name, and another file: it was deleted and made again.
#[test]
fn x01_a_file_that_was_made_again_is_another() {
    let world = World::new();
    let file = folder::shared().join(unique::name("again"));
    let mut reads = Vec::new();
    for tenant in ["a", "b"] {
        let mut conn = db::establish(file.to_str().unwrap());
        conn.batch_execute(&format!(
            "CREATE TABLE items (value TEXT NOT NULL); INSERT INTO items VALUES ('of {tenant}')"
        ))
        .unwrap();
        world.cache.watch(&mut conn).unwrap();
        reads.extend(rows(&mut conn, ITEMS, tenant));
        drop(conn);
        std::fs::remove_file(&file).unwrap();
    }
    assert_eq!(reads, ["of a", "of b"]);
}
