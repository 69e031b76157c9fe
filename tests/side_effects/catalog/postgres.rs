//! How PostgreSQL's catalog is asked: in nobody's way, and without a trace.

use std::time::Duration;

use cachalot_diesel::{BypassReason, Outcome, prelude::*};
use cachalot_tests::wait_until;
use diesel::{
    connection::SimpleConnection,
    dsl::sql,
    prelude::*,
    result::Error,
    sql_types::{BigInt, Text},
};

use super::catalog_fixture::{CatalogFixture, made_goods};
use super::world::World;
use super::{Conn, db};

fn world() -> World {
    let world = World::new();
    world
        .outsider()
        .batch_execute(
            "CREATE TABLE people (id bigint PRIMARY KEY); INSERT INTO people VALUES (1); \
             CREATE TABLE stones (id bigint PRIMARY KEY); \
             CREATE VIEW names AS SELECT id FROM people",
        )
        .unwrap();
    world
}

fn ids(conn: &mut Conn) -> Vec<i64> {
    let read = sql::<BigInt>("SELECT id FROM names");
    read.cached(conn).load().unwrap()
}

fn outcome(conn: &mut Conn, read: &str) -> Outcome {
    let read = sql::<BigInt>(read);
    read.cached(conn).explain().unwrap().outcome
}

#[test]
fn w08_asking_in_a_transaction_leaves_it_as_it_was() {
    let mut world = world();
    let setting = |conn: &mut Conn| -> String {
        let read = sql::<Text>("SELECT current_setting('lock_timeout')");
        read.get_result(conn).unwrap()
    };
    let before = setting(&mut world.conn);
    world
        .conn
        .transaction(|conn| {
            assert_eq!(ids(conn), [1]);
            assert_eq!(outcome(conn, "SELECT id FROM names"), Outcome::Hit);
            assert_eq!(setting(conn), before);
            let savepoint = conn.batch_execute("ROLLBACK TO SAVEPOINT cachalot_catalog");
            assert!(savepoint.is_err(), "no savepoint stays behind");
            Err::<(), _>(Error::RollbackTransaction)
        })
        .unwrap_err();
    assert_eq!(ids(&mut world.conn), [1]);
}

/// The text of a view cannot be shown while somebody changes its table.
#[test]
fn w08_a_lock_on_some_table_holds_up_no_read_of_another() {
    let mut world = world();
    let mut locker = world.outsider();
    locker
        .batch_execute("BEGIN; LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let read = "SELECT id FROM stones";
    let unknown = Outcome::Bypass(BypassReason::CatalogUnknown);
    assert_eq!(outcome(&mut world.conn, read), unknown);
    let (rows, sent) = world.sent(|conn| sql::<BigInt>(read).cached(conn).load::<i64>());
    assert_eq!((rows.unwrap(), sent), (Vec::new(), 1));
    locker.batch_execute("ROLLBACK").unwrap();
    wait_until("the catalog is known", Duration::from_secs(20), || {
        outcome(&mut world.conn, read) == Outcome::Miss
    });
}

/// And inside the caller's transaction that failure is nobody's.
#[test]
fn w08_a_catalog_that_cannot_be_read_ends_no_transaction() {
    let mut world = world();
    let mut locker = world.outsider();
    locker
        .batch_execute("BEGIN; LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    world
        .conn
        .transaction(|conn| {
            let stones = sql::<BigInt>("SELECT id FROM stones");
            assert!(stones.cached(conn).load::<i64>()?.is_empty());
            diesel::sql_query("INSERT INTO stones VALUES (7)").execute(conn)
        })
        .unwrap();
    let stones = sql::<BigInt>("SELECT id FROM stones");
    assert_eq!(stones.load::<i64>(&mut world.conn).unwrap(), [7]);
}

#[test]
fn w08_a_view_that_an_unwatched_client_made_later_is_looked_for() {
    let mut world = world();
    assert_eq!(ids(&mut world.conn), [1]);
    world
        .outsider()
        .batch_execute("CREATE VIEW later AS SELECT id FROM people")
        .unwrap();
    // The catalog is not read again for it more often than once a second.
    wait_until("the view is found", Duration::from_secs(20), || {
        let read = sql::<BigInt>("SELECT id FROM later");
        let explanation = read.cached(&mut world.conn).explain().unwrap();
        let found = explanation.tables == ["later", "names", "people"];
        let unknown = Outcome::Bypass(BypassReason::CatalogUnknown);
        assert!(found || explanation.outcome == unknown, "{explanation}");
        found
    });
}

#[test]
fn w11_a_call_on_a_connection_of_which_nothing_is_known_may_write_anything() {
    let mut world = world();
    world
        .outsider()
        .batch_execute(
            "CREATE FUNCTION add_stone() RETURNS bigint LANGUAGE sql AS \
             'INSERT INTO stones VALUES (5) RETURNING id'; \
             CREATE FUNCTION shown(x bigint) RETURNS bigint STABLE LANGUAGE sql AS 'SELECT $1'",
        )
        .unwrap();
    assert_eq!(ids(&mut world.conn), [1]);
    // Nobody has asked this process's database anything yet.
    let mut writer = world.connect(&world.other_process());
    let call = |conn: &mut Conn, call: &str| {
        let call = sql::<BigInt>(call);
        call.get_result::<i64>(conn).unwrap()
    };
    call(&mut writer.conn, "SELECT shown(1)");
    assert_eq!(world.sent(ids), (vec![1], 1));
    // From now on it is known that one writes and the other does not.
    ids(&mut writer.conn);
    call(&mut writer.conn, "SELECT shown(1)");
    assert_eq!(world.sent(ids), (vec![1], 0));
    call(&mut writer.conn, "SELECT add_stone()");
    assert_eq!(world.sent(ids), (vec![1], 0), "it does not read stones");
    let stones = |conn: &mut Conn| {
        let read = sql::<BigInt>("SELECT id FROM stones");
        read.cached(conn).load::<i64>().unwrap()
    };
    assert_eq!(world.sent(stones), (vec![5], 1));
    writer
        .conn
        .batch_execute("DELETE FROM stones WHERE id = 5")
        .unwrap();
    assert_eq!(world.sent(stones), (vec![], 1));
    call(&mut writer.conn, "SELECT add_stone()");
    assert_eq!(world.sent(stones), (vec![5], 1));
}

/// Else these tests would say nothing of the version that was asked for.
#[test]
fn w08_the_server_is_the_one_that_was_asked_for() {
    let version = sql::<Text>("SELECT version()").get_result(&mut World::new().outsider());
    let version: String = version.unwrap();
    assert!(version.starts_with("PostgreSQL "), "{version}");
    if let Some(program) = db::program_version() {
        assert!(
            version.starts_with(&format!("PostgreSQL {program} on ")),
            "{version}, not {program}"
        );
    }
}

#[test]
fn k02_keys_and_generated_columns_change_with_others() {
    let twice = "twice INTEGER GENERATED ALWAYS AS (price * 2) STORED,";
    let mut fixture = CatalogFixture::new(&made_goods(twice));
    fixture.depends_on_updates(&["maker_id", "twice", "*"], &["name", "price"]);
    fixture.depends("SELECT id FROM makers", &["makers"]);
}

/// A trigger before an update with this body, of the language PL/pgSQL.
fn with_trigger(body: &str) -> String {
    format!(
        "{} CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$; \
         CREATE TRIGGER t BEFORE INSERT OR UPDATE ON goods FOR EACH ROW EXECUTE FUNCTION f()",
        made_goods("changed_at TIMESTAMP,")
    )
}

#[test]
fn k02_a_trigger_that_sets_known_columns_changes_these() {
    for body in [
        "NEW.changed_at := now(); RETURN NEW;",
        "IF NEW IS DISTINCT FROM OLD THEN NEW.\"changed_at\" = now(); END IF; RETURN NEW;",
    ] {
        let mut fixture = CatalogFixture::new(&with_trigger(body));
        fixture.depends_on_updates(&["changed_at"], &["name", "price"]);
    }
    let mut fixture = CatalogFixture::new(&with_trigger("RETURN NEW;"));
    fixture.depends_on_updates(&["maker_id"], &["changed_at", "name"]);
}

#[test]
fn k02_what_a_trigger_sets_is_unknown_where_it_cannot_be_read() {
    for body in [
        "NEW := (7, NULL, 'oil', 1, NULL)::goods; RETURN NEW;",
        "SELECT g.* INTO NEW FROM goods AS g; RETURN NEW;",
        "RETURN jsonb_populate_record(NEW, '{\"price\": 1}');",
    ] {
        let mut fixture = CatalogFixture::new(&with_trigger(body));
        fixture.depends_on_updates(&["name", "changed_at"], &[]);
    }
    let builtin = format!(
        "{} CREATE TRIGGER t BEFORE UPDATE ON goods FOR EACH ROW EXECUTE FUNCTION \
         tsvector_update_trigger(words, 'pg_catalog.english', name)",
        made_goods("words TSVECTOR,")
    );
    CatalogFixture::new(&builtin).depends_on_updates(&["words", "name"], &[]);
}

/// Those that do not run before a row is updated.
#[test]
fn k02_other_triggers_change_no_further_column() {
    for moment in [
        "BEFORE INSERT ON goods FOR EACH ROW",
        "AFTER UPDATE ON goods FOR EACH ROW",
        "BEFORE UPDATE ON goods FOR EACH STATEMENT",
    ] {
        let mut fixture = CatalogFixture::new(&format!(
            "{} CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW := OLD; \
             RETURN NEW; END $$; CREATE TRIGGER t {moment} EXECUTE FUNCTION f()",
            made_goods("")
        ));
        fixture.depends_on_updates(&["maker_id"], &["name"]);
    }
}

#[test]
fn k02_rules_policies_and_calls_on_the_row_change_with_every_column() {
    for more in [
        "CREATE RULE r AS ON UPDATE TO goods DO ALSO NOTHING",
        "ALTER TABLE goods ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON goods USING (price > 0)",
    ] {
        let mut fixture = CatalogFixture::new(&format!("{} {more}", made_goods("")));
        fixture.depends_on_updates(&["name"], &[]);
    }
    let mut fixture = CatalogFixture::new(&format!(
        "{} CREATE FUNCTION label(g goods) RETURNS text STABLE LANGUAGE sql AS \
         $$ SELECT g.name $$; CREATE RULE r AS ON INSERT TO goods DO ALSO NOTHING",
        made_goods("")
    ));
    fixture.depends_on_updates(&["goods.label", "goods.to_jsonb"], &["goods.name"]);
}
