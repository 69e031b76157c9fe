//! Reads that must ask the database each time, and the reason that is given.

use cachalot_diesel::BypassReason;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Integer, Text};

use super::CachedDsl as _;
use super::Conn;
use super::blog::{self, Post};
use super::dialect::{CATALOGS, LOCKS, RANDOM, VOLATILE};
use super::schema::*;
use super::world::{World, assert_cached, assert_not_cached};

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[test]
fn r16_row_locks() {
    let mut world = World::new();
    blog::fill(&mut world.conn);

    if LOCKS.is_empty() {
        let query = || sql_query("SELECT id FROM posts FOR UPDATE");
        for _ in 0..2 {
            let (rows, sent) = world.sent(|conn| query().cached(conn).load::<Id>());
            assert!(rows.is_err(), "it has no row locks");
            assert_eq!(sent, 1);
        }
    }
    for lock in LOCKS {
        let query = || sql_query(format!("SELECT id FROM posts ORDER BY id {lock}"));
        let rows = assert_not_cached!(world, Id, query(), BypassReason::RowLock);
        assert_eq!(rows.len(), 4, "{lock}");
        if lock.contains(" of ") {
            continue;
        }
        let inside = || {
            sql_query(format!(
                "SELECT x.id FROM (SELECT id FROM posts {lock}) AS x"
            ))
        };
        let rows = assert_not_cached!(world, Id, inside(), BypassReason::RowLock);
        assert_eq!(rows.len(), 4, "{lock}");
    }
    assert_eq!(world.cache.stats().stores, 0);
}

#[test]
fn r16_volatile_functions_alone_nested_and_in_conditions() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    assert!(!VOLATILE.is_empty());

    for value in VOLATILE {
        for sql in [
            format!("SELECT id, {value} AS value FROM posts"),
            format!("SELECT id FROM posts WHERE coalesce({value}, {value}) IS NOT NULL"),
            format!("SELECT id FROM posts WHERE id = 1 OR upper(concat('a', {value})) <> 'b'"),
            format!(
                "SELECT id FROM posts WHERE id IN (SELECT author_id FROM posts \
                 GROUP BY author_id HAVING coalesce({value}, {value}) IS NOT NULL)"
            ),
            format!("SELECT p.id FROM posts p JOIN (SELECT {value} AS v) AS x ON p.id > 0"),
        ] {
            let explanation = sql_query(&sql).cached(&mut world.conn).explain().unwrap();
            assert!(
                matches!(
                    &explanation.outcome,
                    cachalot_diesel::Outcome::Bypass(BypassReason::VolatileFunction(_))
                ),
                "{sql}: {explanation}"
            );
            let (first, one) = world.sent(|conn| sql_query(&sql).cached(conn).load::<Id>());
            let (second, two) = world.sent(|conn| sql_query(&sql).cached(conn).load::<Id>());
            assert_eq!((one, two), (1, 1), "{sql}");
            assert!(
                first.is_ok() && second.is_ok(),
                "{sql}: {first:?} {second:?}"
            );
        }
    }
    assert_eq!(world.cache.stats().stores, 0);
}

#[test]
fn r16_the_present_time_as_diesel_writes_it() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || posts::table.filter(posts::published_at.lt(now.nullable()));

        let rows = assert_not_cached!(world, Post, query(), BypassReason::VolatileFunction(_));
        assert_eq!(rows.len(), 3);
    });
}

#[test]
fn r16_functions_that_are_not_declared_pure() {
    diesel::define_sql_function! {
        /// No database has it.
        fn no_such_function(number: Integer) -> Integer;
    }
    let mut world = World::new();
    let query = || posts::table.select(no_such_function(posts::id));

    let explanation = query().cached(&mut world.conn).explain().unwrap();
    let name = "no_such_function".to_owned();
    let expected = cachalot_diesel::Outcome::Bypass(BypassReason::VolatileFunction(name));
    assert_eq!(explanation.outcome, expected);
    let (rows, sent) = world.sent(|conn| query().cached(conn).load::<i32>());
    assert!(rows.is_err());
    assert_eq!(sent, 1);
}

#[test]
fn r16_random_order() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        for sql in [
            format!("SELECT id FROM posts ORDER BY {RANDOM}"),
            format!("SELECT id FROM posts ORDER BY published, {RANDOM} DESC LIMIT 1"),
            format!("SELECT id FROM posts ORDER BY abs({RANDOM})"),
            format!(
                "SELECT id FROM posts WHERE id IN (SELECT x.id FROM \
                 (SELECT id FROM posts ORDER BY {RANDOM} LIMIT 2) AS x)"
            ),
            format!("WITH x AS (SELECT id FROM posts ORDER BY {RANDOM} LIMIT 2) SELECT id FROM x"),
        ] {
            assert_not_cached!(world, Id, sql_query(&sql), BypassReason::RandomOrder);
        }
        assert_eq!(world.cache.stats().bypasses.get("random_order"), Some(&10));
    });
}

#[test]
fn r16_system_catalogs() {
    let mut world = World::new();

    for table in CATALOGS {
        let query = || sql_query(format!("SELECT 1 AS id FROM {table} LIMIT 1"));
        let rows = assert_not_cached!(world, Id, query(), BypassReason::SystemCatalog(_));
        assert!(rows.len() <= 1);
        let query = || {
            sql_query(format!(
                "SELECT id FROM posts WHERE EXISTS (SELECT 1 FROM {table} LIMIT 1)"
            ))
        };
        assert_not_cached!(world, Id, query(), BypassReason::SystemCatalog(_));
    }
    assert_eq!(world.cache.stats().stores, 0);
}

#[test]
fn r16_no_table() {
    World::each(|world| {
        let rows = assert_not_cached!(
            world,
            i32,
            diesel::select(1.into_sql::<Integer>()),
            BypassReason::NoTable,
        );
        assert_eq!(rows, [1]);
        let query = || sql_query("SELECT id FROM (SELECT 1 AS id) AS x");
        assert_not_cached!(world, Id, query(), BypassReason::NoTable);
    });
}

#[test]
fn r16_temporary_tables() {
    World::each(|world| {
        world
            .conn
            .batch_execute("CREATE TEMPORARY TABLE mine (id INTEGER); INSERT INTO mine VALUES (7)")
            .unwrap();
        let query = || sql_query("SELECT id FROM mine");

        let rows = assert_not_cached!(world, Id, query(), BypassReason::TemporaryTable);
        assert_eq!(rows, [Id { id: 7 }]);
    });
}

/// The connection of somebody else must not see what is in a temporary table of the same name.
#[test]
fn r16_a_temporary_table_that_hides_another() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let labels = |conn: &mut Conn| {
            let query = tags::table.select(tags::label).order(tags::id);
            query.cached(conn).load::<String>()
        };
        let shared = world.once(labels).unwrap();
        let mut other = world.reader();

        other
            .conn
            .batch_execute(
                "CREATE TEMPORARY TABLE tags (id INTEGER, label VARCHAR(9)); \
                 INSERT INTO tags VALUES (1, 'hidden')",
            )
            .unwrap();
        for _ in 0..2 {
            let hidden = vec!["hidden".to_owned()];
            assert_eq!(other.sent(labels), (Ok(hidden), 1));
            // Perhaps from the database again: by its name the write was to the other.
            assert_eq!(labels(&mut world.conn).as_ref(), Ok(&shared));
        }
    });
}

#[test]
fn r16_a_temporary_table_made_before_the_connection_was_watched() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let labels = |conn: &mut Conn| {
        let query = tags::table.select(tags::label).order(tags::id);
        query.cached(conn).load::<String>().unwrap()
    };
    let mut other = super::db::establish(world.database.url());
    other
        .batch_execute(
            "CREATE TEMPORARY TABLE tags (id INTEGER, label VARCHAR(9)); \
             INSERT INTO tags VALUES (1, 'hidden')",
        )
        .unwrap();
    let mut other = world.watch(other);

    assert_eq!(labels(&mut other), ["hidden"]);
    assert_eq!(labels(&mut world.conn), ["rust", "sql", "unused"]);
    assert_eq!(labels(&mut other), ["hidden"]);
}

#[test]
fn r16_writes_that_return_rows() {
    let mut world = World::new();
    for sql in [
        "INSERT INTO tags (id, label) VALUES (1, 'a') RETURNING id",
        "INSERT INTO tags (id, label) SELECT id, title FROM posts RETURNING id",
        "UPDATE tags SET label = 'b' RETURNING id",
        "DELETE FROM tags WHERE id < 3 RETURNING id",
    ] {
        let explanation = sql_query(sql).cached(&mut world.conn).explain().unwrap();
        let expected = cachalot_diesel::Outcome::Bypass(BypassReason::NotSelect);
        assert_eq!(explanation.outcome, expected, "{sql}");
    }
    let tags = tags::table.count().get_result(&mut world.conn);
    assert_eq!(tags, Ok(0), "nothing ran");
}

#[test]
fn r16_the_reason_is_counted_by_its_name() {
    World::each(|world| {
        let query = || diesel::select("x".into_sql::<Text>());
        assert_not_cached!(world, String, query(), BypassReason::NoTable);

        let stats = world.cache.stats();
        assert_eq!(stats.bypasses.get("no_table"), Some(&2));
        assert_eq!((stats.hits, stats.misses, stats.stores), (0, 0, 0));
        assert_eq!(assert_cached!(world, Post, posts::table), []);
        let stats = world.cache.stats();
        assert_eq!((stats.hits, stats.misses, stats.stores), (1, 1, 1));
    });
}
