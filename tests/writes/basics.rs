//! Writes, by Diesel and in raw SQL: the next read sees them, and what they did not touch stays.

use diesel::prelude::*;

use super::CachedDsl as _;
use super::Conn;
use super::blog::{self, Post};
use super::schema::*;
use super::world::World;

fn titles(conn: &mut Conn) -> Vec<String> {
    posts::table
        .order(posts::id)
        .select(posts::title)
        .cached(conn)
        .load()
        .unwrap()
}

fn joined(conn: &mut Conn) -> Vec<(String, String)> {
    authors::table
        .inner_join(posts::table)
        .order(posts::id)
        .select((authors::name, posts::title))
        .cached(conn)
        .load()
        .unwrap()
}

fn labels(conn: &mut Conn) -> Vec<String> {
    tags::table
        .order(tags::id)
        .select(tags::label)
        .cached(conn)
        .load()
        .unwrap()
}

fn filled() -> World {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    titles(&mut world.conn);
    joined(&mut world.conn);
    labels(&mut world.conn);
    world
}

/// A write to `posts`: by the reader's own connection, by another, and by another process.
#[track_caller]
fn changes_posts(write: impl Fn(&mut Conn)) {
    for who in ["the reader itself", "another connection", "another process"] {
        let mut world = filled();
        match who {
            "the reader itself" => write(&mut world.conn),
            "another connection" => write(&mut world.reader().conn),
            _ => {
                let other = world.other_process();
                write(&mut world.connect(&other).conn);
            }
        }
        let plain: Vec<String> = posts::table
            .order(posts::id)
            .select(posts::title)
            .load(&mut world.outsider())
            .unwrap();
        assert_eq!(world.sent(titles), (plain, 1), "written by {who}");
        assert_eq!(world.sent(joined).1, 1, "a join, written by {who}");
        assert_eq!(world.sent(labels).1, 0, "another table, written by {who}");
        assert_eq!(world.sent(titles).1, 0, "cached again, written by {who}");
    }
}

/// Something that leaves every row as it is.
#[track_caller]
fn changes_nothing(work: impl Fn(&mut Conn)) {
    let mut world = filled();
    work(&mut world.conn);
    let sent = world.sent(titles).1 + world.sent(joined).1 + world.sent(labels).1;
    assert_eq!(sent, 0, "{:?}", world.counter.statements());
}

fn raw(sql: &'static str) -> impl Fn(&mut Conn) {
    move |conn| {
        diesel::sql_query(sql).execute(conn).unwrap();
    }
}

const MYSQL: bool = matches!(super::DATABASE.as_bytes(), b"mysql");
const SQLITE: bool = matches!(super::DATABASE.as_bytes(), b"sqlite");

#[test]
fn w01_an_insert_is_seen() {
    changes_posts(|conn| {
        let row = (
            posts::id.eq(90),
            posts::author_id.eq(1),
            posts::title.eq("new"),
        );
        diesel::insert_into(posts::table)
            .values(row)
            .execute(conn)
            .unwrap();
    });
}

#[test]
fn w01_an_insert_of_many_is_seen() {
    changes_posts(|conn| {
        let row = |id| {
            (
                posts::id.eq(id),
                posts::author_id.eq(1),
                posts::title.eq("new"),
            )
        };
        let rows: Vec<_> = (90..95).map(row).collect();
        diesel::insert_into(posts::table)
            .values(rows)
            .execute(conn)
            .unwrap();
    });
}

#[test]
fn w01_an_insert_of_a_select_is_seen() {
    changes_posts(|conn| {
        let rows = authors::table.select((authors::id + 90, authors::id, authors::name));
        diesel::insert_into(posts::table)
            .values(rows)
            .into_columns((posts::id, posts::author_id, posts::title))
            .execute(conn)
            .unwrap();
    });
}

#[test]
fn w01_inserts_that_meet_a_row_are_seen() {
    if MYSQL || SQLITE {
        changes_posts(raw(
            "REPLACE INTO posts (id, author_id, title) VALUES (90, 1, 'replaced')",
        ));
    }
    if MYSQL {
        changes_posts(raw(
            "INSERT IGNORE INTO posts (id, author_id, title) VALUES (90, 1, 'x')",
        ));
        changes_posts(raw(
            "INSERT INTO posts (id, author_id, title) VALUES (1, 1, 'x') \
             ON DUPLICATE KEY UPDATE title = 'upserted'",
        ));
    } else {
        changes_posts(raw(
            "INSERT INTO posts (id, author_id, title) VALUES (1, 1, 'x') \
             ON CONFLICT (id) DO UPDATE SET title = 'upserted'",
        ));
        changes_posts(raw(
            "INSERT INTO posts (id, author_id, title) VALUES (90, 1, 'x') ON CONFLICT DO NOTHING",
        ));
    }
}

#[test]
fn w02_updates_are_seen() {
    changes_posts(|conn| {
        diesel::update(posts::table.filter(posts::votes.ge(0)))
            .set(posts::title.eq("changed"))
            .execute(conn)
            .unwrap();
    });
    changes_posts(|conn| {
        #[derive(AsChangeset)]
        #[diesel(table_name = posts)]
        struct Changes {
            title: Option<String>,
            votes: Option<i64>,
        }
        let changes = Changes {
            title: Some("changed".to_owned()),
            votes: None,
        };
        diesel::update(posts::table.find(1))
            .set(changes)
            .execute(conn)
            .unwrap();
    });
}

#[test]
fn w02_saved_changes_are_seen() {
    #[derive(Identifiable, AsChangeset)]
    #[diesel(table_name = posts)]
    struct Titled {
        id: i32,
        title: &'static str,
    }
    changes_posts(|conn| {
        let saved: Post = Titled {
            id: 1,
            title: "saved",
        }
        .save_changes(conn)
        .unwrap();
        assert_eq!(saved.title, "saved");
    });
}

#[test]
fn w02_an_empty_changeset_is_an_error_and_invalidates_nothing() {
    changes_nothing(|conn| {
        let nothing = None::<i64>.map(|votes| posts::votes.eq(votes));
        let result = diesel::update(posts::table.find(1))
            .set(nothing)
            .execute(conn);
        assert!(
            matches!(result, Err(diesel::result::Error::QueryBuilderError(_))),
            "{result:?}"
        );
    });
}

#[test]
fn w03_deletes_are_seen() {
    changes_posts(|conn| {
        delete_children(conn);
        diesel::delete(posts::table.filter(posts::id.eq(1)))
            .execute(conn)
            .unwrap();
    });
    changes_posts(|conn| {
        delete_children(conn);
        diesel::delete(posts::table).execute(conn).unwrap();
    });
}

fn delete_children(conn: &mut Conn) {
    diesel::delete(posts_tags::table).execute(conn).unwrap();
    diesel::delete(comments::table).execute(conn).unwrap();
}

#[test]
fn w03_a_write_that_returns_rows_is_seen() {
    if MYSQL {
        return changes_posts(raw("UPDATE posts SET title = 'x' WHERE id = 1"));
    }
    changes_posts(|conn| {
        use diesel::deserialize::QueryableByName;
        #[derive(QueryableByName)]
        struct Title {
            #[diesel(sql_type = diesel::sql_types::Text)]
            title: String,
        }
        let title: Title =
            diesel::sql_query("UPDATE posts SET title = 'returned' WHERE id = 1 RETURNING title")
                .get_result(conn)
                .unwrap();
        assert_eq!(title.title, "returned");
    });
}

#[test]
fn w07_each_table_of_a_join_invalidates_it() {
    let writes: [fn(&mut Conn) -> QueryResult<usize>; 2] = [
        |conn| {
            diesel::update(authors::table.find(1))
                .set(authors::name.eq("Lovelace"))
                .execute(conn)
        },
        |conn| {
            diesel::update(posts::table.find(1))
                .set(posts::title.eq("Notes"))
                .execute(conn)
        },
    ];
    for (place, write) in writes.into_iter().enumerate() {
        let mut world = filled();
        write(&mut world.conn).unwrap();
        let (rows, sent) = world.sent(joined);
        assert_eq!(sent, 1);
        let changed = ("Lovelace".to_owned(), "Notes".to_owned());
        let seen = |(name, title): &(String, String)| match place {
            0 => *name == changed.0,
            _ => *title == changed.1,
        };
        assert!(rows.iter().any(seen), "{rows:?}");
        assert_eq!(world.sent(titles).1, place, "`posts` by itself");
    }
}

diesel::alias!(posts as rivals: Rivals);

/// A read in some form; its answer as text.
type Form = fn(&mut Conn) -> String;

#[test]
fn w07_a_write_is_seen_by_every_form_of_read() {
    use diesel::dsl::{count, count_star, exists, max, sql};
    use diesel::sql_types::BigInt;

    macro_rules! form {
        ($type:ty, $query:expr) => {
            |conn| format!("{:?}", $query.cached(conn).load::<$type>().unwrap())
        };
    }
    #[derive(Debug, diesel::QueryableByName)]
    #[diesel(table_name = posts)]
    #[allow(dead_code, reason = "read by `Debug`")]
    struct Votes {
        votes: i64,
    }
    let forms: &[Form] = &[
        form!(Post, posts::table),
        form!(Post, posts::table.into_boxed()),
        form!(i64, posts::table.select(posts::votes).distinct()),
        form!(i64, posts::table.find(1).select(posts::votes)),
        form!(
            i64,
            posts::table
                .filter(posts::votes.gt(-1))
                .select(posts::votes)
                .limit(9)
                .offset(0)
        ),
        form!(Option<i64>, posts::table.select(max(posts::votes))),
        form!(
            (i64, i64),
            posts::table
                .group_by(posts::votes)
                .select((posts::votes, count_star()))
        ),
        form!(
            (i64, i64),
            posts::table
                .group_by(posts::votes)
                .having(count(posts::id).gt(0))
                .select((posts::votes, count(posts::id)))
        ),
        form!(
            (String, Option<i64>),
            authors::table
                .left_join(posts::table)
                .order((authors::id, posts::id))
                .select((authors::name, posts::votes.nullable()))
        ),
        form!(
            bool,
            diesel::select(exists(posts::table.filter(posts::votes.eq(4711))))
        ),
        form!(
            String,
            tags::table
                .filter(exists(posts::table.filter(posts::votes.eq(4711))))
                .select(tags::label)
        ),
        form!(
            i64,
            posts::table
                .select(posts::votes)
                .union(posts::table.filter(posts::id.eq(2)).select(posts::votes))
        ),
        form!(
            Votes,
            diesel::sql_query("SELECT votes FROM posts WHERE id = 1")
        ),
        form!(
            Votes,
            diesel::sql_query("WITH best AS (SELECT votes FROM posts) SELECT votes FROM best")
        ),
        form!(i64, sql::<BigInt>("SELECT votes FROM posts WHERE id = 1")),
        form!(
            i64,
            posts::table
                .inner_join(rivals.on(rivals.field(posts::votes).eq(posts::votes)))
                .select(rivals.field(posts::votes))
        ),
        form!(
            (String, Option<i64>),
            tags::table.select((
                tags::label,
                posts::table
                    .select(posts::votes)
                    .order(posts::id)
                    .limit(1)
                    .single_value()
            ))
        ),
        form!(
            Votes,
            diesel::sql_query("SELECT max(votes) OVER (ORDER BY id) AS votes FROM posts")
        ),
        form!(
            Votes,
            diesel::sql_query(
                "SELECT CASE WHEN votes > 5 THEN votes ELSE 0 END AS votes FROM posts"
            )
        ),
        |conn| {
            let authors = blog::authors();
            let posts = Post::belonging_to(&authors[0]);
            format!("{:?}", posts.cached(conn).load::<Post>().unwrap())
        },
    ];
    let mut world = filled();
    for (place, form) in forms.iter().enumerate() {
        diesel::update(posts::table)
            .set(posts::votes.eq(1))
            .execute(&mut world.conn)
            .unwrap();
        let before = world.once(form);
        let mut other = world.reader();
        diesel::update(posts::table)
            .set(posts::votes.eq(4711))
            .execute(&mut other.conn)
            .unwrap();
        let (after, sent) = world.sent(form);
        assert_eq!(sent, 1, "form {place}");
        assert_ne!(after, before, "form {place}");
        assert_eq!(world.sent(labels).1, 0, "another table");
    }
}

#[test]
fn w07_each_table_of_a_sub_query_invalidates_it() {
    let read = |conn: &mut Conn| -> Vec<String> {
        let commented = comments::table.select(comments::post_id.nullable());
        let by = posts::table
            .filter(posts::id.nullable().eq_any(commented))
            .select(posts::author_id);
        authors::table
            .filter(authors::id.eq_any(by))
            .order(authors::id)
            .select(authors::name)
            .cached(conn)
            .load()
            .unwrap()
    };
    let writes: [fn(&mut Conn) -> QueryResult<usize>; 3] = [
        |conn| {
            diesel::update(authors::table)
                .set(authors::name.eq("renamed"))
                .execute(conn)
        },
        |conn| {
            diesel::update(posts::table)
                .set(posts::author_id.eq(3))
                .execute(conn)
        },
        |conn| diesel::delete(comments::table).execute(conn),
    ];
    for (place, write) in writes.into_iter().enumerate() {
        let mut world = filled();
        let before = world.once(read);
        write(&mut world.reader().conn).unwrap();
        let (after, sent) = world.sent(read);
        assert_eq!(sent, 1, "table {place}");
        assert_ne!(after, before, "table {place}");
        assert_eq!(world.sent(labels).1, 0, "another table");
    }
}

#[test]
fn w12_words_in_literals_and_comments_invalidate_nothing() {
    changes_nothing(raw("SELECT 'update posts set title = 1' AS x"));
    changes_nothing(raw(
        "SELECT 1 AS x /* delete from posts */ -- insert into tags",
    ));
}

#[test]
fn w13_a_write_that_fails_invalidates_nothing() {
    changes_nothing(|conn| {
        let row = (
            posts::id.eq(1),
            posts::author_id.eq(1),
            posts::title.eq("twice"),
        );
        let result = diesel::insert_into(posts::table).values(row).execute(conn);
        assert!(
            matches!(result, Err(diesel::result::Error::DatabaseError(..))),
            "{result:?}"
        );
    });
}

#[test]
fn w13_a_select_invalidates_nothing() {
    changes_nothing(|conn| {
        let rows: Vec<Post> = posts::table.load(conn).unwrap();
        assert_eq!(rows.len(), blog::posts().len());
    });
}
