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
