//! Table inheritance: rows of the children are rows of their parents.

use super::catalog_fixture::CatalogFixture;

const SCHEMA: &str = "\
CREATE TABLE cities (name TEXT, people INTEGER); \
CREATE TABLE capitals (state TEXT) INHERITS (cities); \
CREATE TABLE seats (parliament TEXT) INHERITS (capitals); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
INSERT INTO cities VALUES ('Lyon', 500); INSERT INTO capitals VALUES ('Paris', 2000, 'FR'); \
INSERT INTO seats VALUES ('Bern', 130, 'CH', 'Bundeshaus'); INSERT INTO stones VALUES (1, 'flint')";

const CITIES: &str = "SELECT concat_ws(' ', name, people) FROM cities ORDER BY 1";
const CITIES_ONLY: &str = "SELECT concat_ws(' ', name, people) FROM ONLY cities ORDER BY 1";
const CAPITALS: &str = "SELECT concat_ws(' ', name, people) FROM capitals ORDER BY 1";
const SEATS: &str = "SELECT concat_ws(' ', name, people) FROM seats ORDER BY 1";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

#[test]
fn w08_a_parent_shows_the_rows_of_its_children() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.depends(CITIES, &["capitals", "cities", "seats"]);
    fixture.writes(
        "INSERT INTO capitals VALUES ('Rome', 2800, 'IT')",
        &[CITIES, CAPITALS],
        &[STONES],
    );
    fixture.writes(
        "UPDATE seats SET people = 131",
        &[CITIES, CAPITALS, SEATS],
        &[STONES],
    );
    fixture.writes(
        "INSERT INTO cities VALUES ('Nice', 340)",
        &[CITIES, CITIES_ONLY],
        &[STONES],
    );
}

#[test]
fn w08_a_write_to_a_parent_changes_its_children() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.depends(SEATS, &["capitals", "cities", "seats"]);
    fixture.writes(
        "UPDATE cities SET people = people + 1",
        &[CITIES, CITIES_ONLY, CAPITALS, SEATS],
        &[STONES],
    );
    fixture.writes(
        "DELETE FROM capitals WHERE people < 200",
        &[CITIES, CAPITALS, SEATS],
        &[STONES],
    );
    fixture.writes(
        "TRUNCATE cities",
        &[CITIES, CITIES_ONLY, CAPITALS],
        &[STONES],
    );
}

/// What reads one table alone may depend on the others too, but never misses a change.
#[test]
fn w08_one_table_of_a_family_alone() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.changes("UPDATE ONLY cities SET people = 1", &[CITIES_ONLY, CITIES]);
    fixture.changes(
        "UPDATE cities SET people = 2",
        &[CITIES_ONLY, CITIES, SEATS],
    );
}

#[test]
fn w08_a_child_of_two_parents() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE boats (name TEXT); CREATE TABLE houses (name TEXT); \
         CREATE TABLE houseboats (berth TEXT) INHERITS (boats, houses); \
         INSERT INTO houseboats VALUES ('Ark', 'A1')",
    );
    let boats = "SELECT name FROM boats ORDER BY 1";
    let houses = "SELECT name FROM houses ORDER BY 1";
    let both = "SELECT name FROM houseboats ORDER BY 1";
    fixture.depends(both, &["boats", "houseboats", "houses"]);
    fixture.writes(
        "UPDATE boats SET name = 'Argo'",
        &[boats, houses, both],
        &[],
    );
    fixture.changes("INSERT INTO houses VALUES ('Villa')", &[houses]);
    fixture.changes(
        "DELETE FROM houses WHERE name = 'Argo'",
        &[boats, houses, both],
    );
}

/// `INHERIT` and `NO INHERIT` change what the parent shows.
#[test]
fn w08_children_that_come_and_go() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.changes("ALTER TABLE capitals NO INHERIT cities", &[CITIES]);
    fixture.depends(CITIES, &["cities"]);
    fixture.writes("DELETE FROM seats", &[CAPITALS, SEATS], &[CITIES]);
    fixture.changes("ALTER TABLE capitals INHERIT cities", &[CITIES]);
    fixture.changes(
        "DELETE FROM cities WHERE name = 'Paris'",
        &[CAPITALS, CITIES],
    );
}

/// A parent's triggers are not its children's.
#[test]
fn w10_triggers_of_a_child() {
    let noted = super::trigger(
        "noted",
        "AFTER UPDATE",
        "capitals",
        "INSERT INTO log VALUES (NEW.name || NEW.people);",
    );
    let mut fixture =
        CatalogFixture::new(&format!("{SCHEMA}; CREATE TABLE log (line TEXT); {noted}"));
    let log = "SELECT line FROM log ORDER BY line";
    fixture.writes("UPDATE cities SET people = 3", &[log, CITIES], &[STONES]);
    fixture.writes("UPDATE capitals SET people = 4", &[log, CITIES], &[STONES]);
}
