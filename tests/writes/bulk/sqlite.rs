//! Writes that only SQLite has: `OR REPLACE`, CTEs before a write.

use diesel::prelude::*;

use super::CachedDsl as _;
use super::Conn;
use super::bulk::{batch, bodies};
use super::raw_sql::{Scene, labels};
use super::replacing::is_seen;
use super::schema::*;

/// Without a condition SQLite frees the pages and reports no row.
#[test]
fn w05_a_delete_of_all_rows_is_seen() {
    for sql in ["DELETE FROM comments", "delete from \"main\".[comments];"] {
        Scene::new().changes(bodies, batch(sql), sql);
    }
}

#[test]
fn w05_replacing_and_conflicting_writes_are_seen() {
    for sql in [
        "INSERT OR REPLACE INTO tags (id, label) VALUES (90, 'rust')",
        "UPDATE OR REPLACE tags SET label = 'rust' WHERE id = 3",
        "INSERT OR IGNORE INTO tags VALUES (1, 'rust'), (90, 'new')",
        "REPLACE INTO main.tags SELECT id, name FROM authors",
        "INSERT INTO tags VALUES (90, 'rust') ON CONFLICT (label) DO UPDATE SET label = 'upserted'",
    ] {
        is_seen(sql);
    }
}

#[test]
fn w05_writes_after_ctes_are_seen_and_what_they_read_is_not_written() {
    for sql in [
        "WITH x(id) AS (SELECT id FROM authors) UPDATE tags SET label = 'a' WHERE id IN (SELECT id FROM x) AND id = 1",
        "WITH x AS (SELECT 90 AS id, name FROM authors LIMIT 1) INSERT INTO tags SELECT * FROM x",
        "WITH RECURSIVE x(n) AS (SELECT 3 UNION ALL SELECT n + 1 FROM x WHERE n < 9) \
         DELETE FROM tags WHERE id IN (SELECT n FROM x)",
    ] {
        Scene::new().changes(labels, batch(sql), sql);
        let mut scene = Scene::new();
        let names = |conn: &mut Conn| -> Vec<String> {
            authors::table
                .select(authors::name)
                .cached(conn)
                .load()
                .unwrap()
        };
        names(&mut scene.world.conn);
        batch(sql)(&mut scene.writer.conn);
        assert_eq!(scene.world.sent(names).1, 0, "{sql}");
    }
}
