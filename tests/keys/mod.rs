//! Reads and writes that are told apart by the values of keys: none is stale, whatever the statements look
//! like.

mod comparison;
mod declared;
mod inserts;
mod precision;
mod read_forms;
mod reads;
mod side_effects;
mod statement;
mod tables;
mod transactions;
mod values;
mod writes;

on_sqlite! {
    #[path = "kinds/sqlite.rs"]
    mod kinds;
    #[path = "schemas/sqlite.rs"]
    mod schemas;
    #[path = "statements/sqlite.rs"]
    mod statements;
}

on_postgres! {
    #[path = "kinds/postgres.rs"]
    mod kinds;
    #[path = "schemas/postgres.rs"]
    mod schemas;
    mod encodings;
    #[path = "statements/postgres.rs"]
    mod statements;
    mod unknown_outcomes;
}

on_mysql! {
    #[path = "kinds/mysql.rs"]
    mod kinds;
    #[path = "schemas/mysql.rs"]
    mod schemas;
    mod encodings;
    #[path = "statements/mysql.rs"]
    mod statements;
    mod unknown_outcomes;
}

use super::*;
