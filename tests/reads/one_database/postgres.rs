//! Reads that only PostgreSQL knows.

use diesel::dsl::{self, OnlyDsl as _, count, frame};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Integer, Text};

use super::CachedDsl as _;
use super::blog;
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

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
fn r03_operators_of_arrays_json_ranges_and_addresses() {
    World::each(|world| {
        for sql in [
            "INSERT INTO every_type (id, integers, a_jsonb, integer_range, an_inet) VALUES \
             (1, '{1,2}', '{\"a\": [1, {\"b\": null}]}', '[1,5)', '10.0.0.1/8')",
            "INSERT INTO every_type (id) VALUES (2)",
        ] {
            sql_query(sql).execute(&mut world.conn).unwrap();
        }
        macro_rules! assert_found {
            ($filter:expr, $ids:expr) => {{
                let query = || {
                    let rows = every_type::table
                        .order(every_type::id)
                        .select(every_type::id);
                    rows.filter($filter)
                };
                let expected: &[i32] = &$ids;
                assert_eq!(
                    assert_cached!(world, i32, query()),
                    expected,
                    "{}",
                    stringify!($filter)
                );
                assert_tables!(world, query(), ["every_type"]);
            }};
        }
        use every_type as e;

        assert_found!(e::integers.contains(vec![Some(2)]), [1]);
        assert_found!(e::integers.contains(vec![Some(3)]), []);
        assert_found!(e::integers.overlaps_with(vec![Some(2), Some(9)]), [1]);
        assert_found!(e::integers.is_contained_by(vec![Some(1), Some(2)]), [1]);
        assert_found!(e::a_jsonb.has_key("a"), [1]);
        assert_found!(e::a_jsonb.has_any_key(vec!["x", "a"]), [1]);
        assert_found!(e::a_jsonb.contains(serde_json::json!({"a": [1]})), [1]);
        assert_found!(e::a_jsonb.retrieve_as_text("a").is_not_null(), [1]);
        assert_found!(
            e::a_jsonb.retrieve_by_path_as_text(vec!["a", "0"]).eq("1"),
            [1]
        );
        assert_found!(e::integer_range.assume_not_null().contains(4), [1]);
        assert_found!(e::integer_range.assume_not_null().contains(5), []);
        assert_found!(
            e::an_inet.contains("10.9.9.9/32".parse::<ipnet::IpNet>().unwrap()),
            [1]
        );
    });
}

#[test]
fn r03_texts_like_patterns_of_sql() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            posts::table
                .filter(posts::title.similar_to("(Hello|Draft)"))
                .count()
        };
        assert_eq!(assert_cached!(world, i64, query()), [2]);
        assert_tables!(world, query(), ["posts"]);
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
        let labels = || tags::table.select(array_agg(tags::label).aggregate_order(tags::id.desc()));
        let rows = assert_cached!(world, Vec<String>, labels());
        assert_eq!(rows, [["unused", "sql", "rust"]]);
        assert_tables!(world, labels(), ["tags"]);
    });
}

#[test]
fn r06_a_table_without_those_that_inherit_it() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || tags::table.only().count();
        assert_eq!(assert_cached!(world, i64, query()), [3]);
        assert_tables!(world, query(), ["tags"]);
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
        assert_eq!(
            rows,
            [(1, vec![1, 2]), (2, vec![]), (3, vec![3]), (4, vec![])]
        );
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

        assert_eq!(
            sorted(assert_cached!(world, i32, all().intersect(tagged()))),
            [1, 2]
        );
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

        assert_eq!(
            assert_cached!(world, Id, query()),
            [Id { id: 2 }, Id { id: 3 }]
        );
        assert_tables!(world, query(), ["comments", "posts"]);
    });
}

#[test]
fn r09_a_table_as_a_statement() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || sql_query("TABLE tags");
        assert_eq!(assert_cached!(world, Id, query()).len(), 3);
        assert_tables!(world, query(), ["tags"]);
    });
}

/// What the bind means is for the database to say, and it changes every day.
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
