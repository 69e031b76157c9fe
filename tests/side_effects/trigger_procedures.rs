//! Triggers of MariaDB that call procedures and functions, and several of them on one event.

use super::catalog_fixture::{CatalogFixture, run};
use super::{drop_trigger, trigger};

const SCHEMA: &str = "\
CREATE TABLE north (id INTEGER PRIMARY KEY, v INTEGER); \
CREATE TABLE log (line VARCHAR(40)); CREATE TABLE sums (id INTEGER PRIMARY KEY, v INTEGER); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(20)); \
INSERT INTO north VALUES (1, 10), (2, 20); \
INSERT INTO sums VALUES (1, 0); INSERT INTO stones VALUES (1, 'flint');";

const NORTH: &str = "SELECT concat_ws(' ', id, v) FROM north ORDER BY id";
const LOG: &str = "SELECT line FROM log ORDER BY line";
const SUMS: &str = "SELECT concat('', v) FROM sums ORDER BY id";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

const UPDATE: &str = "UPDATE north SET v = v + 1 WHERE id = 1";

fn with(more: &str) -> CatalogFixture {
    CatalogFixture::new(&format!("{SCHEMA} {more}"))
}

#[test]
fn w10_a_body_that_calls_a_procedure() {
    let mut fixture = with(&format!(
        "CREATE PROCEDURE note(IN what INT) BEGIN INSERT INTO log VALUES (concat('p ', what)); \
         CALL add_up(what); END; \
         CREATE PROCEDURE add_up(IN what INT) UPDATE sums SET v = v + what; {}",
        trigger("noted", "AFTER UPDATE", "north", "CALL note(NEW.v);")
    ));
    fixture.writes(UPDATE, &[NORTH, LOG, SUMS], &[]);
}

#[test]
fn w10_a_body_that_calls_a_function() {
    let mut fixture = with(&format!(
        "CREATE FUNCTION note(what INT) RETURNS INT MODIFIES SQL DATA BEGIN \
         INSERT INTO log VALUES (concat('f ', what)); RETURN what; END; {}",
        trigger(
            "noted",
            "BEFORE UPDATE",
            "north",
            "SET NEW.v = note(NEW.v);"
        )
    ));
    fixture.writes(UPDATE, &[NORTH, LOG], &[]);
}

#[test]
fn w10_several_triggers_of_one_event() {
    let mut fixture = with(&format!(
        "{} {}",
        trigger(
            "first",
            "AFTER UPDATE",
            "north",
            "INSERT INTO log VALUES ('x');"
        ),
        trigger(
            "second",
            "AFTER UPDATE",
            "north",
            "UPDATE sums SET v = v + 1;"
        )
        .replace("FOR EACH ROW", "FOR EACH ROW FOLLOWS first"),
    ));
    fixture.depends(LOG, &["log", "north"]);
    fixture.depends(SUMS, &["north", "sums"]);
    fixture.writes(UPDATE, &[NORTH, LOG, SUMS], &[STONES]);
    run(&mut fixture.writer.conn, &drop_trigger("first", "north"));
    fixture.writes(UPDATE, &[NORTH, SUMS], &[LOG, STONES]);
}

#[test]
fn w10_a_body_with_cursors_handlers_and_labels() {
    let body = "DECLARE done INT DEFAULT 0; DECLARE x INT; DECLARE total INT DEFAULT 0; \
        DECLARE c CURSOR FOR SELECT id FROM stones; \
        DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; \
        OPEN c; rows_of_c: LOOP FETCH c INTO x; \
        IF done = 1 THEN LEAVE rows_of_c; END IF; SET total = total + x; END LOOP; CLOSE c; \
        BEGIN DECLARE EXIT HANDLER FOR 1062 UPDATE sums SET v = v + total; \
        INSERT INTO sums VALUES (1, total); END; \
        REPEAT INSERT INTO log VALUES (concat(total)); SET total = total - 1; \
        UNTIL total <= 0 END REPEAT;";
    let mut fixture = with(&trigger("noted", "AFTER UPDATE", "north", body));
    fixture.writes(UPDATE, &[NORTH, LOG, SUMS], &[STONES]);
}

#[test]
fn w10_a_trigger_whose_names_are_qualified() {
    let mut fixture = with("");
    let name = fixture.world.database.name().to_owned();
    let body = format!("INSERT INTO `{name}`.log VALUES ('x');");
    run(
        &mut fixture.outsider,
        &trigger("noted", "AFTER UPDATE", &format!("`{name}`.`north`"), &body),
    );
    fixture.world.cache.invalidate_all().unwrap();
    fixture.writes(UPDATE, &[NORTH, LOG], &[STONES]);
}
