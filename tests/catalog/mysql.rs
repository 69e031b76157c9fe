//! What an account may see of MySQL's catalog, and which of a server's databases count.

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use cachalot_tests::{Database, unique};
use diesel::{
    connection::SimpleConnection,
    dsl::sql,
    sql_types::{BigInt, Text},
};

use super::world::World;
use super::{Conn, db};

const FAMILY: &str = "CREATE TABLE parents (id INTEGER PRIMARY KEY); \
    CREATE TABLE kids (id INTEGER PRIMARY KEY, parent INTEGER, \
     FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE); \
    CREATE TABLE log (line VARCHAR(20)); \
    CREATE TABLE stones (id INTEGER PRIMARY KEY); \
    CREATE VIEW names AS SELECT id FROM parents; \
    CREATE TRIGGER born AFTER INSERT ON kids FOR EACH ROW INSERT INTO log VALUES ('born'); \
    INSERT INTO parents VALUES (1), (2); INSERT INTO kids VALUES (1, 1), (2, 2)";

/// A connection by an account that has these privileges, watched by the world's cache.
fn account(world: &World, privileges: &str) -> Conn {
    account_on(world, privileges, &[&world.database])
}

/// The same, on several databases.
fn account_on(world: &World, privileges: &str, databases: &[&Database]) -> Conn {
    let mut root = world.outsider();
    let name = unique::name("account");
    root.batch_execute(&format!("CREATE USER '{name}'@'%'"))
        .unwrap();
    for database in databases {
        let database = database_of(database);
        root.batch_execute(&format!(
            "GRANT {privileges} ON `{database}`.* TO '{name}'@'%'"
        ))
        .unwrap();
    }
    let url = world
        .database
        .url()
        .replacen("root@", &format!("{name}@"), 1);
    let mut conn = db::establish(&url);
    world.cache.watch(&mut conn).unwrap();
    conn
}

fn database_of(database: &Database) -> String {
    let (_, name) = database.url().rsplit_once('/').unwrap();
    name.to_owned()
}

fn outcome(conn: &mut Conn, read: &str) -> (Outcome, Vec<String>) {
    let explanation = sql::<BigInt>(read).cached(conn).explain().unwrap();
    (explanation.outcome, explanation.tables)
}

fn world() -> World {
    let world = World::new();
    world.outsider().batch_execute(FAMILY).unwrap();
    world
}

#[test]
fn w09_an_account_that_may_see_everything_knows_what_each_table_depends_on() {
    let world = world();
    let mut conn = account(&world, "ALL PRIVILEGES");
    for (read, tables) in [
        // A delete through the view is one of a parent.
        ("SELECT id FROM kids", &["kids", "names", "parents"][..]),
        ("SELECT count(*) FROM log", &["kids", "log"]),
        ("SELECT id FROM names", &["names", "parents"]),
        ("SELECT id FROM stones", &["stones"]),
    ] {
        let (outcome, found) = outcome(&mut conn, read);
        assert_eq!(outcome, Outcome::Miss, "{read}");
        assert_eq!(found, tables, "{read}");
    }
}

/// MariaDB tells an account that may only read nothing of foreign keys and triggers.
#[test]
fn w09_what_an_account_may_not_see_is_not_taken_for_nothing() {
    let world = world();
    let mut conn = account(&world, "SELECT");
    for table in ["kids", "log", "stones"] {
        let read = format!("SELECT id FROM {table}");
        let unseen = Outcome::Bypass(BypassReason::TriggersUnseen);
        assert_eq!(outcome(&mut conn, &read).0, unseen, "{read}");
    }
}

#[test]
fn w10_a_trigger_whose_body_an_account_may_not_see_may_write_anything() {
    let world = world();
    let mut conn = account(&world, "SELECT, INSERT, UPDATE, DELETE");
    let read = "SELECT id FROM stones";
    assert_eq!(
        outcome(&mut conn, read),
        (Outcome::Miss, vec!["kids".to_owned(), "stones".to_owned()])
    );
    let unseen = BypassReason::Unseen("names".to_owned());
    let view = outcome(&mut conn, "SELECT id FROM names").0;
    assert_eq!(view, Outcome::Bypass(unseen));
}

/// Two databases with tables of the same names, of which only one has triggers.
#[test]
fn m01_what_another_database_of_the_server_does_is_its_own_affair() {
    let (mut world, other) = (World::new(), World::new());
    world
        .outsider()
        .batch_execute("CREATE TABLE kids (id INTEGER PRIMARY KEY); CREATE TABLE log (line TEXT)")
        .unwrap();
    other.outsider().batch_execute(FAMILY).unwrap();
    let log = "SELECT count(*) FROM log";
    assert_eq!(outcome(&mut world.conn, log).1, ["log"]);

    // Named with its database, it is the other one.
    let there = format!("SELECT count(*) FROM {}.log", database_of(&other.database));
    assert_eq!(outcome(&mut world.conn, &there).1, ["kids", "log"]);
    assert_eq!(outcome(&mut world.conn, log).1, ["log"]);
}

#[test]
fn w10_a_trigger_of_another_database_that_writes_here_counts() {
    let (world, other) = (World::new(), World::new());
    let here = database_of(&world.database);
    world
        .outsider()
        .batch_execute("CREATE TABLE log (line TEXT)")
        .unwrap();
    other
        .outsider()
        .batch_execute(&format!(
            "CREATE TABLE distant (id INTEGER PRIMARY KEY); \
             CREATE TRIGGER t AFTER INSERT ON distant FOR EACH ROW \
             INSERT INTO {here}.log VALUES ('from afar')"
        ))
        .unwrap();
    // Root sees more databases than are searched.
    let mut reader = account_on(
        &world,
        "ALL PRIVILEGES",
        &[&world.database, &other.database],
    );
    let mut lines = || -> Vec<String> {
        let read = sql::<Text>("SELECT line FROM log");
        read.cached(&mut reader).load().unwrap()
    };
    assert!(lines().is_empty());
    let mut writer = other.outsider();
    world.cache.watch(&mut writer).unwrap();
    writer
        .batch_execute("INSERT INTO distant VALUES (1)")
        .unwrap();
    assert_eq!(lines(), ["from afar"]);
}

/// What a statement has written to them stays, though it fails or is rolled back.
#[test]
fn w09_tables_without_transactions_are_not_cached() {
    let mut world = World::new();
    let mut outsider = world.outsider();
    for engine in ["MyISAM", "Aria", "MEMORY"] {
        outsider
            .batch_execute(&format!(
                "CREATE TABLE t_{engine} (id INTEGER PRIMARY KEY) ENGINE = {engine}; \
                 CREATE VIEW v_{engine} AS SELECT id FROM t_{engine}"
            ))
            .unwrap();
    }
    outsider
        .batch_execute("CREATE TABLE sound (id INTEGER PRIMARY KEY) ENGINE = InnoDB")
        .unwrap();
    for engine in ["myisam", "aria", "memory"] {
        let unseen = Outcome::Bypass(BypassReason::Unseen(format!("t_{engine}")));
        for relation in ["t", "v"] {
            let read = format!("SELECT count(*) FROM {relation}_{engine}");
            assert_eq!(outcome(&mut world.conn, &read).0, unseen, "{read}");
        }
    }
    let read = "SELECT count(*) FROM sound";
    assert_eq!(outcome(&mut world.conn, read).0, Outcome::Miss);
}
