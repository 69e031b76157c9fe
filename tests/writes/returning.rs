//! Writes that return rows, which SQLite and PostgreSQL have, by Diesel and in raw SQL.

use diesel::{prelude::*, sql_query};

use super::CachedDsl as _;
use super::Conn;
use super::bulk::Id;
use super::raw_sql::{Scene, labels};
use super::schema::*;

/// The text writes to the tags and returns one id, whether it is sent past the cache or through it.
#[track_caller]
pub(super) fn returns_one_id_and_is_seen(sql: &str) {
    let load = |conn: &mut Conn| {
        let rows: Vec<Id> = sql_query(sql).load(conn).unwrap();
        assert_eq!(rows.len(), 1);
    };
    Scene::new().changes(labels, load, sql);
    let cached = |conn: &mut Conn| {
        let rows: Vec<Id> = sql_query(sql).cached(conn).load().unwrap();
        assert_eq!(rows.len(), 1);
    };
    Scene::new().changes(labels, cached, sql);
}

#[test]
fn w05_a_write_that_returns_rows_is_seen_however_it_is_sent() {
    for sql in [
        "INSERT INTO tags (id, label) VALUES (90, 'new') RETURNING id",
        "UPDATE tags SET label = 'new' WHERE id = 1 RETURNING id",
        "DELETE FROM tags WHERE id = 3 RETURNING id",
        "WITH x AS (SELECT 3 AS id) DELETE FROM tags WHERE id IN (SELECT id FROM x) RETURNING id",
    ] {
        returns_one_id_and_is_seen(sql);
    }
}

#[test]
fn w03_writes_that_return_rows_are_seen_as_diesel_writes_them() {
    let insert = |conn: &mut Conn| {
        let new = (tags::id.eq(90), tags::label.eq("new"));
        let insert = diesel::insert_into(tags::table).values(new);
        assert_eq!(insert.get_result(conn), Ok((90, "new".to_owned())));
    };
    let update = |conn: &mut Conn| {
        let update = diesel::update(tags::table.find(1)).set(tags::label.eq("new"));
        assert_eq!(update.returning(tags::id).get_results(conn), Ok(vec![1]));
    };
    let delete = |conn: &mut Conn| {
        let delete = diesel::delete(tags::table.find(3)).returning(tags::label);
        assert_eq!(delete.get_result(conn), Ok("unused".to_owned()));
    };
    Scene::new().changes(labels, insert, "insert");
    Scene::new().changes(labels, update, "update");
    Scene::new().changes(labels, delete, "delete");
}
