//! Reads with a query inside: each table of every level counts, wherever the query stands.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::blog;
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

diesel::define_sql_function! {
    /// The number of characters, or on MariaDB of bytes.
    fn length(text: Nullable<Text>) -> Nullable<Integer>;
}

diesel::define_sql_function! {
    /// The number without its sign.
    fn abs(number: Nullable<BigInt>) -> Nullable<BigInt>;
}

#[test]
fn r07_in_a_membership() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            let commented = comments::table.select(comments::post_id);
            posts::table
                .filter(posts::id.eq_any(commented))
                .select(posts::id)
                .order(posts::id)
        };

        assert_eq!(assert_cached!(world, i32, query()), [1, 3]);
        assert_tables!(world, query(), ["comments", "posts"]);
        let others = || {
            let tagged = posts_tags::table.select(posts_tags::post_id);
            posts::table
                .filter(posts::id.ne_all(tagged))
                .select(posts::id)
                .order(posts::id)
        };
        assert_eq!(assert_cached!(world, i32, others()), [2, 4]);
        assert_tables!(world, others(), ["posts", "posts_tags"]);
    });
}

#[test]
fn r07_in_exists() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let by_others = || comments::table.filter(comments::post_id.eq(posts::id));
        let query = || {
            posts::table
                .filter(exists(by_others()))
                .select(posts::id)
                .order(posts::id)
        };

        assert_eq!(assert_cached!(world, i32, query()), [1, 3]);
        assert_tables!(world, query(), ["comments", "posts"]);
        let alone = || {
            posts::table
                .filter(not(exists(by_others())))
                .select(posts::id)
                .order(posts::id)
        };
        assert_eq!(assert_cached!(world, i32, alone()), [2, 4]);
        assert_tables!(world, alone(), ["comments", "posts"]);
    });
}

#[test]
fn r07_exists_alone() {
    World::each(|world| {
        let query = || diesel::select(exists(tags::table.filter(tags::label.eq("rust"))));

        assert_eq!(assert_cached!(world, bool, query()), [false]);
        assert_tables!(world, query(), ["tags"]);
        blog::fill(&mut world.conn);
        assert_eq!(assert_cached!(world, bool, query()), [true]);
    });
}

#[test]
fn r07_in_select() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            let last = comments::table
                .filter(comments::post_id.eq(posts::id))
                .order(comments::id.desc())
                .select(comments::body)
                .limit(1)
                .single_value();
            posts::table.select((posts::id, last)).order(posts::id)
        };

        let rows = assert_cached!(world, (i32, Option<String>), query());
        let body = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [
                (1, body("anonymous")),
                (2, None),
                (3, body("nice")),
                (4, None)
            ]
        );
        assert_tables!(world, query(), ["comments", "posts"]);
    });
}

#[test]
fn r07_in_order() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            let votes = posts::table
                .filter(posts::author_id.eq(authors::id))
                .order(posts::votes.desc())
                .select(posts::votes)
                .limit(1)
                .single_value();
            authors::table.order(votes.desc()).select(authors::id)
        };

        assert_eq!(assert_cached!(world, i32, query()), [3, 1, 2]);
        assert_tables!(world, query(), ["authors", "posts"]);
    });
}

#[test]
fn r07_inside_a_function_in_a_condition() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = |longer_than: i32| {
            let label = tags::table
                .filter(tags::id.eq(posts::id))
                .select(tags::label)
                .limit(1)
                .single_value();
            posts::table
                .filter(length(label).gt(longer_than))
                .select(posts::id)
                .order(posts::id)
        };

        assert_eq!(assert_cached!(world, i32, query(3)), [1, 3]);
        assert_eq!(assert_cached!(world, i32, query(4)), [3]);
        assert_tables!(world, query(3), ["posts", "tags"]);
    });
}

#[test]
fn r07_inside_a_function_in_the_order() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            let votes = posts::table
                .filter(posts::id.eq(tags::id))
                .select(posts::votes)
                .limit(1)
                .single_value();
            tags::table.order(abs(votes).desc()).select(tags::id)
        };

        assert_eq!(assert_cached!(world, i32, query()), [1, 3, 2]);
        assert_tables!(world, query(), ["posts", "tags"]);
    });
}

#[test]
fn r07_in_a_condition_on_groups() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            let fewest = tags::table
                .select(tags::id)
                .filter(tags::id.eq(1))
                .single_value();
            comments::table
                .group_by(comments::post_id)
                .having(diesel::dsl::max(comments::id).ne(fewest))
                .select(comments::post_id)
                .order(comments::post_id)
        };

        assert_eq!(assert_cached!(world, i32, query()), [1, 3]);
        assert_tables!(world, query(), ["comments", "tags"]);
    });
}

#[test]
fn r07_three_levels_deep() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = |label: &'static str| {
            let tag = tags::table.filter(tags::label.eq(label)).select(tags::id);
            let tagged = posts_tags::table
                .filter(posts_tags::tag_id.eq_any(tag))
                .select(posts_tags::post_id);
            let written = posts::table
                .filter(posts::id.eq_any(tagged))
                .select(posts::author_id);
            authors::table
                .filter(authors::id.eq_any(written))
                .select(authors::name)
                .order(authors::id)
        };

        assert_eq!(
            assert_cached!(world, String, query("sql")),
            ["Ada", "Björn"]
        );
        assert_eq!(assert_cached!(world, String, query("rust")), ["Ada"]);
        assert_eq!(assert_cached!(world, String, query("unused")), [""; 0]);
        assert_tables!(
            world,
            query("sql"),
            ["authors", "posts", "posts_tags", "tags"]
        );
        diesel::delete(tags::table.filter(tags::label.eq("unused")))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(assert_cached!(world, String, query("rust")), ["Ada"]);
    });
}
