//! Triggers: what else is written when a table is.

use diesel::{prelude::*, result::Error};

use super::catalog_fixture::{CatalogFixture, cached, run};
use super::{DATABASE, drop_trigger, trigger};

diesel::table! {
    goods (id) {
        id -> Integer,
        name -> Text,
        price -> Integer,
    }
}

const GOODS: &str = "SELECT concat_ws(' ', id, name, price) FROM goods ORDER BY id";
const LOG: &str = "SELECT line FROM log ORDER BY line";
const TOTALS: &str = "SELECT concat('total ', total) FROM totals ORDER BY id";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

const INSERT: &str = "INSERT INTO goods VALUES (7, 'rope', 70)";
const UPDATE: &str = "UPDATE goods SET price = price + 1 WHERE id = 2";
const DELETE: &str = "DELETE FROM goods WHERE id = 1";

/// Goods, and what triggers may write.
fn shop(triggers: &[String]) -> String {
    format!(
        "CREATE TABLE goods (id INTEGER PRIMARY KEY, name VARCHAR(20), price INTEGER); \
         CREATE TABLE log (line VARCHAR(40)); \
         CREATE TABLE totals (id INTEGER PRIMARY KEY, total INTEGER); \
         CREATE TABLE rates (id INTEGER PRIMARY KEY, rate INTEGER); \
         CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(20)); \
         INSERT INTO goods VALUES (1, 'oil', 10), (2, 'salt', 20), (3, 'tea', 30); \
         INSERT INTO totals VALUES (1, 60); INSERT INTO rates VALUES (1, 2); \
         INSERT INTO stones VALUES (1, 'flint'); {}",
        triggers.join(" ")
    )
}

/// The moment, and the name of the row that it has.
const MOMENTS: [(&str, &str); 6] = [
    ("BEFORE INSERT", "NEW"),
    ("AFTER INSERT", "NEW"),
    ("BEFORE UPDATE", "NEW"),
    ("AFTER UPDATE", "OLD"),
    ("BEFORE DELETE", "OLD"),
    ("AFTER DELETE", "OLD"),
];

#[test]
fn w10_each_event_before_and_after() {
    for (moment, row) in MOMENTS {
        let body = format!("INSERT INTO log VALUES (concat('changed ', {row}.id));");
        let mut fixture = CatalogFixture::new(&shop(&[trigger("noted", moment, "goods", &body)]));
        fixture.depends(LOG, &["goods", "log"]);
        fixture.depends(GOODS, &["goods"]);
        for write in [INSERT, UPDATE, DELETE] {
            let event = write.split(' ').next().unwrap_or_default();
            if moment.ends_with(event) {
                fixture.writes(write, &[GOODS, LOG], &[STONES, TOTALS]);
            } else {
                fixture.writes(write, &[GOODS], &[LOG, STONES, TOTALS]);
            }
        }
    }
}

#[test]
fn a02_what_a_trigger_writes_is_dated_with_what_sets_it_off() {
    let body = "INSERT INTO log VALUES (concat('gone ', OLD.id));";
    let mut fixture =
        CatalogFixture::new(&shop(&[trigger("noted", "AFTER DELETE", "goods", body)]));
    fixture.warm(STONES);
    fixture.dates(UPDATE, &["goods"], &["log", "totals"]);
    fixture.dates(DELETE, &["goods", "log"], &["totals"]);
}

#[test]
fn w10_a_second_and_a_third_table() {
    let body = "INSERT INTO log VALUES (concat('new ', NEW.name)); \
                UPDATE totals SET total = total + NEW.price WHERE id = 1;";
    let mut fixture =
        CatalogFixture::new(&shop(&[trigger("noted", "AFTER INSERT", "goods", body)]));
    fixture.depends(LOG, &["goods", "log"]);
    fixture.depends(TOTALS, &["goods", "totals"]);
    fixture.writes(INSERT, &[GOODS, LOG, TOTALS], &[STONES]);
    fixture.writes(UPDATE, &[GOODS], &[LOG, TOTALS, STONES]);
}

#[test]
fn w10_a_trigger_sets_off_another() {
    let mut fixture = CatalogFixture::new(&shop(&[
        trigger(
            "summed",
            "AFTER DELETE",
            "goods",
            "UPDATE totals SET total = total - OLD.price WHERE id = 1;",
        ),
        trigger(
            "noted",
            "AFTER UPDATE",
            "totals",
            "INSERT INTO log VALUES (concat('total ', NEW.total));",
        ),
    ]));
    fixture.depends(TOTALS, &["goods", "totals"]);
    fixture.depends(LOG, &["goods", "log", "totals"]);
    fixture.writes(DELETE, &[GOODS, TOTALS, LOG], &[STONES]);
    fixture.writes(UPDATE, &[GOODS], &[TOTALS, LOG, STONES]);
    fixture.writes("UPDATE totals SET total = 0", &[TOTALS, LOG], &[GOODS]);
    // An insert is not what the second trigger waits for.
    fixture.writes("INSERT INTO totals VALUES (2, 0)", &[TOTALS], &[LOG, GOODS]);
}

#[test]
fn w10_each_kind_of_write_in_a_body() {
    let bodies = [
        "INSERT INTO totals SELECT NEW.id, price FROM goods WHERE id = 1;",
        "UPDATE totals SET total = (SELECT max(rate) FROM rates) + NEW.price;",
        "DELETE FROM totals WHERE id = 1 AND NEW.price > 0;",
    ];
    for body in bodies {
        let mut fixture =
            CatalogFixture::new(&shop(&[trigger("summed", "AFTER INSERT", "goods", body)]));
        fixture.depends(TOTALS, &["goods", "totals"]);
        fixture.writes(INSERT, &[GOODS, TOTALS], &[LOG, STONES]);
    }
}

#[test]
fn w10_a_body_with_conditions() {
    let body = match DATABASE {
        "sqlite" => {
            "INSERT INTO log SELECT 'dear' WHERE NEW.price > 50; \
             UPDATE totals SET total = CASE WHEN NEW.price > 50 THEN total + 1 ELSE total END;"
        }
        "mysql" => {
            "DECLARE n INT DEFAULT 0; \
             IF NEW.price > 50 THEN INSERT INTO log VALUES ('dear'); \
             ELSEIF NEW.price > 40 THEN SET n = 1; ELSE SET n = 2; END IF; \
             CASE WHEN NEW.price > 50 THEN UPDATE totals SET total = total + 1; \
             ELSE SET n = 3; END CASE; \
             WHILE n < 0 DO SET n = n + 1; END WHILE;"
        }
        _ => {
            "IF NEW.price > 50 THEN INSERT INTO log VALUES ('dear'); \
             ELSIF NEW.price > 40 THEN NULL; END IF; \
             CASE WHEN NEW.price > 50 THEN UPDATE totals SET total = total + 1; ELSE NULL; END CASE;"
        }
    };
    let mut fixture =
        CatalogFixture::new(&shop(&[trigger("checked", "AFTER INSERT", "goods", body)]));
    fixture.depends(LOG, &["goods", "log"]);
    fixture.depends(TOTALS, &["goods", "totals"]);
    fixture.writes(INSERT, &[GOODS, LOG, TOTALS], &[STONES]);
}

#[test]
fn w10_a_trigger_under_a_condition() {
    if DATABASE == "mysql" {
        return;
    }
    let body = "INSERT INTO log VALUES (concat('dear ', NEW.id));";
    let mut moment = trigger("noted", "AFTER UPDATE OF price", "goods", body);
    moment = moment.replace("FOR EACH ROW", "FOR EACH ROW WHEN (NEW.price > OLD.price)");
    let mut fixture = CatalogFixture::new(&shop(&[moment]));
    fixture.depends(LOG, &["goods", "log"]);
    fixture.writes(UPDATE, &[GOODS, LOG], &[STONES]);
}

#[test]
fn w10_a_trigger_that_changes_the_row_itself() {
    if DATABASE == "sqlite" {
        return;
    }
    let mut fixture = CatalogFixture::new(&shop(&[trigger(
        "rounded",
        "BEFORE INSERT",
        "goods",
        if DATABASE == "mysql" {
            "SET NEW.price = NEW.price + 5;"
        } else {
            "NEW.price := NEW.price + 5;"
        },
    )]));
    fixture.depends(GOODS, &["goods"]);
    fixture.writes(INSERT, &[GOODS], &[LOG, STONES]);
    assert_eq!(fixture.cached(GOODS).0[3], "7 rope 75");
}

/// An upsert or a replacement is more than an insert.
#[test]
fn w10_writes_that_meet_a_row() {
    let noted = |moment| {
        let body = "INSERT INTO log VALUES (concat('met ', OLD.id));";
        shop(&[trigger("noted", moment, "goods", body)])
    };
    let upsert = if DATABASE == "mysql" {
        "INSERT INTO goods VALUES (2, 'x', 1) ON DUPLICATE KEY UPDATE price = 9"
    } else {
        "INSERT INTO goods VALUES (2, 'x', 1) ON CONFLICT (id) DO UPDATE SET price = 9"
    };
    let mut fixture = CatalogFixture::new(&noted("AFTER UPDATE"));
    fixture.writes(upsert, &[GOODS, LOG], &[STONES]);
    if DATABASE == "mysql" {
        let mut fixture = CatalogFixture::new(&noted("AFTER DELETE"));
        fixture.writes(
            "REPLACE INTO goods VALUES (2, 'x', 1)",
            &[GOODS, LOG],
            &[STONES],
        );
    }
    if DATABASE == "sqlite" {
        let mut fixture = CatalogFixture::new(&noted("AFTER DELETE"));
        run(&mut fixture.writer.conn, "PRAGMA recursive_triggers = ON");
        fixture.writes(
            "REPLACE INTO goods VALUES (2, 'x', 1)",
            &[GOODS, LOG],
            &[STONES],
        );
    }
}

/// MariaDB fires no triggers for what its foreign keys do.
#[test]
fn w10_a_cascade_sets_off_triggers() {
    let mut fixture = CatalogFixture::new(&format!(
        "{} CREATE TABLE offers (id INTEGER PRIMARY KEY, good_id INTEGER, \
         FOREIGN KEY (good_id) REFERENCES goods (id) ON DELETE CASCADE); \
         INSERT INTO offers VALUES (1, 1), (2, 2); {}",
        shop(&[]),
        trigger(
            "noted",
            "AFTER DELETE",
            "offers",
            "INSERT INTO log VALUES (concat('no offer ', OLD.id));"
        )
    ));
    let offers = "SELECT concat('offer ', id) FROM offers ORDER BY id";
    fixture.depends(offers, &["goods", "offers"]);
    if DATABASE != "mysql" {
        fixture.depends(LOG, &["goods", "log", "offers"]);
        fixture.writes(DELETE, &[GOODS, offers, LOG], &[STONES]);
        fixture.writes(UPDATE, &[GOODS], &[offers, LOG, STONES]);
    }
    fixture.writes("DELETE FROM offers WHERE id = 2", &[offers, LOG], &[GOODS]);
}

/// A trigger deletes parents, whose children go with them.
#[test]
fn w10_a_trigger_sets_off_a_cascade() {
    let mut fixture = CatalogFixture::new(&format!(
        "{} CREATE TABLE bins (id INTEGER PRIMARY KEY, name VARCHAR(20)); \
         CREATE TABLE slips (id INTEGER PRIMARY KEY, bin_id INTEGER, \
         FOREIGN KEY (bin_id) REFERENCES bins (id) ON DELETE CASCADE); \
         INSERT INTO bins VALUES (1, 'a'), (2, 'b'); INSERT INTO slips VALUES (1, 1), (2, 2); {}",
        shop(&[]),
        trigger(
            "emptied",
            "AFTER DELETE",
            "goods",
            "DELETE FROM bins WHERE id = OLD.id;"
        )
    ));
    let slips = "SELECT concat('slip ', id) FROM slips ORDER BY id";
    fixture.depends(slips, &["bins", "goods", "slips"]);
    fixture.writes(DELETE, &[GOODS, slips], &[STONES, LOG]);
    fixture.writes(UPDATE, &[GOODS], &[slips]);
}

#[test]
fn w10_a_write_through_a_view_that_triggers_carry_out() {
    if DATABASE == "mysql" {
        return;
    }
    let body = "UPDATE goods SET name = NEW.name WHERE id = OLD.id; \
                INSERT INTO log VALUES (concat('renamed ', OLD.id));";
    let mut fixture = CatalogFixture::new(&format!(
        "{} CREATE VIEW names AS SELECT DISTINCT id, name FROM goods; {} {}",
        shop(&[]),
        trigger("renamed", "INSTEAD OF UPDATE", "names", body),
        trigger(
            "sold",
            "INSTEAD OF DELETE",
            "names",
            "DELETE FROM goods WHERE id = OLD.id;"
        )
    ));
    let names = "SELECT name FROM names ORDER BY id";
    fixture.depends(GOODS, &["goods", "names"]);
    fixture.depends(names, &["goods", "names"]);
    fixture.depends(LOG, &["log", "names"]);
    fixture.writes(
        "UPDATE names SET name = 'pepper' WHERE id = 2",
        &[GOODS, names, LOG],
        &[STONES],
    );
    fixture.writes(
        "DELETE FROM names WHERE id = 2",
        &[GOODS, names],
        &[LOG, STONES],
    );
}

#[test]
fn w10_a_trigger_that_is_made_after_the_first_read_and_dropped_again() {
    let mut fixture = CatalogFixture::new(&shop(&[]));
    fixture.depends(LOG, &["log"]);
    fixture.writes(UPDATE, &[GOODS], &[LOG]);
    let made = trigger(
        "noted",
        "AFTER UPDATE",
        "goods",
        "INSERT INTO log VALUES (concat('price ', NEW.price));",
    );
    fixture.warm(LOG);
    run(&mut fixture.writer.conn, &made);
    fixture.depends(LOG, &["goods", "log"]);
    fixture.writes(UPDATE, &[GOODS, LOG], &[STONES]);
    run(&mut fixture.writer.conn, &drop_trigger("noted", "goods"));
    fixture.depends(LOG, &["log"]);
    fixture.writes(UPDATE, &[GOODS], &[LOG, STONES]);
}

#[test]
fn w10_the_log_of_an_uncommitted_write() {
    let body = "INSERT INTO log VALUES (concat('price ', NEW.price));";
    let mut fixture =
        CatalogFixture::new(&shop(&[trigger("noted", "AFTER UPDATE", "goods", body)]));
    fixture.warm(LOG);
    let CatalogFixture { world, writer, .. } = &mut fixture;
    let undone = writer.conn.transaction(|conn| {
        run(conn, UPDATE);
        assert_eq!(cached(conn, LOG), ["price 21"], "its own");
        assert_eq!(
            world.sent(|conn| cached(conn, LOG)),
            (Vec::new(), 0),
            "others'"
        );
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(Error::RollbackTransaction));
    assert_eq!(fixture.cached(LOG), (Vec::new(), 0));
    fixture.does(
        "a commit",
        |conn| {
            conn.transaction(|conn| {
                diesel::update(goods::table.find(2))
                    .set(goods::price.eq(99))
                    .execute(conn)
            })
            .unwrap();
        },
        &[GOODS, LOG],
        &[STONES],
    );
}
