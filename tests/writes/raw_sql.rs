//! Raw SQL that writes, however it is written: the next read sees it, and no other table's does.

use std::fmt::Debug;

use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    sql_query,
    sql_types::{Integer, Text},
};

use super::CachedDsl as _;
use super::Conn;
use super::blog;
use super::dialect::{RAW_BATCHES, RAW_SWEEPING, RAW_UPDATES, here, parameter, quoted};
use super::schema::*;
use super::world::{Reader, World};

pub(super) fn titles(conn: &mut Conn) -> Vec<String> {
    let query = posts::table.order(posts::id).select(posts::title);
    query.cached(conn).load().unwrap()
}

pub(super) fn labels(conn: &mut Conn) -> Vec<String> {
    let query = tags::table.order(tags::id).select(tags::label);
    query.cached(conn).load().unwrap()
}

/// Of a table that nobody writes.
fn airlines(conn: &mut Conn) -> Vec<String> {
    let query = airlines::table.select(airlines::name);
    query.cached(conn).load().unwrap()
}

/// The blog in a world, and a writer in another process.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) writer: Reader,
}

impl Scene {
    pub(super) fn new() -> Self {
        let mut world = World::new();
        blog::fill(&mut world.conn);
        let writer = world.connect(&world.other_process());
        Self { world, writer }
    }

    /// The write is seen by this read, and an untouched table's goes on hitting.
    #[track_caller]
    pub(super) fn changes<T: PartialEq + Debug>(
        &mut self,
        read: fn(&mut Conn) -> T,
        write: impl FnOnce(&mut Conn),
        what: &str,
    ) {
        airlines(&mut self.world.conn);
        self.changes_all(read, write, what);
        assert_eq!(self.world.sent(airlines).1, 0, "another table: {what}");
    }

    /// As [`changes`](Self::changes) by a write that is taken to be one to every table.
    #[track_caller]
    pub(super) fn changes_all<T: PartialEq + Debug>(
        &mut self,
        read: fn(&mut Conn) -> T,
        write: impl FnOnce(&mut Conn),
        what: &str,
    ) {
        let before = read(&mut self.world.conn);
        assert_eq!(self.world.sent(read), (before, 0), "cached before: {what}");
        let before = read(&mut self.world.outsider());
        write(&mut self.writer.conn);
        // Nobody watches the outsider, so its reads are plain.
        let plain = read(&mut self.world.outsider());
        assert_ne!(plain, before, "it changes something: {what}");
        let (seen, sent) = self.world.sent(read);
        assert_eq!((&seen, sent), (&plain, 1), "{what}");
        assert_eq!(self.world.sent(read), (plain, 0), "cached again: {what}");
    }

    /// Every row stays as it is, and so do the entries.
    #[track_caller]
    pub(super) fn changes_nothing(&mut self, work: impl FnOnce(&mut Conn), what: &str) {
        let reads = [titles, labels, airlines];
        let before = reads.map(|read| read(&mut self.world.conn));
        work(&mut self.writer.conn);
        for (read, before) in reads.into_iter().zip(before) {
            assert_eq!(self.world.sent(read), (before, 0), "{what}");
        }
    }

    /// `$T` in a text is a new title, `$N` a new number, `$D` the database's name.
    fn fill_in(&self, sql: &str, number: usize) -> String {
        sql.replace("$T", &format!("title {number}"))
            .replace("$N", &(number * 1000).to_string())
            .replace("$D", self.world.database.name())
    }
}

/// Updates that every database takes.
const UPDATES: &[&str] = &[
    "update posts set title = '$T' where id = 1",
    "UpDaTe /* set */ posts -- really\n SET title = '$T' WHERE id = 1",
    "\r\n\t UPDATE\r\nposts\r\nSET\ttitle = '$T'\r\nWHERE id = 1 ;\r\n",
    "-- first a comment\nUPDATE posts SET title = '$T' WHERE id = 1",
    "/* first; a comment */ UPDATE posts SET title = '$T' WHERE id = 1;",
    "UPDATE posts SET title = '$T -- goes on' WHERE id = 1",
    "UPDATE posts SET title = '$T; DELETE FROM tags; ''' WHERE id = 1",
    "UPDATE posts SET title = '$T' WHERE id IN (SELECT post_id FROM comments)",
    "UPDATE posts SET title = '$T' WHERE id = 1 AND title <> 'update tags set label = 1'",
    "INSERT INTO posts (id, author_id, title) VALUES ($N, 1, '$T')",
    "insert into posts (id, author_id, title) select $N + id, 1, '$T' from authors",
    "DELETE FROM posts WHERE id NOT IN (SELECT post_id FROM comments)",
];

#[test]
fn w04_raw_writes_are_seen_however_they_are_written() {
    let mut scene = Scene::new();
    // No row of it is in the way of the deletes.
    sql_query("DELETE FROM posts_tags")
        .execute(&mut scene.writer.conn)
        .unwrap();
    for (number, sql) in (1..).zip(UPDATES.iter().chain(RAW_UPDATES)) {
        let sql = scene.fill_in(here(sql), number);
        scene.changes(titles, execute(&sql), &sql);
    }
}

/// What cannot be read for certain is taken for a write to every table.
#[test]
fn w04_raw_writes_that_are_not_understood_are_seen() {
    let mut scene = Scene::new();
    for (number, sql) in (1..).zip(RAW_SWEEPING) {
        let sql = scene.fill_in(here(sql), number);
        scene.changes_all(titles, execute(&sql), &sql);
    }
}

fn execute(sql: &str) -> impl Fn(&mut Conn) {
    move |conn| {
        let changed = sql_query(sql).execute(conn);
        assert!(
            changed.as_ref().is_ok_and(|rows| *rows > 0),
            "{sql}: {changed:?}"
        );
    }
}

/// Batches that every database takes.
const BATCHES: &[&str] = &[
    "UPDATE posts SET title = '$T' WHERE id = 1",
    "UPDATE posts SET title = '$T' WHERE id = 1; DELETE FROM counters",
    "DELETE FROM counters; UPDATE posts SET title = '$T' WHERE id = 1;",
    "SELECT 1; UPDATE posts SET title = '$T' WHERE id = 1; SELECT 2",
    "BEGIN; UPDATE posts SET title = '$T' WHERE id = 1; COMMIT",
    "UPDATE posts SET title = 'a' WHERE id = 1; BEGIN; \
     UPDATE posts SET title = '$T' WHERE id = 3; COMMIT",
];

#[test]
fn w04_batches_are_seen_whatever_else_is_in_them() {
    let mut scene = Scene::new();
    for (number, sql) in (1..).zip(BATCHES.iter().chain(RAW_BATCHES)) {
        let sql = scene.fill_in(sql, number);
        let write = |conn: &mut Conn| {
            let result = conn.batch_execute(&sql);
            assert_eq!(result, Ok(()), "{sql}");
        };
        scene.changes(titles, write, &sql);
    }
}

/// PostgreSQL undoes all of the batch, the others keep what came before the error.
#[test]
fn w04_what_a_batch_did_before_it_failed_is_seen() {
    let mut scene = Scene::new();
    let before = titles(&mut scene.world.conn);
    let batch = "UPDATE posts SET title = 'kept' WHERE id = 1; UPDATE nonsense SET x = 1";
    assert!(scene.writer.conn.batch_execute(batch).is_err());
    let plain = titles(&mut scene.world.outsider());
    assert_eq!(plain == before, super::DATABASE == "postgres");
    assert_eq!(titles(&mut scene.world.conn), plain);
    assert_eq!(scene.world.sent(titles), (plain, 0));
}

#[test]
fn w04_raw_writes_with_binds_are_seen() {
    let mut scene = Scene::new();
    let sql = format!(
        "UPDATE posts SET title = {} WHERE id = {}",
        parameter(1),
        parameter(2)
    );
    for id in [1, 3] {
        let write = |conn: &mut Conn| {
            let changed = sql_query(&sql)
                .bind::<Text, _>("bound, 'tags'")
                .bind::<Integer, _>(id)
                .execute(conn);
            assert_eq!(changed, Ok(1));
        };
        scene.changes(titles, write, &sql);
    }
}

#[test]
fn w04_raw_writes_to_tables_whose_names_need_care_are_seen() {
    macro_rules! seen {
        ($($table:ident . $column:ident is $name:literal),*) => {$({
            let mut scene = Scene::new();
            let insert = format!("INSERT INTO {} VALUES (7, 'x')", quoted($name));
            let read = |conn: &mut Conn| -> Vec<(i32, String)> {
                $table::table.cached(conn).load().unwrap()
            };
            let write = |conn: &mut Conn| assert_eq!(sql_query(&insert).execute(conn), Ok(1));
            scene.changes(read, write, &insert);
        })*};
    }
    seen!(
        creme.groesse is "crème",
        gadgets.name is "Gadgets",
        order_.group_ is "order",
        two_words.first_name is "two words"
    );
}

#[test]
fn w13_a_write_that_is_only_explained_invalidates_nothing() {
    let mut scene = Scene::new();
    for sql in [
        "EXPLAIN UPDATE posts SET title = 'x' WHERE id = 1",
        "explain delete from posts_tags",
    ] {
        let explain = |conn: &mut Conn| conn.batch_execute(sql).unwrap();
        scene.changes_nothing(explain, sql);
    }
}
