//! What an account may see of MySQL's catalog, and which of a server's databases count.

use std::{fs, time::Duration};

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use cachalot_tests::{Database, folder, unique, wait_until};
use diesel::{
    RunQueryDsl as _,
    connection::SimpleConnection,
    dsl::sql,
    sql_types::{BigInt, Text},
};

use super::catalog_fixture::{CatalogFixture, made_goods};
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
        let unseen = Outcome::Bypass(BypassReason::TriggersNotVisible);
        assert_eq!(outcome(&mut conn, &read).0, unseen, "{read}");
    }
}

#[test]
fn w10_a_trigger_whose_body_an_account_may_not_see_may_write_anything() {
    let world = world();
    let mut conn = account(&world, "SELECT, INSERT, UPDATE, DELETE");
    let read = "SELECT id FROM stones";
    if db::is_mysql() {
        // It shows such an account nothing of triggers.
        let unseen = Outcome::Bypass(BypassReason::TriggersNotVisible);
        assert_eq!(outcome(&mut conn, read).0, unseen);
        return;
    }
    assert_eq!(
        outcome(&mut conn, read),
        (Outcome::Miss, vec!["kids".to_owned(), "stones".to_owned()])
    );
    let unseen = BypassReason::Untrackable("names".to_owned());
    let view = outcome(&mut conn, "SELECT id FROM names").0;
    assert_eq!(view, Outcome::Bypass(unseen));
}

/// Two databases with tables of the same names, of which only one has triggers.
#[test]
fn m01_a_read_does_not_depend_on_triggers_of_another_database() {
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
    let mut engines = vec!["MyISAM", "MEMORY"];
    if db::takes_as_mariadb("CREATE TABLE x (id INTEGER) ENGINE = Aria") {
        engines.push("Aria");
    }
    for engine in &engines {
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
    for engine in engines.iter().map(|it| it.to_lowercase()) {
        let unseen = Outcome::Bypass(BypassReason::Untrackable(format!("t_{engine}")));
        for relation in ["t", "v"] {
            let read = format!("SELECT count(*) FROM {relation}_{engine}");
            assert_eq!(outcome(&mut world.conn, &read).0, unseen, "{read}");
        }
    }
    let read = "SELECT count(*) FROM sound";
    assert_eq!(outcome(&mut world.conn, read).0, Outcome::Miss);
}

/// Else these tests would say nothing of MySQL.
#[test]
fn w09_the_server_is_the_one_that_was_asked_for() {
    let version = sql::<Text>("SELECT VERSION()").get_result(&mut World::new().outsider());
    let version: String = version.unwrap();
    let major: u32 = version.split('.').next().unwrap().parse().unwrap();
    assert_eq!(db::is_mysql(), !version.contains("MariaDB"), "{version}");
    if let Some(mysql) = db::wants_mysql() {
        assert_eq!(db::is_mysql(), mysql, "{version}");
    }
    assert!(major >= if db::is_mysql() { 8 } else { 10 }, "{version}");
}

/// Of two patterns that match the server uses the narrower.
#[test]
fn w09_a_privilege_by_a_wider_pattern_does_not_count_beside_a_narrower_one() {
    let world = world();
    let mut root = world.outsider();
    let database = database_of(&world.database);
    let wider: String = format!("{}%", &database[..database.len() - 1]);
    for (select, outcome_of) in [
        (true, Outcome::Bypass(BypassReason::TriggersNotVisible)),
        (false, Outcome::Miss),
    ] {
        let name = unique::name("account");
        root.batch_execute(&format!(
            "CREATE USER '{name}'@'%'; \
             GRANT SELECT, TRIGGER, SHOW VIEW, INSERT ON `{wider}`.* TO '{name}'@'%'"
        ))
        .unwrap();
        if select {
            root.batch_execute(&format!("GRANT SELECT ON `{database}`.* TO '{name}'@'%'"))
                .unwrap();
        }
        let url = world.database.url();
        let mut conn = db::establish(&url.replacen("root@", &format!("{name}@"), 1));
        world.cache.watch(&mut conn).unwrap();
        assert_eq!(outcome(&mut conn, "SELECT id FROM stones").0, outcome_of);
    }
}

#[test]
fn w09_what_a_role_may_see_counts_where_the_account_is_shown_it() {
    let world = world();
    let mut root = world.outsider();
    let database = database_of(&world.database);
    let (name, role) = (unique::name("account"), unique::name("role"));
    let default = if db::is_mysql() {
        format!("SET DEFAULT ROLE '{role}' TO '{name}'@'%'")
    } else {
        format!("SET DEFAULT ROLE '{role}' FOR '{name}'@'%'")
    };
    root.batch_execute(&format!(
        "CREATE ROLE '{role}'; CREATE USER '{name}'@'%'; \
         GRANT ALL PRIVILEGES ON `{database}`.* TO '{role}'; GRANT '{role}' TO '{name}'@'%'; {default}"
    ))
    .unwrap();
    let url = world
        .database
        .url()
        .replacen("root@", &format!("{name}@"), 1);
    let read = "SELECT id FROM stones";
    let mut conn = db::establish(&url);
    world.cache.watch(&mut conn).unwrap();
    let unseen = Outcome::Bypass(BypassReason::TriggersNotVisible);
    let expected = if db::is_mysql() {
        unseen
    } else {
        Outcome::Miss
    };
    assert_eq!(outcome(&mut conn, read).0, expected);
    root.batch_execute(&format!("GRANT SELECT ON mysql.* TO '{name}'@'%'"))
        .unwrap();
    world.cache.invalidate_all().unwrap();
    let mut conn = db::establish(&url);
    world.cache.watch(&mut conn).unwrap();
    wait_until(
        "the privileges are read again",
        Duration::from_secs(20),
        || outcome(&mut conn, read).0 == Outcome::Miss,
    );
}

#[test]
fn w10_functions_that_write_are_seen_wherever_they_are_called() {
    let mut world = World::new();
    world
        .outsider()
        .batch_execute(
            "CREATE TABLE log (line VARCHAR(20)); INSERT INTO log VALUES ('first'); \
             CREATE TABLE stones (id INTEGER PRIMARY KEY); INSERT INTO stones VALUES (1), (2); \
             CREATE FUNCTION noted() RETURNS INTEGER DETERMINISTIC MODIFIES SQL DATA BEGIN \
              INSERT INTO log VALUES ('noted'); RETURN 1; END",
        )
        .unwrap();
    let rows = folder::shared().join(unique::name("rows"));
    fs::write(&rows, "<row id=\"7\"/>\n").unwrap();
    let rows = rows.display();
    let read = "SELECT count(*) FROM log";
    for statement in [
        &format!("LOAD DATA INFILE '{rows}' INTO TABLE stones (@x) SET id = noted() + 2"),
        &format!(
            "LOAD XML INFILE '{rows}' INTO TABLE stones ROWS IDENTIFIED BY '<row>' (@id) \
             SET id = noted() + 3"
        ),
        "SHOW TABLES WHERE noted()",
        "SHOW COLUMNS FROM log WHERE noted()",
        "SHOW STATUS WHERE noted()",
        "SHOW DATABASES WHERE noted()",
        "SHOW COLLATION WHERE noted()",
        "SHOW PROCEDURE STATUS WHERE noted()",
        "EXPLAIN SELECT * FROM (SELECT noted()) AS derived",
        "EXPLAIN SELECT id FROM stones WHERE noted() = 2",
    ] {
        for _ in 0..2 {
            sql::<BigInt>(read)
                .cached(&mut world.conn)
                .get_result::<i64>()
                .unwrap();
        }
        world.conn.batch_execute(statement).unwrap();
        let plain: i64 = sql::<BigInt>(read)
            .get_result(&mut world.outsider())
            .unwrap();
        let cached: i64 = sql::<BigInt>(read)
            .cached(&mut world.conn)
            .get_result()
            .unwrap();
        assert_eq!(cached, plain, "{statement}");
    }
    let stones: i64 = sql::<BigInt>("SELECT count(*) FROM stones")
        .get_result(&mut world.outsider())
        .unwrap();
    assert_eq!(stones, 4, "both files were loaded");
}

#[test]
fn w09_a_table_that_becomes_trackable_is_cached() {
    let mut world = World::new();
    let mut outsider = world.outsider();
    outsider
        .batch_execute("CREATE TABLE heap (id INTEGER PRIMARY KEY) ENGINE = MyISAM")
        .unwrap();
    let read = "SELECT count(*) FROM heap";
    let unseen = Outcome::Bypass(BypassReason::Untrackable("heap".to_owned()));
    assert_eq!(outcome(&mut world.conn, read).0, unseen);
    outsider
        .batch_execute("ALTER TABLE heap ENGINE = InnoDB")
        .unwrap();
    world.cache.invalidate_all().unwrap();
    wait_until("it is looked at again", Duration::from_secs(20), || {
        outcome(&mut world.conn, read).0 == Outcome::Miss
    });
}

/// MariaDB refuses such a name.
#[test]
fn w04_a_table_is_one_by_its_name_and_by_what_mysql_stores_of_it() {
    let mut world = World::new();
    let create = "CREATE TABLE `größe 🐋` (id INTEGER)";
    let created = world.outsider().batch_execute(create);
    assert_eq!(created.is_ok(), db::is_mysql(), "{created:?}");
    if created.is_err() {
        return;
    }
    let spellings = ["größe ?", "größe 🐋", "größe 🐳"];
    let mut written = 0;
    for read in spellings {
        let count = |conn: &mut Conn| -> i64 {
            let read = sql::<BigInt>(&format!("SELECT count(*) FROM `{read}`"));
            read.cached(conn).get_result().unwrap()
        };
        assert_eq!(world.once(count), written, "{read}");
        for write in spellings {
            let insert = format!("INSERT INTO `{write}` VALUES (1)");
            world.conn.batch_execute(&insert).unwrap();
            written += 1;
            assert_eq!(world.once(count), written, "{read}, {write}");
        }
    }
}

#[test]
fn k02_keys_and_columns_that_follow_others_change_with_them() {
    let mut fixture = CatalogFixture::new(&made_goods(
        "twice INTEGER GENERATED ALWAYS AS (price * 2) STORED, \
         thrice INTEGER GENERATED ALWAYS AS (price * 3) VIRTUAL, \
         made_at DATETIME DEFAULT CURRENT_TIMESTAMP, \
         changed_at DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,",
    ));
    let follow = ["maker_id", "twice", "thrice", "changed_at", "*"];
    fixture.depends_on_updates(&follow, &["name", "price", "made_at"]);
    fixture.depends("SELECT id FROM makers", &["makers"]);
}

/// A trigger at this moment with this body.
fn with_trigger(moment: &str, body: &str) -> String {
    format!(
        "{} CREATE PROCEDURE p(OUT x INTEGER) SET x = 1; \
         CREATE TRIGGER t {moment} ON goods FOR EACH ROW BEGIN {body} END",
        made_goods("")
    )
}

#[test]
fn k02_a_trigger_changes_the_columns_that_it_sets() {
    for body in [
        "SET NEW.price = NEW.id + 1;",
        "IF NEW.name <> OLD.name THEN SET @x = 1, `NEW`.`Price` = 2; END IF;",
        "CALL p(NEW.price);",
    ] {
        let mut fixture = CatalogFixture::new(&with_trigger("BEFORE UPDATE", body));
        fixture.depends_on_updates(&["price"], &["name"]);
    }
    for (moment, body) in [
        ("BEFORE UPDATE", "SET @x = NEW.price;"),
        ("BEFORE INSERT", "SET NEW.price = 1;"),
        ("AFTER UPDATE", "SET @x = OLD.price;"),
    ] {
        let mut fixture = CatalogFixture::new(&with_trigger(moment, body));
        fixture.depends_on_updates(&["maker_id"], &["price", "name"]);
    }
}

/// Its history has a further row.
#[test]
fn k02_an_update_of_a_table_with_a_history_changes_all_of_it() {
    if !db::takes_as_mariadb("CREATE TABLE x (id INTEGER) WITH SYSTEM VERSIONING") {
        return;
    }
    let mut fixture = CatalogFixture::new(&format!(
        "{} ALTER TABLE goods ADD SYSTEM VERSIONING",
        made_goods("")
    ));
    fixture.depends_on_updates(&["name"], &[]);
}
