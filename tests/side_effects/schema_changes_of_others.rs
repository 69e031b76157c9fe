//! What is known of the schema is renewed with it: at once where a watched connection changes it,
//! and when everything is invalidated where somebody else does.

use cachalot_diesel::CachedDsl as _;
use diesel::{connection::SimpleConnection, dsl::sql, sql_types::Text};

use super::catalog_fixture::{CatalogFixture, cached, run};
use super::{DATABASE, drop_trigger, trigger};

const SCHEMA: &str = "\
CREATE TABLE goods (id INTEGER PRIMARY KEY, name VARCHAR(20)); \
CREATE TABLE rates (id INTEGER PRIMARY KEY, name VARCHAR(20)); \
CREATE TABLE log (line VARCHAR(40)); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(20)); \
INSERT INTO goods VALUES (1, 'oil'), (2, 'salt'); INSERT INTO rates VALUES (1, 'high'); \
INSERT INTO stones VALUES (1, 'flint'); \
CREATE VIEW shown AS SELECT DISTINCT name FROM goods";

const GOODS: &str = "SELECT name FROM goods ORDER BY id";
const LOG: &str = "SELECT line FROM log ORDER BY line";
const SHOWN: &str = "SELECT name FROM shown ORDER BY name";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

const OTHER_VIEW: &str = "DROP VIEW shown; CREATE VIEW shown AS SELECT DISTINCT name FROM rates";

fn noted() -> String {
    trigger(
        "noted",
        "AFTER UPDATE",
        "goods",
        "INSERT INTO log VALUES (NEW.name);",
    )
}

#[test]
fn w08_a_view_that_is_made_anew() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.depends(SHOWN, &["goods", "shown"]);
    fixture.changes(OTHER_VIEW, &[SHOWN]);
    fixture.depends(SHOWN, &["rates", "shown"]);
    fixture.writes("UPDATE rates SET name = 'low'", &[SHOWN], &[GOODS, STONES]);
    fixture.writes(
        "UPDATE goods SET name = 'tea' WHERE id = 1",
        &[GOODS],
        &[SHOWN],
    );
}

#[test]
fn w08_a_view_that_is_replaced() {
    if DATABASE == "sqlite" {
        return;
    }
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.warm(SHOWN);
    fixture.changes(
        "CREATE OR REPLACE VIEW shown AS SELECT DISTINCT name FROM rates",
        &[SHOWN],
    );
    fixture.writes("UPDATE rates SET name = 'low'", &[SHOWN], &[GOODS, STONES]);
}

#[test]
fn w08_a_view_under_a_view_that_is_made_anew() {
    if DATABASE == "postgres" {
        // It drops no view that another is made of.
        return;
    }
    let mut fixture = CatalogFixture::new(&format!(
        "{SCHEMA}; CREATE VIEW nested AS SELECT DISTINCT name FROM shown"
    ));
    let nested = "SELECT name FROM nested ORDER BY name";
    fixture.depends(nested, &["goods", "nested", "shown"]);
    fixture.changes(OTHER_VIEW, &[nested]);
    fixture.depends(nested, &["nested", "rates", "shown"]);
    fixture.writes("UPDATE rates SET name = 'low'", &[nested], &[GOODS]);
}

/// The database's error, not what the view once showed.
#[test]
fn w06_a_view_that_is_gone() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.warm(SHOWN);
    run(&mut fixture.writer.conn, "DROP VIEW shown");
    let read = sql::<Text>(SHOWN)
        .cached(&mut fixture.world.conn)
        .load::<String>();
    assert!(read.is_err(), "{read:?}");
    run(
        &mut fixture.writer.conn,
        "CREATE TABLE shown (name VARCHAR(20)); INSERT INTO shown VALUES ('a table')",
    );
    fixture.depends(SHOWN, &["shown"]);
    fixture.writes("UPDATE shown SET name = 'b'", &[SHOWN], &[GOODS, STONES]);
}

/// A table is renamed, and another takes its place behind the view.
#[test]
fn w06_a_table_that_is_renamed() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.warm(SHOWN);
    run(
        &mut fixture.writer.conn,
        "ALTER TABLE goods RENAME TO wares",
    );
    match DATABASE {
        // The view follows its table.
        "sqlite" | "postgres" => {
            fixture.depends(SHOWN, &["shown", "wares"]);
            fixture.changes("UPDATE wares SET name = 'tea' WHERE id = 1", &[SHOWN]);
        }
        // The view has lost it.
        _ => {
            let read = sql::<Text>(SHOWN)
                .cached(&mut fixture.world.conn)
                .load::<String>();
            assert!(read.is_err(), "{read:?}");
        }
    }
}

#[test]
fn w09_a_foreign_key_that_is_added_and_dropped() {
    if DATABASE == "sqlite" {
        return;
    }
    let mut fixture = CatalogFixture::new(&format!(
        "{SCHEMA}; CREATE TABLE offers (id INTEGER PRIMARY KEY, good_id INTEGER); \
         INSERT INTO offers VALUES (1, 1), (2, 2)"
    ));
    let offers = "SELECT concat('offer ', id) FROM offers ORDER BY id";
    fixture.depends(offers, &["offers"]);
    fixture.warm(offers);
    run(
        &mut fixture.writer.conn,
        "ALTER TABLE offers ADD CONSTRAINT of_good FOREIGN KEY (good_id) REFERENCES goods (id) \
         ON DELETE CASCADE",
    );
    fixture.depends(offers, &["goods", "offers"]);
    fixture.writes(
        "DELETE FROM goods WHERE id = 1",
        &[offers, GOODS],
        &[STONES],
    );
    let drop = if DATABASE == "mysql" {
        "ALTER TABLE offers DROP FOREIGN KEY of_good"
    } else {
        "ALTER TABLE offers DROP CONSTRAINT of_good"
    };
    run(&mut fixture.writer.conn, drop);
    fixture.depends(offers, &["offers"]);
    fixture.writes(
        "DELETE FROM goods WHERE id = 2",
        &[GOODS],
        &[offers, STONES],
    );
}

/// A change that is undone leaves nothing behind, and one in a savepoint that is committed does.
#[test]
fn w10_a_schema_change_in_a_transaction() {
    // MariaDB commits before and after each.
    if DATABASE == "mysql" {
        return;
    }
    let update = "UPDATE goods SET name = name || '!' WHERE id = 1";
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.warm(LOG);
    run(&mut fixture.writer.conn, &format!("BEGIN; {}", noted()));
    run(&mut fixture.writer.conn, update);
    assert_eq!(cached(&mut fixture.writer.conn, LOG), ["oil!"]);
    run(&mut fixture.writer.conn, "ROLLBACK");
    assert_eq!(cached(&mut fixture.writer.conn, LOG), Vec::<String>::new());
    fixture.writes(update, &[GOODS], &[LOG, STONES]);

    run(
        &mut fixture.writer.conn,
        &format!("BEGIN; SAVEPOINT one; {}; RELEASE SAVEPOINT one", noted()),
    );
    assert_eq!(fixture.cached(LOG).0, Vec::<String>::new());
    run(&mut fixture.writer.conn, "COMMIT");
    fixture.depends(LOG, &["goods", "log"]);
    fixture.writes(update, &[GOODS, LOG], &[STONES]);
}

/// Somebody changes the schema whom nobody watches, and says so.
#[test]
fn a01_a_trigger_made_by_another_client() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    let update = "UPDATE goods SET name = concat(name, '!') WHERE id = 1";
    fixture.writes(update, &[GOODS], &[LOG, STONES]);
    run(&mut fixture.outsider, &noted());
    let other = fixture.world.other_process();
    other.invalidate_all().unwrap();
    fixture.depends(LOG, &["goods", "log"]);
    fixture.writes(update, &[GOODS, LOG], &[STONES]);
    run(&mut fixture.outsider, &drop_trigger("noted", "goods"));
    other.invalidate_all().unwrap();
    fixture.depends(LOG, &["log"]);
    fixture.writes(update, &[GOODS], &[LOG, STONES]);
}

/// A process that starts later knows what the others learnt before.
#[test]
fn w10_a_new_process_after_a_schema_change() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    let update = "UPDATE goods SET name = concat(name, '!') WHERE id = 1";
    fixture.warm(LOG);
    run(&mut fixture.writer.conn, &noted());
    let mut late = fixture.world.connect(&fixture.world.other_process());
    assert_eq!(late.sent(|conn| cached(conn, LOG)), (Vec::new(), 1));
    assert_eq!(late.sent(|conn| cached(conn, LOG)), (Vec::new(), 0));
    fixture.changes(update, &[LOG]);
    assert_eq!(late.sent(|conn| cached(conn, LOG)).0, ["oil!"]);
}

/// What is learnt of the schema costs no statement that the program would notice, and changes
/// nothing of its transaction.
#[test]
fn w08_the_schema_is_learnt_inside_a_transaction() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    if DATABASE == "mysql" {
        let level = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
        run(&mut fixture.world.conn, level);
    }
    let CatalogFixture { world, .. } = &mut fixture;
    world.conn.batch_execute("BEGIN").unwrap();
    run(&mut world.conn, "UPDATE stones SET name = 'slate'");
    assert_eq!(cached(&mut world.conn, SHOWN), ["oil", "salt"]);
    assert_eq!(cached(&mut world.conn, SHOWN), ["oil", "salt"]);
    assert_eq!(cached(&mut world.conn, STONES), ["slate"]);
    world.conn.batch_execute("ROLLBACK").unwrap();
    assert_eq!(cached(&mut world.conn, STONES), ["flint"]);
    fixture.writes(
        "UPDATE goods SET name = 'tea' WHERE id = 1",
        &[SHOWN],
        &[STONES],
    );
}

/// A look at the schema that fails must not end the caller's transaction.
#[test]
fn w08_a_read_after_an_error_in_a_transaction() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    let conn = &mut fixture.world.conn;
    conn.batch_execute("BEGIN").unwrap();
    assert!(conn.batch_execute("SELECT nothing FROM nowhere").is_err());
    let read = sql::<Text>(SHOWN).cached(conn).load::<String>();
    assert_eq!(read.is_err(), DATABASE == "postgres", "{read:?}");
    conn.batch_execute("ROLLBACK").unwrap();
    assert_eq!(cached(conn, SHOWN), ["oil", "salt"]);
    fixture.writes(
        "UPDATE goods SET name = 'tea' WHERE id = 1",
        &[SHOWN],
        &[STONES],
    );
}
