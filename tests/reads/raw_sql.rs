//! Reads whose type or text is only known at run time: boxed queries, raw SQL and pieces of it.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use super::CachedDsl as _;
use super::blog::{self, Post};
use super::dialect::parameter;
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};
use super::{Conn, DATABASE};

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[derive(Debug, PartialEq, QueryableByName)]
#[diesel(table_name = posts)]
struct Heading {
    id: i32,
    title: String,
    #[diesel(sql_type = Nullable<Text>)]
    author: Option<String>,
}

fn ids(rows: &[Id]) -> Vec<i32> {
    rows.iter().map(|row| row.id).collect()
}

#[test]
fn r09_boxed_queries() {
    type Backend = <Conn as Connection>::Backend;
    fn search<'a>(title: Option<&'a str>, published: bool) -> posts::BoxedQuery<'a, Backend> {
        let mut query = posts::table.into_boxed();
        if let Some(title) = title {
            query = query.filter(posts::title.like(title));
        }
        if published {
            query = query.filter(posts::published);
        }
        query.order(posts::id)
    }

    World::each(|world| {
        blog::fill(&mut world.conn);

        assert_eq!(
            assert_cached!(world, Post, search(None, false)),
            blog::posts()
        );
        let found = assert_cached!(world, Post, search(Some("Dra%"), false));
        assert_eq!(found, blog::posts()[1..2]);
        let found = assert_cached!(world, Post, search(Some("Hell_"), false));
        assert_eq!(found, blog::posts()[..1]);
        assert_eq!(assert_cached!(world, Post, search(Some("Dra%"), true)), []);
        let first = world.once(|conn| {
            search(None, true)
                .limit(1)
                .cached(conn)
                .get_result::<Post>()
        });
        assert_eq!(first, Ok(blog::posts().swap_remove(0)));
        assert_tables!(world, search(Some("x"), true), ["posts"]);
    });
}

#[test]
fn r09_raw_sql_with_binds() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = |least: i64, title: &'static str| {
            sql_query(format!(
                "SELECT p.id, p.title, a.name AS author FROM posts p \
                 LEFT JOIN authors AS a ON a.id = p.author_id AND a.active = {} \
                 WHERE p.votes >= {} AND p.title LIKE {} ORDER BY p.id",
                parameter(1),
                parameter(2),
                parameter(3),
            ))
            .bind::<Bool, _>(true)
            .bind::<BigInt, _>(least)
            .bind::<Text, _>(title)
        };

        let rows = assert_cached!(world, Heading, query(1, "%ello%"));
        let heading = |id, title: &str, author: Option<&str>| Heading {
            id,
            title: title.to_owned(),
            author: author.map(str::to_owned),
        };
        assert_eq!(
            rows,
            [
                heading(1, "Hello", Some("Ada")),
                heading(3, "hello, again", None)
            ]
        );
        assert_eq!(assert_cached!(world, Heading, query(8, "%ello%")).len(), 1);
        assert_eq!(assert_cached!(world, Heading, query(8, "%none%")).len(), 0);
        assert_tables!(world, query(1, ""), ["authors", "posts"]);
    });
}

#[test]
fn r09_raw_sql_without_binds() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let query = || sql_query("select ID as id from Posts where ID > 2 order by ID -- the rest");
        let query_of_mysql =
            || sql_query("select ID as id from posts where ID > 2 order by ID -- x");
        if DATABASE == "mysql" {
            // MariaDB's table names have a case.
            assert_eq!(ids(&assert_cached!(world, Id, query_of_mysql())), [3, 4]);
        } else {
            assert_eq!(ids(&assert_cached!(world, Id, query())), [3, 4]);
        }
        assert_tables!(world, query(), ["posts"]);
    });
}

#[test]
fn r09_pieces_of_sql() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = |least: i64| {
            posts::table
                .filter(
                    sql::<Bool>("votes >= ")
                        .bind::<BigInt, _>(least)
                        .sql(" AND EXISTS (SELECT 1 FROM comments WHERE post_id = posts.id)"),
                )
                .select((posts::id, sql::<Text>("upper(title)")))
                .order(sql::<Integer>("posts.id"))
        };

        let rows = assert_cached!(world, (i32, String), query(1));
        assert_eq!(
            rows,
            [(1, "HELLO".to_owned()), (3, "HELLO, AGAIN".to_owned())]
        );
        assert_eq!(assert_cached!(world, (i32, String), query(8)).len(), 1);
        assert_tables!(world, query(1), ["comments", "posts"]);
    });
}

#[test]
fn r09_the_name_of_a_cte_is_no_table() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let query = || {
            sql_query(
                "WITH tags AS (SELECT post_id FROM comments), \
                 busy (id) AS (SELECT post_id FROM tags GROUP BY post_id HAVING count(*) > 1) \
                 SELECT posts.id FROM posts INNER JOIN busy ON busy.id = posts.id",
            )
        };
        assert_eq!(ids(&assert_cached!(world, Id, query())), [1]);
        assert_tables!(world, query(), ["comments", "posts"]);
    });
}

#[test]
fn r09_a_recursive_cte() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let query = || {
            sql_query(
                "WITH RECURSIVE chain (id) AS (\
                 SELECT min(posts.id) FROM posts UNION ALL \
                 SELECT posts.id FROM posts INNER JOIN chain ON posts.id = chain.id + 1) \
                 SELECT id FROM chain ORDER BY id",
            )
        };
        assert_eq!(ids(&assert_cached!(world, Id, query())), [1, 2, 3, 4]);
        assert_tables!(world, query(), ["posts"]);
    });
}

#[test]
fn r09_a_cte_hides_a_table_only_where_it_can_be_seen() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        // The inner `tags` is the CTE, the outer one is the table.
        let query = || {
            sql_query(
                "SELECT tags.id FROM tags WHERE tags.id IN (\
                 WITH tags AS (SELECT id FROM posts) SELECT id FROM tags WHERE id < 3) \
                 ORDER BY tags.id",
            )
        };
        assert_eq!(ids(&assert_cached!(world, Id, query())), [1, 2]);
        assert_tables!(world, query(), ["posts", "tags"]);
    });
}

#[test]
fn r09_blanks_and_a_semicolon_around_a_statement() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query =
            || sql_query("\n\t/* first */ -- second\n SELECT id\r\nFROM posts ORDER BY id ;\n");
        assert_eq!(ids(&assert_cached!(world, Id, query())), [1, 2, 3, 4]);
        assert_tables!(world, query(), ["posts"]);
        let query =
            || sql_query("(SELECT id FROM posts WHERE id = 1) UNION ALL (SELECT id FROM tags)");
        if DATABASE != "sqlite" {
            assert_eq!(assert_cached!(world, Id, query()).len(), 4);
        }
        assert_tables!(world, query(), ["posts", "tags"]);
    });
}

#[test]
fn r09_derived_tables() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let query = || {
            sql_query(
                "SELECT x.id FROM (SELECT posts.id FROM posts, authors \
                 WHERE authors.id = posts.author_id AND authors.active) AS x \
                 INNER JOIN (SELECT post_id FROM comments) AS posts ON posts.post_id = x.id \
                 ORDER BY x.id",
            )
        };
        assert_eq!(ids(&assert_cached!(world, Id, query())), [1, 1]);
        assert_tables!(world, query(), ["authors", "comments", "posts"]);
    });
}

#[test]
fn r09_words_in_literals_and_comments_are_no_tables() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let query = || {
            sql_query(
                "SELECT id FROM posts /* FROM tags */ WHERE title <> 'x FROM authors' \
                 AND title <> 'it''s; UPDATE comments' AND title <> 'random() FOR UPDATE' \
                 ORDER BY id -- JOIN comments, random()",
            )
        };
        assert_eq!(ids(&assert_cached!(world, Id, query())), [1, 2, 3, 4]);
        assert_tables!(world, query(), ["posts"]);
    });
}

/// Which of two columns of one name a struct gets, and whether case matters, is Diesel's business.
#[test]
fn r09_names_of_columns_mean_what_they_mean_to_diesel() {
    #[derive(Debug, PartialEq, QueryableByName)]
    struct Named {
        #[diesel(sql_type = Integer)]
        id: i32,
        #[diesel(sql_type = Text, column_name = "größe \u{1F40B}")]
        size: String,
    }

    World::each(|world| {
        blog::fill(&mut world.conn);
        let quote = if DATABASE == "mysql" { '`' } else { '"' };
        let name = |name: &str| format!("{quote}{name}{quote}");
        let size = name("größe \u{1F40B}");
        for sql in [
            format!(
                "SELECT a.id, p.id, 'x' AS {size} FROM authors a JOIN posts p ON p.id = 4 ORDER BY a.id"
            ),
            format!(
                "SELECT p.id, a.id, 'x' AS {size} FROM authors a JOIN posts p ON p.id = 4 ORDER BY a.id"
            ),
            format!(
                "SELECT id AS {}, 'x' AS {size} FROM posts ORDER BY id",
                name("ID")
            ),
            format!(
                "SELECT id, 'x' AS {} FROM posts ORDER BY id",
                name("Größe \u{1F40B}")
            ),
            format!("SELECT 'x' AS {size}, id FROM posts ORDER BY id"),
            "SELECT id FROM posts".to_owned(),
        ] {
            let plain =
                sql_query(&sql).load::<Named>(super::connections::uncached(&mut world.conn));
            for _ in 0..2 {
                let cached = sql_query(&sql).cached(&mut world.conn).load::<Named>();
                assert_eq!(format!("{cached:?}"), format!("{plain:?}"), "{sql}");
            }
        }
    });
}
