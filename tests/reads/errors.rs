//! Reads that fail, and results too large to keep.

use cachalot_tests::memcached;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer};

use super::CachedDsl as _;
use super::Conn;
use super::blog::{self, Post};
use super::schema::*;
use super::world::{World, assert_cached};

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[derive(Debug, PartialEq, QueryableByName)]
struct BigId {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// A comment of a thousand bytes for each id.
fn comment(world: &mut World, ids: std::ops::Range<i32>) {
    let rows: Vec<_> = ids
        .map(|id| {
            let body = format!("{id:01000}");
            (
                comments::id.eq(id),
                comments::post_id.eq(1),
                comments::body.eq(body),
            )
        })
        .collect();
    diesel::insert_into(comments::table)
        .values(rows)
        .execute(&mut world.conn)
        .unwrap();
}

fn bodies(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let query = comments::table.order(comments::id).select(comments::body);
    query.cached(conn).load()
}

fn few(conn: &mut Conn) -> QueryResult<Vec<i32>> {
    let query = comments::table.order(comments::id).select(comments::id);
    query.limit(3).cached(conn).load()
}

fn assert_too_large(world: &mut World, rows: usize) {
    for times in 1..=2 {
        let before = world.cache.stats();
        let (read, sent) = world.sent(bodies);
        let plain = comments::table
            .order(comments::id)
            .select(comments::body)
            .load::<String>(super::connections::uncached(&mut world.conn));
        assert_eq!((&read, sent), (&plain, 1));
        assert_eq!(read.unwrap().len(), rows);
        let after = world.cache.stats();
        assert_eq!(after.stores, before.stores);
        assert_eq!(after.store_errors, 0);
        assert_eq!(after.bypasses.get("too_large"), Some(&times));
    }
    // The next read is none the worse.
    assert_eq!(world.once(few).unwrap().len(), 3);
}

#[test]
fn r19_a_result_above_the_size_limit_is_read_and_not_stored() {
    for url in [memcached::shared().url(), "memory://".to_owned()] {
        let mut world = World::with(url, |builder| builder.max_value_bytes(20_000));
        blog::fill(&mut world.conn);
        comment(&mut world, 10..20);
        assert_eq!(world.once(bodies).unwrap().len(), 13, "within the limit");

        comment(&mut world, 20..40);
        assert_too_large(&mut world, 33);
    }
}

#[test]
fn r19_a_result_above_the_servers_own_limit_is_read_and_not_stored() {
    let server = memcached::start(&["-I", "512k"]);
    let mut world = World::with(server.url(), |builder| {
        builder.max_value_bytes(4_000_000).compress_above_bytes(0)
    });
    blog::fill(&mut world.conn);
    comment(&mut world, 10..610);

    assert_too_large(&mut world, 603);
}

#[test]
fn r19_a_result_that_compression_brings_below_the_servers_limit_is_stored() {
    let server = memcached::start(&["-I", "512k"]);
    let mut world = World::with(server.url(), |builder| builder.max_value_bytes(4_000_000));
    blog::fill(&mut world.conn);
    comment(&mut world, 10..610);

    assert_eq!(world.once(bodies).unwrap().len(), 603);
    let written = world.cache.stats().bytes_written;
    assert!(written < 512 * 1024, "{written}");
}

#[test]
fn r19_a_result_above_the_default_limit_is_read_and_not_stored() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        comment(world, 10..1110);
        assert_too_large(world, 1103);
    });
}

#[test]
fn r19_a_result_that_shrinks_below_the_limit_is_stored() {
    let mut world = World::with(memcached::shared().url(), |builder| {
        builder.max_value_bytes(20_000)
    });
    blog::fill(&mut world.conn);
    comment(&mut world, 10..40);
    assert_too_large(&mut world, 33);

    diesel::delete(comments::table.filter(comments::id.gt(12)))
        .execute(&mut world.conn)
        .unwrap();
    assert_eq!(world.once(bodies).unwrap().len(), 6);
}

#[test]
fn r20_the_databases_error_is_the_callers_and_is_not_cached() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let refused = |error: &Error| matches!(error, Error::DatabaseError(..));
        for sql in [
            "SELECT nothing_of_the_kind AS id FROM posts",
            "SELECT id FROM no_such_table",
            "SELECT id FROM posts WHERE",
        ] {
            let plain = sql_query(sql)
                .load::<Id>(super::connections::uncached(&mut world.conn))
                .unwrap_err();
            assert!(refused(&plain), "{plain}");
            for _ in 0..2 {
                let (read, sent) = world.sent(|conn| sql_query(sql).cached(conn).load::<Id>());
                let error = read.unwrap_err();
                assert!(refused(&error), "{error}");
                assert_eq!((error.to_string(), sent), (plain.to_string(), 1));
            }
        }
        assert_eq!(world.cache.stats().stores, 0);
        assert_eq!(assert_cached!(world, Post, posts::table), blog::posts());
    });
}

#[test]
fn r20_a_query_that_failed_is_cached_once_it_succeeds() {
    World::each(|world| {
        let read = |conn: &mut Conn| {
            sql_query("SELECT id FROM latecomers")
                .cached(conn)
                .load::<Id>()
        };
        let (rows, sent) = world.sent(read);
        assert!(matches!(rows, Err(Error::DatabaseError(..))));
        assert_eq!(sent, 1);

        sql_query("CREATE TABLE latecomers (id INTEGER NOT NULL)")
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(world.once(read), Ok(vec![]));
        sql_query("INSERT INTO latecomers VALUES (1)")
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(world.once(read), Ok(vec![Id { id: 1 }]));
        sql_query("DROP TABLE latecomers")
            .execute(&mut world.conn)
            .unwrap();
        let (rows, sent) = world.sent(read);
        assert!(matches!(rows, Err(Error::DatabaseError(..))), "{rows:?}");
        assert_eq!(sent, 1);
    });
}

#[test]
fn r20_rows_that_a_type_refuses_are_refused_each_time() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        // A null for a type that has none: refused in the third row, after two good ones.
        let query = || sql_query("SELECT author_id AS id FROM comments ORDER BY id DESC");
        assert!(matches!(
            query().load::<Id>(super::connections::uncached(&mut world.conn)),
            Err(Error::DeserializationError(_))
        ));
        for _ in 0..2 {
            let (rows, _) = world.sent(|conn| query().cached(conn).load::<Id>());
            assert!(
                matches!(rows, Err(Error::DeserializationError(_))),
                "{rows:?}"
            );
        }

        // Whoever can take the rows gets them.
        #[derive(Debug, PartialEq, QueryableByName)]
        struct MaybeId {
            #[diesel(sql_type = diesel::sql_types::Nullable<Integer>)]
            id: Option<i32>,
        }
        let rows = query().cached(&mut world.conn).load::<MaybeId>().unwrap();
        assert_eq!(rows.len(), 3);
        let (refused, _) = world.sent(|conn| query().cached(conn).load::<Id>());
        assert!(
            matches!(refused, Err(Error::DeserializationError(_))),
            "{refused:?}"
        );
    });
}

#[test]
fn r20_one_query_may_be_loaded_as_different_types() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || sql_query("SELECT id FROM posts ORDER BY id");
        let plain = query().load::<BigId>(super::connections::uncached(&mut world.conn));

        for _ in 0..2 {
            let narrow = query().cached(&mut world.conn).load::<Id>().unwrap();
            assert_eq!(narrow.len(), 4);
            assert_eq!(narrow[3], Id { id: 4 });
            let wide = query().cached(&mut world.conn).load::<BigId>();
            match (&plain, &wide) {
                (Ok(plain), Ok(wide)) => assert_eq!(plain, wide),
                // PostgreSQL's integer is no bigint, read plainly or through the cache.
                (plain, wide) => assert!(plain.is_err() && wide.is_err(), "{plain:?} {wide:?}"),
            }
        }
    });
}
