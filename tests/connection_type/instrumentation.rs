//! The program's own instrumentation sees what it would without a cache, whenever it is set, and no write is missed.

use cachalot_diesel::{CachalotConnection, CachedDsl as _};
use cachalot_tests::Recorder;
use diesel::{
    connection::{DefaultLoadingMode, SimpleConnection as _},
    prelude::*,
    result::Error,
};

use super::{Typed, blog, blog::Author, filled, name, rename, schema::*};

type Conn = CachalotConnection<super::Conn>;

/// All kinds of calls; the reads are misses the first time.
macro_rules! calls {
    ($conn:expr) => {{
        let conn = $conn;
        let by_id = || authors::table.order(authors::id);
        assert_eq!(by_id().load::<Author>(conn).unwrap().len(), 3);
        by_id().first::<Author>(conn).unwrap();
        authors::table.find(2).get_result::<Author>(conn).unwrap();
        assert!(authors::table.find(99).get_result::<Author>(conn).is_err());
        let rows = posts::table
            .select(posts::id)
            .load_iter::<i32, DefaultLoadingMode>(conn);
        assert!(rows.unwrap().count() > 2);
        let mut rows = tags::table
            .select(tags::id)
            .load_iter::<i32, DefaultLoadingMode>(conn)
            .unwrap();
        rows.next().unwrap().unwrap();
        drop(rows);
        diesel::update(authors::table.find(1))
            .set(authors::name.eq("one"))
            .execute(conn)
            .unwrap();
        conn.batch_execute("UPDATE authors SET name = 'two' WHERE id = 1")
            .unwrap();
        let [author, ..] = <[Author; 3]>::try_from(blog::authors()).unwrap();
        let twice = diesel::insert_into(authors::table).values(&author);
        assert!(twice.execute(conn).is_err());
        assert!(
            diesel::sql_query("SELECT no_such_column FROM authors")
                .execute(conn)
                .is_err()
        );
        assert!(conn.batch_execute("no such statement").is_err());
        let committed = conn.transaction(|conn| {
            by_id().select(authors::id).load::<i32>(conn)?;
            conn.transaction(|conn| {
                diesel::delete(tags::table.find(99)).execute(conn)?;
                Err::<(), _>(Error::RollbackTransaction)
            })
            .unwrap_err();
            diesel::delete(tags::table.find(98)).execute(conn)
        });
        assert_eq!(committed, Ok(0));
        let rolled_back = conn.transaction(|_| Err::<(), _>(Error::RollbackTransaction));
        assert_eq!(rolled_back, Err(Error::RollbackTransaction));
        conn.begin_test_transaction().unwrap();
        by_id()
            .select(authors::email)
            .load::<Option<String>>(conn)
            .unwrap();
    }};
}

#[test]
fn n06_every_event_is_seen_as_without_a_cache() {
    let (world, _) = filled();
    let (mut plain, recorder) = (world.outsider(), Recorder::new());
    plain.set_instrumentation(recorder.instrumentation());
    calls!(&mut plain);
    drop(plain);
    let expected = recorder.take();
    assert!(
        expected.iter().any(|event| event.starts_with("prepares")),
        "{expected:#?}"
    );
    let mut typed = CachalotConnection::new(world.outsider(), &world.other_process()).unwrap();
    typed.set_instrumentation(recorder.instrumentation());
    calls!(&mut typed);
    drop(typed);
    let seen = recorder.take();
    for (place, event) in expected.iter().enumerate() {
        assert_eq!(seen.get(place), Some(event), "event {place} of {seen:#?}");
    }
    assert_eq!(seen.len(), expected.len(), "{seen:#?}");
}

#[test]
fn n06_no_write_is_missed_whenever_an_instrumentation_is_set() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    let recorder = Recorder::new();
    let set = |conn: &mut Conn| {
        let _ = recorder.take();
        conn.set_instrumentation(recorder.instrumentation());
    };
    let saw = |recorder: &Recorder, text: &str| {
        let events = recorder.take();
        assert!(
            events.iter().any(|event| event.contains(text)),
            "{text}: {events:#?}"
        );
    };
    for number in 0..3 {
        let to = |place: &str| format!("{place} {number}");
        assert_eq!(name(&mut other.conn), name(&mut typed.conn));
        set(&mut typed.conn);
        rename(&mut typed.conn, &to("before")).unwrap();
        saw(&recorder, "UPDATE");
        assert_eq!(name(&mut other.conn), to("before"));
        let before = to("before");
        let committed = typed.conn.transaction(|conn| {
            rename(conn, &to("in"))?;
            set(conn);
            assert_eq!(name(conn), to("in"));
            assert_eq!(name(&mut other.conn), before);
            QueryResult::Ok(())
        });
        committed.unwrap();
        saw(&recorder, "COMMIT");
        assert_eq!(name(&mut other.conn), to("in"));
        // While the connection is used by itself.
        typed.conn.inner_mut().batch_execute("BEGIN").unwrap();
        set(&mut typed.conn);
        rename(typed.conn.inner_mut(), &to("inner")).unwrap();
        saw(&recorder, "UPDATE");
        set(&mut typed.conn);
        typed.conn.batch_execute("COMMIT").unwrap();
        saw(&recorder, "COMMIT");
        assert_eq!(name(&mut other.conn), to("inner"));
        assert_eq!(name(&mut typed.conn), to("inner"));
    }
}

#[test]
fn n06_an_instrumentation_on_the_inner_connection_invalidates_everything() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    let recorder = Recorder::new();
    for to in ["one", "two"] {
        assert_eq!(name(&mut other.conn), name(&mut typed.conn));
        typed
            .conn
            .inner_mut()
            .set_instrumentation(recorder.instrumentation());
        rename(typed.conn.inner_mut(), to).unwrap();
        assert!(!recorder.take().is_empty());
        // The next use of the connection finds it out.
        assert_eq!(name(&mut typed.conn), to);
        assert_eq!(name(&mut other.conn), to);
        typed
            .conn
            .transaction(|conn| rename(conn, "after"))
            .unwrap();
        assert_eq!(name(&mut other.conn), "after");
        assert_eq!(name(&mut typed.conn), "after");
        let inner = format!("inner {to}");
        rename(typed.conn.inner_mut(), &inner).unwrap();
        assert_eq!(name(&mut typed.conn), inner);
        assert_eq!(name(&mut other.conn), inner);
        // One that is set on the type is the usual case again.
        typed.conn.set_instrumentation(recorder.instrumentation());
        rename(typed.conn.inner_mut(), "usual").unwrap();
        assert_eq!(name(&mut other.conn), "usual");
        let _ = recorder.take();
    }
    // In a transaction that goes on.
    typed.conn.batch_execute("BEGIN").unwrap();
    rename(&mut typed.conn, "open").unwrap();
    typed
        .conn
        .inner_mut()
        .set_instrumentation(recorder.instrumentation());
    assert_eq!(name(&mut typed.conn), "open");
    assert_eq!(name(&mut other.conn), "usual");
    typed.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(name(&mut other.conn), "open");
    assert_eq!(name(&mut typed.conn), "open");
}

#[test]
fn n06_a_connection_with_an_instrumentation_of_its_own_is_cached() {
    let (world, _) = filled();
    let mut other = Typed::of(&world);
    let recorder = Recorder::new();
    let mut plain = world.outsider();
    plain.set_instrumentation(recorder.instrumentation());
    let mut conn = CachalotConnection::new(plain, &world.cache).unwrap();
    let _ = recorder.take();
    assert_eq!(name(&mut conn), "Ada");
    let mut reads = recorder.take();
    reads.retain(|event| event.starts_with("starts ") && event.contains("authors"));
    assert_eq!(reads.len(), 1, "{reads:#?}");
    assert_eq!(name(&mut conn), "Ada");
    assert_eq!(recorder.take(), [""; 0]);
    rename(&mut conn, "own").unwrap();
    assert!(recorder.take().iter().any(|event| event.contains("UPDATE")));
    assert_eq!(name(&mut other.conn), "own");
    conn.transaction(|conn| rename(conn, "committed")).unwrap();
    assert_eq!(name(&mut other.conn), "committed");
    assert_eq!(name(&mut conn), "committed");
    // What is done by itself is not seen, so it is taken for everything.
    rename(conn.inner_mut(), "inner").unwrap();
    assert_eq!(name(&mut other.conn), "inner");
    assert_eq!(name(&mut conn), "inner");
    conn.inner_mut().batch_execute("BEGIN").unwrap();
    rename(conn.inner_mut(), "begun").unwrap();
    assert_eq!(name(&mut other.conn), "inner");
    conn.batch_execute("COMMIT").unwrap();
    assert_eq!(name(&mut other.conn), "begun");
    assert_eq!(name(&mut conn), "begun");
}

#[test]
fn n06_a_connection_of_the_type_can_be_watched() {
    let (mut world, mut typed) = filled();
    let cache = world.other_process();
    let mut elsewhere = Typed::on(&world.database, &cache);
    for number in 0..3 {
        assert_eq!(name(&mut elsewhere.conn), name(&mut typed.conn));
        let recorder = Recorder::new();
        match number {
            0 => world.cache.watch(&mut typed.conn).unwrap(),
            1 => world
                .cache
                .watch_with(&mut typed.conn, recorder.instrumentation()),
            _ => {
                typed.conn.inner_mut().batch_execute("SELECT 1").unwrap();
                cache.watch_with(&mut typed.conn, recorder.instrumentation());
            }
        }
        let to = format!("watched {number}");
        rename(&mut typed.conn, &to).unwrap();
        assert_eq!(number == 0, recorder.take().is_empty(), "{number}");
        assert_eq!(name(&mut elsewhere.conn), to);
        let to = format!("inner {number}");
        rename(typed.conn.inner_mut(), &to).unwrap();
        assert_eq!(name(&mut elsewhere.conn), to);
        assert_eq!(name(&mut typed.conn), to);
        // The inner connection can be watched too, while it is used by itself.
        world.cache.watch(typed.conn.inner_mut()).unwrap();
        let to = format!("watched inner {number}");
        rename(typed.conn.inner_mut(), &to).unwrap();
        let cached = authors::table.find(1).select(authors::name);
        assert_eq!(
            cached
                .cached(typed.conn.inner_mut())
                .first::<String>()
                .unwrap(),
            to
        );
        assert_eq!(name(&mut elsewhere.conn), to);
        assert_eq!(name(&mut typed.conn), to);
    }
    // It is a write's instrumentation that counts, not where it was set.
    world
        .cache
        .watch_with(typed.conn.inner_mut(), Recorder::new().instrumentation());
    rename(typed.conn.inner_mut(), "with").unwrap();
    assert_eq!(name(&mut typed.conn), "with");
    assert_eq!(name(&mut elsewhere.conn), "with");
    let plain = authors::table
        .find(1)
        .select(authors::name)
        .cached(&mut world.conn);
    assert_eq!(plain.first::<String>().unwrap(), "with");
}
