//! What is one for the whole process, and so has a process of its own: the installed cache.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]

use cachalot_diesel::{BypassReason, Error, Outcome, prelude::*};
use cachalot_tests::{Counter, postgres, schema::sqlite::tags, sqlite};
use diesel::{
    connection::{InstrumentationEvent, SimpleConnection as _, set_default_instrumentation},
    dsl::sql,
    prelude::*,
    sql_types::Text,
};

fn labels(conn: &mut SqliteConnection) -> Vec<String> {
    tags::table
        .order(tags::id)
        .select(tags::label)
        .cached(conn)
        .load()
        .unwrap()
}

fn outcome(conn: &mut SqliteConnection) -> Outcome {
    tags::table
        .order(tags::id)
        .select(tags::label)
        .cached(conn)
        .explain()
        .unwrap()
        .outcome
}

/// One test, as its steps share the process's one default instrumentation.
#[test]
fn the_installed_cache_watches_connections_and_leaves_the_users_instrumentation_working() {
    let database = sqlite::database();
    let mut before = sqlite::establish(database.url());
    assert_eq!(
        labels(&mut before),
        Vec::<String>::new(),
        "a read works without a cache"
    );
    assert_eq!(
        outcome(&mut before),
        Outcome::Bypass(BypassReason::NotInstalled)
    );

    // A default of the program's own is not replaced behind its back.
    let cache = Cachalot::builder().url("memory://").build().unwrap();
    set_default_instrumentation(Counter::default_instrumentation).unwrap();
    let counter = Counter::of_this_thread();
    assert!(matches!(cache.install(), Err(Error::ForeignDefault)));
    let mut counted = sqlite::establish(database.url());
    assert!(counter.count() > 0, "it still counts");

    cache
        .install_with(Counter::default_instrumentation)
        .unwrap();

    // Opened before: attached by its first cached read.
    assert_eq!(labels(&mut before), Vec::<String>::new());
    assert_eq!(outcome(&mut before), Outcome::Hit);
    // Opened before with the program's instrumentation, of which the constructor makes another.
    assert_eq!(counter.during(|| labels(&mut counted)), (Vec::new(), 0));
    // Opened after: watched, and the program's instrumentation sees every statement.
    let mut after = sqlite::establish(database.url());
    let (_, sent) = counter.during(|| {
        diesel::insert_into(tags::table)
            .values(tags::label.eq("a"))
            .execute(&mut after)
            .unwrap()
    });
    assert_eq!(sent, 1);
    assert_eq!(
        counter.during(|| labels(&mut counted)),
        (vec!["a".to_owned()], 1)
    );
    assert_eq!(
        counter.during(|| labels(&mut after)),
        (vec!["a".to_owned()], 0)
    );
    assert_eq!(labels(&mut before), ["a"]);

    // An instrumentation that nobody can make again is not dropped.
    let foreign = Counter::new();
    let seen = foreign.clone();
    let mut own = seen.instrumentation();
    let mut odd = sqlite::establish(database.url());
    odd.set_instrumentation(move |event: InstrumentationEvent<'_>| own.on_connection_event(event));
    assert!(matches!(
        cache.watch(&mut odd),
        Err(Error::ForeignInstrumentation)
    ));
    assert_eq!(
        foreign.during(|| labels(&mut odd)),
        (vec!["a".to_owned()], 1)
    );
    assert_eq!(outcome(&mut odd), Outcome::Bypass(BypassReason::NotTracked));
    cache.watch_with(&mut odd, foreign.instrumentation());
    // What it wrote unwatched may be anything, so everything was invalidated.
    assert_eq!(
        foreign.during(|| labels(&mut odd)),
        (vec!["a".to_owned()], 1)
    );
    assert_eq!(
        foreign.during(|| labels(&mut odd)),
        (vec!["a".to_owned()], 0)
    );

    what_one_connection_knows_of_a_database_others_by_its_url_know_too();
}

/// A call of a function on a connection that has read nothing through the cache.
fn what_one_connection_knows_of_a_database_others_by_its_url_know_too() {
    let database = postgres::database();
    postgres::establish(database.url())
        .batch_execute(
            "CREATE TABLE log (line text); CREATE TABLE stones (name text); \
             CREATE FUNCTION note(line text) RETURNS text LANGUAGE sql AS \
             'INSERT INTO log VALUES ($1) RETURNING line'",
        )
        .unwrap();
    let mut reader = postgres::establish(database.url());
    let mut outcome_of = |table: &str| {
        let read = sql::<Text>(&format!("SELECT * FROM {table}"));
        let read = read.cached(&mut reader);
        read.load::<String>().unwrap();
        let read = sql::<Text>(&format!("SELECT * FROM {table}"));
        read.cached(&mut reader).explain().unwrap().outcome
    };
    assert_eq!(outcome_of("log"), Outcome::Hit);
    assert_eq!(outcome_of("stones"), Outcome::Hit);

    let mut writer = postgres::establish(database.url());
    let call = sql::<Text>("SELECT note('a')");
    call.get_result::<String>(&mut writer).unwrap();

    let mut explain = |table: &str| {
        let read = sql::<Text>(&format!("SELECT * FROM {table}"));
        read.cached(&mut reader).explain().unwrap().outcome
    };
    assert_eq!(explain("log"), Outcome::Miss);
    assert_eq!(explain("stones"), Outcome::Hit);
}
