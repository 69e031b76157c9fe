//! `.cached()` in async programs, through the pools and wrappers that run Diesel's connections on
//! threads that may block.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]
#![allow(
    clippy::duplicate_mod,
    reason = "the same cases for each database, by its own types"
)]

use std::{future::Future, sync::OnceLock};

use cachalot_diesel::Cachalot;
use cachalot_tests::Database;
use parking_lot::Mutex;

/// Runs one test at a time, with its database's migrations: the installed cache is one for the
/// process, it sees them all, and their tables have the same names.
fn run(database: impl FnOnce() -> Database, test: impl AsyncFnOnce(&str)) {
    static TURN: Mutex<()> = Mutex::new(());
    static CACHE: OnceLock<Cachalot> = OnceLock::new();

    let _turn = TURN.lock();
    CACHE.get_or_init(|| {
        let cache = Cachalot::builder().url("memory://").build().unwrap();
        cache.install().unwrap();
        cache
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let database = database();
    runtime.block_on(test(database.url()));
}

/// Polls a future once and drops it, as a request that its client gives up.
async fn give_up<T>(future: impl Future<Output = T>) {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        std::task::Poll::Ready(())
    })
    .await;
}

#[cfg(feature = "sqlite")]
mod wrapped_sqlite;

#[cfg(feature = "sqlite")]
#[path = "."]
mod sqlite {
    use cachalot_tests::{schema::sqlite as schema, sqlite as db};
    use diesel::SqliteConnection as Conn;

    mod cases;
    mod typed;
}

#[cfg(feature = "postgres")]
#[path = "."]
mod postgres {
    use cachalot_tests::{postgres as db, schema::postgres as schema};
    use diesel::PgConnection as Conn;

    mod cases;
    mod typed;
}

#[cfg(feature = "mysql")]
#[path = "."]
mod mysql {
    use cachalot_tests::{mysql as db, schema::mysql as schema};
    use diesel::MysqlConnection as Conn;

    mod cases;
    mod typed;
}
