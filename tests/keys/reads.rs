//! Reads of the blog, most of them by keys.

use diesel::prelude::*;

use super::{
    blog::{self, Comment, Post},
    schema::*,
    statement::{Read, read, reads},
};

/// What Diesel users write, of posts alone.
pub(super) fn of_posts() -> Vec<Read> {
    vec![
        read!(Post: posts::table.find(1)),
        read!(Post: posts::table.find(2)),
        read!(Post: posts::table.find(4)),
        read!(Post: posts::table.find(50)),
        read!(Post: posts::table.find(60)),
        read!(Post: posts::table.filter(posts::id.eq_any([1, 50])).order(posts::id)),
        read!(i64: posts::table.find(102).count()),
        read!(Post: Post::belonging_to(&blog::authors()[0]).order(posts::id)),
        read!(Post: Post::belonging_to(&blog::authors()[1]).order(posts::id)),
        read!(Post: Post::belonging_to(&blog::authors()[1..]).order(posts::id)),
        read!(i32: posts::table.order(posts::id).select(posts::id)),
    ]
}

/// What Diesel users write.
pub(super) fn built() -> Vec<Read> {
    let mut all = of_posts();
    all.extend([
        read!(Comment: Comment::belonging_to(&blog::posts()[0]).order(comments::id)),
        read!(Comment: Comment::belonging_to(&blog::posts()[2..]).order(comments::id)),
        read!(Comment: comments::table.filter(comments::author_id.eq(2)).order(comments::id)),
        read!(Comment: comments::table.filter(comments::author_id.is_null()).order(comments::id)),
        read!((String, String):
            posts::table
                .find(3)
                .inner_join(authors::table)
                .select((posts::title, authors::name))),
        read!((i32, Option<i32>):
            posts::table
                .left_join(comments::table)
                .filter(posts::author_id.eq(1))
                .order((posts::id, comments::id))
                .select((posts::id, comments::id.nullable()))),
        read!(String: tags::table.find(1).select(tags::label)),
        read!(String: tags::table.find(2).select(tags::label)),
        read!(String: tags::table.find(3).select(tags::label)),
        read!(String: tags::table.find(90).select(tags::label)),
        read!(i32: tags::table.filter(tags::label.eq("rust")).select(tags::id)),
        read!(i32: posts_tags::table.filter(posts_tags::post_id.eq(1)).order(posts_tags::tag_id).select(posts_tags::tag_id)),
        read!(i32: posts_tags::table.filter(posts_tags::tag_id.eq(2)).order(posts_tags::post_id).select(posts_tags::post_id)),
        read!((i32, i32): posts_tags::table.find((1, 2))),
    ]);
    all
}

/// The columns of a post that are compared, of the posts that the rest of the text selects.
fn posts(rest: &str) -> String {
    format!(
        "SELECT CAST(p.id AS TEXT) AS a, CAST(p.author_id AS TEXT) AS b, CAST(p.votes AS TEXT) AS c \
         FROM posts AS p {rest} ORDER BY 1, 2, 3"
    )
}

/// The same in other words; every other text has its values bound.
pub(super) fn written() -> Vec<Read> {
    let of_posts = [
        "WHERE p.id = {1}",
        "WHERE p.id = {2}",
        "WHERE {3} = p.id",
        "WHERE p.id IN ({4}, {61})",
        "WHERE p.id = {1} AND p.author_id = {1}",
        "WHERE p.author_id = {1}",
        "WHERE p.author_id = {2}",
        "WHERE p.author_id IN ({3}, {2})",
        "WHERE p.author_id = {3} AND p.votes >= {0}",
        "WHERE p.author_id = {1} AND p.id = {60}",
        "JOIN comments AS k ON k.post_id = p.id WHERE p.id = {1}",
    ];
    let texts: Vec<_> = of_posts.map(posts).into();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    reads(&texts)
}

/// Both.
pub(super) fn all() -> Vec<Read> {
    let mut all = built();
    all.extend(written());
    all
}

/// What could be taken for a read by key, or is one in part.
pub(super) fn odd() -> Vec<Read> {
    let of_posts = [
        "WHERE p.id = {1} OR p.id = {2}",
        "WHERE p.id = {1} OR p.votes > {5}",
        "WHERE (p.id = {1} OR p.votes > {5}) AND p.author_id = {1}",
        "WHERE NOT p.id = {1}",
        "WHERE NOT (p.id <> {1})",
        "WHERE NOT (NOT p.id = {1})",
        "WHERE p.id <> {1}",
        "WHERE NOT p.id IN ({1}, {2})",
        "WHERE p.id NOT IN ({1}, {2})",
        "WHERE p.id > {2}",
        "WHERE p.id >= {2} AND p.id <= {2}",
        "WHERE p.id BETWEEN {2} AND {2}",
        "WHERE p.id NOT BETWEEN {2} AND {60}",
        "WHERE p.id = {NULL}",
        "WHERE p.id IS NULL",
        "WHERE p.id IS NOT NULL",
        "WHERE p.id IN ({1}, {NULL})",
        "WHERE p.id NOT IN ({1}, {NULL})",
        "WHERE (p.id = {1}) = (p.votes >= {0})",
        "WHERE (p.id = {1}) IS NOT TRUE",
        "WHERE (p.id = 1) IS FALSE",
        "WHERE CAST(p.id AS TEXT) = {'1'}",
        "WHERE p.id + 0 = {1}",
        "WHERE -p.id = 0 - 1",
        "WHERE abs(p.id) = {2}",
        "WHERE p.id = 1 + {1}",
        "WHERE p.id = 1.0",
        "WHERE p.id * 1.0 = 2",
        "WHERE p.id = p.author_id",
        "WHERE coalesce(p.id, 0) = {1}",
        "WHERE CASE WHEN p.votes >= {0} THEN p.id = {1} ELSE p.id = {2} END",
        "WHERE CASE p.id WHEN {1} THEN {1} ELSE {0} END = {1}",
        "WHERE (p.id, p.author_id) = ({1}, {1})",
        "WHERE (p.id, p.author_id) IN (({1}, {1}), ({2}, {1}))",
        // Sub-queries.
        "WHERE p.id = (SELECT max(id) FROM posts)",
        "WHERE p.id = {1} AND p.votes >= (SELECT min(votes) FROM posts)",
        "WHERE p.id = {1} AND EXISTS (SELECT 1 FROM posts AS q WHERE q.id = {2} AND q.author_id = {1})",
        "WHERE p.id = {1} AND EXISTS (SELECT 1 FROM posts WHERE posts.author_id = p.author_id AND posts.id <> p.id)",
        "WHERE p.id = {1} AND NOT EXISTS (SELECT 1 FROM posts AS p WHERE p.id = {50})",
        "WHERE p.id = {1} AND {2} IN (SELECT author_id FROM comments WHERE post_id = p.id)",
        "WHERE p.author_id IN (SELECT id FROM authors WHERE id = {1})",
        "WHERE EXISTS (SELECT 1 FROM authors AS a WHERE a.id = {2} AND p.id = {3})",
        "WHERE p.id IN (SELECT post_id FROM comments WHERE id = {1})",
        // Joins.
        "JOIN posts AS q ON q.author_id = p.author_id WHERE q.id = {1}",
        "JOIN posts AS q ON q.id = {2} WHERE p.id = {1}",
        "JOIN posts AS q ON q.id = p.id + 1 WHERE p.id = {1} AND q.votes >= {0}",
        "JOIN authors AS a ON a.id = p.author_id WHERE a.id = {1}",
        "JOIN authors AS a ON a.id = p.author_id AND p.id = {1}",
        "LEFT JOIN authors AS a ON a.id = p.author_id AND p.id = {1} WHERE p.author_id = {1}",
        "LEFT JOIN comments AS k ON k.post_id = p.id AND k.post_id = {1}",
        "LEFT JOIN comments AS k ON k.post_id = p.id AND k.id = {2} WHERE k.id IS NULL",
        "LEFT JOIN posts AS q ON q.id = {2} AND q.author_id = p.author_id WHERE p.id = {1} AND q.votes IS NOT NULL",
        "CROSS JOIN posts AS q WHERE p.id = {1} AND q.id = {2}",
        "CROSS JOIN authors AS a WHERE p.id = {1} AND a.id = {2} AND a.active = (p.votes < {0})",
    ];
    let a_post = |rest: &str| {
        format!(
            "SELECT CAST(id AS TEXT) AS a, CAST(author_id AS TEXT) AS b, CAST(votes AS TEXT) AS c FROM {rest}"
        )
    };
    let others = [
        // A right-hand table that a join may leave out.
        "SELECT CAST(a.id AS TEXT) AS a, CAST(p.id AS TEXT) AS b, CAST(p.votes AS TEXT) AS c FROM authors AS a \
         LEFT JOIN posts AS p ON p.author_id = a.id AND p.id = {1} ORDER BY 1, 2".to_owned(),
        "SELECT CAST(a.id AS TEXT) AS a, CAST(p.id AS TEXT) AS b, CAST(p.votes AS TEXT) AS c FROM authors AS a \
         LEFT JOIN posts AS p ON p.author_id = a.id WHERE p.id = {1} OR p.id IS NULL ORDER BY 1, 2".to_owned(),
        "SELECT CAST(a.id AS TEXT) AS a, CAST(p.id AS TEXT) AS b, CAST(p.votes AS TEXT) AS c FROM posts AS p \
         RIGHT JOIN authors AS a ON p.author_id = a.id AND p.author_id = {1} ORDER BY 1, 2".to_owned(),
        // Rows of a table that only some of the query restricts.
        "SELECT CAST((SELECT count(*) FROM posts) AS TEXT) AS a, CAST(p.votes AS TEXT) AS b, \
         (SELECT max(title) FROM posts AS q WHERE q.id = {2}) AS c FROM posts AS p WHERE p.id = {1}".to_owned(),
        format!("{} UNION {} ORDER BY 1", a_post("posts WHERE id = {1}"), a_post("posts WHERE id = {2}")),
        format!("{} UNION ALL {} ORDER BY 1", a_post("posts WHERE id = {1}"), a_post("posts WHERE votes > {5}")),
        format!("{} EXCEPT {} ORDER BY 1", a_post("posts WHERE author_id = {1}"), a_post("posts WHERE id = {2}")),
        format!("{} INTERSECT {} ORDER BY 1", a_post("posts"), a_post("posts WHERE id = {2}")),
        // Tables and queries of one name.
        format!("WITH q AS (SELECT * FROM posts WHERE id = {{1}}) {}", a_post("q")),
        format!("WITH q AS (SELECT * FROM posts) {} ORDER BY 1", a_post("q WHERE id = {1}")),
        format!(
            "WITH posts AS (SELECT id, post_id AS author_id, id AS votes FROM comments) {} ORDER BY 1",
            a_post("posts WHERE id = {1}")
        ),
        format!("{} ORDER BY 1", a_post("(SELECT * FROM posts WHERE id = {1}) AS q")),
        format!("{} ORDER BY 1", a_post("(SELECT * FROM posts WHERE author_id = {1}) AS posts WHERE posts.id = {2}")),
        format!("{} ORDER BY 1", a_post("(SELECT * FROM posts) AS posts WHERE id = {1}")),
        "SELECT CAST(posts.id AS TEXT) AS a, posts.body AS b, NULL AS c FROM comments AS posts \
         WHERE posts.id = {1}".to_owned(),
        "SELECT CAST(posts.id AS TEXT) AS a, posts.body AS b, CAST(q.votes AS TEXT) AS c FROM comments AS posts \
         JOIN posts AS q ON q.id = posts.post_id WHERE posts.id = {1}".to_owned(),
        // Groups, windows, limits.
        "SELECT CAST(author_id AS TEXT) AS a, CAST(count(*) AS TEXT) AS b, CAST(max(votes) AS TEXT) AS c FROM posts \
         WHERE author_id = {1} GROUP BY author_id".to_owned(),
        "SELECT CAST(author_id AS TEXT) AS a, CAST(count(*) AS TEXT) AS b, CAST(max(votes) AS TEXT) AS c FROM posts \
         GROUP BY author_id HAVING author_id = {1}".to_owned(),
        "SELECT CAST(count(*) AS TEXT) AS a, CAST(max(votes) AS TEXT) AS b, NULL AS c FROM posts \
         WHERE author_id = {2} AND id > {40}".to_owned(),
        "SELECT CAST(id AS TEXT) AS a, CAST(count(*) OVER () AS TEXT) AS b, \
         CAST(max(votes) OVER (PARTITION BY author_id) AS TEXT) AS c FROM posts WHERE author_id = {1} ORDER BY 1".to_owned(),
        "SELECT CAST(id AS TEXT) AS a, CAST(r AS TEXT) AS b, NULL AS c FROM (SELECT id, rank() OVER (ORDER BY votes) AS r \
         FROM posts) AS q WHERE id = {1}".to_owned(),
        format!("{} ORDER BY votes DESC, id LIMIT 1", a_post("posts WHERE author_id = {1}")),
        format!("{} ORDER BY votes DESC, id LIMIT 1", a_post("posts")),
        format!("{} ORDER BY id LIMIT 2 OFFSET 1", a_post("posts WHERE author_id IN ({1}, {2})")),
        "SELECT CAST(id = {1} AS TEXT) AS a, NULL AS b, NULL AS c FROM posts ORDER BY 1".to_owned(),
        "SELECT DISTINCT CAST(author_id AS TEXT) AS a, NULL AS b, NULL AS c FROM posts WHERE id = {1}".to_owned(),
    ];
    let mut texts: Vec<_> = of_posts.map(posts).into();
    texts.extend(others);
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let mut all = reads(&texts);
    all.extend([
        read!(Post: posts::table.filter(posts::id.eq_any(vec![1])).order(posts::id)),
        read!(Post: posts::table.filter(posts::id.eq_any(31..63)).order(posts::id)),
        read!(Post: posts::table.filter(posts::id.eq_any(30..63)).order(posts::id)),
        read!(i32: posts::table.filter(posts::id.eq_any(2..10_002)).order(posts::id).select(posts::id)),
        read!(i32: posts::table.filter(posts::author_id.eq_any(2..34)).order(posts::id).select(posts::id)),
        read!(i32: posts::table.filter(posts::id.eq_any(Vec::<i32>::new())).select(posts::id)),
        read!(i32: posts::table.filter(posts::id.ne_all([1, 2])).order(posts::id).select(posts::id)),
        read!(i32:
            posts::table
                .filter(posts::id.eq(1).or(posts::id.eq(2)))
                .order(posts::id)
                .select(posts::id)),
        read!(i32:
            posts::table
                .filter(posts::id.eq(1))
                .or_filter(posts::author_id.eq(2))
                .order(posts::id)
                .select(posts::id)),
        read!(i32: posts::table.filter(diesel::dsl::not(posts::id.eq(1))).order(posts::id).select(posts::id)),
        read!(i32:
            posts::table
                .filter(posts::id.eq(1).and(posts::author_id.eq(1)))
                .into_boxed()
                .filter(posts::votes.ge(0))
                .select(posts::id)),
        read!(i32:
            posts::table
                .filter(posts::author_id.eq_any(authors::table.filter(authors::id.eq(1)).select(authors::id)))
                .order(posts::id)
                .select(posts::id)),
        read!(bool: diesel::select(diesel::dsl::exists(posts::table.find(50)))),
        read!(Option<i64>: posts::table.filter(posts::author_id.eq(1)).select(diesel::dsl::max(posts::votes))),
        read!(i32: posts::table.find(1).select(posts::id).union(posts::table.find(50).select(posts::id))),
        read!((i32, i64):
            posts::table
                .group_by(posts::author_id)
                .having(posts::author_id.eq(1))
                .select((posts::author_id, diesel::dsl::count_star()))),
    ]);
    all
}
