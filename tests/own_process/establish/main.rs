//! `CachalotConnection::establish` and the pools that call it: each case in a process of its own, as the installed
//! cache and Diesel's default instrumentation are one for the process.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]
#![allow(
    clippy::duplicate_mod,
    reason = "the same cases for each database, by its own types"
)]

#[path = "../apart.rs"]
mod apart;

use std::{env, net::TcpListener};

use cachalot_diesel::Cachalot;
use cachalot_tests::{log::Log, memcached, unique};

/// The environment of a program whose cache is in the shared memcached.
fn shared() -> Vec<(&'static str, String)> {
    vec![
        ("CACHALOT_URL", memcached::shared().url()),
        ("CACHALOT_NAMESPACE", unique::name("establish")),
        ("CACHALOT_STORE_TIMEOUT", "5000".to_owned()),
    ]
}

/// A cache as another process with the same environment has it.
fn elsewhere() -> Cachalot {
    Cachalot::from_env().unwrap()
}

fn heard() -> Log {
    let log = Log::new();
    log.hear_all();
    log
}

/// An address where nothing listens yet.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn variable(name: &str) -> String {
    env::var(name).unwrap()
}

/// Runs a case with `variables` in its environment.
fn with(
    database: impl FnOnce() -> cachalot_tests::Database,
    variables: &[(&str, String)],
    case: impl FnOnce(&str),
) {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    apart::in_own_process(database, &variables, case);
}

#[cfg(feature = "sqlite")]
#[path = "."]
mod sqlite {
    use cachalot_tests::{schema::sqlite as schema, sqlite as db};
    use diesel::SqliteConnection as Plain;

    const DATABASE: &str = "sqlite";

    mod cases;
    mod pools;
}

#[cfg(feature = "postgres")]
#[path = "."]
mod postgres {
    use cachalot_tests::{postgres as db, schema::postgres as schema};
    use diesel::PgConnection as Plain;

    const DATABASE: &str = "postgres";

    mod cases;
    mod pools;
}

#[cfg(feature = "mysql")]
#[path = "."]
mod mysql {
    use cachalot_tests::{mysql as db, schema::mysql as schema};
    use diesel::MysqlConnection as Plain;

    const DATABASE: &str = "mysql";

    mod cases;
    mod pools;
}
