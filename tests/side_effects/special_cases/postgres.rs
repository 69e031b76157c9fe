//! Tables of PostgreSQL whose rows change without a statement on them.

use std::time::Duration;

use cachalot_diesel::{BypassReason, Outcome};
use cachalot_tests::wait_until;

use super::catalog_fixture::{CatalogFixture, cached, run};

#[track_caller]
fn bypasses(fixture: &mut CatalogFixture, read: &str, reason: BypassReason) {
    assert_eq!(fixture.explain(read).outcome, Outcome::Bypass(reason));
    for _ in 0..2 {
        assert_eq!(fixture.cached(read), (fixture.shown(read), 1), "{read}");
    }
}

fn unseen(table: &str) -> BypassReason {
    BypassReason::Untrackable(table.to_owned())
}

/// A server process that dies empties them, and nobody is told.
#[test]
fn r16_unlogged_tables() {
    let mut fixture = CatalogFixture::new(
        "CREATE UNLOGGED TABLE seats (line TEXT); INSERT INTO seats VALUES ('a'); \
         CREATE VIEW taken AS SELECT line FROM seats; CREATE TABLE stones (line TEXT)",
    );
    for read in ["SELECT line FROM seats", "SELECT line FROM taken"] {
        bypasses(&mut fixture, read, unseen("seats"));
    }
    fixture.warm("SELECT line FROM stones");
}

/// Its rows come from another server. The tables of the catalog are written to as a subscription
/// writes to them, as it takes a server that replicates to make one.
#[test]
fn r16_tables_that_a_subscription_fills() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE fed (line TEXT) PARTITION BY LIST (line); \
         CREATE TABLE fed_a PARTITION OF fed DEFAULT; CREATE TABLE stones (line TEXT); \
         SET allow_system_table_mods = on; \
         INSERT INTO pg_subscription_rel VALUES (1, 'fed'::regclass, 'r', NULL)",
    );
    bypasses(&mut fixture, "SELECT line FROM fed", unseen("fed"));
    bypasses(&mut fixture, "SELECT line FROM fed_a", unseen("fed_a"));
    fixture.warm("SELECT line FROM stones");
}

/// What they compare with is the time zone's offset of today.
#[test]
fn r16_tables_with_a_time_of_a_zone() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE calls (line TEXT, at TIMETZ, until TIME); \
         INSERT INTO calls VALUES ('a', '10:00+02', '09:00')",
    );
    let read = "SELECT line FROM calls WHERE at < until";
    let moving = BypassReason::VolatileFunction("timetz".to_owned());
    bypasses(&mut fixture, read, moving);
}

/// They run a text that they are given, and are called stable.
#[test]
fn w11_tables_that_a_text_for_crosstab_names() {
    let mut fixture = CatalogFixture::new(
        "CREATE EXTENSION tablefunc; CREATE TABLE stones (line TEXT); INSERT INTO stones VALUES ('a'); \
         CREATE TABLE cells (row_name TEXT, category TEXT, value TEXT); \
         INSERT INTO cells VALUES ('r', 'c', 'v')",
    );
    let read = "SELECT line || c FROM stones, \
                crosstab('SELECT * FROM cells ORDER BY 1, 2') AS t (r TEXT, c TEXT)";
    fixture.follows("UPDATE cells SET value = 'w'", &[read]);
    // It does not write, which a process knows that has read.
    cached(&mut fixture.writer.conn, "SELECT line FROM stones");
    fixture.keeps(
        "SELECT count(*) FROM crosstab('SELECT * FROM cells ORDER BY 1, 2') AS t (r TEXT, c TEXT)",
        &["SELECT line FROM stones"],
    );
}

/// Another's schema change writes to it, or, on newer servers, another's connection.
#[test]
fn w06_tables_that_event_triggers_write() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE changes (line TEXT); CREATE TABLE stones (line TEXT); \
         CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS \
          $f$ BEGIN INSERT INTO changes VALUES (tg_tag); END $f$; \
         CREATE EVENT TRIGGER noting ON ddl_command_end EXECUTE FUNCTION note()",
    );
    fixture.follows(
        "CREATE TABLE IF NOT EXISTS pebbles (line TEXT)",
        &["SELECT line FROM changes ORDER BY line"],
    );
    fixture.warm("SELECT line FROM stones");
    run(&mut fixture.outsider, "DROP EVENT TRIGGER noting");
}

#[test]
fn w06_a_table_that_no_event_trigger_writes_any_more_is_cached_again() {
    const CHANGES: &str = "SELECT line FROM changes ORDER BY line";
    for watched in [true, false] {
        let mut fixture = CatalogFixture::new(
            "CREATE TABLE changes (line TEXT); \
             CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS \
              $f$ BEGIN INSERT INTO changes VALUES (tg_tag); END $f$; \
             CREATE EVENT TRIGGER noting ON ddl_command_end EXECUTE FUNCTION note()",
        );
        bypasses(&mut fixture, CHANGES, unseen("changes"));
        if watched {
            run(&mut fixture.writer.conn, "DROP EVENT TRIGGER noting");
        } else {
            run(&mut fixture.outsider, "DROP EVENT TRIGGER noting");
            fixture.world.other_process().invalidate_all().unwrap();
        }
        wait_until("it is cached again", Duration::from_secs(30), || {
            fixture.cached(CHANGES).1 == 0
        });
        fixture.changes("INSERT INTO changes VALUES ('by hand')", &[CHANGES]);
    }
}

/// The condition of a policy is asked by writes too.
#[test]
fn w11_what_a_policy_writes_when_its_table_is_written() {
    let role = cachalot_tests::unique::name("guest");
    let mut fixture = CatalogFixture::new(&format!(
        "CREATE TABLE docs (id INTEGER); CREATE TABLE seen (line TEXT); \
         CREATE FUNCTION look(id INTEGER) RETURNS BOOLEAN LANGUAGE plpgsql AS \
          $f$ BEGIN INSERT INTO seen VALUES ('doc ' || id); RETURN true; END $f$; \
         ALTER TABLE docs ENABLE ROW LEVEL SECURITY; ALTER TABLE docs FORCE ROW LEVEL SECURITY; \
         CREATE POLICY looking ON docs WITH CHECK (look(id)); \
         CREATE ROLE {role}; GRANT ALL ON docs, seen TO {role}"
    ));
    run(&mut fixture.writer.conn, &format!("SET ROLE {role}"));
    fixture.changes("INSERT INTO docs VALUES (1)", &["SELECT line FROM seen"]);
}
