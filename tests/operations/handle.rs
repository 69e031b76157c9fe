//! The handle: invalidation by hand, what is known of it, signals, settings, several caches.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use cachalot_diesel::{BypassReason, Cachalot, Cacheable, CachedDsl as _, Outcome, disabled};
use cachalot_tests::{memcached, wait_until};
use diesel::{connection::SimpleConnection, prelude::*, result::Error};
use parking_lot::Mutex;

use super::schema::*;
use super::world::World;
use super::{Conn, DATABASE};

fn labels(conn: &mut Conn) -> Vec<String> {
    tags::table
        .order(tags::id)
        .select(tags::label)
        .cached(conn)
        .load()
        .unwrap()
}

fn add(conn: &mut Conn, label: &str) {
    diesel::insert_into(tags::table)
        .values(tags::label.eq(label))
        .execute(conn)
        .unwrap();
}

#[derive(Cacheable)]
#[diesel(table_name = tags)]
struct Tag;

#[test]
fn a01_a_change_by_another_client_is_seen_after_an_invalidation_by_hand() {
    for by in ["name", "model", "all", "another process"] {
        let mut world = World::new();
        assert_eq!(world.once(labels), Vec::<String>::new());
        add(&mut world.outsider(), "untrackable");
        assert_eq!(world.sent(labels).1, 0, "nobody has said so yet");
        match by {
            "name" => world.cache.invalidate(["Public.TAGS"]).unwrap(),
            "model" => world.cache.invalidate_model::<Tag>().unwrap(),
            "all" => world.cache.invalidate_all().unwrap(),
            _ => world.other_process().invalidate(["tags"]).unwrap(),
        }
        assert_eq!(
            world.sent(labels),
            (vec!["untrackable".to_owned()], 1),
            "by {by}"
        );
    }
}

diesel::table! {
    /// A name with what separates the parts of a name.
    #[sql_name = "we.ird"]
    dotted (id) {
        id -> Integer,
    }
}

#[derive(Cacheable)]
#[diesel(table_name = dotted)]
struct Dotted;

#[derive(Cacheable)]
#[cachalot(table = "public.\"we.ird\"")]
struct Written;

#[test]
fn a01_a_name_with_a_dot_is_the_models_own_and_is_quoted_by_hand() {
    let read =
        |conn: &mut Conn| -> i64 { dotted::table.count().cached(conn).get_result().unwrap() };
    let mut world = World::new();
    let mut outsider = world.outsider();
    let quote = if DATABASE == "mysql" { '`' } else { '"' };
    let name = format!("{quote}we.ird{quote}");
    let create = format!("CREATE TABLE {name} (id INTEGER NOT NULL PRIMARY KEY)");
    outsider.batch_execute(&create).unwrap();
    assert_eq!(world.once(read), 0);

    let insert = diesel::insert_into(dotted::table);
    insert
        .values(dotted::id.eq(1))
        .execute(&mut outsider)
        .unwrap();
    world.cache.invalidate(["we.ird"]).unwrap();
    assert_eq!(
        world.sent(read).1,
        0,
        "that is the table `ird` of a schema `we`"
    );
    world.cache.invalidate_model::<Dotted>().unwrap();
    assert_eq!(world.sent(read), (1, 1), "by model");

    world.cache.invalidate_model::<Written>().unwrap();
    assert_eq!(world.sent(read), (1, 1), "by a model that says its name");
    world.cache.invalidate([name]).unwrap();
    assert_eq!(world.sent(read), (1, 1), "by its name in quotes");

    let query = tags::table.count().cached(&mut world.conn);
    let explanation = query.depends_on::<Dotted>().explain().unwrap();
    assert_eq!(explanation.tables, ["tags", "we.ird"]);
}

#[test]
fn a02_the_last_invalidation_is_shared_by_all_processes() {
    let mut world = World::new();
    let other = world.other_process();
    assert_eq!(other.last_invalidation(["tags"]).unwrap(), None);
    labels(&mut world.conn);
    assert_eq!(
        other.last_invalidation(["tags"]).unwrap(),
        None,
        "a read is none"
    );

    let before = SystemTime::now() - Duration::from_millis(1);
    add(&mut world.conn, "a");
    let first = other.last_invalidation(["tags"]).unwrap().unwrap();
    assert!(before <= first && first <= SystemTime::now());
    assert_eq!(other.last_invalidation(["posts"]).unwrap(), None);
    assert_eq!(
        other.last_invalidation(["posts", "Tags"]).unwrap(),
        Some(first)
    );
}

#[test]
fn a03_inside_disabled_reads_ask_the_database_and_store_nothing() {
    let mut world = World::new();
    disabled(|| {
        assert_eq!(world.sent(labels).1, 1);
        assert_eq!(world.sent(labels).1, 1);
        add(&mut world.conn, "a");
    });
    assert_eq!(world.once(labels), ["a"]);
    disabled(|| add(&mut world.conn, "b"));
    assert_eq!(world.sent(labels).1, 1, "writes still invalidate");
}

#[test]
fn a03_disabled_nests_survives_a_panic_and_is_of_its_thread_alone() {
    let mut world = World::new();
    let mut elsewhere = world.reader();
    world.once(labels);
    disabled(|| {
        disabled(|| assert_eq!(world.sent(labels).1, 1));
        assert_eq!(world.sent(labels).1, 1, "still inside the outer one");
        std::thread::scope(|scope| {
            let other = scope.spawn(|| elsewhere.sent(labels).1);
            assert_eq!(other.join().unwrap(), 0, "another thread hits");
        });
    });
    let panicked = std::panic::catch_unwind(|| disabled(|| panic!("on purpose")));
    assert!(panicked.is_err());
    assert_eq!(world.sent(labels).1, 0, "restored");
}

#[test]
fn a04_the_signal_comes_once_per_transaction_after_its_commit() {
    let mut world = World::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    world
        .cache
        .on_invalidation(move |signal| sink.lock().push(signal.tables.clone()));
    labels(&mut world.conn);
    let _ = world.conn.transaction(|conn| {
        add(conn, "rolled back");
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert!(seen.lock().is_empty(), "neither a read nor a rollback");
    world
        .conn
        .transaction(|conn| {
            add(conn, "a");
            add(conn, "b");
            conn.batch_execute("UPDATE counters SET value = 1")?;
            assert!(seen.lock().is_empty(), "not before the commit");
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(*seen.lock(), [["counters".to_owned(), "tags".to_owned()]]);
}

#[test]
fn a05_explain_shows_the_columns_that_a_read_uses() {
    let mut world = World::new();
    let conn = &mut world.conn;
    let labels = tags::table.order(tags::id).select(tags::label);
    let explained = labels.cached(conn).explain().unwrap();
    assert_eq!(explained.tables, ["tags"]);
    assert_eq!(explained.dependencies, ["tags(id, label)"]);
    let text = explained.to_string();
    assert!(
        text.contains("; depends on tags(id, label); key "),
        "{text}"
    );

    let more = labels.cached(conn).depends_on_tables(["counters"]);
    let explained = more.explain().unwrap();
    assert_eq!(explained.dependencies, ["counters", "tags(id, label)"]);

    let counted = tags::table.count().cached(conn).explain().unwrap();
    assert_eq!(counted.dependencies, ["tags()"], "it uses no column");
    let star = diesel::dsl::sql::<diesel::sql_types::BigInt>(
        "SELECT COUNT(*) FROM (SELECT * FROM tags) AS t",
    );
    let star = star.cached(conn).explain().unwrap();
    assert_eq!(star.dependencies, ["tags"], "it uses all of them");
}

#[test]
fn a05_every_outcome_is_counted_and_explained() {
    let mut world = World::new();
    let explain = |conn: &mut Conn| {
        let query = tags::table.order(tags::id).select(tags::label);
        query.cached(conn).explain().unwrap().outcome
    };
    assert_eq!(explain(&mut world.conn), Outcome::Miss);
    assert_eq!(explain(&mut world.conn), Outcome::Miss, "it stores nothing");
    labels(&mut world.conn);
    assert_eq!(explain(&mut world.conn), Outcome::Hit);
    labels(&mut world.conn);
    let _: Vec<i32> = diesel::dsl::sql::<diesel::sql_types::Integer>("SELECT 1")
        .cached(&mut world.conn)
        .load()
        .unwrap();
    let stats = world.cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.stores), (1, 1, 1));
    assert_eq!(stats.bypasses.get("no_table"), Some(&1));
    assert!(stats.bytes_written > 0);
    assert_eq!(
        stats.bytes_read, stats.bytes_written,
        "what was explained is no read"
    );
    assert_eq!(stats.store_errors, 0);
}

#[test]
fn s02_a_disabled_cache_reads_past_itself_and_still_invalidates() {
    let mut world = World::new();
    assert_eq!(world.once(labels), Vec::<String>::new());
    let off = Cachalot::builder()
        .url(memcached::shared().url())
        .namespace(&world.namespace)
        .enabled(false)
        .build()
        .unwrap();
    let mut other = world.connect(&off);
    assert_eq!(other.sent(labels).1, 1);
    assert_eq!(other.sent(labels).1, 1);
    add(&mut other.conn, "a");
    assert_eq!(world.sent(labels), (vec!["a".to_owned()], 1));
}

#[test]
fn s03_excluded_tables_are_not_cached_and_exclusion_wins() {
    let url = memcached::shared().url();
    let settings: [fn(cachalot_diesel::Builder) -> cachalot_diesel::Builder; 3] = [
        |builder| builder.uncacheable_tables(["Tags"]),
        |builder| builder.only_tables(["posts"]),
        |builder| builder.only_tables(["tags"]).uncacheable_tables(["tags"]),
    ];
    for setting in settings {
        let mut world = World::with(url.clone(), setting);
        assert_eq!(world.sent(labels).1, 1);
        assert_eq!(world.sent(labels).1, 1);
    }
    let mut world = World::with(url.clone(), |builder| builder.only_tables(["tags"]));
    world.once(labels);

    let mut world = World::with(url, |builder| builder.uncacheable_tables(["tags"]));
    world
        .cache
        .on_invalidation(|signal| panic!("nothing can be invalid: {signal:?}"));
    add(&mut world.conn, "a");
    assert_eq!(world.cache.stats().invalidations, 0);
}

#[test]
fn s04_an_entry_expires_after_its_time_to_live() {
    let day = Duration::from_secs(86_400);
    for ttl in [Duration::ZERO, 40 * day, 20_000 * day] {
        let mut world = World::with(memcached::shared().url(), |builder| builder.ttl(ttl));
        world.once(labels);
        let (_, sent) = world.sent(labels);
        assert_eq!(sent, 0, "{ttl:?}");
    }
    let mut world = World::new();
    let short = |conn: &mut Conn| -> Vec<String> {
        tags::table
            .select(tags::label)
            .cached(conn)
            .ttl(Duration::from_secs(1))
            .load()
            .unwrap()
    };
    short(&mut world.conn);
    wait_until("the entry has expired", Duration::from_secs(20), || {
        world.sent(short).1 == 1
    });
}

/// No other test reads this table, as the model's settings hold for the whole process.
#[derive(Cacheable)]
#[diesel(table_name = walks)]
#[cachalot(ttl = "1s")]
struct Walk;

#[test]
fn s04_a_models_time_to_live_holds_for_every_read_of_its_table() {
    let mut world = World::new();
    assert_eq!(Walk::tables(), ["walks"]);
    let read = |conn: &mut Conn| -> Vec<i32> {
        walks::table.select(walks::id).cached(conn).load().unwrap()
    };
    let longer = |conn: &mut Conn| -> Vec<i32> {
        let query = walks::table.select(walks::id).order(walks::id);
        query
            .cached(conn)
            .ttl(Duration::from_secs(600))
            .load()
            .unwrap()
    };
    read(&mut world.conn);
    longer(&mut world.conn);
    wait_until("the entry has expired", Duration::from_secs(20), || {
        world.sent(read).1 == 1
    });
    assert_eq!(
        world.sent(longer).1,
        0,
        "the query's own word counts for more"
    );
}

#[test]
fn r01_a_pools_connections_are_watched_too() {
    use diesel::r2d2::{ConnectionManager, Pool};

    let mut world = World::new();
    let manager = ConnectionManager::<Conn>::new(world.database.url());
    let pool = Pool::builder().max_size(1).build(manager).unwrap();
    let query = || tags::table.order(tags::id).select(tags::label);
    {
        let mut conn = pool.get().unwrap();
        world.cache.watch(&mut conn).unwrap();
        let rows: Vec<String> = query().cached(&mut conn).load().unwrap();
        assert_eq!(rows, Vec::<String>::new());
        assert_eq!(
            query().cached(&mut conn).explain().unwrap().outcome,
            Outcome::Hit
        );
    }
    assert_eq!(
        world.sent(labels).1,
        0,
        "the same entry as a plain connection's"
    );
    let mut conn = pool.get().unwrap();
    conn.transaction(|conn| {
        diesel::insert_into(tags::table)
            .values(tags::label.eq("pooled"))
            .execute(conn)
    })
    .unwrap();
    assert_eq!(world.sent(labels), (vec!["pooled".to_owned()], 1));
    let rows: Vec<String> = query().cached(&mut conn).load().unwrap();
    assert_eq!(rows, ["pooled"]);
}

#[test]
fn several_caches_live_side_by_side() {
    let mut world = World::new();
    let namespace = format!("{}-other", world.namespace);
    let builder = || Cachalot::builder().store_timeout(Duration::from_secs(5));
    let elsewhere = builder()
        .url(memcached::shared().url())
        .namespace(namespace)
        .build()
        .unwrap();
    let in_process = builder().url("memory://").build().unwrap();
    let mut readers = [world.connect(&elsewhere), world.connect(&in_process)];
    let clone = in_process.clone();
    let heard = Arc::new(Mutex::new(0));
    let count = Arc::clone(&heard);
    clone.on_invalidation(move |_| *count.lock() += 1);

    world.once(labels);
    for reader in &mut readers {
        assert_eq!(reader.sent(labels).1, 1, "an entry of its own");
        assert_eq!(reader.sent(labels).1, 0);
    }
    in_process.invalidate(["tags"]).unwrap();
    assert_eq!(*heard.lock(), 1, "a clone is the same cache");
    assert_eq!(world.sent(labels).1, 0, "the others have heard of nothing");
    assert_eq!(readers[0].sent(labels).1, 0);
    assert_eq!(readers[1].sent(labels).1, 1);
    let invalidations = |cache: &Cachalot| cache.stats().invalidations;
    assert_eq!(
        [&world.cache, &elsewhere, &in_process, &clone].map(invalidations),
        [0, 0, 1, 1]
    );

    // A write is heard by every cache that watches its connection, and by no other.
    in_process.watch(&mut world.conn).unwrap();
    add(&mut world.conn, "a");
    assert_eq!(
        [&world.cache, &elsewhere, &in_process].map(invalidations),
        [1, 0, 2]
    );
    assert_eq!(readers[1].sent(labels), (vec!["a".to_owned()], 1));
    drop((in_process, readers));
    let mut after = world.connect(&clone);
    assert_eq!(
        after.sent(labels).1,
        0,
        "it lives as long as its last clone"
    );
}

#[test]
fn m01_two_databases_do_not_share_entries() {
    let mut one = World::new();
    let mut other = World::new();
    one.cache.watch(&mut other.conn).unwrap();
    add(&mut one.conn, "one");
    add(&mut other.conn, "other");
    assert_eq!(labels(&mut one.conn), ["one"]);
    assert_eq!(labels(&mut other.conn), ["other"]);
    assert_eq!(labels(&mut one.conn), ["one"]);
}

#[test]
fn m02_transactions_of_two_databases_are_apart() {
    let mut outer = World::new();
    let mut inner = World::new();
    outer.once(labels);
    inner.once(labels);
    let result = outer.conn.transaction(|conn| {
        add(conn, "outer");
        inner
            .conn
            .transaction(|conn| {
                add(conn, "inner");
                Ok::<_, Error>(())
            })
            .unwrap();
        assert_eq!(labels(&mut inner.conn), ["inner"]);
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(result, Err(Error::RollbackTransaction));
    assert_eq!(outer.sent(labels), (Vec::new(), 0));
    assert_eq!(inner.sent(labels), (vec!["inner".to_owned()], 0));
}

#[test]
fn m04_two_namespaces_on_one_store_do_not_meet() {
    let mut world = World::new();
    world.once(labels);
    let stranger = Cachalot::builder()
        .url(memcached::shared().url())
        .namespace(format!("{}-other", world.namespace))
        .build()
        .unwrap();
    stranger.invalidate_all().unwrap();
    stranger.invalidate(["tags"]).unwrap();
    assert_eq!(world.sent(labels).1, 0);
    let mut other = world.connect(&stranger);
    assert_eq!(other.sent(labels).1, 1, "an entry of its own");
}

#[test]
fn x05_a_bypass_names_no_bind_value() {
    let mut world = World::new();
    let explanation = tags::table
        .filter(tags::label.eq("s3cret"))
        .select(tags::label)
        .cached(&mut world.conn)
        .explain()
        .unwrap();
    assert!(!format!("{explanation} {explanation:?}").contains("s3cret"));
    assert!(!matches!(
        explanation.outcome,
        Outcome::Bypass(BypassReason::Unparsed)
    ));
}
