//! Each reason to ask the database is explained and counted by its name, and explaining changes nothing.

use std::time::Duration;

use cachalot_diesel::{Builder, BypassReason, CachalotConnection, Command, Outcome, disabled};
use cachalot_tests::{gate::Gated, memcached};
use diesel::{connection::SimpleConnection as _, prelude::*, sql_query, sql_types::Integer};

use super::CachedDsl as _;
use super::Conn;
use super::connections::COUNTS_WRITES;
use super::dialect::{ABSENT_REASONS, BEGIN_SNAPSHOT, BYPASSED, CATALOGS, RANDOM, here};
use super::schema::tags;
use super::world::World;
use super::world::store;

const READ: &str = "SELECT id FROM tags";

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    #[allow(dead_code, reason = "what is read does not matter here")]
    id: i32,
}

/// The read goes past the cache for this reason.
#[track_caller]
fn bypasses(world: &mut World, sql: &str, reason: &str) {
    let explain = |conn: &mut Conn| sql_query(sql).cached(conn).explain().unwrap();
    let before = world.cache.stats();
    let (explained, sent) = world.sent(|conn| [explain(conn), explain(conn)]);
    assert_eq!(explained[0], explained[1], "{reason}");
    let Outcome::Bypass(why) = &explained[0].outcome else {
        panic!("{reason}: {sql}: {}", explained[0]);
    };
    assert_eq!(why.name(), reason, "{sql}");
    assert_eq!(
        explained[0]
            .to_string()
            .matches(&format!("bypass: {why}"))
            .count(),
        1
    );
    assert_eq!(sent, 0, "explaining asks nothing: {sql}");
    let mut after = world.cache.stats();
    if reason == "store_unavailable" {
        // The store was asked, and did not answer.
        after.store_errors = before.store_errors;
    }
    assert_eq!(after, before, "and counts nothing: {sql}");
    counts(world, sql, reason);
}

/// Reading it is one statement and is counted under this reason, and nothing is stored.
#[track_caller]
fn counts(world: &mut World, sql: &str, reason: &str) {
    let before = world.cache.stats();
    // Some are refused by the database, which is asked all the same.
    let (_, sent) = world.sent(|conn| sql_query(sql).cached(conn).load::<Id>());
    assert_eq!(sent, 1, "{sql}");
    let after = world.cache.stats();
    let of = |stats: &cachalot_diesel::Stats| stats.bypasses.get(reason).copied().unwrap_or(0);
    let counted = COUNTS_WRITES || reason != "not_select";
    let counted = u64::from(counted);
    assert_eq!(of(&after), of(&before) + counted, "{reason}: {sql}");
    assert_eq!(
        (after.hits, after.stores),
        (before.hits, before.stores),
        "{reason}"
    );
}

/// A world with a tag, and the session as `setup` leaves it.
fn world(setup: &str, settings: impl FnOnce(Builder) -> Builder) -> World {
    let mut world = World::with(memcached::shared().url(), settings);
    diesel::insert_into(tags::table)
        .values((tags::id.eq(1), tags::label.eq("a")))
        .execute(&mut world.conn)
        .unwrap();
    if !setup.is_empty() {
        world.conn.batch_execute(setup).unwrap();
    }
    world
}

fn plain(setup: &str) -> World {
    world(setup, |builder| builder)
}

fn disabled_reads() {
    bypasses(
        &mut world("", |builder| builder.enabled(false)),
        READ,
        "disabled",
    );
    let mut world = plain("");
    disabled(|| bypasses(&mut world, READ, "disabled"));
}

fn excluded_tables() {
    let excluded = |builder: Builder| builder.uncacheable_tables(["tags"]);
    bypasses(&mut world("", excluded), READ, "excluded_table");
    let others = |builder: Builder| builder.only_tables(["posts"]);
    bypasses(&mut world("", others), READ, "excluded_table");
}

/// No cache watches the connection, so nothing can count it.
fn not_installed() {
    let world = plain("");
    let mut outsider = super::db::establish(world.database.url());
    let explanation = sql_query(READ).cached(&mut outsider).explain().unwrap();
    let Outcome::Bypass(why) = explanation.outcome else {
        panic!("{explanation}");
    };
    assert_eq!(why.name(), "not_installed");
}

fn writers_in_flight() {
    let mut world = plain("");
    bypasses_none(&mut world);
    let gate = Gated::new(store(memcached::shared()));
    let process = cachalot_diesel::Cachalot::builder()
        .store(gate.clone())
        .namespace(&world.namespace)
        .build()
        .unwrap();
    let mut writer = world.connect(&process);
    let ends = |command: &Command<'_>| {
        let calm = br#""writers":[]"#;
        matches!(command, Command::CompareAndSwap { value, .. } if value.windows(calm.len()).any(|w| w == calm))
    };
    gate.hold(ends);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| diesel::delete(tags::table).execute(&mut writer.conn));
        gate.wait_until_held();
        bypasses(&mut world, READ, "writer_in_flight");
        gate.release();
        assert_eq!(writing.join().unwrap(), Ok(1));
    });
}

fn stores_that_are_down() {
    let server = memcached::start(&[]);
    let mut world = World::at(server.url());
    bypasses_none(&mut world);
    server.stop();
    // The first read to notice is counted as an error of the store, too.
    counts(&mut world, READ, "store_unavailable");
    bypasses(&mut world, READ, "store_unavailable");
}

/// It is known when the rows have come.
fn large_results() {
    let mut world = world("", |builder| builder.max_value_bytes(1));
    let explanation = sql_query(READ).cached(&mut world.conn).explain().unwrap();
    assert_eq!(explanation.outcome, Outcome::Miss);
    counts(&mut world, READ, "too_large");
}

/// So is that their maximum age has passed meanwhile.
fn expired_results() {
    let mut world = world("", |builder| builder.ttl(Duration::from_nanos(1)));
    let explanation = sql_query(READ).cached(&mut world.conn).explain().unwrap();
    assert_eq!(explanation.outcome, Outcome::Miss);
    counts(&mut world, READ, "expired");
}

/// The read is cached as any, and explaining it changes nothing either.
#[track_caller]
fn bypasses_none(world: &mut World) {
    let explain = |conn: &mut Conn| sql_query(READ).cached(conn).explain().unwrap();
    let read = |conn: &mut Conn| sql_query(READ).cached(conn).load::<Id>().unwrap();
    for outcome in [Outcome::Miss, Outcome::Hit] {
        let before = world.cache.stats();
        for _ in 0..2 {
            let (explanation, sent) = world.sent(explain);
            assert_eq!((explanation.outcome, sent), (outcome.clone(), 0));
        }
        assert_eq!(world.cache.stats(), before, "{outcome:?}");
        world.sent(read);
    }
}

#[test]
fn a05_every_reason_is_explained_and_counted_and_explaining_changes_nothing() {
    let mut reached = Vec::new();
    let mut reach = |reason: &'static str, read: &dyn Fn()| {
        read();
        reached.push(reason);
    };
    let volatile = format!("SELECT id FROM tags WHERE {RANDOM} < 2");
    let random = format!("SELECT id FROM tags ORDER BY {RANDOM}");
    let catalog = format!("SELECT 1 AS id FROM {}", CATALOGS[0]);
    let everywhere = [
        (
            "not_select",
            "",
            "INSERT INTO tags VALUES (2, 'b') RETURNING id",
        ),
        (
            "several_statements",
            "",
            "SELECT id FROM tags; SELECT id FROM tags",
        ),
        ("row_lock", "", "SELECT id FROM tags FOR UPDATE"),
        ("volatile_function", "", &*volatile),
        ("random_order", "", &*random),
        ("system_catalog", "", &*catalog),
        (
            "temporary_table",
            "CREATE TEMPORARY TABLE mine (id INTEGER)",
            "SELECT id FROM mine",
        ),
        ("no_table", "", "SELECT 1 AS id"),
        (
            "unparsed",
            "",
            "SELECT id FROM tags WHERE label = 'it never ends",
        ),
        ("old_snapshot", BEGIN_SNAPSHOT, READ),
    ];
    let own = BYPASSED
        .iter()
        .map(|(reason, setup, sql)| (*reason, *setup, here(sql)));
    for (reason, setup, sql) in everywhere.into_iter().chain(own) {
        reach(reason, &|| bypasses(&mut plain(setup), sql, reason));
    }
    reach("disabled", &disabled_reads);
    reach("excluded_table", &excluded_tables);
    reach("not_installed", &not_installed);
    reach("inner_connection", &reads_of_the_inner_connection);
    reach("writer_in_flight", &writers_in_flight);
    reach("store_unavailable", &stores_that_are_down);
    reach("too_large", &large_results);
    reach("expired", &expired_results);

    reached.extend(ABSENT_REASONS);
    reached.sort_unstable();
    reached.dedup();
    assert_eq!(reached, all_reasons(), "the reasons that the library knows");
}

fn reads_of_the_inner_connection() {
    let world = World::new();
    let conn = super::db::establish(world.database.url());
    let mut conn = CachalotConnection::new(conn, &world.cache).unwrap();
    let read = cachalot_diesel::CachedDsl::cached(sql_query(READ), conn.inner_mut());
    let explanation = read.explain().unwrap();
    assert_eq!(
        explanation.outcome,
        Outcome::Bypass(BypassReason::InnerConnection)
    );
}

/// The names of the library's reasons, from its source: it can list none, and none may be forgotten.
fn all_reasons() -> Vec<&'static str> {
    let source = include_str!("../../cachalot-diesel/src/bypass.rs");
    let names = source.lines().filter_map(|line| {
        let name = line.trim().strip_prefix("Self::")?.split_once("=> \"")?.1;
        name.strip_suffix("\",")
    });
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}
