//! Writes that only SQLite has: `OR REPLACE`, `OR ROLLBACK`, CTEs before a write, rows returned.

use diesel::{connection::SimpleConnection as _, prelude::*, sql_query, sql_types::Integer};

use super::CachedDsl as _;
use super::Conn;
use super::schema::*;
use super::raw_sql::{Scene, labels};

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

fn batch(sql: &str) -> impl Fn(&mut Conn) {
    move |conn| conn.batch_execute(sql).unwrap()
}

fn bodies(conn: &mut Conn) -> Vec<String> {
    let query = comments::table.order(comments::id).select(comments::body);
    query.cached(conn).load().unwrap()
}

/// Without a condition SQLite drops the pages and visits no row.
#[test]
fn w05_a_delete_of_everything_is_seen() {
    for sql in ["DELETE FROM comments", "delete from \"main\".[comments];"] {
        Scene::new().changes(bodies, batch(sql), sql);
    }
}

#[test]
fn w05_replacing_and_conflicting_writes_are_seen() {
    for sql in [
        "REPLACE INTO tags VALUES (1, 'replaced')",
        "INSERT OR REPLACE INTO tags (id, label) VALUES (90, 'rust')",
        "UPDATE OR REPLACE tags SET label = 'rust' WHERE id = 3",
        "INSERT OR IGNORE INTO tags VALUES (1, 'rust'), (90, 'new')",
        "REPLACE INTO main.tags SELECT id, name FROM authors",
        "INSERT INTO tags VALUES (90, 'rust') ON CONFLICT (label) DO UPDATE SET label = 'upserted'",
    ] {
        let write = |conn: &mut Conn| {
            conn.batch_execute("DELETE FROM posts_tags").unwrap();
            conn.batch_execute(sql).unwrap();
        };
        Scene::new().changes(labels, write, sql);
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

#[test]
fn w05_a_write_that_returns_rows_is_seen_however_it_is_sent() {
    for sql in [
        "INSERT INTO tags (id, label) VALUES (90, 'new') RETURNING id",
        "UPDATE tags SET label = 'new' WHERE id = 1 RETURNING id",
        "DELETE FROM tags WHERE id = 3 RETURNING id",
        "WITH x AS (SELECT 3 AS id) DELETE FROM tags WHERE id IN (SELECT id FROM x) RETURNING id",
    ] {
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
}

#[test]
fn w05_a_table_made_of_a_query_is_seen() {
    let mut scene = Scene::new();
    let read = |conn: &mut Conn| -> QueryResult<Vec<Id>> {
        sql_query("SELECT id FROM labels").cached(conn).load()
    };
    assert!(read(&mut scene.world.conn).is_err(), "there is none yet");
    batch("CREATE TABLE labels AS SELECT id, label FROM tags")(&mut scene.writer.conn);
    let (rows, sent) = scene.world.sent(read);
    assert_eq!((rows.unwrap().len(), sent), (3, 1));
}

/// A write of two rows, or of one of them.
type Write<Row> = fn(&mut Conn, Row, Row) -> QueryResult<usize>;

#[test]
fn w01_inserts_that_meet_a_row_are_seen_as_diesel_writes_them() {
    let new = (tags::id.eq(90), tags::label.eq("new"));
    // Its label is another row's.
    let taken = (tags::id.eq(91), tags::label.eq("rust"));
    let writes: [(&str, Write<_>); 4] = [
        ("or ignore", |conn, new, taken| {
            diesel::insert_or_ignore_into(tags::table)
                .values(vec![new, taken])
                .execute(conn)
        }),
        ("replace", |conn, _, taken| {
            diesel::delete(posts_tags::table).execute(conn)?;
            diesel::replace_into(tags::table)
                .values(taken)
                .execute(conn)
        }),
        ("do nothing", |conn, new, taken| {
            diesel::insert_into(tags::table)
                .values(vec![new, taken])
                .on_conflict_do_nothing()
                .execute(conn)
        }),
        ("upsert", |conn, _, taken| {
            diesel::insert_into(tags::table)
                .values(taken)
                .on_conflict(tags::label)
                .do_update()
                .set(tags::label.eq("upserted"))
                .execute(conn)
        }),
    ];
    for (what, write) in writes {
        let write = |conn: &mut Conn| assert_eq!(write(conn, new, taken), Ok(1), "{what}");
        Scene::new().changes(labels, write, what);
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
