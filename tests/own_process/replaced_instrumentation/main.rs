//! Instrumentations that the program replaces after `install`: each case in a process of its own,
//! as Diesel's default is one for the process, and what is found out stays.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]
#![allow(
    clippy::duplicate_mod,
    reason = "the same cases for each database, by its own types"
)]

use std::{env, process::Command, thread};

use cachalot_tests::memcached;

/// The URL of the case's database, in its own process.
const DATABASE: &str = "CACHALOT_TEST_OWN_PROCESS_DATABASE";

/// Runs the calling test again in a process of its own, which does `case` with the database.
fn in_own_process(database: impl FnOnce() -> cachalot_tests::Database, case: impl FnOnce(&str)) {
    if let Ok(url) = env::var(DATABASE) {
        return case(&url);
    }
    let database = database();
    let thread = thread::current();
    let name = thread.name().unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name])
        .env(DATABASE, database.url())
        .env("CACHALOT_TEST_MEMCACHED_URL", memcached::shared().url())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(feature = "sqlite")]
#[path = "."]
mod sqlite {
    use cachalot_tests::{schema::sqlite as schema, sqlite as db};
    use diesel::SqliteConnection as Conn;

    mod cases;
}

#[cfg(feature = "postgres")]
#[path = "."]
mod postgres {
    use cachalot_tests::{postgres as db, schema::postgres as schema};
    use diesel::PgConnection as Conn;

    mod cases;
}

#[cfg(feature = "mysql")]
#[path = "."]
mod mysql {
    use cachalot_tests::{mysql as db, schema::mysql as schema};
    use diesel::MysqlConnection as Conn;

    mod cases;
}
