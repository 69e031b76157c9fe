//! What is cached, what is not, and that a hit is what the database would return.

mod aggregates;
mod associations;
mod basics;
mod bypasses;
mod damaged_items;
mod errors;
mod filters;
mod first_execution;
mod generic_functions;
mod joins;
mod keys;
mod models;
mod names;
mod near_cache;
mod query_texts;
mod raw_sql;
mod set_operations;
mod subqueries;
mod times_to_live;
mod uncached;

on_sqlite! {
    on_plain_connections! {
        #[path = "every_type/sqlite.rs"]
        mod every_type;
    }
    #[path = "needless_bypasses/sqlite.rs"]
    mod needless_bypasses;
    #[path = "one_database/sqlite.rs"]
    mod one_database;
    #[path = "types/sqlite.rs"]
    mod types;
}

on_postgres! {
    on_plain_connections! {
        #[path = "every_type/postgres.rs"]
        mod every_type;
    }
    #[path = "needless_bypasses/postgres.rs"]
    mod needless_bypasses;
    #[path = "one_database/postgres.rs"]
    mod one_database;
    #[path = "one_database/postgres_uncached.rs"]
    mod one_database_uncached;
    #[path = "types/postgres.rs"]
    mod types;
    #[path = "types/postgres_compound.rs"]
    mod types_compound;
}

on_mysql! {
    on_plain_connections! {
        #[path = "every_type/mysql.rs"]
        mod every_type;
    }
    #[path = "first_execution/mysql.rs"]
    mod first_execution_mysql;
    #[path = "needless_bypasses/mysql.rs"]
    mod needless_bypasses;
    #[path = "one_database/mysql.rs"]
    mod one_database;
    #[path = "types/mysql.rs"]
    mod types;
}

use super::*;
