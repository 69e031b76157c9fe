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
