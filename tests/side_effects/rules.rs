//! Rules: a statement is rewritten to others.

use super::catalog_fixture::CatalogFixture;

const SCHEMA: &str = "\
CREATE TABLE shoes (id INTEGER PRIMARY KEY, pairs INTEGER); \
CREATE TABLE log (line TEXT); CREATE TABLE archive (id INTEGER, pairs INTEGER); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
INSERT INTO shoes VALUES (1, 10), (2, 20), (3, 30); INSERT INTO stones VALUES (1, 'flint')";

const SHOES: &str = "SELECT concat_ws(' ', id, pairs) FROM shoes ORDER BY id";
const LOG: &str = "SELECT line FROM log ORDER BY line";
const ARCHIVE: &str = "SELECT concat_ws(' ', id, pairs) FROM archive ORDER BY id";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

fn with(rules: &str) -> CatalogFixture {
    CatalogFixture::new(&format!("{SCHEMA}; {rules}"))
}

#[test]
fn w10_a_rule_that_does_more() {
    let mut fixture = with(
        "CREATE RULE noted AS ON UPDATE TO shoes WHERE NEW.pairs <> OLD.pairs \
          DO ALSO INSERT INTO log VALUES (OLD.id || ' had ' || OLD.pairs); \
         CREATE RULE kept AS ON DELETE TO shoes DO ALSO INSERT INTO archive VALUES (OLD.id, OLD.pairs)",
    );
    fixture.depends(LOG, &["log", "shoes"]);
    fixture.depends(ARCHIVE, &["archive", "shoes"]);
    fixture.writes(
        "UPDATE shoes SET pairs = 11 WHERE id = 1",
        &[SHOES, LOG],
        &[ARCHIVE, STONES],
    );
    fixture.writes(
        "DELETE FROM shoes WHERE id = 2",
        &[SHOES, ARCHIVE],
        &[LOG, STONES],
    );
    fixture.writes(
        "INSERT INTO shoes VALUES (9, 90)",
        &[SHOES],
        &[LOG, ARCHIVE, STONES],
    );
}

#[test]
fn w10_a_rule_that_does_something_else_instead() {
    let mut fixture = with(
        "CREATE RULE moved AS ON DELETE TO shoes DO INSTEAD \
          (UPDATE shoes SET pairs = 0 WHERE id = OLD.id; INSERT INTO log VALUES ('none of ' || OLD.id)); \
         CREATE RULE elsewhere AS ON INSERT TO shoes DO INSTEAD \
          INSERT INTO archive VALUES (NEW.id, NEW.pairs)",
    );
    fixture.writes(
        "DELETE FROM shoes WHERE id = 2",
        &[SHOES, LOG],
        &[ARCHIVE, STONES],
    );
    fixture.changes("INSERT INTO shoes VALUES (9, 90)", &[ARCHIVE]);
}

#[test]
fn w10_rules_that_make_a_view_writable() {
    let mut fixture = with(
        "CREATE VIEW many AS SELECT DISTINCT id, pairs FROM shoes WHERE pairs > 10; \
         CREATE RULE add AS ON INSERT TO many DO INSTEAD INSERT INTO shoes VALUES (NEW.id, NEW.pairs); \
         CREATE RULE del AS ON DELETE TO many DO INSTEAD DELETE FROM shoes WHERE id = OLD.id",
    );
    let many = "SELECT concat_ws(' ', id, pairs) FROM many ORDER BY id";
    fixture.depends(SHOES, &["many", "shoes"]);
    fixture.depends(many, &["many", "shoes"]);
    fixture.writes(
        "INSERT INTO many VALUES (4, 40)",
        &[SHOES, many],
        &[STONES, LOG],
    );
    fixture.writes(
        "DELETE FROM many WHERE id = 4",
        &[SHOES, many],
        &[STONES, LOG],
    );
}

/// A rule sets off a trigger, which sets off a rule.
#[test]
fn w10_rules_and_triggers_set_each_other_off() {
    let noted = super::trigger(
        "noted",
        "AFTER INSERT",
        "archive",
        "UPDATE stones SET name = 'moved' WHERE id = 1;",
    );
    let mut fixture = with(&format!(
        "CREATE RULE kept AS ON DELETE TO shoes DO ALSO INSERT INTO archive VALUES (OLD.id, OLD.pairs); \
         CREATE RULE told AS ON UPDATE TO stones DO ALSO INSERT INTO log VALUES (NEW.name); {noted}"
    ));
    fixture.depends(LOG, &["archive", "log", "shoes", "stones"]);
    fixture.writes(
        "DELETE FROM shoes WHERE id = 2",
        &[SHOES, ARCHIVE, STONES, LOG],
        &[],
    );
}

#[test]
fn w10_a_rule_that_is_made_after_the_first_read_and_dropped_again() {
    let mut fixture = with("");
    let update = "UPDATE shoes SET pairs = pairs + 1 WHERE id = 1";
    fixture.writes(update, &[SHOES], &[LOG]);
    super::catalog_fixture::run(
        &mut fixture.writer.conn,
        "CREATE RULE noted AS ON UPDATE TO shoes DO ALSO INSERT INTO log VALUES ('u' || OLD.pairs)",
    );
    fixture.writes(update, &[SHOES, LOG], &[STONES]);
    super::catalog_fixture::run(&mut fixture.writer.conn, "DROP RULE noted ON shoes");
    fixture.writes(update, &[SHOES], &[LOG, STONES]);
}
