//! The behaviour of cachalot-diesel, case by case: each file of tests runs once on each database.
//!
//! A file says `super::` for what differs between databases: `super::Conn` is the connection type,
//! `super::db` makes databases and connections, `super::schema` has the tables. What only one
//! database has stands in a folder, in a file named after that database, like `every_type`.

#![allow(clippy::duplicate_mod, reason = "the same tests run on every database")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]

mod memcached_works;
mod tortured;

#[path = "."]
mod sqlite {
    pub(crate) use cachalot_tests::{schema::sqlite as schema, sqlite as db};
    pub(crate) use diesel::SqliteConnection as Conn;

    pub(crate) const DATABASE: &str = "sqlite";

    mod api;
    #[path = "behind/sqlite.rs"]
    mod behind;
    mod blog;
    #[path = "catalog/sqlite.rs"]
    mod catalog;
    #[path = "dialect/sqlite.rs"]
    mod dialect;
    mod differential;
    #[path = "differential/dialect/sqlite.rs"]
    mod differential_dialect;
    #[path = "every_type/sqlite.rs"]
    mod every_type;
    mod failures;
    #[path = "failures/sqlite.rs"]
    mod failures_sqlite;
    mod glass;
    mod outages;
    mod races;
    mod races_faults;
    mod reads;
    mod reads_aggregates;
    mod reads_associations;
    mod reads_damage;
    mod reads_errors;
    mod reads_filters;
    mod reads_joins;
    mod reads_keys;
    mod reads_models;
    mod reads_names;
    #[path = "reads_of_one/sqlite.rs"]
    mod reads_of_one;
    mod reads_raw;
    mod reads_sets;
    mod reads_subqueries;
    #[path = "reads_types/sqlite.rs"]
    mod reads_types;
    mod reads_uncached;
    mod stampede;
    mod support_works;
    #[path = "transaction_ends/sqlite.rs"]
    mod transaction_ends;
    mod transactions;
    mod values;
    mod world;
    mod writes;
}

#[path = "."]
mod postgres {
    pub(crate) use cachalot_tests::{postgres as db, schema::postgres as schema};
    pub(crate) use diesel::PgConnection as Conn;

    pub(crate) const DATABASE: &str = "postgres";

    mod api;
    #[path = "behind/postgres.rs"]
    mod behind;
    mod blog;
    #[path = "catalog/postgres.rs"]
    mod catalog;
    #[path = "dialect/postgres.rs"]
    mod dialect;
    mod differential;
    #[path = "differential/dialect/postgres.rs"]
    mod differential_dialect;
    #[path = "every_type/postgres.rs"]
    mod every_type;
    mod failures;
    #[path = "failures/postgres.rs"]
    mod failures_postgres;
    mod glass;
    mod outages;
    mod races;
    mod races_faults;
    mod races_postgres;
    mod reads;
    mod reads_aggregates;
    mod reads_associations;
    mod reads_damage;
    mod reads_errors;
    mod reads_filters;
    mod reads_joins;
    mod reads_keys;
    mod reads_models;
    mod reads_names;
    #[path = "reads_of_one/postgres.rs"]
    mod reads_of_one;
    #[path = "reads_of_one/postgres_uncached.rs"]
    mod reads_of_one_uncached;
    mod reads_raw;
    mod reads_sets;
    mod reads_subqueries;
    #[path = "reads_types/postgres.rs"]
    mod reads_types;
    #[path = "reads_types/postgres_compound.rs"]
    mod reads_types_compound;
    mod reads_uncached;
    mod stampede;
    mod support_works;
    mod transactions;
    mod values;
    mod world;
    mod writes;
}

#[path = "."]
mod mysql {
    pub(crate) use cachalot_tests::{mysql as db, schema::mysql as schema};
    pub(crate) use diesel::MysqlConnection as Conn;

    pub(crate) const DATABASE: &str = "mysql";

    mod api;
    #[path = "behind/mysql.rs"]
    mod behind;
    mod blog;
    #[path = "catalog/mysql.rs"]
    mod catalog;
    #[path = "dialect/mysql.rs"]
    mod dialect;
    mod differential;
    #[path = "differential/dialect/mysql.rs"]
    mod differential_dialect;
    #[path = "every_type/mysql.rs"]
    mod every_type;
    mod failures;
    #[path = "failures/mysql.rs"]
    mod failures_mysql;
    mod glass;
    mod outages;
    mod races;
    mod races_faults;
    mod reads;
    mod reads_aggregates;
    mod reads_associations;
    mod reads_damage;
    mod reads_errors;
    mod reads_filters;
    mod reads_joins;
    mod reads_keys;
    mod reads_models;
    mod reads_names;
    #[path = "reads_of_one/mysql.rs"]
    mod reads_of_one;
    mod reads_raw;
    mod reads_sets;
    mod reads_subqueries;
    #[path = "reads_types/mysql.rs"]
    mod reads_types;
    mod reads_uncached;
    mod stampede;
    mod support_works;
    #[path = "transaction_ends/mysql.rs"]
    mod transaction_ends;
    mod transactions;
    mod values;
    mod world;
    mod writes;
}
