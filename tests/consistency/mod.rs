//! No stale row: races, faults, outages, replicas, several processes.

mod differential;
mod hostile_store;
mod outages;
mod races;
mod races_of_columns;
mod races_of_keys;
mod races_with_faults;
mod stampede;

on_sqlite! {
    #[path = "differential/dialect/sqlite.rs"]
    mod differential_dialect;
}

on_postgres! {
    #[path = "differential/dialect/postgres.rs"]
    mod differential_dialect;
    mod races_postgres;
    #[path = "replicas/postgres.rs"]
    mod replicas;
}

on_mysql! {
    #[path = "differential/dialect/mysql.rs"]
    mod differential_dialect;
    #[path = "replicas/mysql.rs"]
    mod replicas;
}

use super::*;
