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

mod compose;
mod conformance_table;
mod environment;
mod memcached_selftest;
mod stress_smoke;

#[path = "."]
mod sqlite {
    pub(crate) use cachalot_tests::{schema::sqlite as schema, sqlite as db};
    pub(crate) use diesel::SqliteConnection as Conn;

    pub(crate) const DATABASE: &str = "sqlite";

    mod analysis_truth;
    mod api;
    #[path = "behind/sqlite.rs"]
    mod behind;
    mod blog;
    mod bypasses;
    #[path = "catalog/sqlite.rs"]
    mod catalog;
    #[path = "definitions/sqlite.rs"]
    mod definitions;
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
    mod first_execution;
    mod generic;
    mod hostile_store;
    mod lives;
    mod near_cache;
    #[path = "needless/sqlite.rs"]
    mod needless;
    mod observability;
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
    mod reads_texts;
    #[path = "reads_types/sqlite.rs"]
    mod reads_types;
    mod reads_uncached;
    mod schema_changes;
    mod secrets;
    #[path = "session_settings/sqlite.rs"]
    mod session_settings;
    mod sessions;
    mod settings;
    mod several_databases;
    mod spy_store;
    mod stampede;
    mod support_selftest;
    #[path = "temporary/sqlite.rs"]
    mod temporary;
    #[path = "tenants/sqlite.rs"]
    mod tenants;
    #[path = "transaction_ends/sqlite.rs"]
    mod transaction_ends;
    mod transactions;
    #[path = "analysis_truth/sqlite.rs"]
    mod truth;
    mod values;
    mod wire_keys;
    mod world;
    mod writes;
    #[path = "writes_bulk/sqlite.rs"]
    mod writes_bulk;
    mod writes_raw;
}

#[path = "."]
mod postgres {
    pub(crate) use cachalot_tests::{postgres as db, schema::postgres as schema};
    pub(crate) use diesel::PgConnection as Conn;

    pub(crate) const DATABASE: &str = "postgres";

    mod analysis_truth;
    mod api;
    #[path = "behind/postgres.rs"]
    mod behind;
    mod blog;
    mod bypasses;
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
    mod first_execution;
    mod generic;
    mod hostile_store;
    mod lives;
    mod near_cache;
    #[path = "needless/postgres.rs"]
    mod needless;
    mod observability;
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
    mod reads_texts;
    #[path = "reads_types/postgres.rs"]
    mod reads_types;
    #[path = "reads_types/postgres_compound.rs"]
    mod reads_types_compound;
    mod reads_uncached;
    #[path = "replicas/postgres.rs"]
    mod replicas;
    mod schema_changes;
    mod secrets;
    #[path = "session_settings/postgres.rs"]
    mod session_settings;
    mod sessions;
    mod settings;
    mod several_databases;
    mod spy_store;
    mod stampede;
    mod support_selftest;
    #[path = "temporary/postgres.rs"]
    mod temporary;
    #[path = "tenants/postgres.rs"]
    mod tenants;
    mod transactions;
    #[path = "analysis_truth/postgres.rs"]
    mod truth;
    #[path = "analysis_truth/postgres_views.rs"]
    mod truth_views;
    mod values;
    mod wire_keys;
    mod world;
    mod writes;
    #[path = "writes_bulk/postgres.rs"]
    mod writes_bulk;
    mod writes_raw;
}

#[path = "."]
mod mysql {
    pub(crate) use cachalot_tests::{mysql as db, schema::mysql as schema};
    pub(crate) use diesel::MysqlConnection as Conn;

    pub(crate) const DATABASE: &str = "mysql";

    mod analysis_truth;
    mod api;
    #[path = "behind/mysql.rs"]
    mod behind;
    mod blog;
    mod bypasses;
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
    mod first_execution;
    #[path = "first_execution/mysql.rs"]
    mod first_execution_mysql;
    mod generic;
    mod hostile_store;
    mod lives;
    mod near_cache;
    #[path = "needless/mysql.rs"]
    mod needless;
    mod observability;
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
    mod reads_texts;
    #[path = "reads_types/mysql.rs"]
    mod reads_types;
    mod reads_uncached;
    #[path = "replicas/mysql.rs"]
    mod replicas;
    mod schema_changes;
    mod secrets;
    #[path = "session_settings/mysql.rs"]
    mod session_settings;
    mod sessions;
    mod settings;
    mod several_databases;
    mod spy_store;
    mod stampede;
    mod support_selftest;
    #[path = "temporary/mysql.rs"]
    mod temporary;
    #[path = "tenants/mysql.rs"]
    mod tenants;
    #[path = "transaction_ends/mysql.rs"]
    mod transaction_ends;
    mod transactions;
    #[path = "analysis_truth/mysql.rs"]
    mod truth;
    mod values;
    mod wire_keys;
    mod world;
    mod writes;
    #[path = "writes_bulk/mysql.rs"]
    mod writes_bulk;
    mod writes_raw;
}
