//! Reads that only PostgreSQL knows and that must ask it each time.

use cachalot_diesel::{BypassReason, Explanation, Outcome};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Integer, Json, Text};

use super::CachedDsl as _;
use super::blog::{self, Post};
use super::schema::*;
use super::world::{World, assert_not_cached};
use super::{Conn, db};

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[test]
fn r16_a_bind_that_is_converted_to_a_date_relative_to_today() {
    let mut world = World::new();
    blog::fill(&mut world.conn);

    for sql in [
        "SELECT id FROM posts WHERE published_at < $1::text::timestamp",
        "SELECT id FROM posts WHERE published_at < CAST(CAST($1 AS text) AS date)",
    ] {
        let query = || sql_query(sql).bind::<Text, _>("tomorrow");
        let rows = query()
            .load::<Id>(super::connections::uncached(&mut world.conn))
            .unwrap();
        assert_eq!(rows.len(), 3);
        for _ in 0..2 {
            let (rows, sent) = world.sent(|conn| query().cached(conn).load::<Id>());
            assert_eq!((rows.unwrap().len(), sent), (3, 1), "{sql}");
        }
    }
}

/// A text can become a date without a cast, and in other types than text.
#[test]
fn r16_a_value_within_a_bind_that_becomes_a_date_relative_to_today() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let outcome = |explained: QueryResult<Explanation>| explained.unwrap().outcome;
    let json = serde_json::json!({ "at": "tomorrow" });
    let texts = vec!["tomorrow"];
    let outcomes = [
        outcome(
            sql_query("SELECT id FROM posts WHERE published_at < date($1)")
                .bind::<Text, _>("tomorrow")
                .cached(&mut world.conn)
                .explain(),
        ),
        outcome(
            sql_query("SELECT id FROM posts, json_to_record($1) AS x (at timestamp) WHERE published_at < at")
                .bind::<Json, _>(json)
                .cached(&mut world.conn)
                .explain(),
        ),
        outcome(
            sql_query("SELECT id FROM posts WHERE published_at < ANY ($1::timestamp[])")
                .bind::<Array<Text>, _>(texts)
                .cached(&mut world.conn)
                .explain(),
        ),
    ];
    for outcome in outcomes {
        let moving = BypassReason::VolatileFunction("now".to_owned());
        assert_eq!(outcome, Outcome::Bypass(moving));
    }
    let said = sql_query("SELECT id FROM posts WHERE title = $1").bind::<Text, _>("now");
    assert_eq!(
        outcome(said.cached(&mut world.conn).explain()),
        Outcome::Miss
    );
}

#[test]
fn r16_locks_as_diesel_writes_them() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let all = || posts::table.order(posts::id);

        let rows = assert_not_cached!(world, Post, all().for_update(), BypassReason::RowLock);
        assert_eq!(rows, blog::posts());
        let share = || all().for_share().skip_locked();
        assert_not_cached!(world, Post, share(), BypassReason::RowLock);
        let key = || all().for_no_key_update().no_wait();
        assert_not_cached!(world, Post, key(), BypassReason::RowLock);
        assert_not_cached!(world, Post, all().for_key_share(), BypassReason::RowLock);
        assert_eq!(world.cache.stats().stores, 0);
    });
}

#[test]
fn r16_samples_of_a_table() {
    use diesel::pg::expression::extensions::TablesampleDsl as _;

    World::each(|world| {
        blog::fill(&mut world.conn);

        let all = || posts::table.tablesample_bernoulli(100).select(posts::id);
        let rows = assert_not_cached!(world, i32, all(), BypassReason::TableSample);
        assert_eq!(rows.len(), 4);
        let seeded = || {
            posts::table
                .tablesample_system(50)
                .with_seed(1.0)
                .select(posts::id)
        };
        assert_not_cached!(world, i32, seeded(), BypassReason::TableSample);
    });
}

#[test]
fn r16_a_function_of_the_users_own_that_the_catalog_calls_volatile() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    sql_query(
        "CREATE FUNCTION dice(sides integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 4'",
    )
    .execute(&mut world.conn)
    .unwrap();

    let query = || sql_query("SELECT id FROM posts WHERE id = dice(6)");
    let rows = assert_not_cached!(world, Id, query(), BypassReason::VolatileFunction(_));
    assert_eq!(rows, [Id { id: 4 }]);
}

#[test]
fn r16_writes_that_return_rows() {
    World::each(|world| {
        let count = |conn: &mut Conn| tags::table.count().cached(conn).get_result::<i64>();
        assert_eq!(world.once(count), Ok(0));

        for (id, label) in [(1, "a"), (2, "b")] {
            let (returned, sent) = world.sent(|conn| {
                diesel::insert_into(tags::table)
                    .values((tags::id.eq(id), tags::label.eq(label)))
                    .returning(tags::id)
                    .cached(conn)
                    .get_result::<i32>()
            });
            assert_eq!((returned, sent), (Ok(id), 1));
            assert_eq!(world.once(count), Ok(i64::from(id)));
        }
        let (labels, sent) = world.sent(|conn| {
            diesel::update(tags::table.find(1))
                .set(tags::label.eq("c"))
                .returning(tags::label)
                .cached(conn)
                .load::<String>()
        });
        assert_eq!((labels, sent), (Ok(vec!["c".to_owned()]), 1));
        for left in [1, 0] {
            let delete = "WITH gone AS (DELETE FROM tags WHERE id = (SELECT min(id) FROM tags) \
                          RETURNING id) SELECT id FROM gone";
            let (returned, sent) = world.sent(|conn| sql_query(delete).cached(conn).load::<Id>());
            assert_eq!((returned.unwrap().len(), sent), (1, 1));
            assert_eq!(world.once(count), Ok(left));
        }
        let counted = super::connections::COUNTS_WRITES.then_some(5);
        let bypasses = world.cache.stats().bypasses;
        assert_eq!(bypasses.get("not_select").copied(), counted);
    });
}

#[test]
fn r20_a_lost_connection_is_the_callers_error_and_is_not_cached() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let mut lost = world.reader();
    let cached = |conn: &mut Conn| posts::table.count().cached(conn).get_result::<i64>();
    assert_eq!(lost.sent(cached), (Ok(4), 1));
    let id: i32 = diesel::select(diesel::dsl::sql::<Integer>("pg_backend_pid()"))
        .get_result(&mut lost.conn)
        .unwrap();

    let mut killer = db::establish(world.database.url());
    sql_query(format!("SELECT pg_terminate_backend({id}, 10000)"))
        .execute(&mut killer)
        .unwrap();

    let read = |conn: &mut Conn| posts::table.cached(conn).load::<Post>();
    for _ in 0..2 {
        assert!(lost.sent(read).0.is_err());
    }
    assert_eq!(world.once(read), Ok(blog::posts()));
}
