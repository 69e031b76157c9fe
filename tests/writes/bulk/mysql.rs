//! Writes that only MariaDB has: TRUNCATE, LOAD DATA, REPLACE, multi-table writes, rows returned.

use std::fs;

use cachalot_tests::{folder, unique};
use diesel::{connection::SimpleConnection as _, prelude::*, result::Error, sql_query};

use super::CachedDsl as _;
use super::bulk::{Id, batch, bodies, makes_labels};
use super::dialect::here;
use super::raw_sql::{Scene, labels, titles};
use super::replacing::is_seen;

#[test]
fn w05_truncate_is_seen() {
    for sql in ["TRUNCATE comments", "truncate table `comments` wait 5"] {
        let sql = here(sql);
        Scene::new().changes(bodies, batch(sql), sql);
    }
}

/// TRUNCATE commits the open transaction.
#[test]
fn w05_truncate_in_a_transaction_is_seen_with_earlier_writes() {
    let mut scene = Scene::new();
    assert_ne!(bodies(&mut scene.world.conn), Vec::<String>::new());
    let before = labels(&mut scene.world.conn);
    scene
        .writer
        .conn
        .batch_execute("BEGIN; UPDATE tags SET label = 'x' WHERE id = 1")
        .unwrap();
    assert_eq!(scene.world.sent(labels), (before, 0));
    scene
        .writer
        .conn
        .batch_execute("TRUNCATE comments")
        .unwrap();
    assert_eq!(scene.world.sent(bodies), (Vec::new(), 1));
    let (after, sent) = scene.world.sent(labels);
    assert_eq!((&*after[0], sent), ("x", 1));
}

/// A file that the server can read.
fn file(text: &str) -> String {
    let file = folder::shared().join(unique::name("load"));
    fs::write(&file, text).unwrap();
    file.into_os_string().into_string().unwrap()
}

#[test]
fn w05_load_data_is_seen() {
    let new = file("90\tnew\n");
    let old = file("1\treplaced\n");
    let quotes = file("90,\"quoted\"\n");
    let xml = file("<row id=\"90\" label=\"xml\"/>\n");
    for sql in [
        format!("LOAD DATA INFILE '{new}' INTO TABLE tags"),
        format!("load data low_priority infile '{old}' replace into table `tags` (id, label)"),
        format!(
            "LOAD DATA INFILE '{quotes}' IGNORE INTO TABLE tags \
             FIELDS TERMINATED BY ',' ENCLOSED BY '\"' (id, @label) SET label = upper(@label)"
        ),
        format!("LOAD XML INFILE '{xml}' INTO TABLE tags ROWS IDENTIFIED BY '<row>'"),
    ] {
        is_seen(&sql);
    }
}

/// Diesel's connections do not allow it. Either way the next read is correct.
#[test]
fn w05_load_data_local_is_seen_if_it_is_allowed() {
    let mut scene = Scene::new();
    let before = labels(&mut scene.world.conn);
    let sql = format!(
        "LOAD DATA LOCAL INFILE '{}' INTO TABLE tags",
        file("90\tlocal\n")
    );
    let loaded = scene.writer.conn.batch_execute(&sql);
    let plain = labels(&mut scene.world.outsider());
    assert_eq!(loaded.is_ok(), plain != before, "{loaded:?}");
    assert_eq!(labels(&mut scene.world.conn), plain);
    assert_eq!(scene.world.sent(labels), (plain, 0));
}

#[test]
fn w05_replace_is_seen_as_only_mariadb_writes_it() {
    for sql in [
        "REPLACE tags VALUES (1, 'replaced')",
        "REPLACE LOW_PRIORITY INTO tags (id, label) VALUES (90, 'new'), (1, 'replaced')",
        "REPLACE INTO tags SET id = 90, label = 'rust'",
    ] {
        is_seen(sql);
    }
}

#[test]
fn w05_writes_to_several_tables_invalidate_each_of_them() {
    let sql = "UPDATE tags JOIN posts ON tags.id = posts.id \
               SET tags.label = concat(tags.label, '!'), posts.title = 'both' WHERE posts.id = 1";
    Scene::new().changes(labels, batch(sql), sql);
    Scene::new().changes(titles, batch(sql), sql);
    let sql = "DELETE c, t FROM comments AS c JOIN tags AS t ON t.id = c.id + 2 WHERE c.id = 1";
    Scene::new().changes(labels, batch(sql), sql);
    Scene::new().changes(bodies, batch(sql), sql);
}

/// Diesel cannot load the returned rows, but the write is still seen.
#[test]
fn w05_a_write_that_returns_rows_is_seen_however_it_is_sent() {
    if !cachalot_tests::mysql::takes_as_mariadb("DELETE FROM tags WHERE id = 0 RETURNING id") {
        return;
    }
    for sql in [
        "INSERT INTO tags (id, label) VALUES (90, 'new') RETURNING id",
        "REPLACE INTO tags (id, label) VALUES (3, 'replaced') RETURNING id",
        "DELETE FROM tags WHERE id = 3 RETURNING id",
    ] {
        Scene::new().changes(labels, batch(sql), sql);
        for cached in [false, true] {
            let mut scene = Scene::new();
            labels(&mut scene.world.conn);
            let conn = &mut scene.writer.conn;
            let rows: QueryResult<Vec<Id>> = if cached {
                sql_query(sql).cached(conn).load()
            } else {
                sql_query(sql).load(conn)
            };
            assert!(
                matches!(rows, Err(Error::DeserializationError(_))),
                "{rows:?}"
            );
            let plain = labels(&mut scene.world.outsider());
            assert_eq!(labels(&mut scene.world.conn), plain, "{sql}");
        }
    }
}

#[test]
fn w05_a_table_made_like_another_or_renamed_is_seen() {
    for make in [
        "CREATE TABLE labels LIKE tags; INSERT INTO labels SELECT * FROM tags",
        "DELETE FROM posts_tags; RENAME TABLE tags TO labels",
    ] {
        makes_labels(make);
    }
}
