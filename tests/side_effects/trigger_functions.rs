//! Functions of triggers: their text tells what a trigger does, or hides it.

use diesel::{Connection as _, result::Error};

use super::catalog_fixture::{CatalogFixture, cached, run};
use super::dialect::trigger_function;

const SCHEMA: &str = "\
CREATE TABLE north (id INTEGER PRIMARY KEY, v INTEGER); \
CREATE TABLE south (id INTEGER PRIMARY KEY, v INTEGER); \
CREATE TABLE log (line TEXT); CREATE TABLE sums (id INTEGER PRIMARY KEY, v INTEGER); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
INSERT INTO north VALUES (1, 10), (2, 20); INSERT INTO south VALUES (1, 100); \
INSERT INTO sums VALUES (1, 0); INSERT INTO stones VALUES (1, 'flint');";

const NORTH: &str = "SELECT concat_ws(' ', id, v) FROM north ORDER BY id";
const SOUTH: &str = "SELECT concat_ws(' ', id, v) FROM south ORDER BY id";
const LOG: &str = "SELECT line FROM log ORDER BY line";
const SUMS: &str = "SELECT v::text FROM sums ORDER BY id";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

const UPDATE: &str = "UPDATE north SET v = v + 1 WHERE id = 1";

fn with(triggers: &str) -> CatalogFixture {
    CatalogFixture::new(&format!("{SCHEMA} {triggers}"))
}

/// A trigger of `north` for each statement that updates it.
fn after_update(function: &str) -> String {
    format!("CREATE TRIGGER noted AFTER UPDATE ON north EXECUTE FUNCTION {function};")
}

#[test]
fn w10_a_trigger_for_each_statement() {
    for moment in ["BEFORE UPDATE", "AFTER UPDATE", "AFTER INSERT OR UPDATE"] {
        let mut fixture = with(&format!(
            "{} CREATE TRIGGER noted {moment} ON north FOR EACH STATEMENT \
             EXECUTE FUNCTION noted();",
            trigger_function("noted", "INSERT INTO log VALUES (TG_OP);")
        ));
        fixture.depends(LOG, &["log", "north"]);
        fixture.writes(UPDATE, &[NORTH, LOG], &[SOUTH, STONES]);
        fixture.writes("DELETE FROM north", &[NORTH], &[LOG, SOUTH, STONES]);
        // No row, but a statement.
        fixture.writes("UPDATE north SET v = 0", &[LOG], &[SOUTH, STONES]);
    }
}

#[test]
fn w10_a_trigger_that_reads_the_changed_rows_as_a_table() {
    let mut fixture = with(&format!(
        "{} CREATE TRIGGER noted AFTER UPDATE ON north REFERENCING NEW TABLE AS fresh \
         FOR EACH STATEMENT EXECUTE FUNCTION noted();",
        trigger_function("noted", "UPDATE sums SET v = (SELECT sum(v) FROM fresh);")
    ));
    fixture.depends(SUMS, &["north", "sums"]);
    fixture.writes(UPDATE, &[NORTH, SUMS], &[LOG, STONES]);
}

#[test]
fn w10_a_function_that_several_triggers_share() {
    let mut fixture = with(&format!(
        "{} CREATE TRIGGER one AFTER UPDATE ON north FOR EACH ROW EXECUTE FUNCTION noted(); \
         CREATE TRIGGER two AFTER DELETE OR INSERT ON south FOR EACH ROW EXECUTE FUNCTION noted();",
        trigger_function(
            "noted",
            "IF TG_OP = 'DELETE' THEN INSERT INTO log VALUES ('gone'); \
             ELSE INSERT INTO log VALUES (TG_TABLE_NAME || NEW.v); END IF;"
        )
    ));
    fixture.depends(LOG, &["log", "north", "south"]);
    fixture.writes(UPDATE, &[NORTH, LOG], &[SOUTH, STONES]);
    fixture.writes("DELETE FROM south", &[SOUTH, LOG], &[NORTH, STONES]);
    fixture.writes(
        "UPDATE south SET v = 5; DELETE FROM north",
        &[NORTH],
        &[LOG, STONES],
    );
}

/// What a text that is only made when it runs may write, nobody can tell: anything.
#[test]
fn w10_a_body_that_makes_its_statements() {
    let bodies = [
        "EXECUTE 'INSERT INTO log VALUES (''x'')';",
        "EXECUTE format('INSERT INTO %I VALUES (''x'')', 'l' || 'og');",
        "EXECUTE 'INSERT INTO ' || TG_ARGV[0] || ' VALUES (''x'')';",
        "EXECUTE reverse(')''x''( SEULAV gol OTNI TRESNI');",
    ];
    for body in bodies {
        let mut fixture = with(&format!(
            "{} {}",
            trigger_function("noted", body),
            after_update("noted('log')")
        ));
        fixture.writes(UPDATE, &[NORTH, LOG], &[]);
    }
}

#[test]
fn w10_a_body_that_calls_another_function() {
    let called = [
        (
            "PERFORM note();",
            "plpgsql",
            "BEGIN INSERT INTO log VALUES ('x'); END",
        ),
        ("PERFORM note();", "sql", "INSERT INTO log VALUES ('x')"),
        ("CALL note();", "sql", "INSERT INTO log VALUES ('x')"),
        (
            "PERFORM note() FROM stones;",
            "plpgsql",
            "BEGIN PERFORM deep(); END",
        ),
        (
            "IF note() IS NULL THEN RETURN NULL; END IF;",
            "plpgsql",
            "BEGIN PERFORM deep(); END",
        ),
    ];
    for (body, language, inner) in called {
        let kind = if body.starts_with("CALL") {
            "PROCEDURE note()"
        } else {
            "FUNCTION note() RETURNS void"
        };
        let mut fixture = with(&format!(
            "CREATE FUNCTION deep() RETURNS void LANGUAGE sql AS 'INSERT INTO log VALUES (''d'')'; \
             CREATE {kind} LANGUAGE {language} AS $f${inner}$f$; {} {}",
            trigger_function("noted", body),
            after_update("noted()")
        ));
        fixture.writes(UPDATE, &[NORTH, LOG], &[]);
    }
}

#[test]
fn w10_a_body_that_writes_with_a_cte_or_a_merge() {
    let bodies = [
        "WITH gone AS (DELETE FROM sums RETURNING v) INSERT INTO log SELECT v::text FROM gone;",
        "MERGE INTO sums USING north n ON sums.id = n.id WHEN MATCHED THEN UPDATE SET v = n.v \
         WHEN NOT MATCHED THEN INSERT VALUES (n.id, n.v); INSERT INTO log VALUES ('m');",
        "INSERT INTO sums VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET v = 77; \
         INSERT INTO log SELECT v::text FROM sums;",
        "TRUNCATE sums; INSERT INTO log VALUES ('t');",
    ];
    for body in bodies {
        let mut fixture = with(&format!(
            "{} {}",
            trigger_function("noted", body),
            after_update("noted()")
        ));
        fixture.writes(UPDATE, &[NORTH, LOG, SUMS], &[STONES]);
    }
}

/// `NEW` by itself, a loop, a caught error, a cursor: none hides the write.
#[test]
fn w10_a_body_with_all_that_a_language_has() {
    let body = "DECLARE n INTEGER := 0; row north%ROWTYPE; BEGIN \
        FOR row IN SELECT * FROM north LOOP n := n + row.v; END LOOP; \
        BEGIN INSERT INTO sums VALUES (1, n); \
        EXCEPTION WHEN unique_violation THEN UPDATE sums SET v = n WHERE id = 1; END; \
        WHILE n > 0 LOOP n := n / 2; INSERT INTO public.\"log\" VALUES (n::text); END LOOP; END;";
    let mut fixture = with(&format!(
        "{} {}",
        trigger_function("noted", body),
        after_update("noted()")
    ));
    fixture.writes(UPDATE, &[NORTH, LOG, SUMS], &[STONES]);
}

/// A constraint trigger runs when the transaction commits.
#[test]
fn w10_a_trigger_that_waits_for_the_commit() {
    let mut fixture = with(&format!(
        "{} CREATE CONSTRAINT TRIGGER noted AFTER UPDATE ON north \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION noted();",
        trigger_function("noted", "INSERT INTO log VALUES ('late');")
    ));
    fixture.depends(LOG, &["log", "north"]);
    fixture.does(
        UPDATE,
        |conn| {
            conn.transaction(|conn| {
                run(conn, UPDATE);
                assert_eq!(cached(conn, LOG), Vec::<String>::new());
                Ok::<_, Error>(())
            })
            .unwrap();
        },
        &[NORTH, LOG],
        &[STONES],
    );
}

#[test]
fn w10_a_trigger_on_truncate() {
    let mut fixture = with(&format!(
        "{} CREATE TRIGGER noted AFTER TRUNCATE ON north EXECUTE FUNCTION noted();",
        trigger_function("noted", "INSERT INTO log VALUES ('empty');")
    ));
    fixture.writes("TRUNCATE north", &[NORTH, LOG], &[STONES]);
}

#[test]
fn w10_a_trigger_that_is_switched_off_and_on() {
    let mut fixture = with(&format!(
        "{} {}",
        trigger_function("noted", "INSERT INTO log VALUES ('x');"),
        after_update("noted()")
    ));
    let admin = |fixture: &mut CatalogFixture, sql| run(&mut fixture.writer.conn, sql);
    fixture.changes(UPDATE, &[NORTH, LOG]);
    admin(&mut fixture, "ALTER TABLE north DISABLE TRIGGER noted");
    fixture.changes(UPDATE, &[NORTH]);
    assert_eq!(fixture.cached(LOG).0.len(), 1);
    admin(&mut fixture, "ALTER TABLE north ENABLE TRIGGER noted");
    fixture.changes(UPDATE, &[NORTH, LOG]);
}

#[test]
fn w10_a_trigger_whose_function_is_replaced() {
    let mut fixture = with(&format!(
        "{} {}",
        trigger_function("noted", "INSERT INTO log VALUES ('x');"),
        after_update("noted()")
    ));
    fixture.writes(UPDATE, &[NORTH, LOG], &[SUMS]);
    let other = trigger_function("noted", "UPDATE sums SET v = v + 1;")
        .replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION");
    run(&mut fixture.writer.conn, &other);
    fixture.depends(SUMS, &["north", "sums"]);
    fixture.depends(LOG, &["log"]);
    fixture.writes(UPDATE, &[NORTH, SUMS], &[LOG]);
}

/// The function behind the trigger is the same, what it calls is another.
#[test]
fn w10_a_trigger_whose_functions_function_is_replaced() {
    let note = |body: &str| {
        format!("CREATE OR REPLACE FUNCTION note() RETURNS void LANGUAGE sql AS $f${body}$f$;")
    };
    let mut fixture = with(&format!(
        "{} {} {}",
        note("INSERT INTO log VALUES ('x')"),
        trigger_function("noted", "PERFORM note();"),
        after_update("noted()")
    ));
    fixture.changes(UPDATE, &[NORTH, LOG]);
    run(&mut fixture.writer.conn, &note("UPDATE sums SET v = v + 1"));
    fixture.changes(UPDATE, &[NORTH, SUMS]);
}

/// Nothing is written by a trigger here, but by what fills a column.
#[test]
fn w10_a_column_whose_default_writes() {
    let mut fixture = CatalogFixture::new(&format!(
        "{SCHEMA} CREATE FUNCTION noted() RETURNS integer LANGUAGE sql AS \
         $f$ INSERT INTO log VALUES ('default'); SELECT 1 $f$; \
         ALTER TABLE south ALTER v SET DEFAULT noted()"
    ));
    fixture.writes(
        "INSERT INTO south (id) VALUES (7)",
        &[SOUTH, LOG],
        &[STONES],
    );
}
