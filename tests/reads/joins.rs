//! Reads of several tables: what comes back, and exactly which tables the entry depends on.

use diesel::prelude::*;

use super::CachedDsl as _;
use super::blog::{self, Author, Comment, Post};
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

#[test]
fn r06_inner_joins() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            posts::table
                .inner_join(authors::table)
                .select((Post::as_select(), Author::as_select()))
                .order(posts::id)
        };

        let rows = assert_cached!(world, (Post, Author), query());
        let writers: Vec<_> = rows
            .iter()
            .map(|(post, author)| (post.id, author.id))
            .collect();
        assert_eq!(writers, [(1, 1), (2, 1), (3, 2), (4, 3)]);
        assert_tables!(world, query(), ["authors", "posts"]);
        assert_tables!(
            world,
            posts::table.inner_join(authors::table),
            ["authors", "posts"]
        );
    });
}

#[test]
fn r06_left_joins_keep_the_rows_without_a_match() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            posts::table
                .left_join(comments::table)
                .select((posts::id, Option::<Comment>::as_select()))
                .order((posts::id, comments::id))
        };

        let rows = assert_cached!(world, (i32, Option<Comment>), query());
        let found: Vec<_> = rows
            .iter()
            .map(|(post, comment)| (*post, comment.as_ref().map(|comment| comment.id)))
            .collect();
        assert_eq!(
            found,
            [
                (1, Some(1)),
                (1, Some(2)),
                (2, None),
                (3, Some(3)),
                (4, None)
            ]
        );
        assert_tables!(world, query(), ["comments", "posts"]);
    });
}

#[test]
fn r06_joins_over_several_levels() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            authors::table
                .inner_join(posts::table.inner_join(posts_tags::table.inner_join(tags::table)))
                .select((authors::name, posts::title, tags::label))
                .order((posts::id, tags::id))
        };

        let rows = assert_cached!(world, (String, String, String), query());
        let labels: Vec<_> = rows.iter().map(|row| &*row.2).collect();
        assert_eq!(labels, ["rust", "sql", "sql"]);
        assert_tables!(world, query(), ["authors", "posts", "posts_tags", "tags"]);
        let mixed = || {
            posts::table
                .inner_join(authors::table)
                .left_join(comments::table)
                .left_join(posts_tags::table.inner_join(tags::table))
                .select((posts::id, tags::label.nullable()))
                .order((posts::id, comments::id, tags::id))
        };
        assert_eq!(
            assert_cached!(world, (i32, Option<String>), mixed()).len(),
            7
        );
        assert_tables!(
            world,
            mixed(),
            ["authors", "comments", "posts", "posts_tags", "tags"],
        );
    });
}

#[test]
fn r06_joins_on_conditions_of_their_own() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = |label: &'static str| {
            posts::table
                .inner_join(tags::table.on(tags::id.eq(posts::id).and(tags::label.ne(label))))
                .select((posts::id, tags::label))
                .order(posts::id)
        };

        assert_eq!(assert_cached!(world, (i32, String), query("")).len(), 3);
        assert_eq!(assert_cached!(world, (i32, String), query("sql")).len(), 2);
        assert_tables!(world, query(""), ["posts", "tags"]);
    });
}

#[test]
fn r06_a_table_joined_to_itself() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let (one, other) = diesel::alias!(posts as one, posts as other);
        let query = || {
            one.inner_join(
                other.on(one
                    .field(posts::author_id)
                    .eq(other.field(posts::author_id))
                    .and(one.field(posts::id).lt(other.field(posts::id)))),
            )
            .select((one.field(posts::id), other.field(posts::id)))
        };

        assert_eq!(assert_cached!(world, (i32, i32), query()), [(1, 2)]);
        assert_tables!(world, query(), ["posts"]);
    });
}

#[test]
fn r06_an_alias_beside_its_own_table() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let critics = diesel::alias!(authors as critics);
        let query = || {
            comments::table
                .inner_join(posts::table.inner_join(authors::table))
                .inner_join(
                    critics.on(critics
                        .field(authors::id)
                        .nullable()
                        .eq(comments::author_id)),
                )
                .select((comments::id, authors::name, critics.field(authors::name)))
                .order(comments::id)
        };

        let rows = assert_cached!(world, (i32, String, String), query());
        let named = |id, author: &str, critic: &str| (id, author.to_owned(), critic.to_owned());
        assert_eq!(rows, [named(1, "Ada", "Björn"), named(3, "Björn", "Ada")]);
        assert_tables!(world, query(), ["authors", "comments", "posts"]);
    });
}

#[test]
fn r06_an_alias_named_as_another_table_is_not_that_table() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let tags = diesel::alias!(authors as tags);
        let query = || {
            tags.select(tags.field(authors::id))
                .order(tags.field(authors::id))
        };

        assert_eq!(assert_cached!(world, i32, query()), [1, 2, 3]);
        assert_tables!(world, query(), ["authors"]);
    });
}

#[test]
fn r06_a_write_to_any_table_of_a_join_is_seen() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let read = |world: &mut World| {
            world.once(|conn| {
                authors::table
                    .inner_join(posts::table.inner_join(comments::table))
                    .select((authors::name, posts::title, comments::body))
                    .order(comments::id)
                    .cached(conn)
                    .load::<(String, String, String)>()
                    .unwrap()
            })
        };
        assert_eq!(read(world)[0].0, "Ada");

        diesel::update(authors::table.find(1))
            .set(authors::name.eq("Augusta"))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(read(world)[0].0, "Augusta");
        diesel::update(posts::table.find(1))
            .set(posts::title.eq("Hi"))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(read(world)[0].1, "Hi");
        diesel::update(comments::table.find(1))
            .set(comments::body.eq("1st"))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(read(world)[0].2, "1st");
        // Of no interest to the join.
        diesel::update(tags::table)
            .set(tags::id.eq(tags::id))
            .execute(&mut world.conn)
            .unwrap();
        let (_, sent) = world.sent(|conn| {
            authors::table
                .inner_join(posts::table.inner_join(comments::table))
                .select((authors::name, posts::title, comments::body))
                .order(comments::id)
                .cached(conn)
                .load::<(String, String, String)>()
        });
        assert_eq!(sent, 0);
    });
}
