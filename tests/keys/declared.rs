//! Keys that a program declares, in the one process and perhaps not in the other.

use cachalot_diesel::Builder;
use cachalot_tests::memcached;
use diesel::prelude::*;

use super::{
    blog::{self, Post},
    comparison::{Comparison, Scripts},
    schema::*,
    statement::{Read, read, reads},
    world::World,
};

fn by_text() -> Vec<Read> {
    let mut all = vec![
        read!(Post: posts::table.filter(posts::title.eq("Draft"))),
        read!(Post: posts::table.filter(posts::title.eq("draft"))),
        read!(Post: posts::table.filter(posts::title.eq("Draft "))),
        read!(Post: posts::table.filter(posts::title.eq("new"))),
        read!(Post: posts::table.filter(posts::title.eq_any(["Hello", "new"])).order(posts::id)),
        read!(i32: tags::table.filter(tags::label.eq("rust")).select(tags::id)),
        read!(i32: tags::table.filter(tags::label.eq("other")).select(tags::id)),
        read!(Post: posts::table.find(2)),
    ];
    all.extend(reads(&[
        "SELECT CAST(id AS TEXT) AS a, CAST(votes AS TEXT) AS b, NULL AS c FROM posts WHERE title = {'Draft'} AND author_id = {1}",
        "SELECT CAST(id AS TEXT) AS a, CAST(votes AS TEXT) AS b, NULL AS c FROM posts WHERE title = {'Hello'}",
        "SELECT CAST(id AS TEXT) AS a, CAST(votes AS TEXT) AS b, NULL AS c FROM posts WHERE title LIKE {'Draft'}",
        "SELECT CAST(id AS TEXT) AS a, CAST(votes AS TEXT) AS b, NULL AS c FROM posts WHERE lower(title) = {'draft'}",
        "SELECT CAST(id AS TEXT) AS a, CAST(votes AS TEXT) AS b, NULL AS c FROM posts WHERE title = {'Draft'} OR id = {1} ORDER BY 1",
    ]));
    all
}

const WRITES: &[&str] = &[
    "UPDATE posts SET votes = votes + 1 WHERE title = {'Draft'}",
    "UPDATE posts SET votes = votes + 1 WHERE id = {2}",
    "UPDATE posts SET votes = votes + 1 WHERE author_id = {1}",
    "UPDATE posts SET title = {'new'} WHERE title = {'Draft'}; UPDATE posts SET title = {'Draft'} WHERE title = {'new'}",
    "UPDATE posts SET title = {'new'} WHERE id = {2}; UPDATE posts SET title = {'Draft'} WHERE id = {2}",
    "UPDATE posts SET title = lower(title) WHERE title = {'Draft'}; UPDATE posts SET title = {'Draft'} WHERE id = {2}",
    "UPDATE posts SET title = {'Draft '} WHERE title = {'Draft'} AND id = {2}; UPDATE posts SET title = {'Draft'} WHERE id = {2}",
    "INSERT INTO posts (id, author_id, title) VALUES ({50}, {2}, {'new'}); DELETE FROM posts WHERE title = {'new'}",
    "INSERT INTO posts (id, author_id, title) SELECT 50, 1, 'new' FROM authors WHERE id = {1}; DELETE FROM posts WHERE id = {50}",
    "UPDATE tags SET label = {'other'} WHERE label = {'rust'}; UPDATE tags SET label = {'rust'} WHERE label = {'other'}",
    "UPDATE tags SET id = {90} WHERE label = {'unused'}; UPDATE tags SET label = {'other'} WHERE label = {'unused'}; \
     UPDATE tags SET id = {3}, label = {'unused'} WHERE id = {90} AND label = {'other'}",
];

fn declaring(builder: Builder) -> Builder {
    builder.key_columns([("posts", "title"), ("tags", "label")])
}

#[test]
fn k10_rows_of_declared_keys_are_current_whoever_declares_them() {
    for both in [true, false] {
        let mut world = World::with(memcached::shared().url(), declaring);
        blog::fill(&mut world.conn);
        let other = world.other_process_with(|builder| match both {
            true => declaring(builder),
            false => builder,
        });
        let mut blog = Comparison::with(world, &other, by_text());
        blog.run(&Scripts::attempts(WRITES));
        blog.finish();
    }
}
