//! An update invalidates the reads that use a column which it sets, in any clause, and no others.

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};

use super::CachedDsl as _;
use super::Conn;
use super::blog;
use super::schema::*;
use super::world::World;

/// Each uses `posts.votes` in another place.
const USES_VOTES: [&str; 14] = [
    "SELECT MAX(votes) FROM posts",
    "SELECT MAX(ABS(p.votes)) FROM posts AS p",
    "SELECT COUNT(*) FROM posts WHERE votes > 0",
    "SELECT COUNT(*) FROM authors JOIN posts ON authors.id = posts.author_id AND posts.votes > 0",
    "SELECT COUNT(*) FROM posts AS a JOIN posts AS b USING (votes)",
    "SELECT COUNT(*) FROM (SELECT id FROM posts ORDER BY votes LIMIT 1) AS x",
    "SELECT COUNT(*) FROM (SELECT COUNT(*) AS n FROM posts GROUP BY votes) AS x",
    "SELECT COUNT(*) FROM (SELECT author_id FROM posts GROUP BY author_id HAVING MAX(votes) > 0) AS x",
    "SELECT MAX(r) FROM (SELECT RANK() OVER (ORDER BY votes) AS r FROM posts) AS x",
    "SELECT COUNT(*) FROM authors WHERE id IN (SELECT author_id FROM posts WHERE votes > 0)",
    "SELECT COUNT(*) FROM authors WHERE EXISTS (SELECT 1 FROM posts WHERE author_id = authors.id AND votes > 0)",
    "WITH x AS (SELECT votes FROM posts) SELECT COUNT(*) FROM x",
    "SELECT COUNT(*) FROM (SELECT * FROM posts) AS x",
    "SELECT COUNT(*) FROM (SELECT p.* FROM posts AS p) AS x",
];

/// None uses it.
const USES_OTHERS: [&str; 5] = [
    "SELECT COUNT(*) FROM posts",
    "SELECT COUNT(*) FROM posts WHERE title <> '' AND published",
    "SELECT COUNT(*) FROM authors JOIN posts ON authors.id = posts.author_id",
    "SELECT COUNT(*) FROM comments WHERE post_id IN (SELECT p.id FROM posts AS p ORDER BY p.title)",
    "SELECT COUNT(*) FROM authors WHERE id IN (SELECT author_id FROM posts GROUP BY author_id)",
];

fn cached(conn: &mut Conn, text: &str) -> Vec<i64> {
    sql::<BigInt>(text).cached(conn).load().unwrap()
}

fn shown(world: &World, text: &str) -> Vec<i64> {
    sql::<BigInt>(text).load(&mut world.outsider()).unwrap()
}

fn filled() -> World {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    for text in USES_VOTES.iter().chain(&USES_OTHERS) {
        cached(&mut world.conn, text);
        assert_eq!(
            world.sent(|conn| cached(conn, text)),
            (shown(&world, text), 0),
            "{text}"
        );
    }
    world
}

fn vote(conn: &mut Conn) {
    let all = diesel::update(posts::table);
    all.set(posts::votes.eq(posts::votes + 1))
        .execute(conn)
        .unwrap();
}

fn rename(conn: &mut Conn) {
    let one = diesel::update(posts::table.find(1));
    one.set(posts::title.eq("renamed")).execute(conn).unwrap();
}

#[test]
fn k01_an_update_is_seen_by_the_reads_that_use_its_columns_and_by_no_others() {
    for who in ["the reader itself", "another connection", "another process"] {
        let mut world = filled();
        match who {
            "the reader itself" => vote(&mut world.conn),
            "another connection" => vote(&mut world.reader().conn),
            _ => {
                let other = world.other_process();
                vote(&mut world.connect(&other).conn);
            }
        }
        for (texts, sent) in [(USES_VOTES.as_slice(), 1), (&USES_OTHERS, 0)] {
            for text in texts {
                let expected = (shown(&world, text), sent);
                let read = world.sent(|conn| cached(conn, text));
                assert_eq!(read, expected, "{text}, written by {who}");
            }
        }
    }
}

#[test]
fn k01_an_update_of_columns_that_the_text_does_not_tell_is_seen_by_all() {
    let mut world = filled();
    world.cache.invalidate(["posts"]).unwrap();
    for text in USES_VOTES.iter().chain(&USES_OTHERS) {
        let read = world.sent(|conn| cached(conn, text));
        assert_eq!(read, (shown(&world, text), 1), "{text}");
    }
}

#[test]
fn k01_updates_in_one_transaction_are_seen_by_the_reads_of_each() {
    let mut world = filled();
    let title = "SELECT COUNT(*) FROM posts WHERE title <> '' AND published";
    let mut writer = world.reader();
    writer
        .conn
        .transaction(|conn| {
            vote(conn);
            rename(conn);
            QueryResult::Ok(())
        })
        .unwrap();
    for (text, sent) in [(USES_VOTES[0], 1), (title, 1), (USES_OTHERS[0], 0)] {
        let read = world.sent(|conn| cached(conn, text));
        assert_eq!(read, (shown(&world, text), sent), "{text}");
    }
}

#[test]
fn k03_a_counter_that_is_incremented_leaves_lists_that_do_not_show_it() {
    let mut world = filled();
    let mut writer = world.reader();
    for _ in 0..50 {
        vote(&mut writer.conn);
        for text in USES_OTHERS {
            assert_eq!(world.sent(|conn| cached(conn, text)).1, 0, "{text}");
        }
    }
    rename(&mut writer.conn);
    let text = USES_OTHERS[1];
    assert_eq!(world.sent(|conn| cached(conn, text)).1, 1, "{text}");
}
