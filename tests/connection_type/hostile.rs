//! Cursors that are leaked or dropped half way, panics, errors among the rows, connections that are taken apart.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cachalot_diesel::{Cachalot, CachalotConnection, CachedDsl as _};
use diesel::{
    connection::{DefaultLoadingMode, LoadConnection, SimpleConnection as _},
    deserialize::{self, FromSql},
    prelude::*,
    result::Error,
    sql_types::Text,
};

use super::{
    Typed,
    blog::{self, Author},
    filled, rename,
    schema::*,
};

type Conn = CachalotConnection<super::Conn>;
type Backend = <Conn as diesel::Connection>::Backend;

fn names(conn: &mut Conn) -> Vec<String> {
    let query = authors::table.order(authors::id).select(authors::name);
    query.load(conn).unwrap()
}

/// Starts a read, takes so many rows and never ends it.
fn leak(conn: &mut Conn, rows: usize) {
    let query = authors::table.order(authors::id).select(authors::name);
    let mut cursor = LoadConnection::<DefaultLoadingMode>::load(conn, query).unwrap();
    for _ in 0..rows {
        assert!(cursor.next().unwrap().is_ok());
    }
    mem::forget(cursor);
}

#[test]
fn n04_a_leaked_cursor_makes_nothing_stale() {
    let (world, _) = filled();
    for rows in 0..3 {
        let mut typed = Typed::of(&world);
        let mut other = Typed::of(&world);
        leak(&mut typed.conn, rows);
        // Nobody waits for the rows that never come.
        assert_eq!(names(&mut other.conn).len(), 3);
        leak(&mut other.conn, rows);
        let to = format!("renamed {rows}");
        // SQLite's locks are with the leaked cursor.
        if super::DATABASE != "sqlite" {
            rename(&mut typed.conn, &to).unwrap();
            assert_eq!(names(&mut other.conn)[0], to);
            assert_eq!(names(&mut typed.conn)[0], to);
        }
    }
}

/// Fails or panics while a row is decoded.
#[derive(Debug)]
struct Picky(String);

impl FromSql<Text, Backend> for Picky {
    fn from_sql(
        bytes: <Backend as diesel::backend::Backend>::RawValue<'_>,
    ) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Backend>>::from_sql(bytes)?;
        match text.as_str() {
            "fails" => Err("on purpose".into()),
            "panics" => panic!("on purpose"),
            _ => Ok(Self(text)),
        }
    }
}

impl diesel::Queryable<Text, Backend> for Picky {
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

fn picky(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let query = authors::table.order(authors::id).select(authors::name);
    let rows: Vec<Picky> = query.load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

#[test]
fn n01_rows_that_cannot_be_decoded_fail_as_they_do_without_a_cache() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    rename(&mut typed.conn, "fails").unwrap();
    for _ in 0..2 {
        assert!(matches!(
            picky(&mut typed.conn),
            Err(Error::DeserializationError(_))
        ));
        // The rows themselves are in order, and others can decode them.
        assert_eq!(names(&mut other.conn)[0], "fails");
        assert_eq!(names(&mut typed.conn)[0], "fails");
    }
    rename(&mut other.conn, "fine").unwrap();
    assert_eq!(picky(&mut typed.conn).unwrap()[0], "fine");
}

#[test]
fn n04_a_panic_among_the_rows_makes_nothing_stale() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    rename(&mut typed.conn, "panics").unwrap();
    for _ in 0..2 {
        let read = AssertUnwindSafe(|| picky(&mut typed.conn));
        assert!(catch_unwind(read).is_err());
        assert_eq!(names(&mut other.conn)[0], "panics");
    }
    rename(&mut typed.conn, "fine").unwrap();
    assert_eq!(names(&mut other.conn)[0], "fine");
    assert_eq!(picky(&mut typed.conn).unwrap()[0], "fine");
}

#[test]
fn n04_a_panic_in_a_transaction_makes_nothing_stale() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    assert_eq!(names(&mut other.conn)[0], "Ada");
    let transaction = AssertUnwindSafe(|| {
        typed.conn.transaction(|conn| {
            rename(conn, "never")?;
            assert_eq!(names(conn)[0], "never");
            panic!("on purpose");
            #[allow(unreachable_code)]
            QueryResult::Ok(())
        })
    });
    assert!(catch_unwind(transaction).is_err());
    assert_eq!(other.sent(names).0[0], "Ada");
    // Diesel takes the transaction for open: what follows is in a savepoint of it.
    typed
        .conn
        .transaction(|conn| rename(conn, "inside"))
        .unwrap();
    assert_eq!(names(&mut typed.conn)[0], "inside");
    assert_eq!(names(&mut other.conn)[0], "Ada");
    typed.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(names(&mut other.conn)[0], "inside");
    assert_eq!(names(&mut typed.conn)[0], "inside");
}

#[test]
fn n04_a_connection_dropped_in_a_transaction_makes_nothing_stale() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    typed.conn.batch_execute("BEGIN").unwrap();
    rename(&mut typed.conn, "never").unwrap();
    assert_eq!(names(&mut typed.conn)[0], "never");
    drop(typed);
    assert_eq!(names(&mut other.conn)[0], "Ada");
    // PostgreSQL and MySQL roll back when they notice that the connection is gone: this waits for it.
    rename(&mut other.conn, "after").unwrap();
    assert_eq!(names(&mut other.conn)[0], "after");
}

#[test]
fn n04_a_cursor_dropped_half_way_leaves_the_connection_in_order() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    for taken in 0..3 {
        let query = authors::table.order(authors::id);
        let rows = query
            .load_iter::<Author, DefaultLoadingMode>(&mut typed.conn)
            .unwrap();
        assert_eq!(rows.take(taken).map(Result::unwrap).count(), taken);
        let to = format!("taken {taken}");
        typed.conn.transaction(|conn| rename(conn, &to)).unwrap();
        assert_eq!(names(&mut typed.conn)[0], to);
        assert_eq!(names(&mut other.conn)[0], to);
    }
}

#[test]
fn n04_a_read_among_the_rows_of_the_same_read_gets_an_answer() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    let query = authors::table.order(authors::id).select(authors::name);
    let rows = query
        .load_iter::<String, DefaultLoadingMode>(&mut typed.conn)
        .unwrap();
    for row in rows {
        let row = row.unwrap();
        assert!(names(&mut other.conn).contains(&row));
    }
    assert_eq!(other.sent(names).1, 0);
}

#[test]
fn n04_a_connection_that_is_wrapped_again_is_tracked_throughout() {
    let (mut world, typed) = filled();
    let cache = world.other_process();
    let mut other = Typed::of(&world);
    let mut elsewhere = Typed::on(&world.database, &cache);
    assert_eq!(names(&mut other.conn)[0], "Ada");
    let mut plain = typed.conn.into_inner();
    plain.batch_execute("BEGIN").unwrap();
    diesel::update(authors::table.find(1))
        .set(authors::name.eq("plain"))
        .execute(&mut plain)
        .unwrap();
    // The other cache's, in the middle of the transaction.
    let mut conn = CachalotConnection::new(plain, &cache).unwrap();
    assert_eq!(names(&mut conn)[0], "plain");
    assert_eq!(names(&mut other.conn)[0], "Ada");
    assert_eq!(names(&mut elsewhere.conn)[0], "Ada");
    conn.batch_execute("COMMIT").unwrap();
    assert_eq!(names(&mut other.conn)[0], "plain");
    assert_eq!(names(&mut elsewhere.conn)[0], "plain");
    let mut typed = Typed::of(&world);
    let counted = mem::replace(
        &mut typed.conn,
        CachalotConnection::new(conn.into_inner(), &world.cache).unwrap(),
    );
    drop(counted);
    rename(&mut typed.conn, "again").unwrap();
    assert_eq!(names(&mut other.conn)[0], "again");
    assert_eq!(names(&mut elsewhere.conn)[0], "again");
    let cached = authors::table
        .order(authors::id)
        .select(authors::name)
        .cached(&mut world.conn);
    assert_eq!(cached.first::<String>().unwrap(), "again");
}

/// Each cache has keys of its own: a write must reach both.
#[test]
fn n04_two_caches_both_hear_of_writes() {
    let (world, mut typed) = filled();
    let url = cachalot_tests::memcached::shared().url();
    let namespace = cachalot_tests::unique::name("second");
    let second = Cachalot::builder()
        .url(&url)
        .namespace(&namespace)
        .build()
        .unwrap();
    let (mut of_first, mut of_second) = (Typed::of(&world), Typed::on(&world.database, &second));
    second.watch(&mut typed.conn).unwrap();
    for to in ["one", "two"] {
        rename(&mut typed.conn, to).unwrap();
        assert_eq!(names(&mut of_first.conn)[0], to);
        assert_eq!(names(&mut of_second.conn)[0], to);
        assert_eq!(names(&mut typed.conn)[0], to);
        diesel::update(authors::table.find(1))
            .set(authors::name.eq("inner"))
            .execute(typed.conn.inner_mut())
            .unwrap();
        assert_eq!(names(&mut of_first.conn)[0], "inner");
        assert_eq!(names(&mut of_second.conn)[0], "inner");
    }
    // The tracker that knew of both is lost: both hear of that.
    typed
        .conn
        .inner_mut()
        .set_instrumentation(typed.counter.instrumentation());
    diesel::update(authors::table.find(1))
        .set(authors::name.eq("unseen"))
        .execute(typed.conn.inner_mut())
        .unwrap();
    assert_eq!(names(&mut typed.conn)[0], "unseen");
    assert_eq!(names(&mut of_first.conn)[0], "unseen");
    assert_eq!(names(&mut of_second.conn)[0], "unseen");
    rename(&mut typed.conn, "after").unwrap();
    assert_eq!(names(&mut of_first.conn)[0], "after");
    assert_eq!(names(&mut of_second.conn)[0], "after");
}

#[test]
fn n04_a_failed_statement_leaves_the_connection_in_order() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    let twice = |conn: &mut Conn| {
        let author = diesel::insert_into(authors::table);
        author.values(&blog::authors()[0]).execute(conn)
    };
    assert!(matches!(
        twice(&mut typed.conn),
        Err(Error::DatabaseError(..))
    ));
    assert_eq!(names(&mut typed.conn)[0], "Ada");
    let result = typed.conn.transaction(|conn| {
        rename(conn, "inside")?;
        let failed = conn.transaction(twice);
        assert!(matches!(failed, Err(Error::DatabaseError(..))));
        assert_eq!(names(conn)[0], "inside");
        QueryResult::Ok(())
    });
    result.unwrap();
    assert_eq!(names(&mut typed.conn)[0], "inside");
    assert_eq!(names(&mut other.conn)[0], "inside");
}

super::on_sqlite! {
    use diesel::row::Row as _;

    fn wal(conn: &mut super::Conn) {
        diesel::sql_query("PRAGMA journal_mode = WAL").execute(conn).unwrap();
    }

    /// A statement that never ends keeps the state that it sees, for all of its connection's reads.
    #[test]
    fn n04_rows_of_an_old_state_are_not_stored() {
        let (mut world, mut typed) = filled();
        wal(&mut world.conn);
        let mut other = Typed::of(&world);
        let mut writer = Typed::of(&world);
        leak(&mut typed.conn, 1);
        rename(&mut writer.conn, "new").unwrap();
        assert_eq!(typed.conn.inner_mut().batch_execute("SELECT 1"), Ok(()));
        let old: Vec<String> = authors::table.select(authors::name).load(&mut typed.conn).unwrap();
        assert!(old.contains(&"Ada".to_owned()), "{old:?}");
        let new: Vec<String> = authors::table.select(authors::name).load(&mut other.conn).unwrap();
        assert!(new.contains(&"new".to_owned()), "{new:?}");
    }

    #[test]
    fn n04_rows_of_an_old_state_are_not_stored_by_plain_connections() {
        let (mut world, mut typed) = filled();
        wal(&mut world.conn);
        let mut plain = world.reader();
        let query = || authors::table.order(authors::id).select(authors::name);
        let mut rows = query().load_iter::<String, DefaultLoadingMode>(&mut plain.conn).unwrap();
        assert!(rows.next().unwrap().is_ok());
        mem::forget(rows);
        rename(&mut typed.conn, "new").unwrap();
        let old: Vec<String> = authors::table.select(authors::name).cached(&mut plain.conn).load().unwrap();
        assert!(old.contains(&"Ada".to_owned()), "{old:?}");
        let new: Vec<String> = authors::table.select(authors::name).load(&mut typed.conn).unwrap();
        assert!(new.contains(&"new".to_owned()), "{new:?}");
    }

    /// It is committed when the connection is closed, with all that came after it.
    #[test]
    fn n04_a_leaked_write_is_published_when_it_is_committed() {
        let (mut world, mut typed) = filled();
        wal(&mut world.conn);
        let mut other = Typed::of(&world);
        let labels = |conn: &mut Conn| tags::table.select(tags::label).load::<String>(conn).unwrap();
        let ids = tags::table.select(tags::id).order(tags::id.desc());
        let unused: i32 = ids.first(&mut world.conn).unwrap();
        let delete = diesel::delete(tags::table.find(unused)).returning(tags::label);
        let mut rows = LoadConnection::<DefaultLoadingMode>::load(&mut typed.conn, delete).unwrap();
        assert_eq!(rows.next().unwrap().unwrap().field_count(), 1);
        mem::forget(rows);
        rename(&mut typed.conn, "later").unwrap();
        let (before, tags) = (names(&mut other.conn), labels(&mut other.conn));
        drop(typed);
        let mut direct = world.outsider();
        let name: String = authors::table.find(1).select(authors::name).get_result(&mut direct).unwrap();
        assert_eq!(names(&mut other.conn)[0], name, "before: {before:?}");
        let plain: Vec<String> = tags::table.select(tags::label).load(&mut direct).unwrap();
        assert_eq!(labels(&mut other.conn), plain, "before: {tags:?}");
    }

    /// SQLite finds out only when it comes to the row.
    #[test]
    fn n04_an_error_in_the_middle_of_the_rows_stores_nothing() {
        let (world, mut typed) = filled();
        let query = "SELECT abs(CASE id WHEN 2 THEN -9223372036854775807 - 1 ELSE id END) FROM authors";
        let read = |conn: &mut Conn| {
            let query = diesel::dsl::sql::<diesel::sql_types::BigInt>(query);
            query.load::<i64>(conn)
        };
        for _ in 0..2 {
            let (rows, sent) = typed.sent(read);
            assert!(matches!(rows, Err(Error::DatabaseError(..))), "{rows:?}");
            assert_eq!(sent, 1);
        }
        assert_eq!(world.cache.stats().stores, 0);
        assert_eq!(names(&mut typed.conn).len(), 3);
    }
}

super::on_postgres! {
    use diesel::pg::PgRowByRowLoadingMode;

    #[test]
    fn n01_rows_that_come_one_by_one_are_read_once() {
        let (_world, mut typed) = filled();
        let by_id = || authors::table.order(authors::id);
        let all = typed.once(|conn| {
            let rows = by_id().load_iter::<Author, PgRowByRowLoadingMode>(conn);
            rows.and_then(Iterator::collect::<QueryResult<Vec<_>>>)
        });
        assert_eq!(all, blog::authors());
        let (rows, sent) = typed.sent(|conn| by_id().load::<Author>(conn));
        assert_eq!((rows, sent), (Ok(all), 0), "the same entry");
    }

    #[test]
    fn n04_rows_that_come_one_by_one_may_stop_coming() {
        let (world, mut typed) = filled();
        let mut other = Typed::of(&world);
        for taken in 0..3 {
            let query = authors::table.order(authors::id);
            let rows = query.load_iter::<Author, PgRowByRowLoadingMode>(&mut typed.conn).unwrap();
            assert_eq!(rows.take(taken).map(Result::unwrap).count(), taken);
            let to = format!("taken {taken}");
            typed.conn.transaction(|conn| rename(conn, &to)).unwrap();
            assert_eq!(names(&mut other.conn)[0], to);
        }
        // An error that comes after some rows.
        let read = |conn: &mut Conn| {
            let query = diesel::dsl::sql::<diesel::sql_types::Integer>("SELECT 1 / (3 - id) FROM authors ORDER BY id");
            let rows = query.load_iter::<i32, PgRowByRowLoadingMode>(conn)?;
            rows.collect::<QueryResult<Vec<_>>>()
        };
        assert!(read(&mut typed.conn).is_err());
        assert_eq!(names(&mut typed.conn)[0], "taken 2");
        assert!(read(&mut typed.conn).is_err());
        // A cursor that is leaked in the middle, and what the connection is good for then.
        let query = authors::table.order(authors::id);
        let mut rows = query.load_iter::<Author, PgRowByRowLoadingMode>(&mut typed.conn).unwrap();
        assert!(rows.next().unwrap().is_ok());
        mem::forget(rows);
        let written = rename(&mut typed.conn, "leaked");
        let direct: String = authors::table.find(1).select(authors::name).get_result(&mut world.outsider()).unwrap();
        assert_eq!(names(&mut other.conn)[0], direct, "{written:?}");
    }
}
