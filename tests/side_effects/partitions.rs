//! Partitions: rows are written to one table and stand in another.

use diesel::prelude::*;

use super::catalog_fixture::CatalogFixture;

diesel::table! {
    events (id) {
        id -> Integer,
        name -> Text,
    }
}

/// Ids below 100 and from 100 on; the latter are split again, by the first letter.
const SCHEMA: &str = "\
CREATE TABLE events (id INTEGER NOT NULL, name TEXT NOT NULL) PARTITION BY RANGE (id); \
CREATE TABLE early PARTITION OF events FOR VALUES FROM (0) TO (100); \
CREATE TABLE late PARTITION OF events FOR VALUES FROM (100) TO (1000) PARTITION BY LIST (name); \
CREATE TABLE late_a PARTITION OF late FOR VALUES IN ('a'); \
CREATE TABLE late_rest PARTITION OF late DEFAULT; \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
INSERT INTO events VALUES (1, 'x'), (100, 'a'), (101, 'b'); INSERT INTO stones VALUES (1, 'flint')";

const EVENTS: &str = "SELECT concat_ws(' ', id, name) FROM events ORDER BY id";
const EARLY: &str = "SELECT concat_ws(' ', id, name) FROM early ORDER BY id";
const LATE: &str = "SELECT concat_ws(' ', id, name) FROM late ORDER BY id";
const LATE_A: &str = "SELECT concat_ws(' ', id, name) FROM late_a ORDER BY id";
const LATE_REST: &str = "SELECT concat_ws(' ', id, name) FROM late_rest ORDER BY id";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

#[test]
fn w08_a_partition_changes_with_the_tables_above_it() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.depends(EARLY, &["early", "events"]);
    fixture.depends(LATE_A, &["events", "late", "late_a"]);
    fixture.writes(
        "INSERT INTO events VALUES (2, 'y')",
        &[EVENTS, EARLY],
        &[STONES],
    );
    fixture.writes(
        "UPDATE events SET name = 'a' WHERE id = 101",
        &[EVENTS, LATE, LATE_A, LATE_REST],
        &[STONES],
    );
    fixture.writes(
        "UPDATE events SET id = 102 WHERE id = 1",
        &[EVENTS, EARLY, LATE, LATE_REST],
        &[STONES],
    );
    fixture.writes(
        "DELETE FROM late WHERE name = 'a'",
        &[EVENTS, LATE, LATE_A],
        &[EARLY],
    );
    fixture.writes(
        "TRUNCATE events",
        &[EVENTS, EARLY, LATE, LATE_REST],
        &[STONES],
    );
}

#[test]
fn w08_a_partitioned_table_changes_with_its_partitions() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.depends(EVENTS, &["early", "events", "late", "late_a", "late_rest"]);
    fixture.depends(LATE, &["events", "late", "late_a", "late_rest"]);
    fixture.writes(
        "INSERT INTO early VALUES (3, 'z')",
        &[EVENTS, EARLY],
        &[LATE, LATE_A, LATE_REST, STONES],
    );
    fixture.writes(
        "UPDATE late_a SET id = 200",
        &[EVENTS, LATE, LATE_A],
        &[EARLY, LATE_REST, STONES],
    );
    fixture.writes(
        "TRUNCATE late_rest",
        &[EVENTS, LATE, LATE_REST],
        &[EARLY, LATE_A, STONES],
    );
}

#[test]
fn w08_partitions_as_diesel_writes_them() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.does(
        "an insert",
        |conn| {
            let rows: Vec<_> = [(5, "a"), (500, "a"), (501, "q")]
                .map(|(id, name)| (events::id.eq(id), events::name.eq(name)))
                .into();
            diesel::insert_into(events::table)
                .values(rows)
                .execute(conn)
                .unwrap();
        },
        &[EVENTS, EARLY, LATE, LATE_A, LATE_REST],
        &[STONES],
    );
}

/// A partition taken out or put in changes what the tables above it show.
#[test]
fn w08_partitions_that_come_and_go() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.changes("ALTER TABLE events DETACH PARTITION early", &[EVENTS]);
    fixture.depends(EARLY, &["early"]);
    fixture.writes(
        "INSERT INTO early VALUES (4, 'z')",
        &[EARLY],
        &[EVENTS, LATE],
    );
    fixture.changes(
        "ALTER TABLE events ATTACH PARTITION early FOR VALUES FROM (0) TO (100)",
        &[EVENTS],
    );
    fixture.depends(EARLY, &["early", "events"]);
    fixture.writes(
        "INSERT INTO early VALUES (5, 'z')",
        &[EARLY, EVENTS],
        &[LATE],
    );
    fixture.changes("DROP TABLE late_a", &[EVENTS, LATE]);
}

#[test]
fn w09_the_children_of_a_partitioned_table() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE halls (id INTEGER PRIMARY KEY) PARTITION BY RANGE (id); \
         CREATE TABLE small_halls PARTITION OF halls FOR VALUES FROM (0) TO (10); \
         CREATE TABLE large_halls PARTITION OF halls FOR VALUES FROM (10) TO (20); \
         CREATE TABLE seats (id INTEGER PRIMARY KEY, \
          hall_id INTEGER REFERENCES halls (id) ON DELETE CASCADE); \
         INSERT INTO halls VALUES (1), (2), (11), (12); \
         INSERT INTO seats VALUES (1, 1), (2, 2), (3, 11), (4, 12)",
    );
    let seats = "SELECT concat('seat ', id) FROM seats ORDER BY id";
    fixture.changes("DELETE FROM halls WHERE id = 1", &[seats]);
    fixture.changes("DELETE FROM large_halls WHERE id = 11", &[seats]);
    fixture.keeps("INSERT INTO halls VALUES (3)", &[seats]);
    fixture.keeps("INSERT INTO small_halls VALUES (4)", &[seats]);
}

/// A trigger of a partitioned table is one of each partition.
#[test]
fn w10_triggers_of_a_partitioned_table() {
    let noted = super::trigger(
        "noted",
        "AFTER INSERT",
        "events",
        "INSERT INTO log VALUES (TG_TABLE_NAME || ' ' || NEW.id);",
    );
    let of_one = super::trigger(
        "of_one",
        "AFTER DELETE",
        "early",
        "INSERT INTO log VALUES ('gone ' || OLD.id);",
    );
    let mut fixture = CatalogFixture::new(&format!(
        "{SCHEMA}; CREATE TABLE log (line TEXT); {noted} {of_one}"
    ));
    let log = "SELECT line FROM log ORDER BY line";
    fixture.writes(
        "INSERT INTO events VALUES (7, 'x')",
        &[log, EARLY],
        &[STONES],
    );
    fixture.writes(
        "INSERT INTO late_a VALUES (700, 'a')",
        &[log, LATE_A],
        &[STONES],
    );
    fixture.writes("DELETE FROM events WHERE id = 7", &[log, EARLY], &[STONES]);
}
