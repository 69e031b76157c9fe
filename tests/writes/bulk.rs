//! Writes of many rows at once, and of rows that may exist: what every database has of them.

use diesel::{
    connection::SimpleConnection as _, dsl::Eq, prelude::*, sql_query, sql_types::Integer,
};

use super::CachedDsl as _;
use super::Conn;
use super::raw_sql::{Scene, labels};
use super::schema::*;

#[derive(Debug, PartialEq, QueryableByName)]
pub(super) struct Id {
    #[diesel(sql_type = Integer)]
    pub(super) id: i32,
}

pub(super) fn batch(sql: &str) -> impl Fn(&mut Conn) {
    move |conn| conn.batch_execute(sql).unwrap()
}

pub(super) fn bodies(conn: &mut Conn) -> Vec<String> {
    let query = comments::table.order(comments::id).select(comments::body);
    query.cached(conn).load().unwrap()
}

/// After this batch there is a table `labels` of the three tags, and there was none before.
#[track_caller]
pub(super) fn makes_labels(batch: &str) {
    let mut scene = Scene::new();
    let read = |conn: &mut Conn| -> QueryResult<Vec<Id>> {
        sql_query("SELECT id FROM labels").cached(conn).load()
    };
    assert!(read(&mut scene.world.conn).is_err(), "there is none yet");
    scene.writer.conn.batch_execute(batch).unwrap();
    let (rows, sent) = scene.world.sent(read);
    assert_eq!((rows.unwrap().len(), sent), (3, 1), "{batch}");
}

#[test]
fn w05_a_table_made_of_a_query_is_seen() {
    makes_labels("CREATE TABLE labels AS SELECT id, label FROM tags");
}

super::on_mysql! {
    use diesel::dsl::DuplicatedKeys as LABEL_EXISTS;
    /// The count of an insert that meets a row: a replaced or updated row counts as two. `DO NOTHING` is an update
    /// of the row to itself, which counts as one beside the new row.
    pub(super) const COUNTED: usize = 2;
}

super::on_sqlite! {
    use super::schema::tags::label as LABEL_EXISTS;
    pub(super) const COUNTED: usize = 1;
}

super::on_postgres! {
    use super::schema::tags::label as LABEL_EXISTS;
    const COUNTED: usize = 1;
}

type Tag = (Eq<tags::id, i32>, Eq<tags::label, &'static str>);

/// Inserts of a new tag, and of one whose label another row has.
pub(super) type Insert = fn(&mut Conn, Tag, Tag) -> QueryResult<usize>;

/// Each insert is seen, and changes so many rows.
#[track_caller]
pub(super) fn inserts_are_seen(inserts: &[(&str, usize, Insert)]) {
    let new = (tags::id.eq(90), tags::label.eq("new"));
    let taken = (tags::id.eq(91), tags::label.eq("rust"));
    for (what, rows, insert) in inserts {
        let write = |conn: &mut Conn| assert_eq!(insert(conn, new, taken), Ok(*rows), "{what}");
        Scene::new().changes(labels, write, what);
    }
}

#[test]
fn w01_inserts_that_meet_a_row_are_seen_as_diesel_writes_them() {
    inserts_are_seen(&[
        ("do nothing", COUNTED, |conn, new, taken| {
            diesel::insert_into(tags::table)
                .values(vec![new, taken])
                .on_conflict_do_nothing()
                .execute(conn)
        }),
        ("upsert", COUNTED, |conn, _, taken| {
            diesel::insert_into(tags::table)
                .values(taken)
                .on_conflict(LABEL_EXISTS)
                .do_update()
                .set(tags::label.eq("upserted"))
                .execute(conn)
        }),
    ]);
}
