//! What the library's own threads tell, and what it tells once: heard in a process of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]

use std::time::Duration;

use cachalot_diesel::prelude::*;
use cachalot_tests::{Counter, log::Log, memcached, schema::sqlite::tags, sqlite, wait_until};
use diesel::prelude::*;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

const SOON: Duration = Duration::from_secs(60);

/// For its settings, which are told when the first query is read.
#[derive(Cacheable)]
#[diesel(table_name = tags)]
struct Tag;

fn count(conn: &mut SqliteConnection) -> i64 {
    tags::table.count().cached(conn).get_result().unwrap()
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
        wait_until(name, SOON, || !log.named(name).is_empty());
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
