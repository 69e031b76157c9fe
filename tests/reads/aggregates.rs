//! Reads of what is computed from rows: aggregates, groups, cases, windows.

use bigdecimal::BigDecimal;
use diesel::dsl::{self, avg, case_when, count, count_star, frame, max, min, sum};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::CachedDsl as _;
use super::blog;
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

diesel::define_sql_function! {
    /// The text, or the other where there is none.
    #[sql_name = "coalesce"]
    fn text_or(text: Nullable<Text>, other: Text) -> Text;
}

#[test]
fn r05_counts() {
    World::each(|world| {
        let count_posts = |world: &mut World| {
            world.once(|conn| posts::table.count().cached(conn).get_result::<i64>())
        };
        assert_eq!(count_posts(world), Ok(0));

        blog::fill(&mut world.conn);
        assert_eq!(count_posts(world), Ok(4));
        let counts = assert_cached!(
            world,
            (i64, i64, i64),
            posts::table.select((
                count_star(),
                count(posts::rating),
                count(posts::rating).aggregate_distinct()
            )),
        );
        assert_eq!(counts, [(4, 3, 2)]);
        assert_tables!(world, posts::table.count(), ["posts"]);
    });
}

#[test]
fn r05_sums_averages_and_extremes() {
    World::each(|world| {
        let query = || {
            posts::table.filter(posts::id.lt(4)).select((
                sum(posts::votes),
                avg(posts::rating),
                min(posts::title),
                max(posts::published_at),
            ))
        };
        type Row = (
            Option<BigDecimal>,
            Option<f64>,
            Option<String>,
            Option<chrono::NaiveDateTime>,
        );
        assert_eq!(
            assert_cached!(world, Row, query()),
            [(None, None, None, None)]
        );

        blog::fill(&mut world.conn);
        let rows = assert_cached!(world, Row, query());
        assert_eq!(rows[0].0, Some(17.into()));
        assert_eq!(rows[0].1, Some(2.125));
        assert_eq!(rows[0].3, blog::posts()[2].published_at);
    });
}

#[test]
fn r05_groups() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let by_author = assert_cached!(
            world,
            (i32, i64),
            posts::table
                .group_by(posts::author_id)
                .select((posts::author_id, count_star()))
                .order(posts::author_id),
        );
        assert_eq!(by_author, [(1, 2), (2, 1), (3, 1)]);
        let by_name = || {
            authors::table
                .left_join(posts::table)
                .group_by(authors::id)
                .select((authors::id, max(posts::votes.nullable())))
                .order(authors::id)
        };
        let most = assert_cached!(world, (i32, Option<i64>), by_name());
        assert_eq!(most, [(1, Some(10)), (2, Some(7)), (3, Some(i64::MAX / 4))]);
        assert_tables!(world, by_name(), ["authors", "posts"]);
    });
}

#[test]
fn r05_conditions_on_groups() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let having = |more_than: i64| {
            posts::table
                .group_by(posts::author_id)
                .having(count_star().gt(more_than))
                .select(posts::author_id)
                .order(posts::author_id)
        };

        assert_eq!(assert_cached!(world, i32, having(0)), [1, 2, 3]);
        assert_eq!(assert_cached!(world, i32, having(1)), [1]);
        assert_eq!(assert_cached!(world, i32, having(2)), [0; 0]);
        let fixed = assert_cached!(
            world,
            i32,
            posts::table
                .group_by(posts::author_id)
                .having(max(posts::rating).is_not_null())
                .select(posts::author_id)
                .order(posts::author_id),
        );
        assert_eq!(fixed, [1, 2, 3]);
    });
}

#[test]
fn r05_cases() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let text = |word: &'static str| word.into_sql::<Text>();
        let graded = |limit: i64| {
            posts::table
                .select(
                    case_when(posts::votes.gt(limit), text("liked"))
                        .when(posts::published.eq(false), text("draft"))
                        .otherwise(text("other")),
                )
                .order(posts::id)
        };

        let words = assert_cached!(world, String, graded(8));
        assert_eq!(words, ["liked", "draft", "other", "liked"]);
        let words = assert_cached!(world, String, graded(10));
        assert_eq!(words, ["other", "draft", "other", "liked"]);
    });
}

#[test]
fn r05_coalesce() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let bodies = |default: &'static str| {
            posts::table
                .select(text_or(posts::body, default))
                .order(posts::id)
        };

        let texts = assert_cached!(world, String, bodies("none"));
        assert_eq!(texts, ["First.", "none", "a,b", ""]);
        let texts = assert_cached!(world, String, bodies("-"));
        assert_eq!(texts, ["First.", "-", "a,b", ""]);
    });
}

#[test]
fn r05_windows() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let numbered = assert_cached!(
            world,
            (i32, i64),
            posts::table
                .select((
                    posts::id,
                    dsl::row_number()
                        .partition_by(posts::author_id)
                        .window_order(posts::id.desc()),
                ))
                .order(posts::id),
        );
        assert_eq!(numbered, [(1, 2), (2, 1), (3, 1), (4, 1)]);
        let before = assert_cached!(
            world,
            Option<i64>,
            posts::table
                .select(dsl::lag(posts::votes).window_order(posts::id))
                .order(posts::id),
        );
        assert_eq!(before, [None, Some(10), Some(0), Some(7)]);
        let running = assert_cached!(
            world,
            Option<i64>,
            posts::table
                .select(
                    max(posts::votes)
                        .window_order(posts::id)
                        .frame_by(frame::Rows.frame_between(1.preceding(), frame::CurrentRow))
                )
                .order(posts::id),
        );
        assert_eq!(running, [Some(10), Some(10), Some(7), Some(i64::MAX / 4)]);
    });
}

#[test]
fn r05_several_windows_and_aggregates_over_all_rows() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            posts::table
                .select((
                    dsl::first_value(posts::title).window_order(posts::id),
                    dsl::rank().window_order(posts::rating.desc()),
                    count(posts::id).over(),
                ))
                .filter(posts::published)
                .order(posts::id)
        };

        let rows = assert_cached!(world, (String, i64, i64), query());
        let hello = || "Hello".to_owned();
        assert_eq!(rows, [(hello(), 1, 3), (hello(), 3, 3), (hello(), 1, 3)]);
        assert_tables!(world, query(), ["posts"]);
    });
}

#[test]
fn r05_a_cast_value() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let ids = assert_cached!(
            world,
            i64,
            posts::table
                .select(posts::id.cast::<BigInt>())
                .order(posts::id),
        );
        assert_eq!(ids, [1, 2, 3, 4]);
    });
}
