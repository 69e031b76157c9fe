//! What a connection has to itself: settings, users and roles, temporary tables, functions, the database.

mod several_databases;
mod shared_connections;

on_sqlite! {
    #[path = "own_functions/sqlite.rs"]
    mod own_functions;
    #[path = "settings/sqlite.rs"]
    mod settings;
    #[path = "temporary_tables/sqlite.rs"]
    mod temporary_tables;
    #[path = "tenants/sqlite.rs"]
    mod tenants;
}

on_postgres! {
    #[path = "settings/postgres.rs"]
    mod settings;
    #[path = "temporary_tables/postgres.rs"]
    mod temporary_tables;
    #[path = "tenants/postgres.rs"]
    mod tenants;
}

on_mysql! {
    #[path = "settings/mysql.rs"]
    mod settings;
    #[path = "temporary_tables/mysql.rs"]
    mod temporary_tables;
    #[path = "tenants/mysql.rs"]
    mod tenants;
}

use super::*;
