//! How PostgreSQL writes what the others write otherwise.

use cachalot_tests::Database;

/// The placeholder of a bind value in raw SQL.
pub(crate) fn parameter(number: usize) -> String {
    format!("${number}")
}

/// The schema in which a database's tables are.
pub(crate) fn schema_of(_database: &Database) -> String {
    "public".to_owned()
}

/// A random number.
pub(crate) const RANDOM: &str = "random()";

/// What may be another value next time.
pub(crate) const VOLATILE: &[&str] = &[
    "now()",
    "NOW()",
    "pg_catalog.now()",
    "clock_timestamp()",
    "statement_timestamp()",
    "CURRENT_TIMESTAMP",
    "current_timestamp(3)",
    "CURRENT_DATE",
    "localtime",
    "timeofday()",
    "age(timestamp '2000-01-01')",
    "random()",
    "gen_random_uuid()",
    "nextval('authors_id_seq')",
    "txid_current()",
    "pg_backend_pid()",
    "current_user",
    "session_user",
    "current_setting('work_mem')",
    "pg_try_advisory_lock(1)",
];

/// Tables that are not the user's.
pub(crate) const CATALOGS: &[&str] = &[
    "pg_class",
    "pg_catalog.pg_class",
    "information_schema.tables",
    "\"pg_stat_activity\"",
];

/// What may stand behind a SELECT to lock its rows.
pub(crate) const LOCKS: &[&str] = &[
    "FOR UPDATE",
    "for update of posts nowait",
    "FOR NO KEY UPDATE",
    "FOR SHARE SKIP LOCKED",
    "FOR KEY SHARE",
];

/// A name as it must be written if it is no plain word.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Updates of `posts` that only PostgreSQL takes; `$T` is a new title, `$N` a new number, `$D` the
/// database.
pub(crate) const RAW_UPDATES: &[&str] = &[
    "UPDATE POSTS SET TITLE = '$T' WHERE ID = 1",
    "UPDATE \"posts\" SET \"title\" = '$T' WHERE id = 1",
    "UPDATE public.posts SET title = '$T' WHERE id = 1",
    "UPDATE \"public\" /* . */ . -- .\n \"posts\" SET title = '$T' WHERE id = 1",
    "UPDATE \"$D\".public.posts SET title = '$T' WHERE id = 1",
    "UPDATE U&\"p\\006fsts\" SET title = '$T' WHERE id = 1",
    "UPDATE ONLY posts SET title = '$T' WHERE id = 1",
    "UPDATE posts * SET title = '$T' WHERE id = 1",
    "UPDATE posts AS tags SET title = '$T' WHERE tags.id = 1",
    "UPDATE posts SET (title, body) = ('$T', 'x') WHERE id = 1",
    "UPDATE posts SET title = E'$T\\'; --' WHERE id = 1",
    "UPDATE posts SET title = $q$$T'; DELETE FROM tags; --$q$ WHERE id = 1",
    "/* one /* two */ three */ UPDATE posts SET title = '$T' WHERE id = 1",
    "UPDATE posts SET title = '$T' FROM authors WHERE authors.id = posts.author_id AND posts.id = 1",
    "WITH first AS (SELECT 1 AS id) UPDATE posts SET title = '$T' FROM first WHERE posts.id = first.id",
    "INSERT INTO posts AS p (id, author_id, title) VALUES (1, 1, 'x') \
     ON CONFLICT (id) DO UPDATE SET title = '$T' WHERE p.id = 1",
    "INSERT INTO posts (id, author_id, title) OVERRIDING SYSTEM VALUE VALUES ($N, 1, '$T')",
    "DELETE FROM posts USING authors WHERE authors.id = posts.author_id AND posts.id > 999",
];

/// Updates that only PostgreSQL takes and that are not understood for certain.
pub(crate) const RAW_SWEEPING: &[&str] =
    &["UPDATE U&\"p!006fsts\" UESCAPE '!' SET title = '$T' WHERE id = 1"];

/// Batches that only PostgreSQL takes.
pub(crate) const RAW_BATCHES: &[&str] = &[
    ";; UPDATE posts SET title = '$T' WHERE id = 1; ;",
    "START TRANSACTION; UPDATE posts SET title = '$T' WHERE id = 1; END",
];
