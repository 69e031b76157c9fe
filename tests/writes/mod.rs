//! What a write invalidates, and what it does not.

mod basics;
mod bulk;
mod columns;
mod failures;
mod guide;
mod raw_sql;

on_sqlite! {
    #[path = "bulk/sqlite.rs"]
    mod bulk_sqlite;
    mod deferred_constraints;
    #[path = "failures/sqlite.rs"]
    mod failures_sqlite;
    mod replacing;
    mod returning;
}

on_postgres! {
    #[path = "bulk/postgres.rs"]
    mod bulk_postgres;
    mod deadlocks;
    mod deferred_constraints;
    #[path = "failures/postgres.rs"]
    mod failures_postgres;
    mod lost_connections;
    mod returning;
}

on_mysql! {
    #[path = "bulk/mysql.rs"]
    mod bulk_mysql;
    mod deadlocks;
    #[path = "failures/mysql.rs"]
    mod failures_mysql;
    mod lost_connections;
    mod replacing;
}

use super::*;
