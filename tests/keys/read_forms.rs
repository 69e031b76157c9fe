//! Queries that are reads by key, or look like them: each sees every change.

use diesel::prelude::*;

use super::{
    comparison::{Comparison, Scripts},
    reads,
    schema::*,
    statement::write,
    statements,
};

/// Writes by keys of rows that a query may show though it does not name their key.
const WRITES: &[&str] = &[
    "UPDATE posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE posts SET votes = votes + 7 WHERE id = {2}",
    "UPDATE posts SET votes = 0 - votes WHERE id = {3}; UPDATE posts SET votes = 0 - votes WHERE id = {3}",
    "UPDATE posts SET author_id = {2} WHERE id = {1} AND author_id = {1}; \
     UPDATE posts SET author_id = {1} WHERE id = {1} AND author_id = {2}",
    "UPDATE posts SET id = {60} WHERE id = {2}; UPDATE posts SET id = {2} WHERE id = {60}",
    "INSERT INTO posts (id, author_id, title, votes) VALUES ({50}, {1}, {'new'}, {99}); DELETE FROM posts WHERE id = {50}",
    "UPDATE comments SET post_id = {3} WHERE id = {1}; UPDATE comments SET post_id = {1} WHERE id = {1}",
    "UPDATE authors SET name = {'x'}, active = (active = (id < 0)) WHERE id = {2}; \
     UPDATE authors SET name = {'Björn'}, active = (active = (id < 0)) WHERE id = {2}",
];

#[test]
fn k09_queries_of_every_form_see_writes_by_key() {
    let mut reads = reads::odd();
    reads.extend(statements::reads());
    let mut blog = Comparison::of_blog(reads);
    blog.run_by_type(&Scripts::attempts(WRITES));
    blog.finish();
}

/// What the other tests of this folder find if a write is not told.
#[test]
fn k09_reads_that_miss_a_write_are_found() {
    for write in [
        "UPDATE posts SET votes = votes + 1 WHERE id = 1",
        "UPDATE posts SET author_id = 2 WHERE id = 1",
        "DELETE FROM comments WHERE post_id = 1",
    ] {
        let mut blog = Comparison::of_blog(reads::built());
        blog.run_unwatched(&Scripts::of(&[write]));
        assert_ne!(blog.into_differences().len(), 0, "{write}");
    }
}

/// A row may be left out of an answer because of one that the query does not show.
#[test]
fn k09_a_read_of_rows_that_are_not_there_sees_them_come() {
    let reads = reads::built();
    let mut blog = Comparison::of_blog(reads);
    let new = || (posts::author_id.eq(2), posts::title.eq("new"));
    blog.run_built(&[vec![
        write!(diesel::insert_into(posts::table).values((posts::id.eq(50), new()))),
        write!(
            diesel::insert_into(posts::table)
                .values(vec![(posts::id.eq(60), new()), (posts::id.eq(102), new())])
        ),
        write!(diesel::delete(posts::table.filter(posts::id.gt(40)))),
    ]]);
    blog.finish();
}
