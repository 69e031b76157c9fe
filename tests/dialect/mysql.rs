//! How MariaDB writes what the others write otherwise.

use cachalot_tests::Database;

/// The placeholder of a bind value in raw SQL.
pub(crate) fn parameter(_number: usize) -> String {
    "?".to_owned()
}

/// The schema in which a database's tables are.
pub(crate) fn schema_of(database: &Database) -> String {
    database.name().to_owned()
}

/// A random number.
pub(crate) const RANDOM: &str = "rand()";

/// What may be another value next time.
pub(crate) const VOLATILE: &[&str] = &[
    "NOW()",
    "now(6)",
    "CURRENT_TIMESTAMP",
    "curdate()",
    "SYSDATE()",
    "UTC_TIMESTAMP()",
    "unix_timestamp()",
    "RAND()",
    "UUID()",
    "UUID_SHORT()",
    "LAST_INSERT_ID()",
    "ROW_COUNT()",
    "FOUND_ROWS()",
    "CONNECTION_ID()",
    "CURRENT_USER()",
    "CURRENT_USER",
    "DATABASE()",
    "GET_LOCK('r16', 0)",
    "SLEEP(0)",
    "@@timestamp",
];

/// Tables that are not the user's.
pub(crate) const CATALOGS: &[&str] = &[
    "information_schema.tables",
    "INFORMATION_SCHEMA.TABLES",
    "mysql.user",
    "`mysql`.`db`",
];

/// What may stand behind a SELECT to lock its rows.
pub(crate) const LOCKS: &[&str] = &["FOR UPDATE", "for update nowait", "LOCK IN SHARE MODE"];

/// A name as it must be written if it is no plain word.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{name}`")
}

/// Updates of `posts` that only MariaDB takes; `$T` is a new title, `$N` a new number, `$D` the
/// database.
pub(crate) const RAW_UPDATES: &[&str] = &[
    "UPDATE `posts` SET `title` = '$T' WHERE id = 1",
    "UPDATE $D.posts SET title = '$T' WHERE id = 1",
    "UPDATE `$D` /* . */ . # .\n `posts` SET title = '$T' WHERE id = 1",
    "# first a comment\nUPDATE posts SET title = '$T' WHERE id = 1",
    "UPDATE LOW_PRIORITY IGNORE posts SET title = '$T' WHERE id = 1",
    "UPDATE posts AS tags SET tags.title = '$T' WHERE tags.id = 1",
    "UPDATE posts SET title = \"$T'; DELETE FROM tags; --\" WHERE id = 1",
    "UPDATE posts SET title = '$T\\'; DELETE FROM tags; -- ' WHERE id = 1",
    "UPDATE authors JOIN posts ON authors.id = author_id SET title = '$T' WHERE posts.id = 1",
    "UPDATE authors a, posts p SET p.title = '$T' WHERE p.author_id = a.id AND p.id = 1",
    "UPDATE posts SET title = '$T' ORDER BY id LIMIT 1",
    "SET STATEMENT max_statement_time = 60 FOR UPDATE posts SET title = '$T' WHERE id = 1",
    "INSERT posts SET id = 901, author_id = 1, title = '$T'",
    "INSERT HIGH_PRIORITY IGNORE posts (id, author_id, title) VALUE (902, 1, '$T')",
    "INSERT INTO posts (id, author_id, title) VALUES (1, 1, 'x') ON DUPLICATE KEY UPDATE title = '$T'",
    "REPLACE posts SET id = 903, author_id = 1, title = '$T'",
    "DELETE p FROM posts AS p JOIN authors AS a ON a.id = p.author_id WHERE p.id = 901",
    "DELETE FROM p USING posts AS p JOIN authors AS a ON a.id = p.author_id WHERE p.id = 902",
    "DELETE QUICK FROM posts WHERE id = 903 ORDER BY id DESC LIMIT 1",
];

/// Updates that only MariaDB takes and that are not understood for certain.
pub(crate) const RAW_SWEEPING: &[&str] = &[
    "/*! UPDATE posts SET title = '$T' WHERE id = 1 */",
    "/*!50000 UPDATE posts SET */ title = '$T' WHERE id = 1",
    "/*M! UPDATE posts */ SET title = '$T' WHERE id = 1",
];

/// Batches that only MariaDB takes.
pub(crate) const RAW_BATCHES: &[&str] = &[
    "START TRANSACTION; UPDATE posts SET title = '$T' WHERE id = 1; COMMIT WORK",
    "SET autocommit = 0; UPDATE posts SET title = '$T' WHERE id = 1; SET autocommit = 1",
];
