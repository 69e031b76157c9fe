//! What the library's own threads tell, and what it tells once: heard in a process of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]

use std::time::Duration;

use cachalot_diesel::{CacheConnection, prelude::*};
use cachalot_tests::{
    Counter, Database, log::Log, memcached, mysql, postgres, schema::sqlite::tags, sqlite, unique,
    wait_until,
};
use diesel::{connection::SimpleConnection, dsl::sql, prelude::*, sql_types::BigInt};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// For its settings, which are told when the first query is read.
#[derive(Cacheable)]
#[diesel(table_name = tags)]
struct Tag;

fn count(conn: &mut SqliteConnection) -> i64 {
    tags::table.count().cached(conn).get_result().unwrap()
}

/// Reads of two caches on connections to a database whose catalog cannot be read. Returns what was told.
fn unreadable<C: CacheConnection>(
    log: &Log,
    snapshotter: &Snapshotter,
    connect: impl Fn() -> C,
    read: impl Fn(&mut C) -> Vec<i64>,
) -> Vec<String> {
    let before = log.named("cachalot.catalog_unknown").len();
    snapshotter.snapshot();
    for _ in 0..2 {
        let cache = Cachalot::builder().url("memory://").build().unwrap();
        let mut conn = connect();
        cache.watch(&mut conn).unwrap();
        assert_eq!(read(&mut conn), [0; 0]);
        let stats = cache.stats();
        assert_eq!(stats.catalog_errors, 1, "{stats:?}");
        assert_eq!(stats.bypasses.get("catalog_unknown"), Some(&1), "{stats:?}");
    }
    let mut metrics = snapshotter.snapshot().into_vec().into_iter();
    let errors = metrics.find(|(key, ..)| key.key().name() == "cachalot_catalog_errors_total");
    assert_eq!(
        errors.map(|(.., value)| value),
        Some(DebugValue::Counter(2))
    );
    log.named("cachalot.catalog_unknown").split_off(before)
}

/// Asserts that an error was told twice, and that only the first time was a warning.
#[track_caller]
fn assert_warned_once(told: &[String], error: &str) {
    let levels: Vec<_> = told
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(levels, ["WARN", "DEBUG"], "{told:?}");
    for line in told {
        assert!(line.contains(error), "the error: {line}");
        assert!(line.contains("`cachalot doctor`"), "the remedy: {line}");
    }
}

fn an_unreadable_catalog_is_warned_of_once(log: &Log, snapshotter: &Snapshotter) {
    let query = || sql::<BigInt>("SELECT id FROM tags WHERE id = 1");
    let database = postgres::database();
    // A server has its accounts for all databases, and a database its own catalog.
    let account = unique::name("unreadable");
    let mut owner = postgres::establish(database.url());
    owner
        .batch_execute(&format!(
            "CREATE ROLE {account} LOGIN PASSWORD 'secret'; GRANT SELECT ON tags TO {account}; \
             REVOKE SELECT ON pg_catalog.pg_trigger FROM PUBLIC"
        ))
        .unwrap();
    let (_, place) = database.url().split_once('@').unwrap();
    let url = format!("postgres://{account}:secret@{place}");
    let connect = || postgres::establish(&url);
    let told = unreadable(log, snapshotter, connect, |conn| {
        query().cached(conn).load().unwrap()
    });
    owner
        .batch_execute(&format!("DROP OWNED BY {account}; DROP ROLE {account}"))
        .unwrap();
    assert_warned_once(&told, "pg_trigger");

    let database = mysql::database();
    let error = if mysql::is_mysql() {
        "MAX_JOIN_SIZE"
    } else {
        "no such grant"
    };
    let told = unreadable(
        log,
        snapshotter,
        || of_mysql(&database, &account),
        |conn| query().cached(conn).load().unwrap(),
    );
    assert_warned_once(&told, error);
}

/// A connection on which MySQL refuses a query of its catalog as too large, or MariaDB one of the account's
/// privileges.
fn of_mysql(database: &Database, account: &str) -> MysqlConnection {
    let mut owner = mysql::establish(database.url());
    if mysql::is_mysql() {
        owner.batch_execute("SET max_join_size = 100").unwrap();
        return owner;
    }
    owner
        .batch_execute(&format!(
            "CREATE USER {account}; GRANT SELECT ON *.* TO {account}"
        ))
        .unwrap();
    let (_, place) = database.url().split_once('@').unwrap();
    let conn = mysql::establish(&format!("mysql://{account}@{place}"));
    owner
        .batch_execute(&format!("DROP USER {account}"))
        .unwrap();
    conn
}

/// One test, as its steps share the process's listener and its installed cache.
#[test]
fn what_happens_on_other_threads_or_once_is_told_too() {
    let log = Log::new();
    log.hear_all();
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install().unwrap();
    let database = sqlite::database();
    assert_eq!(Tag::tables(), ["tags"]);
    an_unreadable_catalog_is_warned_of_once(&log, &snapshotter);

    let mut early = sqlite::establish(database.url());
    count(&mut early);
    count(&mut early);
    assert_eq!(
        log.named("cachalot.not_installed"),
        [
            "WARN event cachalot.not_installed \"no cache is installed: reads go to the database; \
             call `cachalot_diesel::install()` before connecting\" in cachalot.read"
        ]
    );

    let server = memcached::start(&[]);
    let cache = Cachalot::builder().url(server.url()).build().unwrap();
    cache.install().unwrap();
    count(&mut early);
    // From here on the tables of the database are known, to whoever connects by its URL.
    count(&mut sqlite::establish(database.url()));
    let mut foreign = sqlite::establish(database.url());
    foreign.set_instrumentation(Counter::new().instrumentation());
    count(&mut foreign);
    assert_eq!(log.named("cachalot.watched_late").len(), 1);
    assert_eq!(log.named("cachalot.not_watched").len(), 1);
    assert_eq!(
        log.named("cachalot.model"),
        [r#"TRACE event cachalot.model "model registered" model=Tag table=tags in cachalot.read"#]
    );

    server.stop();
    let mut conn = sqlite::establish(database.url());
    let insert = diesel::insert_into(tags::table);
    insert
        .values(tags::label.eq("a"))
        .execute(&mut conn)
        .unwrap();
    let address = server.address();
    assert_eq!(log.named("cachalot.server_failed").len(), 1);
    let failed = &log.named("cachalot.server_failed")[0];
    assert!(
        failed.starts_with(
            "WARN event cachalot.server_failed \
             \"a memcached server failed; not using it until it answers again\" error="
        ) && failed.contains(&format!(" server={address}")),
        "{failed}"
    );
    // A snapshot takes what was counted with it.
    let since = || {
        let mut metrics = snapshotter.snapshot().into_vec().into_iter();
        let pending =
            metrics.find(|(key, ..)| key.key().name() == "cachalot_pending_invalidations");
        pending.map(|(.., value)| value)
    };
    assert_eq!(since(), Some(DebugValue::Gauge(1.0.into())));
    assert_eq!(log.named("cachalot.delivered"), [""; 0]);

    server.start();
    for name in ["cachalot.delivered", "cachalot.server_back"] {
        wait_until(name, WAIT_TIMEOUT, || !log.named(name).is_empty());
    }
    assert_eq!(
        log.named("cachalot.delivered"),
        [r#"INFO event cachalot.delivered "a pending invalidation was delivered" tables=tags"#]
    );
    assert_eq!(
        log.named("cachalot.server_back"),
        [format!(
            r#"INFO event cachalot.server_back "the memcached server answers again" server={address}"#
        )]
    );
    assert_eq!(since(), Some(DebugValue::Gauge((-1.0).into())));

    let documented = include_str!("../../docs/observability.md");
    for name in log.names("cachalot") {
        assert!(documented.contains(&format!("| `{name}` |")), "{name}");
    }
}
