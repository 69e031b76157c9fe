//! Inserts that replace or ignore rows, which SQLite and MariaDB have.

use diesel::{connection::SimpleConnection as _, prelude::*};

use super::Conn;
use super::bulk::{COUNTED, inserts_are_seen};
use super::raw_sql::{Scene, labels};
use super::schema::*;

/// The text is run where no post has a tag, so that every tag can be replaced.
#[track_caller]
pub(super) fn is_seen(sql: &str) {
    let mut scene = Scene::new();
    scene
        .writer
        .conn
        .batch_execute("DELETE FROM posts_tags")
        .unwrap();
    let write = |conn: &mut Conn| conn.batch_execute(sql).unwrap();
    scene.changes(labels, write, sql);
}

#[test]
fn w05_replace_is_seen() {
    for sql in [
        "REPLACE INTO tags VALUES (1, 'replaced')",
        "REPLACE INTO tags (id, label) VALUES (90, 'new'), (1, 'replaced')",
        "REPLACE INTO tags (id, label) SELECT id, name FROM authors",
    ] {
        is_seen(sql);
    }
}

#[test]
fn w01_inserts_that_ignore_or_replace_a_row_are_seen_as_diesel_writes_them() {
    inserts_are_seen(&[
        ("or ignore", 1, |conn, new, taken| {
            diesel::insert_or_ignore_into(tags::table)
                .values(vec![new, taken])
                .execute(conn)
        }),
        ("replace", COUNTED, |conn, _, taken| {
            diesel::delete(posts_tags::table).execute(conn)?;
            diesel::replace_into(tags::table)
                .values(taken)
                .execute(conn)
        }),
    ]);
}
