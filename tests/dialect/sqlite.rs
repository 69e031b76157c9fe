//! How SQLite writes what the others write otherwise.

use std::{os::unix::fs::symlink, path::Path};

use cachalot_tests::{Database, folder, proxy::Proxy, unique};

/// The placeholder of a bind value in raw SQL.
pub(crate) fn parameter(_number: usize) -> String {
    "?".to_owned()
}

/// The schema in which a database's tables are.
pub(crate) fn schema_of(_database: &Database) -> String {
    "main".to_owned()
}

/// Other ways to call a database: what it is, the URL, and what has to live as long.
pub(crate) fn other_names(database: &Database) -> Vec<(&'static str, String, Option<Proxy>)> {
    let file = Path::new(database.url());
    let link = folder::shared().join(unique::name("link"));
    symlink(file, &link).unwrap();
    let (folder, name) = (file.parent().unwrap(), file.file_name().unwrap());
    let detour = folder
        .join("..")
        .join(folder.file_name().unwrap())
        .join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    vec![
        ("a link", text(&link), None),
        ("a detour", text(&detour), None),
        ("a URL", format!("file:{}?mode=rw", text(file)), None),
    ]
}

/// A URL with something like a password to the database.
pub(crate) fn with_password(database: &Database, password: &str) -> String {
    format!("file:{}?key={password}", database.url())
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

/// Begins a transaction that goes on seeing what it saw first.
pub(crate) const BEGIN_SNAPSHOT: &str = "BEGIN";

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

/// Rows that sessions see differently.
pub(crate) const SESSION_ROWS: &str = "\
CREATE TABLE looks (word TEXT NOT NULL); INSERT INTO looks VALUES ('Ada'), ('ada'); \
CREATE TABLE items (value TEXT NOT NULL); INSERT INTO items VALUES ('main'); \
CREATE TABLE theirs (value TEXT NOT NULL); \
INSERT INTO theirs SELECT file FROM pragma_database_list";

/// Reads of these; each has a column `value`.
pub(crate) const SESSION_READS: &[&str] = &[
    "SELECT value FROM items",
    "SELECT value FROM theirs",
    "SELECT value FROM attached.theirs",
    "SELECT word AS value FROM looks WHERE word LIKE 'ada'",
    "SELECT word AS value FROM looks",
    "SELECT word AS value FROM looks LIMIT 1",
];

/// What a borrower may leave behind in a session; `$URL` is another database's file.
pub(crate) const LEFT_BEHIND: &[&str] = &[
    "ATTACH '$URL' AS attached",
    "PRAGMA case_sensitive_like = 1",
    "PRAGMA reverse_unordered_selects = 1",
    "PRAGMA full_column_names = 1; PRAGMA short_column_names = 0",
    "PRAGMA read_uncommitted = 1",
    "CREATE TEMPORARY TABLE items (value TEXT); INSERT INTO items VALUES ('temporary')",
    "CREATE TEMPORARY VIEW items AS SELECT 'a view' AS value",
    "BEGIN; UPDATE items SET value = 'uncommitted'",
    "BEGIN; SELECT count(*) FROM items",
    "SAVEPOINT one; UPDATE items SET value = 'uncommitted'",
];

/// Reads that SQLite's sessions or grammar keep past the cache: the reason, what the session does
/// before, and the read.
pub(crate) const BYPASSED: &[(&str, &str, &str)] = &[
    (
        "read_uncommitted",
        "PRAGMA read_uncommitted = 1",
        "SELECT id FROM tags",
    ),
    (
        "custom_collation",
        "",
        "SELECT id FROM tags ORDER BY label COLLATE locale",
    ),
];

/// Reasons that SQLite never gives, and those with a test of their own: `r11` for text that is not
/// UTF-8, and the process that has a cache installed.
pub(crate) const ABSENT_REASONS: &[&str] = &[
    "table_sample",
    "own_writes",
    "unknown_session",
    "session_change",
    "replica",
    "untrackable",
    "triggers_not_visible",
    "catalog_unknown",
    "unstorable",
    "expired",
    "not_tracked",
    "instrumentation_replaced",
];

/// A statement of these lists as this server has it.
pub(crate) fn here(sql: &str) -> &str {
    sql
}
