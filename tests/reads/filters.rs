//! Reads with conditions on rows, and with an order.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::blog::{self, Author};
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

diesel::define_sql_function! {
    /// The number of characters, or on MariaDB of bytes.
    fn length(text: Text) -> Integer;
}

/// Asserts that the ids of the rows that `$filter` leaves are `$ids`, with 1→0.
macro_rules! assert_ids {
    ($world:expr, $table:ident, $filter:expr, $ids:expr $(,)?) => {{
        let ids = assert_cached!(
            $world,
            i32,
            $table::table
                .filter($filter)
                .order($table::id)
                .select($table::id),
        );
        let expected: &[i32] = &$ids;
        assert_eq!(ids, expected, "{}", stringify!($filter));
    }};
}

#[test]
fn r03_booleans() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        assert_ids!(world, posts, posts::published, [1, 3, 4]);
        assert_ids!(world, posts, not(posts::published), [2]);
        assert_ids!(world, posts, posts::published.eq(true), [1, 3, 4]);
        assert_ids!(world, posts, posts::published.eq(false), [2]);
        assert_ids!(world, authors, authors::active.ne(true), [2]);
    });
}

#[test]
fn r03_membership() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        assert_ids!(world, posts, posts::id.eq_any([1, 3, 99]), [1, 3]);
        assert_ids!(world, posts, posts::id.eq_any([1, 3]), [1, 3]);
        assert_ids!(world, posts, posts::id.eq_any([4]), [4]);
        assert_ids!(world, posts, posts::id.eq_any(Vec::<i32>::new()), []);
        assert_ids!(world, posts, posts::id.ne_all([1, 3]), [2, 4]);
        assert_ids!(
            world,
            posts,
            posts::title.eq_any(["Draft", "Hello"]),
            [1, 2]
        );
        assert_ids!(world, posts, posts::title.eq_any(["Draft', 'Hello"]), []);
    });
}

#[test]
fn r03_dates_and_times() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let rows: Vec<_> = [
            (1, Some("00:00:00")),
            (2, Some("12:30:00.000001")),
            (3, None),
        ]
        .into_iter()
        .map(|(id, time)| {
            let time = time.map(|time| time.parse::<NaiveTime>().unwrap());
            (every_type::id.eq(id), every_type::a_time.eq(time))
        })
        .collect();
        for row in rows {
            diesel::insert_into(every_type::table)
                .values(row)
                .execute(&mut world.conn)
                .unwrap();
        }

        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_ids!(world, authors, authors::born.lt(day("1900-01-01")), [1]);
        assert_ids!(world, authors, authors::born.lt(day("1815-12-10")), []);
        assert_ids!(world, authors, authors::born.le(day("1815-12-10")), [1]);
        assert_ids!(world, authors, authors::born.ne(day("1815-12-10")), [3]);
        let time = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        let leap = time("2024-02-29T08:30:00");
        assert_ids!(world, posts, posts::published_at.gt(leap), [4]);
        assert_ids!(world, posts, posts::published_at.ge(leap), [3, 4]);
        assert_ids!(world, posts, posts::published_at.eq(leap), [3]);
        let almost = time("2020-02-29T23:59:59");
        assert_ids!(world, authors, authors::created_at.gt(almost), [3]);
        let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap();
        assert_ids!(world, every_type, every_type::a_time.gt(noon), [2]);
        assert_ids!(world, every_type, every_type::a_time.lt(noon), [1]);
    });
}

#[test]
fn r03_nulls() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        assert_ids!(world, authors, authors::email.is_null(), [2]);
        assert_ids!(world, authors, authors::email.is_not_null(), [1, 3]);
        assert_ids!(world, authors, authors::email.eq(""), [3]);
        assert_ids!(world, comments, comments::author_id.eq(None::<i32>), []);
        assert_ids!(world, comments, comments::author_id.eq(Some(2)), [1]);
    });
}

#[test]
fn r03_patterns_and_ranges() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        assert_ids!(world, posts, posts::title.like("%again"), [3]);
        assert_ids!(world, posts, posts::title.like("%nïcod%"), [4]);
        assert_ids!(world, posts, posts::title.not_like("%a%"), [1, 4]);
        assert_ids!(world, posts, posts::title.like("10\\%").escape('\\'), []);
        assert_ids!(world, posts, posts::votes.between(1, 10), [1, 3]);
        assert_ids!(world, posts, posts::votes.not_between(1, 10), [2, 4]);
        assert_ids!(world, posts, posts::rating.between(-1.0, 0.0), [3]);
    });
}

#[test]
fn r03_conditions_joined_by_and_and_or() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let both = || posts::published.and(posts::votes.gt(8));
        assert_ids!(world, posts, both(), [1, 4]);
        assert_ids!(world, posts, both().or(posts::id.eq(2)), [1, 2, 4]);
        assert_ids!(world, posts, not(both()), [2, 3]);
        assert_ids!(
            world,
            posts,
            posts::votes.gt(8).eq(posts::published),
            [1, 2, 4]
        );
        assert_ids!(
            world,
            posts,
            (posts::votes - 3).eq(posts::votes - posts::id.cast::<BigInt>()),
            [3]
        );
        assert_ids!(world, posts, exists(tags::table.filter(tags::id.lt(0))), []);
    });
}

#[test]
fn r03_a_different_value_is_a_different_entry() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        for votes in [0, 7, 10, 11, 7 << 8, 1 << 32 | 7] {
            let found = assert_cached!(
                world,
                i64,
                posts::table
                    .filter(posts::votes.eq(votes))
                    .select(posts::votes),
            );
            assert!(found.iter().all(|found| *found == votes), "{found:?}");
        }
        for title in ["Hello", "hello", "Hello ", "", "Draft"] {
            let plain = posts::table
                .filter(posts::title.eq(title))
                .select(posts::id)
                .load::<i32>(super::connections::uncached(&mut world.conn));
            let cached = assert_cached!(
                world,
                i32,
                posts::table
                    .filter(posts::title.eq(title))
                    .select(posts::id),
            );
            assert_eq!(plain, Ok(cached));
        }
    });
}

#[test]
fn r04_order_by_columns() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let ascending = assert_cached!(world, Author, authors::table.order(authors::name.asc()));
        let mut descending =
            assert_cached!(world, Author, authors::table.order(authors::name.desc()));
        descending.reverse();
        assert_eq!(ascending, descending);
        let ids = assert_cached!(
            world,
            i32,
            posts::table
                .filter(posts::rating.is_not_null())
                .order((posts::rating.desc(), posts::id.desc()))
                .select(posts::id),
        );
        assert_eq!(ids, [4, 1, 3]);
        let ids = assert_cached!(
            world,
            i32,
            posts::table
                .order(posts::published)
                .then_order_by(posts::votes)
                .select(posts::id),
        );
        assert_eq!(ids, [2, 3, 1, 4]);
    });
}

#[test]
fn r04_order_by_another_tables_column() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            posts::table
                .inner_join(authors::table)
                .order((authors::created_at.desc(), posts::id))
                .select(posts::id)
        };

        assert_eq!(assert_cached!(world, i32, query()), [4, 3, 1, 2]);
        assert_tables!(world, query(), ["authors", "posts"]);
    });
}

#[test]
fn r04_order_by_expressions() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let ids = assert_cached!(
            world,
            i32,
            posts::table
                .order((posts::votes * -1, posts::id))
                .select(posts::id),
        );
        assert_eq!(ids, [4, 1, 3, 2]);
        let by_length = || {
            tags::table
                .order((length(tags::label).desc(), tags::id))
                .select(tags::label)
        };
        let labels = assert_cached!(world, String, by_length());
        assert_eq!(labels, ["unused", "rust", "sql"]);
        assert_tables!(world, by_length(), ["tags"]);
    });
}

#[test]
fn r04_distinct_rows() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let writers = assert_cached!(
            world,
            i32,
            posts::table
                .select(posts::author_id)
                .distinct()
                .order(posts::author_id),
        );
        assert_eq!(writers, [1, 2, 3]);
        let ratings = assert_cached!(
            world,
            Option<f64>,
            posts::table
                .filter(posts::published)
                .select(posts::rating)
                .distinct()
                .order(posts::rating),
        );
        assert_eq!(ratings, [Some(-0.25), Some(4.5)]);
    });
}
