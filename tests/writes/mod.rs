//! What a write invalidates, and what it does not.

mod basics;
mod failures;
mod raw_sql;

on_sqlite! {
    #[path = "bulk/sqlite.rs"]
    mod bulk;
    #[path = "failures/sqlite.rs"]
    mod failures_sqlite;
}

on_postgres! {
    #[path = "bulk/postgres.rs"]
    mod bulk;
    #[path = "failures/postgres.rs"]
    mod failures_postgres;
}

on_mysql! {
    #[path = "bulk/mysql.rs"]
    mod bulk;
    #[path = "failures/mysql.rs"]
    mod failures_mysql;
}

use super::*;
