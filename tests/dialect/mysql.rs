//! How MariaDB writes what the others write otherwise.

use std::sync::{Mutex, PoisonError};

use cachalot_tests::Database;
use diesel::{MysqlConnection, connection::SimpleConnection as _, prelude::*, sql_types::BigInt};

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

/// How many transactions wait for a lock on this table.
///
/// InnoDB shows an old state to all who ask within 0.1 s of each other, and the tests share a server.
pub(crate) fn lock_waits(conn: &mut MysqlConnection, database: &Database, table: &str) -> i64 {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    conn.batch_execute("DO SLEEP(0.15)").unwrap();
    let waits = format!(
        "SELECT COUNT(*) FROM information_schema.innodb_locks l \
         JOIN information_schema.innodb_lock_waits w ON w.requested_lock_id = l.lock_id \
         WHERE l.lock_table = '`{}`.`{table}`'",
        database.name()
    );
    diesel::dsl::sql::<BigInt>(&waits).get_result(conn).unwrap()
}
