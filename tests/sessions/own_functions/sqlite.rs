//! Collations and functions that a program defines on its connections of SQLite: two may differ, or one
//! lack them.

use std::cmp::Ordering;

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use diesel::{connection::SimpleConnection as _, dsl::sql, prelude::*, sql_types::Text};

use super::Conn;
use super::shared_connections::same;
use super::world::World;

mod functions {
    use diesel::sql_types::Text;

    #[diesel::declare_sql_function]
    extern "SQL" {
        fn lower(text: Text) -> Text;
        fn like(pattern: Text, text: Text) -> Bool;
    }
}

const WORDS: &str =
    "CREATE TABLE words (value TEXT); INSERT INTO words VALUES ('b'), ('a'), ('C'); ";

fn forward(a: &str, b: &str) -> Ordering {
    a.cmp(b)
}

fn backward(a: &str, b: &str) -> Ordering {
    b.cmp(a)
}

/// A database with this schema, where each of two connections has a collation `locale` of its own, and
/// one that has none.
fn three(schema: &str) -> (World, [Conn; 3]) {
    let world = World::new();
    let mut maker = world.outsider();
    maker.register_collation("locale", forward).unwrap();
    maker.batch_execute(WORDS).unwrap();
    maker.batch_execute(schema).unwrap();
    let [mut one, mut other, lacking] = [(); 3].map(|()| {
        let mut conn = world.outsider();
        world.cache.watch(&mut conn).unwrap();
        conn
    });
    one.register_collation("locale", forward).unwrap();
    other.register_collation("LOCALE", backward).unwrap();
    (world, [one, other, lacking])
}

fn outcome(conn: &mut Conn, read: &str) -> Outcome {
    sql::<Text>(read).cached(conn).explain().unwrap().outcome
}

#[test]
fn f03_each_connection_orders_by_its_own_collation() {
    for (schema, reads) in [
        (
            "",
            &[
                "SELECT value FROM words ORDER BY value COLLATE locale",
                "SELECT value FROM words ORDER BY value collate \"Locale\" LIMIT 1",
                "SELECT max(value COLLATE [locale]) AS value FROM words",
                "SELECT value FROM (SELECT value FROM words ORDER BY value COLLATE 'locale' LIMIT 1)",
            ] as &[&str],
        ),
        (
            "CREATE TABLE sorted (value TEXT COLLATE locale); INSERT INTO sorted SELECT value FROM words",
            &[
                "SELECT value FROM sorted ORDER BY value",
                "SELECT min(value) AS value FROM sorted",
                "SELECT value FROM sorted WHERE value > 'a'",
                "SELECT w.value FROM words AS w JOIN sorted AS s ON s.value < w.value ORDER BY 1",
            ],
        ),
        (
            "CREATE VIEW ordered AS SELECT value FROM words ORDER BY value COLLATE locale LIMIT 2; \
             CREATE VIEW above AS SELECT value FROM ordered",
            &["SELECT value FROM ordered", "SELECT value FROM above"],
        ),
        (
            "CREATE INDEX by_locale ON words (value COLLATE locale)",
            &[
                "SELECT value FROM words ORDER BY value COLLATE locale",
                "SELECT value FROM words",
            ],
        ),
        (
            "CREATE TABLE checked (value TEXT, first INTEGER AS (value < 'b' COLLATE locale)); \
             INSERT INTO checked SELECT value FROM words",
            &["SELECT value FROM checked WHERE first"],
        ),
    ] {
        let (_world, mut conns) = three(schema);
        for read in reads {
            for _ in 0..2 {
                for (conn, which) in conns.iter_mut().zip(["one", "other", "none"]) {
                    same(conn, &[read], which);
                }
            }
            let reason = BypassReason::CustomCollation("locale".to_owned());
            assert_eq!(
                outcome(&mut conns[0], read),
                Outcome::Bypass(reason),
                "{read}"
            );
        }
    }
}

#[test]
fn f03_a_collation_that_is_registered_anew() {
    let (_world, [mut one, ..]) = three("");
    let read = &["SELECT value FROM words ORDER BY value COLLATE locale"];
    same(&mut one, read, "before");
    one.register_collation("locale", backward).unwrap();
    same(&mut one, read, "after");
}

#[test]
fn f03_collations_of_sqlites_own_are_cached() {
    let world = World::new();
    world
        .outsider()
        .batch_execute(
            "CREATE TABLE own (value TEXT COLLATE NOCASE); INSERT INTO own VALUES ('a'), ('B'); \
             CREATE INDEX trimmed ON own (value COLLATE RTRIM)",
        )
        .unwrap();
    let mut reader = world.reader();
    for read in [
        "SELECT value FROM own",
        "SELECT value FROM own ORDER BY value COLLATE BINARY",
        "SELECT 'COLLATE locale' AS value FROM own ORDER BY value COLLATE nocase",
    ] {
        let load = |conn: &mut Conn| sql::<Text>(read).cached(conn).load::<String>().unwrap();
        let first = reader.sent(load);
        assert_eq!((first.1, reader.sent(load)), (1, (first.0, 0)), "{read}");
    }
}

#[test]
fn f03_a_collation_can_be_declared_pure() {
    let url = cachalot_tests::memcached::shared().url();
    let mut world = World::with(url, |builder| builder.pure_functions(["locale"]));
    world.conn.batch_execute(WORDS).unwrap();
    world.conn.register_collation("locale", backward).unwrap();
    let read = "SELECT value FROM words ORDER BY value COLLATE locale";
    let plain: Vec<String> = sql::<Text>(read).load(&mut world.conn).unwrap();
    let rows = world.once(|conn| sql::<Text>(read).cached(conn).load::<String>().unwrap());
    assert_eq!(rows, plain);
}

/// SQLite lets a program put another in the place of `NOCASE`.
#[test]
fn f03_a_collation_that_replaces_a_built_in_one() {
    let (world, [mut one, _, mut other]) = three("");
    let unicode = |a: &str, b: &str| a.to_lowercase().cmp(&b.to_lowercase());
    let mut third = world.outsider();
    third.register_collation("NOCASE", unicode).unwrap();
    third
        .batch_execute("INSERT INTO words VALUES ('é'), ('É')")
        .unwrap();
    world.cache.watch(&mut third).unwrap();
    other.register_collation("BINARY", backward).unwrap();
    let reads = &[
        "SELECT value FROM words WHERE value = 'É' COLLATE NOCASE ORDER BY value",
        "SELECT value FROM words ORDER BY value",
    ];
    for _ in 0..2 {
        same(&mut one, reads, "SQLite's own");
        same(&mut third, reads, "another NOCASE");
        same(&mut other, reads, "another BINARY");
    }
}

#[test]
fn f03_functions_that_replace_built_in_ones() {
    let (_world, [mut one, mut other, mut third]) = three(
        "CREATE VIEW lowered AS SELECT lower(value) AS value FROM words; \
               CREATE TABLE made (value TEXT, small TEXT AS (lower(value))); \
               INSERT INTO made SELECT value FROM words",
    );
    functions::lower_utils::register_impl(&mut other, |text: String| format!("<{text}>")).unwrap();
    functions::like_utils::register_impl(&mut third, |_: String, _: String| true).unwrap();
    let reads = &[
        "SELECT lower(value) AS value FROM words",
        "SELECT \"lower\"(value) AS value FROM words",
        "SELECT value FROM lowered",
        "SELECT small AS value FROM made",
        "SELECT value FROM words WHERE value LIKE 'a%'",
    ];
    for _ in 0..2 {
        same(&mut one, reads, "SQLite's own");
        same(&mut other, reads, "another `lower`");
        same(&mut third, reads, "another `like`");
    }
    for read in &reads[..4] {
        let reason = BypassReason::VolatileFunction("lower".to_owned());
        assert_eq!(outcome(&mut other, read), Outcome::Bypass(reason), "{read}");
        assert_eq!(outcome(&mut one, read), Outcome::Hit, "{read}");
    }
    let plain = "SELECT value FROM words";
    same(&mut one, &[plain], "without functions");
    assert_eq!(outcome(&mut other, plain), Outcome::Hit);
}

#[test]
fn f03_functions_of_full_text_tables_are_not_application_defined() {
    let mut world = World::new();
    world
        .conn
        .batch_execute(
            "CREATE VIRTUAL TABLE docs USING fts5(body, tokenize = 'porter unicode61'); \
             INSERT INTO docs VALUES ('the quick fox')",
        )
        .unwrap();
    let read = "SELECT highlight(docs, 0, '[', ']') AS value FROM docs WHERE docs MATCH 'fox' ORDER BY bm25(docs)";
    let rows = world.once(|conn| sql::<Text>(read).cached(conn).load::<String>().unwrap());
    assert_eq!(rows, ["the quick [fox]"]);
}
