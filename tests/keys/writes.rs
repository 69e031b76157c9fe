//! Updates and deletes of every form, beside reads by keys.

use diesel::prelude::*;

use super::{
    blog::{self, Author, Comment, Post},
    comparison::{Comparison, Scripts},
    reads,
    schema::*,
    statement::{batch, call, read, write},
    statements,
};

/// A change of everything but the key.
#[derive(AsChangeset, Identifiable)]
#[diesel(table_name = posts)]
struct Title {
    id: i32,
    title: String,
    author_id: i32,
}

fn title(id: i32, title: &str, author_id: i32) -> Title {
    let title = title.to_owned();
    Title {
        id,
        title,
        author_id,
    }
}

/// Updates of rows that stay where they are.
const UPDATES: &[&str] = &[
    "UPDATE posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE {2} = id",
    "UPDATE posts SET votes = votes + {1} WHERE posts.id = {3}",
    "UPDATE posts SET title = {'new'}, votes = votes + 1 WHERE id IN ({1}, {4})",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} AND author_id = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE (id = {1}) AND votes >= {0}",
    "UPDATE posts SET votes = votes + 1 WHERE author_id = {1} AND votes >= {0}",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} OR id = {2}",
    "UPDATE posts SET votes = votes + 1 WHERE author_id = {2} OR id = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE NOT id = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE NOT (id <> {3})",
    "UPDATE posts SET votes = votes + 1 WHERE id <> {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id NOT IN ({1}, {3})",
    "UPDATE posts SET votes = votes + 1 WHERE id > {2}",
    "UPDATE posts SET votes = votes + 1 WHERE id BETWEEN {2} AND {3}",
    "UPDATE posts SET votes = votes + 1 WHERE id + 0 = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id = 1 + {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id = author_id",
    "UPDATE posts SET votes = votes + 1 WHERE id = 1.0",
    "UPDATE posts SET votes = votes + 1 WHERE (id, author_id) = ({1}, {1})",
    "UPDATE posts SET votes = votes + 1 WHERE CASE WHEN votes >= 0 THEN id = {1} ELSE id = {2} END",
    "UPDATE posts SET votes = votes + 1 WHERE (id = {1}) IS NOT TRUE",
    "UPDATE posts SET votes = votes + 1 WHERE id IN (SELECT post_id FROM comments)",
    "UPDATE posts SET votes = votes + 1 WHERE id = (SELECT min(post_id) FROM comments)",
    "UPDATE posts SET votes = votes + 1 WHERE EXISTS (SELECT 1 FROM comments AS k WHERE k.post_id = posts.id)",
    "UPDATE posts SET votes = votes + (SELECT count(*) FROM comments) WHERE id = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE title = {'hello, again'}",
    "UPDATE posts SET votes = votes + 1 WHERE author_id IN ({2}, {3})",
    "UPDATE posts SET votes = votes + 1",
    "UPDATE authors SET name = {'B.'} WHERE id = {2}; UPDATE authors SET name = {'Björn'} WHERE name = {'B.'}",
    "UPDATE comments SET body = {'x'} WHERE post_id = {1}; UPDATE comments SET body = {'y'} WHERE author_id = {2}; \
     UPDATE comments SET body = {'first'} WHERE id = {1}",
    "UPDATE comments SET body = {'z'} WHERE author_id IS NULL; UPDATE comments SET body = {'a'} WHERE id = {2}",
    "UPDATE tags SET label = {'c'} WHERE id = {1}; UPDATE tags SET label = {'rust'} WHERE label = {'c'}",
];

/// Updates that give rows other keys.
const OTHER_KEYS: &[&str] = &[
    "UPDATE posts SET id = {60} WHERE id = {2}; UPDATE posts SET id = {2} WHERE id = {60}",
    "UPDATE posts SET id = {60} WHERE {2} = id AND votes >= {0}; UPDATE posts SET id = 1 + 1 WHERE id = {60}",
    "UPDATE posts SET id = id + 100 WHERE id = {2}; UPDATE posts SET id = id - 100 WHERE id = {102}",
    "UPDATE posts SET id = {60} WHERE author_id = {3}; UPDATE posts SET id = {4} WHERE author_id = {3}",
    "UPDATE posts SET id = {60} WHERE id IN ({2}, {50}); UPDATE posts SET id = {2} WHERE id IN ({60}, {61})",
    "UPDATE posts SET id = {60} WHERE id > {3}; UPDATE posts SET id = {4} WHERE id > {3}",
    "UPDATE posts SET id = {60} WHERE title = {'Draft'}; UPDATE posts SET id = {2} WHERE title = {'Draft'}",
    "UPDATE posts SET id = (SELECT 60) WHERE id = {2}; UPDATE posts SET id = coalesce({2}, id) WHERE id = {60}",
    "UPDATE posts SET id = 58 + {2}, author_id = {2} WHERE id = {2} AND author_id = {1}; \
     UPDATE posts SET author_id = {1}, id = {2} WHERE author_id = {2} AND id = {60}",
    "UPDATE posts SET id = 60.0 WHERE id = {2}; UPDATE posts SET id = 2.0 WHERE id = 60.0",
    "UPDATE posts SET id = '60' WHERE id = {2}; UPDATE posts SET id = '2' WHERE id = '60'",
    "UPDATE posts SET id = abs(0 - 60) WHERE id = {2}; UPDATE posts SET id = - - 2 WHERE id = {60}",
    "UPDATE posts SET id = CASE id WHEN 2 THEN 50 ELSE 60 END WHERE id IN ({2}, {4}); \
     UPDATE posts SET id = {2} WHERE id = {50}; UPDATE posts SET id = {4} WHERE id = {60}",
];

/// Deletes of posts with the keys 50 and 51, of the authors 2 and 3.
const DELETES: &[&str] = &[
    "DELETE FROM posts WHERE id = {50}",
    "DELETE FROM posts WHERE {51} = posts.id AND author_id = {3}",
    "DELETE FROM posts WHERE id IN ({50}, {51}, {52})",
    "DELETE FROM posts WHERE author_id = {2} AND id > {40}",
    "DELETE FROM posts WHERE author_id IN ({2}, {3}) AND title = {'new'}",
    "DELETE FROM posts WHERE id = {50} OR id = {51}",
    "DELETE FROM posts WHERE NOT id < {50}",
    "DELETE FROM posts WHERE id BETWEEN {50} AND {60}",
    "DELETE FROM posts WHERE title = {'new'}",
    "DELETE FROM posts WHERE (id, author_id) = ({50}, {2})",
    "DELETE FROM posts WHERE id = {25} * {2}",
    "DELETE FROM posts WHERE id > 40 AND author_id IN (SELECT id FROM authors WHERE id = {2})",
    "DELETE FROM posts WHERE id > 40 AND NOT EXISTS (SELECT 1 FROM comments WHERE post_id = posts.id)",
    "DELETE FROM posts WHERE id - 1 IN (SELECT 50 FROM authors)",
];

/// Rows that other parents get.
const MOVES: &[&str] = &[
    "UPDATE posts SET author_id = {2} WHERE id = {1}; UPDATE posts SET author_id = {1} WHERE id = {1}",
    "UPDATE posts SET author_id = {2} WHERE author_id = {3}; UPDATE posts SET author_id = {3} WHERE id = {4}",
    "UPDATE posts SET author_id = {3} WHERE id = {1} AND author_id = {1}; \
     UPDATE posts SET author_id = {1} WHERE author_id = {3} AND id = {1}",
    "UPDATE posts SET author_id = 4 - author_id WHERE id IN ({1}, {4}); \
     UPDATE posts SET author_id = 4 - author_id WHERE id IN ({1}, {4})",
    "UPDATE posts SET author_id = (SELECT max(id) FROM authors) WHERE id = {1}; \
     UPDATE posts SET author_id = (SELECT min(id) FROM authors) WHERE id = {1}",
    "UPDATE posts SET author_id = CASE WHEN id = {1} THEN 2 ELSE 3 END WHERE author_id IN ({1}, {2}); \
     UPDATE posts SET author_id = {1} WHERE id IN ({1}, {2}); UPDATE posts SET author_id = {2} WHERE id = {3}",
    "UPDATE posts SET author_id = {3} WHERE title = {'Draft'}; UPDATE posts SET author_id = {1} WHERE title = {'Draft'}",
    "UPDATE posts SET author_id = {1}; UPDATE posts SET author_id = {2} WHERE id = {3}; \
     UPDATE posts SET author_id = id - 1 WHERE id = {4}",
    "UPDATE posts SET author_id = '2' WHERE id = '1'; UPDATE posts SET author_id = 1.0 WHERE id = {1}",
    "UPDATE comments SET author_id = NULL WHERE id = {1}; UPDATE comments SET author_id = {2} WHERE id = {1}",
    "UPDATE comments SET author_id = {NULL} WHERE author_id = {2}; UPDATE comments SET author_id = {2} WHERE id = {1}",
    "UPDATE comments SET author_id = {2} WHERE author_id IS NULL; UPDATE comments SET author_id = NULL WHERE id = {2}",
    "UPDATE comments SET post_id = {3} WHERE id = {1} AND post_id = {1}; UPDATE comments SET post_id = {1} WHERE id = {1}",
    "UPDATE posts_tags SET tag_id = {3} WHERE post_id = {1} AND tag_id = {2}; \
     UPDATE posts_tags SET tag_id = {2} WHERE tag_id = {3}",
    "UPDATE posts_tags SET post_id = {2} WHERE post_id = {1}; UPDATE posts_tags SET post_id = {1} WHERE post_id = {2}",
    "DELETE FROM posts_tags WHERE post_id = {1} AND tag_id = {2}; INSERT INTO posts_tags (post_id, tag_id) VALUES ({1}, {2})",
    "DELETE FROM posts_tags WHERE tag_id = {2}; INSERT INTO posts_tags (tag_id, post_id) VALUES ({2}, {1}), ({2}, {3})",
];

#[test]
fn k04_updates_by_keys_and_otherwise_are_seen() {
    let mut blog = Comparison::of_blog(reads::all());
    blog.run(&Scripts::of(UPDATES));
    blog.run(&Scripts::of(statements::UPDATES));
    let prepared = statements::PREPARED
        .iter()
        .map(|text| batch(text).attempt());
    blog.run_built(&[prepared.collect()]);
    blog.run_built(&[
        vec![write!(
            diesel::update(posts::table.find(1)).set(posts::votes.eq(posts::votes + 1))
        )],
        vec![write!(
            diesel::update(posts::table.filter(posts::id.eq_any([2, 4])))
                .set(posts::votes.eq(posts::votes + 1))
        )],
        vec![write!(
            diesel::update(posts::table.filter(posts::id.eq_any(1..40)))
                .set(posts::votes.eq(posts::votes + 1))
        )],
        vec![
            write!(diesel::update(&blog::posts()[0]).set(posts::title.eq("of a row"))),
            call!(conn => title(1, "as a whole", 1).save_changes::<Post>(conn).map(|_| 1)),
        ],
    ]);
    blog.finish();
}

#[test]
fn k04_rows_that_get_another_key_are_seen_at_both() {
    let mut blog = Comparison::of_blog(reads::all());
    blog.run(&Scripts::of(OTHER_KEYS));
    blog.run(&Scripts::of(statements::OTHER_KEYS));
    blog.finish();
}

#[test]
fn k04_deletes_are_seen() {
    let mut reads = reads::of_posts();
    reads.extend(reads::written());
    let mut blog = Comparison::of_blog(reads);
    let scripts: Vec<_> = DELETES
        .iter()
        .chain(statements::DELETES)
        .map(|delete| {
            format!(
                "INSERT INTO posts (id, author_id, title, votes) VALUES ({{50}}, {{2}}, {{'new'}}, {{1}}), \
                 ({{51}}, {{3}}, {{'newer'}}, {{2}}), ({{39}}, {{1}}, {{'kept'}}, {{3}}); {delete}; DELETE FROM posts WHERE id > {{30}}"
            )
        })
        .collect();
    let texts: Vec<_> = scripts.iter().map(String::as_str).collect();
    blog.run(&Scripts::of(&texts));
    blog.finish();
}

/// django-cacheops leaves it out: `QuerySet.update` of many rows sends no signal.
#[test]
fn k04_an_update_of_many_rows_is_seen_by_reads_of_each_key() {
    let mut blog = Comparison::of_blog(reads::built());
    let more = || diesel::update(posts::table).set(posts::votes.eq(posts::votes + 1));
    blog.run_built(&[
        vec![write!(more())],
        vec![write!(more().filter(posts::published.eq(true)))],
        vec![write!(more().filter(posts::title.like("%ello%")))],
        vec![write!(diesel::delete(
            comments::table.filter(comments::body.ne("none"))
        ))],
        vec![write!(
            diesel::insert_into(comments::table).values(blog::comments())
        )],
    ]);
    blog.finish();
}

/// django-cacheops and Lada Cache forget the parent that the row had.
#[test]
fn k05_a_row_that_moves_from_one_parent_to_another_is_seen_at_both() {
    let mut blog = Comparison::of_blog(reads::all());
    blog.run(&Scripts::of(MOVES));
    blog.run(&Scripts::of(statements::MOVES));
    blog.run_built(&[
        vec![
            write!(diesel::update(posts::table.find(1)).set(posts::author_id.eq(3))),
            call!(conn => title(1, "back", 1).save_changes::<Post>(conn).map(|_| 1)),
        ],
        vec![
            write!(
                diesel::update(Post::belonging_to(&blog::authors()[0])).set(posts::author_id.eq(2))
            ),
            write!(
                diesel::update(posts::table.filter(posts::id.eq_any([1, 2])))
                    .set(posts::author_id.eq(1))
            ),
        ],
        vec![
            write!(diesel::delete(Comment::belonging_to(&blog::posts()[0]))),
            write!(diesel::insert_into(comments::table).values(&blog::comments()[..2])),
        ],
        vec![
            write!(
                diesel::update(comments::table.find(1)).set(comments::author_id.eq(None::<i32>))
            ),
            write!(diesel::update(comments::table.find(1)).set(comments::author_id.eq(Some(2)))),
        ],
    ]);
    blog.finish();
}

/// django-cacheops leaves it out where `select_related` has loaded the parent.
#[test]
fn k05_a_parent_that_changes_is_seen_where_it_was_loaded_with_its_child() {
    let reads = vec![
        read!((Post, Author): posts::table.find(1).inner_join(authors::table)),
        read!((Post, Author): posts::table.find(3).inner_join(authors::table)),
        read!((Post, Author):
            posts::table
                .inner_join(authors::table)
                .filter(posts::author_id.eq(1))
                .order(posts::id)),
        read!((Post, Author):
            posts::table
                .inner_join(authors::table)
                .filter(authors::id.eq(1))
                .order(posts::id)),
        read!((Author, Option<Post>):
            authors::table
                .left_join(posts::table)
                .filter(authors::id.eq(2))
                .order(posts::id)),
        read!((Comment, (Post, Author)):
            comments::table
                .inner_join(posts::table.inner_join(authors::table))
                .filter(comments::id.eq(1))),
    ];
    let mut blog = Comparison::of_blog(reads);
    blog.run(&Scripts::of(&[
        "UPDATE authors SET name = {'A.'} WHERE id = {1}; UPDATE authors SET name = {'Ada'} WHERE id = {1}",
        "UPDATE authors SET name = {'B.'} WHERE name = {'Björn'}; UPDATE authors SET name = {'Björn'} WHERE id = {2}",
        "UPDATE posts SET author_id = {2} WHERE id = {1}; UPDATE posts SET author_id = {1} WHERE id = {1}",
        "UPDATE posts SET votes = votes + 1 WHERE id = {3}",
        "UPDATE posts SET title = {'x'} WHERE author_id = {1}; UPDATE posts SET title = {'y'} WHERE author_id = {1}",
    ]));
    blog.finish();
}
