//! Inserts of every form, and rows that were not there.

use diesel::prelude::*;

use super::{
    blog::{self, Comment, Post},
    catalog_fixture::run,
    comparison::{Comparison, Scripts},
    reads,
    schema::*,
    statement::{Read, read, write},
    statements,
    world::World,
};

/// Each is followed by a delete of what it inserted. Generated keys begin at 70.
const INSERTS: &[&str] = &[
    "INSERT INTO posts (id, author_id, title) VALUES ({50}, {1}, {'x'})",
    "INSERT INTO posts (title, author_id, id) VALUES ({'x'}, {2}, {51})",
    "INSERT INTO posts (id, author_id, title) VALUES ({50}, {1}, {'x'}), ({51}, {2}, {'y'}), ({60}, {3}, {'z'})",
    "INSERT INTO posts (author_id, title) VALUES ({2}, {'x'})",
    "INSERT INTO posts (author_id, title) VALUES ({1}, {'x'}), ({2}, {'y'}), ({3}, {'z'})",
    "INSERT INTO posts (id, author_id, title) VALUES (49 + 1, {1}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (abs({50}), 1 + 1, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES ((SELECT max(id) FROM authors) + 47, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES ({50}, {1}, {'x'}), (50 + 1, {2}, {'y'})",
    "INSERT INTO posts (id, author_id, title) SELECT 50, id, name FROM authors WHERE id = {2}",
    "INSERT INTO posts (id, author_id, title) SELECT id + 70, author_id, title FROM posts WHERE id = {1}",
    "INSERT INTO posts (author_id, title) SELECT author_id, title FROM posts WHERE author_id = {1}",
    "INSERT INTO posts (id, author_id, title) VALUES ('50', '2', {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (50.0, 2.0, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (- - 50, {1}, {'x'})",
];

fn with_generated() -> Vec<Read> {
    let mut all = reads::of_posts();
    all.extend([
        read!(Post: posts::table.find(51)),
        read!(Post: posts::table.find(69)),
        read!(Post: posts::table.find(70)),
        read!(Post: posts::table.find(71)),
        read!(Post: posts::table.find(72)),
        read!(Post: posts::table.find(73)),
        read!(Post: posts::table.find(74)),
        read!(Post: posts::table.filter(posts::id.eq_any(75..100)).order(posts::id)),
        read!(i64: counters::table.find(1).select(counters::value)),
        read!((i32, i64): counters::table.order(counters::id)),
        read!(Comment: Comment::belonging_to(&blog::posts()[0]).order(comments::id)),
    ]);
    all
}

fn generating_from_70() -> Comparison {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    run(
        &mut world.outsider(),
        "INSERT INTO posts (id, author_id, title) VALUES (69, 1, 'last')",
    );
    run(&mut world.outsider(), statements::GENERATES_FROM_70);
    Comparison::new(world, with_generated())
}

#[test]
fn k06_rows_with_given_generated_and_other_keys_are_seen() {
    let mut blog = generating_from_70();
    let scripts: Vec<_> = INSERTS
        .iter()
        .chain(statements::INSERTS)
        .map(|insert| {
            format!(
                "{insert}; DELETE FROM posts WHERE id IN ({{50}}, {{51}}, {{60}}) OR id > {{69}}"
            )
        })
        .collect();
    let texts: Vec<_> = scripts.iter().map(String::as_str).collect();
    blog.run(&Scripts::of(&texts));
    blog.run(&Scripts::of(statements::OTHER_INSERTS));
    let new = || (posts::author_id.eq(2), posts::title.eq("new"));
    let gone =
        || diesel::delete(posts::table.filter(posts::id.gt(69).or(posts::id.eq_any([50, 51]))));
    blog.run_built(&[vec![
        write!(diesel::insert_into(posts::table).values(new())),
        write!(gone()),
        write!(diesel::insert_into(posts::table).values((posts::id.eq(50), new()))),
        write!(gone()),
        write!(
            diesel::insert_into(posts::table)
                .values(vec![(posts::id.eq(50), new()), (posts::id.eq(51), new())])
        ),
        write!(gone()),
        write!(
            posts::table
                .filter(posts::author_id.eq(2))
                .select((posts::author_id, posts::title))
                .insert_into(posts::table)
                .into_columns((posts::author_id, posts::title))
        ),
        write!(gone()),
    ]]);
    blog.finish();
}

/// The absence of a row is cached like a row.
#[test]
fn k07_a_row_that_was_not_there_is_seen_when_it_comes() {
    let mut blog = Comparison::of_blog(vec![
        read!(Post: posts::table.find(50)),
        read!(i32: posts::table.find(51).select(posts::author_id)),
        read!(i64: posts::table.filter(posts::author_id.eq(2)).count()),
        read!(bool: diesel::select(diesel::dsl::exists(posts::table.find(50)))),
        read!(i32: tags::table.filter(tags::label.eq("new")).select(tags::id)),
        read!(String: tags::table.find(50).select(tags::label)),
        read!(String: tags::table.find(1).select(tags::label)),
    ]);
    blog.run(&Scripts::of(&[
        "INSERT INTO posts (id, author_id, title) VALUES ({50}, {1}, {'x'}); DELETE FROM posts WHERE id = {50}",
        "INSERT INTO posts (id, author_id, title) VALUES ({50}, {2}, {'x'}); UPDATE posts SET id = {51} WHERE id = {50}; \
         DELETE FROM posts WHERE author_id = {2} AND id = {51}",
        "UPDATE posts SET id = {50} WHERE id = {2}; UPDATE posts SET id = {51} WHERE title = {'Draft'}; \
         UPDATE posts SET id = {2} WHERE id = {51}",
        "INSERT INTO tags (id, label) VALUES ({50}, {'new'}); UPDATE tags SET label = {'old'} WHERE id = {50}; \
         DELETE FROM tags WHERE id = {50}",
        "UPDATE tags SET label = {'new'} WHERE id = {1}; UPDATE tags SET label = {'rust'} WHERE label = {'new'}",
    ]));
    blog.finish();
}

/// An upsert may change a row that none of its keys is of.
#[test]
fn k04_upserts_and_replacements_that_meet_other_rows_are_seen() {
    let mut blog = Comparison::of_blog(reads::all());
    blog.run(&Scripts::of(statements::UPSERTS));
    blog.finish();
}
