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
