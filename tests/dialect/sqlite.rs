//! How SQLite writes what the others write otherwise.

use cachalot_tests::Database;

/// The placeholder of a bind value in raw SQL.
pub(crate) fn parameter(_number: usize) -> String {
    "?".to_owned()
}

/// The schema in which a database's tables are.
pub(crate) fn schema_of(_database: &Database) -> String {
    "main".to_owned()
}

/// A random number.
pub(crate) const RANDOM: &str = "random()";

/// What may be another value next time.
pub(crate) const VOLATILE: &[&str] = &[
    "random()",
    "RANDOMBLOB(4)",
    "CURRENT_TIMESTAMP",
    "current_date",
    "datetime('now')",
    "DATE()",
    "strftime('%s', 'now', '+1 day')",
    "julianday('NOW')",
    "unixepoch()",
    "last_insert_rowid()",
    "changes()",
    "total_changes()",
    "sqlite_version()",
];

/// Tables that are not the user's.
pub(crate) const CATALOGS: &[&str] = &[
    "sqlite_schema",
    "sqlite_master",
    "\"main\".\"sqlite_schema\"",
    "pragma_table_info('posts')",
];

/// What may stand behind a SELECT to lock its rows: SQLite has nothing of the kind.
pub(crate) const LOCKS: &[&str] = &[];

/// A name as it must be written if it is no plain word.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Updates of `posts` that only SQLite takes; `$T` is a new title, `$N` a new number.
pub(crate) const RAW_UPDATES: &[&str] = &[
    "UPDATE POSTS SET TITLE = '$T' WHERE ID = 1",
    "UPDATE \"posts\" SET \"title\" = '$T' WHERE id = 1",
    "UPDATE [posts] SET [title] = '$T' WHERE id = 1",
    "UPDATE `posts` SET `title` = '$T' WHERE id = 1",
    "UPDATE 'posts' SET title = '$T' WHERE id = 1",
    "UPDATE main.posts SET title = '$T' WHERE id = 1",
    "UPDATE \"Main\" /* . */ . -- .\n [Posts] SET title = '$T' WHERE id = 1",
    "UPDATE OR IGNORE posts SET title = '$T' WHERE id = 1",
    "UPDATE posts NOT INDEXED SET title = '$T' WHERE id = 1",
    "UPDATE posts AS tags SET title = '$T' WHERE tags.id = 1",
    "UPDATE posts SET (title, body) = ('$T', 'x') WHERE id = 1",
    "UPDATE posts SET title = '$T' FROM authors WHERE authors.id = posts.author_id AND posts.id = 1",
    "WITH first(id) AS (VALUES (1)) UPDATE posts SET title = '$T' WHERE id IN first",
    "INSERT INTO posts (id, author_id, title) VALUES (1, 1, 'x') \
     ON CONFLICT (id) DO UPDATE SET title = '$T' WHERE id = 1",
    "INSERT OR FAIL INTO posts (id, author_id, title) VALUES ($N, 1, '$T')",
    "REPLACE INTO posts (id, author_id, title) VALUES ($N, 1, '$T')",
    "DELETE FROM main . posts WHERE id > 999",
];

/// Updates that only SQLite takes and that are not understood for certain: none is known.
pub(crate) const RAW_SWEEPING: &[&str] = &[];

/// Batches that only SQLite takes.
pub(crate) const RAW_BATCHES: &[&str] = &[
    ";; UPDATE posts SET title = '$T' WHERE id = 1; ;",
    "BEGIN IMMEDIATE; UPDATE posts SET title = '$T' WHERE id = 1; END TRANSACTION",
    "SAVEPOINT one; UPDATE posts SET title = '$T' WHERE id = 1; RELEASE one",
];
