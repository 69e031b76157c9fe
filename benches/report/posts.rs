//! Reads of posts, from one table and from joins.

use diesel::prelude::*;

use super::{
    super::reads::reads,
    Conn,
    schema::{authors, comments, posts, posts_tags, tags},
};

pub(crate) type Post = (i32, i32, String, i64, Option<f64>);

macro_rules! post {
    () => {
        (
            posts::id,
            posts::author_id,
            posts::title,
            posts::votes,
            posts::rating,
        )
    };
}

// Votes are never negative: a `salt` that was not used before makes a question that was not asked
// before, with the same answer.
reads! {
    fn titles(rows: i32) -> (i32, String) {
        posts::table
            .filter(posts::id.le(rows))
            .order(posts::id)
            .select((posts::id, posts::title))
    }

    fn of_author(author: i32) -> (i32, String) {
        posts::table
            .filter(posts::author_id.eq(author))
            .select((posts::id, posts::title))
    }

    fn of_1_table(rows: i32, salt: i64) -> Post {
        posts::table
            .filter(posts::id.le(rows))
            .filter(posts::votes.ne(-salt))
            .select(post!())
    }

    fn of_3_tables(rows: i32, salt: i64) -> Post {
        posts::table
            .inner_join(authors::table)
            .inner_join(comments::table)
            .filter(posts::id.le(rows))
            .filter(posts::votes.ne(-salt))
            .select(post!())
    }

    fn of_5_tables(rows: i32, salt: i64) -> Post {
        posts::table
            .inner_join(authors::table)
            .inner_join(comments::table)
            .inner_join(posts_tags::table.inner_join(tags::table))
            .filter(posts::id.le(rows))
            .filter(posts::votes.ne(-salt))
            .select(post!())
    }
}
