//! Reads that combine the rows of several queries.

use diesel::prelude::*;
use diesel::query_dsl::positional_order_dsl::PositionalOrderDsl as _;
use diesel::sql_types::Text;

use super::blog;
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

#[derive(Debug, PartialEq, QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}

#[test]
fn r08_unions() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let names = || authors::table.select(authors::name);
        let labels = || tags::table.select(tags::label);

        let words = assert_cached!(world, String, names().union(labels()));
        assert_eq!(
            sorted(words),
            ["Ada", "Björn", "Chloé", "rust", "sql", "unused"]
        );
        assert_tables!(world, names().union(labels()), ["authors", "tags"]);
        let words = assert_cached!(world, String, labels().union(labels()));
        assert_eq!(sorted(words), ["rust", "sql", "unused"]);
        assert_tables!(world, labels().union(labels()), ["tags"]);
    });
}

#[test]
fn r08_unions_that_keep_duplicates() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let label = |id: i32| tags::table.filter(tags::id.eq(id)).select(tags::label);

        let words = assert_cached!(world, String, label(1).union_all(label(1)));
        assert_eq!(words, ["rust", "rust"]);
        let words = assert_cached!(world, String, label(1).union_all(label(2)));
        assert_eq!(sorted(words), ["rust", "sql"]);
        let words = assert_cached!(world, String, label(1).union(label(1)));
        assert_eq!(words, ["rust"]);
    });
}

#[test]
fn r08_a_limit_on_each_part() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = |limit: i64| {
            posts::table
                .select(posts::title)
                .union(tags::table.select(tags::label))
                .positional_order_by(1)
                .limit(limit)
        };

        assert_eq!(assert_cached!(world, String, query(2)).len(), 2);
        assert_eq!(assert_cached!(world, String, query(9)).len(), 7);
        assert_tables!(world, query(2), ["posts", "tags"]);
    });
}

/// Diesel has no `intersect` and `except` for MySQL, all three databases do.
#[test]
fn r08_intersections_and_differences() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = |operator: &str| {
            diesel::sql_query(format!(
                "SELECT label AS word FROM tags {operator} \
                 SELECT label FROM tags INNER JOIN posts_tags ON tag_id = id"
            ))
        };

        let words = |rows: Vec<Word>| sorted(rows.into_iter().map(|row| row.word).collect());
        let both = assert_cached!(world, Word, query("INTERSECT"));
        assert_eq!(words(both), ["rust", "sql"]);
        assert_tables!(world, query("INTERSECT"), ["posts_tags", "tags"]);
        let rest = assert_cached!(world, Word, query("EXCEPT"));
        assert_eq!(words(rest), ["unused"]);
        assert_tables!(world, query("EXCEPT"), ["posts_tags", "tags"]);
    });
}
