//! A database with a thousand posts, and connections to it.

use cachalot_diesel::Cachalot;
use cachalot_tests::Database;
use diesel::connection::SimpleConnection as _;

use super::{Conn, DATABASE, db};

/// Every post has its author, a comment and a tag of its own.
const POSTS: i32 = 1_000;

const ROWS: [(&str, &str); 5] = [
    (
        "authors (id, name, active, created_at)",
        "({n}, 'Author {n}', TRUE, '2026-01-01 00:00:00')",
    ),
    (
        "posts (id, author_id, title, published, rating, votes)",
        "({n}, {n}, 'Title of the post {n}', TRUE, 4.5, {n})",
    ),
    (
        "comments (id, post_id, author_id, body)",
        "({n}, {n}, {n}, 'A comment')",
    ),
    ("tags (id, label)", "({n}, 'tag {n}')"),
    ("posts_tags (post_id, tag_id)", "({n}, {n})"),
];

pub(crate) struct World {
    database: Database,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self {
            database: db::database(),
        };
        for (table, row) in ROWS {
            let rows: Vec<String> = (1..=POSTS)
                .map(|n| row.replace("{n}", &n.to_string()))
                .collect();
            world.run(&format!("INSERT INTO {table} VALUES {}", rows.join(", ")));
        }
        world.run(if DATABASE == "MariaDB" {
            "ANALYZE TABLE authors, posts, comments, tags, posts_tags"
        } else {
            "ANALYZE"
        });
        world
    }

    pub(crate) fn connect(&self) -> Conn {
        db::establish(self.database.url())
    }

    pub(crate) fn watched_by(&self, cache: &Cachalot) -> Conn {
        let mut conn = self.connect();
        cache.watch(&mut conn).unwrap();
        conn
    }

    pub(crate) fn run(&self, sql: &str) {
        self.connect()
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{DATABASE} refuses the data: {error}"));
    }
}
