//! Reads that only PostgreSQL knows.

use cachalot_diesel::{BypassReason, CachedDsl as _};
use diesel::dsl::{self, count, frame};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Integer, Text};

use super::Conn;
use super::blog::{self, Post};
use super::db;
use super::schema::*;
use super::world::{World, assert_cached, assert_not_cached, assert_tables};

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[test]
fn r03_patterns_whatever_the_case() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let like = |pattern: &'static str| {
            posts::table
                .filter(posts::title.ilike(pattern))
                .order(posts::id)
                .select(posts::id)
        };

        assert_eq!(assert_cached!(world, i32, like("HELLO%")), [1, 3]);
        assert_eq!(assert_cached!(world, i32, like("hello")), [1]);
        let others = posts::table.filter(posts::title.not_ilike("%h%")).count();
        assert_eq!(assert_cached!(world, i64, others), [2]);
    });
}

#[test]
fn r03_comparisons_with_null() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let others = |id: Option<i32>| {
            comments::table
                .filter(comments::author_id.is_distinct_from(id))
                .order(comments::id)
                .select(comments::id)
        };

        assert_eq!(assert_cached!(world, i32, others(Some(2))), [2, 3]);
        assert_eq!(assert_cached!(world, i32, others(None)), [1, 3]);
    });
}

#[test]
fn r04_one_row_of_each_kind() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            posts::table
                .distinct_on(posts::author_id)
                .order((posts::author_id, posts::votes.desc()))
                .select(posts::id)
        };

        assert_eq!(assert_cached!(world, i32, query()), [1, 3, 4]);
        assert_tables!(world, query(), ["posts"]);
    });
}

#[test]
fn r04_nulls_first_and_last() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let first = comments::table
            .order((comments::author_id.asc().nulls_first(), comments::id))
            .select(comments::id);
        assert_eq!(assert_cached!(world, i32, first), [2, 3, 1]);
        let last = comments::table
            .order((comments::author_id.desc().nulls_last(), comments::id))
            .select(comments::id);
        assert_eq!(assert_cached!(world, i32, last), [1, 3, 2]);
    });
}

#[test]
fn r05_windows_that_exclude_rows() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            posts::table
                .select(count(posts::id).window_order(posts::rating).frame_by(
                    frame::Groups.frame_between_with_exclusion(
                        frame::UnboundedPreceding,
                        frame::UnboundedFollowing,
                        frame::ExcludeGroup,
                    ),
                ))
                .order(posts::id)
        };

        assert_eq!(assert_cached!(world, i64, query()), [2, 3, 3, 2]);
        let tables = query().cached(&mut world.conn).explain().unwrap().tables;
        assert!(tables.contains(&"posts".to_owned()), "{tables:?}");
    });
}

#[test]
fn r05_aggregates_with_a_filter_or_an_order() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let counts = |votes: i64| {
            posts::table.select((
                count(posts::id).aggregate_filter(posts::votes.gt(votes)),
                dsl::count_star(),
            ))
        };
        assert_eq!(assert_cached!(world, (i64, i64), counts(7)), [(2, 4)]);
        assert_eq!(assert_cached!(world, (i64, i64), counts(-1)), [(4, 4)]);

        diesel::define_sql_function! {
            /// All values, in one array.
            #[aggregate]
            fn array_agg(label: Text) -> Array<Text>;
        }
        let labels = || {
            tags::table.select(array_agg(tags::label).aggregate_order(tags::id.desc()))
        };
        let rows = assert_cached!(world, Vec<String>, labels());
        assert_eq!(rows, [["unused", "sql", "rust"]]);
        assert_tables!(world, labels(), ["tags"]);
    });
}

#[test]
fn r07_queries_that_make_arrays() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            let ids = comments::table
                .filter(comments::post_id.eq(posts::id))
                .order(comments::id)
                .select(comments::id);
            posts::table
                .select((posts::id, dsl::array(ids)))
                .order(posts::id)
        };

        let rows = assert_cached!(world, (i32, Vec<i32>), query());
        assert_eq!(rows, [(1, vec![1, 2]), (2, vec![]), (3, vec![3]), (4, vec![])]);
        assert_tables!(world, query(), ["comments", "posts"]);
    });
}

#[test]
fn r08_intersect_and_except_as_diesel_writes_them() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let all = || tags::table.select(tags::id);
        let tagged = || posts_tags::table.select(posts_tags::tag_id);
        let sorted = |mut ids: Vec<i32>| {
            ids.sort_unstable();
            ids
        };

        assert_eq!(sorted(assert_cached!(world, i32, all().intersect(tagged()))), [1, 2]);
        let twice = assert_cached!(world, i32, tagged().intersect_all(tagged()));
        assert_eq!(sorted(twice), [1, 2, 2]);
        assert_eq!(assert_cached!(world, i32, all().except(tagged())), [3]);
        assert_eq!(assert_cached!(world, i32, tagged().except_all(all())), [2]);
        assert_tables!(world, all().except(tagged()), ["posts_tags", "tags"]);
    });
}

#[test]
fn r09_lateral_joins() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            sql_query(
                "SELECT c.id FROM posts p CROSS JOIN LATERAL \
                 (SELECT id FROM comments WHERE post_id = p.id ORDER BY id DESC LIMIT 1) AS c \
                 ORDER BY c.id",
            )
        };

        assert_eq!(assert_cached!(world, Id, query()), [Id { id: 2 }, Id { id: 3 }]);
        assert_tables!(world, query(), ["comments", "posts"]);
    });
}

#[test]
fn r13_a_table_of_another_schema() {
    World::each(|world| {
        let things = || things::table.order(things::id).select(things::name);
        assert_eq!(assert_cached!(world, String, things()), [""; 0]);
        assert_tables!(world, things(), ["things"]);

        diesel::insert_into(things::table)
            .values((things::id.eq(1), things::name.eq("one")))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(assert_cached!(world, String, things()), ["one"]);
        sql_query("UPDATE \"other\".\"things\" SET name = 'two'")
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(assert_cached!(world, String, things()), ["two"]);
    });
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
        let seeded = || posts::table.tablesample_system(50).with_seed(1.0).select(posts::id);
        assert_not_cached!(world, i32, seeded(), BypassReason::TableSample);
    });
}

#[test]
fn r16_a_function_of_the_users_own_that_the_catalog_calls_volatile() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    sql_query("CREATE FUNCTION dice(sides integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 4'")
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
        assert_eq!(world.cache.stats().bypasses.get("not_select"), Some(&5));
    });
}

#[test]
fn r20_a_lost_connection_is_the_callers_error_and_is_not_cached() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let mut lost = world.reader();
    let cached = |conn: &mut Conn| posts::table.count().cached(conn).get_result::<i64>();
    assert_eq!(lost.sent(cached), (Ok(4), 1));
    let id: i32 = diesel::select(dsl::sql::<Integer>("pg_backend_pid()"))
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
