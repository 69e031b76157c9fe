use cachalot_diesel::{BypassReason, CacheConnection, Outcome, prelude::*};
use cachalot_tests::{Counter, log::Log, memcached, unique};
use diesel::{
    connection::set_default_instrumentation,
    prelude::*,
    r2d2::{ConnectionManager, Pool, PooledConnection},
};

use super::{
    super::apart::in_own_process,
    Conn, db,
    schema::tags::{self, label},
};

const REPLACED: Outcome = Outcome::Bypass(BypassReason::InstrumentationReplaced);

macro_rules! labels {
    ($conn:expr) => {
        tags::table
            .order(label)
            .select(label)
            .cached(&mut *$conn)
            .load::<String>()
            .unwrap()
    };
}

macro_rules! outcome {
    ($conn:expr) => {
        tags::table
            .order(label)
            .select(label)
            .cached(&mut *$conn)
            .explain()
            .unwrap()
            .outcome
    };
}

macro_rules! insert {
    ($conn:expr, $value:expr) => {
        diesel::insert_into(tags::table)
            .values(label.eq($value))
            .execute(&mut *$conn)
            .unwrap()
    };
}

fn cache(namespace: &str) -> Cachalot {
    let builder = Cachalot::builder().url(memcached::shared().url());
    builder.namespace(namespace).build().unwrap()
}

/// A connection of what could be another process: it has a cache of its own on the same store.
fn elsewhere(url: &str, namespace: &str) -> Conn {
    let mut conn = db::establish(url);
    cache(namespace).watch(&mut conn).unwrap();
    conn
}

fn heard() -> Log {
    let log = Log::new();
    log.hear_all();
    log
}

#[test]
fn n06_after_install_the_default_is_replaced() {
    in_own_process(db::database, &[], |url| {
        let log = heard();
        let namespace = unique::name("n06");
        let mut other = elsewhere(url, &namespace);
        let cache = cache(&namespace);
        cache.install().unwrap();
        let mut reader = db::establish(url);
        assert!(labels!(&mut reader).is_empty());
        assert_eq!(outcome!(&mut reader), Outcome::Hit);
        assert_eq!(outcome!(&mut other), Outcome::Hit);

        set_default_instrumentation(Counter::default_instrumentation).unwrap();
        let mut unseen = db::establish(url);
        insert!(&mut unseen, "a");
        assert_eq!(labels!(&mut reader), ["a"]);
        assert_eq!(outcome!(&mut reader), REPLACED);
        assert_eq!(cache.stats().bypasses["instrumentation_replaced"], 1);
        // What was written until it was found out is invalid for others too.
        assert_eq!(labels!(&mut other), ["a"]);

        let errors = log.named("cachalot.instrumentation_replaced");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with("ERROR "), "{errors:?}");
        assert!(errors[0].contains("`install_with`"), "{errors:?}");

        // It stays so: the connection that was opened meanwhile goes on writing unseen.
        cache
            .install_with(Counter::default_instrumentation)
            .unwrap();
        insert!(&mut unseen, "b");
        assert_eq!(labels!(&mut reader), ["a", "b"]);
        let mut late = db::establish(url);
        assert_eq!(labels!(&mut late), ["a", "b"]);
        assert_eq!(outcome!(&mut late), REPLACED);
        assert_eq!(cache.stats().invalidations, 1);
        assert_eq!(log.named("cachalot.instrumentation_replaced").len(), 1);
    });
}

#[test]
fn n06_the_default_is_replaced_and_put_back_before_a_read_finds_it_out() {
    in_own_process(db::database, &[], |url| {
        let cache = cache(&unique::name("n06"));
        cache.install().unwrap();
        let mut reader = db::establish(url);
        assert!(labels!(&mut reader).is_empty());

        set_default_instrumentation(|| None).unwrap();
        let mut unseen = db::establish(url);
        cache
            .install_with(Counter::default_instrumentation)
            .unwrap();
        insert!(&mut unseen, "a");
        assert_eq!(labels!(&mut reader), ["a"]);
        assert_eq!(outcome!(&mut reader), REPLACED);
    });
}

#[test]
fn n06_a_cache_that_is_not_installed_ignores_the_default() {
    in_own_process(db::database, &[], |url| {
        let mut conn = elsewhere(url, &unique::name("n06"));
        set_default_instrumentation(Counter::default_instrumentation).unwrap();
        assert!(labels!(&mut conn).is_empty());
        assert_eq!(outcome!(&mut conn), Outcome::Hit);
    });
}

/// A program's instrumentation of which the cache can make no other.
fn foreign() -> Box<dyn diesel::connection::Instrumentation> {
    Counter::new().instrumentation()
}

fn pool(url: &str) -> Pool<ConnectionManager<Conn>> {
    // It opens its connections one after the other, when they are asked for.
    let builder = Pool::builder().max_size(2).min_idle(Some(0));
    builder.build_unchecked(ConnectionManager::new(url))
}

fn checkout(pool: &Pool<ConnectionManager<Conn>>) -> PooledConnection<ConnectionManager<Conn>> {
    pool.get().unwrap()
}

/// It is a connection whose reads can be cached, as a plain one.
fn at_checkout<C: CacheConnection>(conn: &mut C) {
    conn.set_instrumentation(foreign());
}

#[test]
fn n06_at_checkout_an_instrumentation_is_set_that_cannot_be_kept() {
    in_own_process(db::database, &[], |url| {
        let log = heard();
        let namespace = unique::name("n06");
        let mut other = elsewhere(url, &namespace);
        let cache = cache(&namespace);
        cache.install().unwrap();
        let pool = pool(url);
        let (mut reader, mut unseen) = (checkout(&pool), checkout(&pool));
        assert!(labels!(&mut reader).is_empty());
        assert_eq!(outcome!(&mut unseen), Outcome::Hit);

        at_checkout(&mut unseen);
        insert!(&mut unseen, "a");
        assert_eq!(labels!(&mut unseen), ["a"]);
        assert_eq!(
            outcome!(&mut unseen),
            Outcome::Bypass(BypassReason::NotTracked)
        );
        assert_eq!(labels!(&mut reader), ["a"]);
        assert_eq!(labels!(&mut other), ["a"]);
        assert_eq!(cache.stats().bypasses["not_tracked"], 1);
        let errors = log.named("cachalot.not_watched");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with("ERROR "), "{errors:?}");
        assert!(errors[0].contains("`watch_with`"), "{errors:?}");
        assert!(errors[0].contains("`install_with`"), "{errors:?}");

        // As long as there is such a connection, nobody here can rely on being told.
        insert!(&mut unseen, "b");
        assert_eq!(labels!(&mut reader), ["a", "b"]);
        assert_eq!(outcome!(&mut reader), REPLACED);

        cache.watch_with(&mut *unseen, foreign());
        assert_eq!(labels!(&mut other), ["a", "b"]);
        assert_eq!(labels!(&mut reader), ["a", "b"]);
        assert_eq!(outcome!(&mut reader), Outcome::Hit);
        insert!(&mut unseen, "c");
        assert_eq!(labels!(&mut reader), ["a", "b", "c"]);
        assert_eq!(labels!(&mut other), ["a", "b", "c"]);
    });
}

#[test]
fn n06_at_checkout_an_instrumentation_is_set_that_the_cache_can_make_again() {
    in_own_process(db::database, &[], |url| {
        let log = heard();
        let namespace = unique::name("n06");
        let mut other = elsewhere(url, &namespace);
        let _counter = Counter::of_this_thread();
        let cache = cache(&namespace);
        cache
            .install_with(Counter::default_instrumentation)
            .unwrap();
        let (mut reader, mut unseen) = (db::establish(url), db::establish(url));
        assert!(labels!(&mut reader).is_empty());
        assert_eq!(outcome!(&mut unseen), Outcome::Hit);

        unseen.set_instrumentation(Counter::default_instrumentation().unwrap());
        insert!(&mut unseen, "a");
        assert_eq!(labels!(&mut unseen), ["a"]);
        assert_eq!(labels!(&mut reader), ["a"]);
        assert_eq!(labels!(&mut other), ["a"]);
        let errors = log.named("cachalot.instrumentation_replaced");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains("`watch_with`"), "{errors:?}");

        // It is watched now.
        assert_eq!(outcome!(&mut reader), Outcome::Hit);
        insert!(&mut unseen, "b");
        assert_eq!(labels!(&mut reader), ["a", "b"]);
    });
}
