//! What a program can see of its cache: events and spans of `tracing`, and metrics; their names and
//! fields are those of `docs/observability.md`.

use std::collections::BTreeMap;

use cachalot_diesel::{CachedDsl as _, disabled};
use cachalot_tests::{log::Line, log::Log, memcached};
use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::Conn;
use super::schema::{counters, tags};
use super::world::World;

fn labels(conn: &mut Conn) -> Vec<String> {
    let query = tags::table.order(tags::id).select(tags::label);
    query.cached(conn).load().unwrap()
}

fn add(conn: &mut Conn, label: &str) -> QueryResult<usize> {
    let insert = diesel::insert_into(tags::table);
    insert.values(tags::label.eq(label)).execute(conn)
}

/// A world that has read before: what is told once in a process has been told.
fn world_at(url: String) -> World {
    let mut world = World::at(url);
    let query = counters::table
        .select(counters::value)
        .cached(&mut world.conn);
    assert_eq!(query.load::<i64>().unwrap(), [0; 0]);
    world
}

/// The library's own lines.
fn displayed(lines: &[Line]) -> Vec<String> {
    let own = lines.iter().filter(|line| line.target() == "cachalot");
    own.map(ToString::to_string).collect()
}

#[test]
fn a_cached_read_tells_whether_it_hit() {
    let mut world = world_at(memcached::shared().url());
    let log = Log::new();
    let before = world.cache.stats().bytes_written;
    let ((), lines) = log.during(|| {
        assert_eq!(labels(&mut world.conn), Vec::<String>::new());
    });
    let bytes = world.cache.stats().bytes_written - before;
    assert_eq!(
        displayed(&lines),
        [
            r#"TRACE event cachalot.miss "miss" tables=tags in cachalot.read"#,
            &format!(r#"TRACE event cachalot.stored "stored" bytes={bytes} in cachalot.read"#),
            "DEBUG span cachalot.read outcome=miss tables=tags",
        ]
    );
    let (_, lines) = log.during(|| labels(&mut world.conn));
    assert_eq!(
        displayed(&lines),
        [
            &format!(
                r#"TRACE event cachalot.hit "hit" bytes={bytes} tables=tags in cachalot.read"#
            ),
            "DEBUG span cachalot.read outcome=hit tables=tags",
        ]
    );
    let (_, lines) = log.during(|| {
        let query = tags::table.inner_join(counters::table.on(counters::id.eq(tags::id)));
        query.count().cached(&mut world.conn).explain().unwrap();
    });
    assert_eq!(displayed(&lines), [""; 0], "to explain is no read");
}

#[test]
fn a_cached_read_tells_why_it_went_past_the_cache() {
    let mut world = world_at(memcached::shared().url());
    let log = Log::new();
    let (_, lines) = log.during(|| disabled(|| labels(&mut world.conn)));
    assert_eq!(
        displayed(&lines),
        [
            r#"DEBUG event cachalot.bypass "bypass" reason=disabled tables=tags in cachalot.read"#,
            "DEBUG span cachalot.read outcome=bypass reason=disabled tables=tags",
        ]
    );

    let mut world = World::with(memcached::shared().url(), |it| it.max_value_bytes(10));
    add(&mut world.conn, "longer than ten bytes").unwrap();
    let (_, lines) = log.during(|| labels(&mut world.conn));
    assert_eq!(
        displayed(&lines),
        [
            r#"TRACE event cachalot.miss "miss" tables=tags in cachalot.read"#,
            r#"DEBUG event cachalot.bypass "bypass" reason=too_large tables=tags in cachalot.read"#,
            "DEBUG span cachalot.read outcome=miss reason=too_large tables=tags",
        ]
    );
}

#[test]
fn a_write_tells_what_it_invalidated_and_why() {
    let mut world = world_at(memcached::shared().url());
    let log = Log::new();
    let (done, lines) = log.during(|| {
        world.conn.transaction(|conn| {
            add(conn, "a")?;
            diesel::delete(counters::table).execute(conn)
        })
    });
    assert_eq!(done, Ok(0));
    assert_eq!(
        displayed(&lines),
        [
            "DEBUG span cachalot.begin tables=counters, tags",
            r#"DEBUG event cachalot.invalidated "invalidated" reason=write tables=counters, tags in cachalot.end"#,
            "DEBUG span cachalot.end published=true tables=counters, tags",
        ]
    );
    let (done, lines) = log.during(|| {
        world.conn.transaction(|conn| {
            add(conn, "b")?;
            Err::<(), _>(Error::RollbackTransaction)
        })
    });
    assert_eq!(done, Err(Error::RollbackTransaction));
    assert_eq!(displayed(&lines), [""; 0], "nothing was made visible");
    let (done, lines) = log.during(|| {
        let insert = "INSERT INTO counters (id, value) VALUES (1, NULL)";
        world.conn.batch_execute(insert)
    });
    assert!(done.is_err());
    let ends = displayed(&lines);
    assert_eq!(ends[0], "DEBUG span cachalot.begin tables=counters");

    let (done, lines) = log.during(|| world.cache.invalidate_all());
    done.unwrap();
    assert_eq!(
        displayed(&lines),
        [
            "DEBUG span cachalot.begin tables=*",
            r#"DEBUG event cachalot.invalidated "invalidated" reason=requested tables=* in cachalot.end"#,
            "DEBUG span cachalot.end published=true tables=*",
        ]
    );
}

#[test]
fn a_store_that_does_not_answer_is_told_of() {
    let server = memcached::start(&[]);
    let mut world = world_at(server.url());
    server.stop();
    let log = Log::new();
    let (_, lines) = log.during(|| {
        labels(&mut world.conn);
        add(&mut world.conn, "a").unwrap();
    });
    let name = |line: &String| line.split(' ').nth(2).map(str::to_owned);
    let mut names: Vec<_> = displayed(&lines).iter().filter_map(name).collect();
    // Whether the connection that is still open fails first is the system's choice.
    names.dedup();
    assert_eq!(
        names,
        [
            "cachalot.server_failed",
            "cachalot.store_error",
            "cachalot.bypass",
            "cachalot.read",
            "cachalot.store_error",
            "cachalot.unannounced",
            "cachalot.begin",
            "cachalot.store_error",
            "cachalot.undelivered",
            "cachalot.invalidated",
            "cachalot.end",
        ]
    );
    let address = server.address();
    let error = format!("the store did not answer: the circuit breaker of {address} is open");
    assert_eq!(
        log.named("cachalot.undelivered"),
        [format!(
            r#"ERROR event cachalot.undelivered "an invalidation is not delivered yet" error={error} tables=tags in cachalot.end"#
        )]
    );
    assert_eq!(
        log.named("cachalot.unannounced"),
        [format!(
            r#"WARN event cachalot.unannounced "a write could not be announced to the store" error={error} tables=tags in cachalot.begin"#
        )]
    );
    assert!(log.named("cachalot.store_error").iter().any(|line| *line
        == format!(
            r#"DEBUG event cachalot.store_error "a store command failed" commands=3 error={error} in cachalot.begin"#
        )));
}

/// Each metric's name and label with what it counted.
fn counted(snapshotter: &Snapshotter) -> BTreeMap<String, f64> {
    let metrics = snapshotter.snapshot().into_vec();
    let value = |value| match value {
        #[allow(clippy::cast_precision_loss, reason = "no test counts so far")]
        DebugValue::Counter(count) => count as f64,
        DebugValue::Gauge(level) => level.into_inner(),
        #[allow(clippy::cast_precision_loss, reason = "no test counts so far")]
        DebugValue::Histogram(values) => values.len() as f64,
    };
    let name = |key: &metrics::Key| {
        let labels = key
            .labels()
            .map(|label| format!(" {}={}", label.key(), label.value()));
        labels.fold(key.name().to_owned(), |name, label| name + &label)
    };
    metrics
        .into_iter()
        .map(|(key, _, _, counted)| (name(key.key()), value(counted)))
        .collect()
}

#[test]
fn metrics_count_what_stats_count() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let server = memcached::start(&[]);
    metrics::with_local_recorder(&recorder, || {
        let mut world = World::at(server.url());
        labels(&mut world.conn);
        labels(&mut world.conn);
        labels(&mut world.conn);
        disabled(|| labels(&mut world.conn));
        add(&mut world.conn, "a").unwrap();
        let all = diesel::update(tags::table);
        all.set(tags::label.eq("renamed"))
            .execute(&mut world.conn)
            .unwrap();
        world.cache.invalidate(["tags"]).unwrap();
        let (stats, counted) = (world.cache.stats(), counted(&snapshotter));
        let exchanges = counted["cachalot_store_seconds"];
        assert!(
            exchanges >= 3.0,
            "one for each read at the least: {exchanges}"
        );
        let expected = [
            ("cachalot_bypasses_total reason=disabled", 1.0),
            ("cachalot_hits_total", 2.0),
            ("cachalot_invalidations_total reason=requested", 1.0),
            ("cachalot_invalidations_total reason=write", 2.0),
            ("cachalot_misses_total", 1.0),
            ("cachalot_read_bytes_total", number(stats.bytes_read)),
            ("cachalot_store_seconds", exchanges),
            ("cachalot_stores_total", 1.0),
            ("cachalot_wide_invalidations_total", 2.0),
            ("cachalot_written_bytes_total", number(stats.bytes_written)),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(counted, BTreeMap::from(expected));
        assert_eq!((stats.hits, stats.misses, stats.stores), (2, 1, 1));
        assert_eq!((stats.invalidations, stats.wide_invalidations), (3, 2));

        server.stop();
        let errors = world.cache.stats().store_errors;
        labels(&mut world.conn);
        add(&mut world.conn, "b").unwrap();
        let errors = world.cache.stats().store_errors - errors;
        // A snapshot takes what was counted with it.
        let counted = self::counted(&snapshotter);
        assert_eq!(counted["cachalot_store_errors_total"], number(errors));
        assert_eq!(counted["cachalot_pending_invalidations"], 1.0);
        assert_eq!(
            counted["cachalot_bypasses_total reason=store_unavailable"],
            1.0
        );
    });
}

#[test]
fn each_metric_is_described() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let mut world = World::in_process();
        labels(&mut world.conn);
        labels(&mut world.conn);
        add(&mut world.conn, "a").unwrap();
    });
    let metrics = snapshotter.snapshot().into_vec();
    assert_eq!(metrics.len(), 8);
    for (key, _, description, _) in metrics {
        assert!(description.is_some_and(|text| !text.is_empty()), "{key:?}");
        let name = key.key().name();
        let documented = include_str!("../../docs/observability.md");
        assert!(documented.contains(&format!("| `{name}` |")), "{name}");
    }
}

fn number(count: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "no test counts so far")]
    let number = count as f64;
    number
}
