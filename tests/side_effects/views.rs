//! Views: what is read of them changes with the tables that they are made of.

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use diesel::{prelude::*, result::Error};

use super::catalog_fixture::{CatalogFixture, cached, run};
use super::{Conn, DATABASE, MOVING};

diesel::table! {
    long_names (id) {
        id -> Integer,
        name -> Text,
    }
}

/// Nobody can write through these views: they read distinct rows or groups.
const SCHEMA: &str = "\
CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL); \
CREATE TABLE cats (id INTEGER PRIMARY KEY, person_id INTEGER, name VARCHAR(20) NOT NULL); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL); \
CREATE VIEW long_names AS SELECT DISTINCT id, name FROM people WHERE length(name) > 3; \
CREATE VIEW pairs AS SELECT DISTINCT p.name AS person, c.name AS cat \
 FROM people p INNER JOIN cats c ON c.person_id = p.id; \
CREATE VIEW counts AS SELECT person AS name, count(*) AS cats FROM pairs GROUP BY person; \
CREATE VIEW rich AS SELECT DISTINCT l.name FROM long_names l \
 WHERE EXISTS (SELECT 1 FROM counts WHERE counts.name = l.name AND cats > 1); \
INSERT INTO people VALUES (1, 'Bo'), (2, 'Clara'), (3, 'Dora'); \
INSERT INTO cats VALUES (1, 2, 'Felix'), (2, 2, 'Mog'), (3, 3, 'Tom'); \
INSERT INTO stones VALUES (1, 'flint')";

const LONG: &str = "SELECT name FROM long_names ORDER BY id";
const PAIRS: &str = "SELECT concat_ws(' and ', person, cat) FROM pairs ORDER BY person, cat";
const COUNTS: &str = "SELECT concat_ws(' ', name, cats) FROM counts ORDER BY name";
const RICH: &str = "SELECT name FROM rich ORDER BY name";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

#[test]
fn w08_a_view_changes_with_its_table() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.depends(LONG, &["long_names", "people"]);
    fixture.writes(
        "UPDATE people SET name = 'Claire' WHERE id = 2",
        &[LONG],
        &[STONES, "SELECT name FROM cats ORDER BY id"],
    );
    fixture.changes("INSERT INTO people VALUES (4, 'Emil')", &[LONG]);
    fixture.changes("DELETE FROM people WHERE id = 3", &[LONG]);
}

#[test]
fn a02_a_view_is_dated_with_the_tables_behind_it() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.warm(STONES);
    fixture.dates(
        "UPDATE people SET name = 'Claire' WHERE id = 2",
        &["people", "long_names", "pairs", "counts", "rich"],
        &["cats", "stones"],
    );
    fixture.dates(
        "DELETE FROM cats WHERE id = 3",
        &["cats", "counts", "rich"],
        &["people", "long_names"],
    );
}

#[test]
fn w08_a_view_of_a_join_changes_with_each_of_its_tables() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.depends(PAIRS, &["cats", "pairs", "people"]);
    fixture.writes(
        "UPDATE people SET name = 'Claire' WHERE id = 2",
        &[PAIRS],
        &[STONES],
    );
    fixture.writes("DELETE FROM cats WHERE id = 3", &[PAIRS], &[LONG, STONES]);
}

#[test]
fn w08_views_of_views_of_views() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.depends(COUNTS, &["cats", "counts", "pairs", "people"]);
    fixture.depends(
        RICH,
        &["cats", "counts", "long_names", "pairs", "people", "rich"],
    );
    fixture.writes(
        "INSERT INTO cats VALUES (4, 3, 'Whisky')",
        &[COUNTS, RICH],
        &[LONG, STONES],
    );
    fixture.writes(
        "UPDATE people SET name = 'Do' WHERE id = 3",
        &[COUNTS, RICH],
        &[STONES],
    );
}

#[test]
fn w08_a_view_in_any_part_of_a_query() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    let reads = [
        "SELECT name FROM people WHERE name IN (SELECT person FROM pairs) ORDER BY id",
        "SELECT p.name FROM people p JOIN pairs ON pairs.person = p.name WHERE p.id > 2",
        "SELECT name FROM people WHERE EXISTS (SELECT 1 FROM pairs WHERE person = name) ORDER BY id",
        "WITH few AS (SELECT person FROM pairs) SELECT person FROM few ORDER BY person",
        "SELECT name FROM people UNION SELECT cat FROM pairs ORDER BY 1",
        "SELECT concat('n', (SELECT count(*) FROM pairs))",
        "SELECT inside.cat FROM (SELECT cat FROM pairs) inside ORDER BY 1",
    ];
    for read in reads {
        fixture.depends(read, &["cats", "pairs", "people"]);
    }
    fixture.writes("DELETE FROM cats WHERE id = 3", &reads, &[STONES]);
}

#[test]
fn w08_a_table_in_any_part_of_a_view() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    let bodies = [
        "SELECT name FROM people WHERE id IN (SELECT person_id FROM cats)",
        "SELECT name, (SELECT count(*) FROM cats c WHERE c.person_id = people.id) AS n FROM people",
        "SELECT name FROM people UNION ALL SELECT name FROM cats",
        "WITH few AS (SELECT name FROM cats) SELECT name FROM few",
        "SELECT name FROM (SELECT DISTINCT name FROM cats) AS inside",
        "SELECT name, id FROM people ORDER BY (SELECT max(id) FROM cats), name",
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM cats WHERE id = 3) THEN 'y' ELSE 'n' END AS name \
         FROM people",
        "SELECT people.name FROM people LEFT JOIN cats ON cats.person_id = people.id \
         WHERE cats.id IS NULL",
    ];
    for (number, body) in bodies.iter().enumerate() {
        run(
            &mut fixture.outsider,
            &format!("CREATE VIEW body{number} AS {body}"),
        );
    }
    fixture.world.cache.invalidate_all().unwrap();
    for number in 0..bodies.len() {
        let view = format!("body{number}");
        let read = format!("SELECT concat('', count(*), max(name)) FROM {view}");
        let tables = fixture.explain(&read).tables;
        assert!(tables.contains(&view), "{tables:?}");
        assert!(tables.contains(&"cats".to_owned()), "{view}: {tables:?}");
        assert!(!tables.contains(&"stones".to_owned()), "{view}: {tables:?}");
    }
}

#[test]
fn w08_a_view_whose_name_needs_care() {
    let quote = if DATABASE == "mysql" { '`' } else { '"' };
    let quoted = |name: &str| format!("{quote}{name}{quote}");
    let (odd, select) = (quoted("Odd View à la carte"), quoted("select"));
    let mut fixture = CatalogFixture::new(&format!(
        "{SCHEMA}; CREATE VIEW {odd} AS SELECT DISTINCT name FROM people; \
         CREATE VIEW {select} AS SELECT DISTINCT name FROM {odd}"
    ));
    let schema = if DATABASE == "sqlite" {
        "main."
    } else if DATABASE == "postgres" {
        "public."
    } else {
        ""
    };
    let reads = [
        format!("SELECT name FROM {odd} ORDER BY 1"),
        format!("SELECT name FROM {select} ORDER BY 1"),
        format!("SELECT {select}.name FROM {schema}{select} ORDER BY 1"),
    ];
    let reads = reads.each_ref().map(String::as_str);
    fixture.depends(reads[0], &["odd view à la carte", "people"]);
    fixture.depends(reads[2], &["odd view à la carte", "people", "select"]);
    fixture.writes("DELETE FROM people WHERE id = 3", &reads, &[STONES]);
}

#[test]
fn w08_a_view_as_diesel_reads_it() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    let read = |conn: &mut Conn| -> Vec<String> {
        long_names::table
            .filter(long_names::id.gt(1))
            .order(long_names::id)
            .select(long_names::name)
            .cached(conn)
            .load()
            .unwrap()
    };
    assert_eq!(fixture.world.once(read), ["Clara", "Dora"]);
    fixture.changes("INSERT INTO people VALUES (4, 'Emil')", &[LONG]);
    let (names, sent) = fixture.world.sent(read);
    assert_eq!((names.len(), sent), (3, 1));
}

/// A view is no way round what is not cached.
#[test]
fn r16_views_that_change_by_themselves() {
    let mut fixture = CatalogFixture::new(&format!(
        "{SCHEMA}; CREATE VIEW moving AS SELECT DISTINCT name, {MOVING} AS moment FROM people; \
         CREATE VIEW nested AS SELECT DISTINCT name FROM moving WHERE moment IS NOT NULL"
    ));
    for view in ["moving", "nested"] {
        let read = format!("SELECT name FROM {view} ORDER BY name");
        let outcome = fixture.explain(&read).outcome;
        assert!(
            matches!(outcome, Outcome::Bypass(BypassReason::VolatileFunction(_))),
            "{view}: {outcome:?}"
        );
        assert_eq!(fixture.cached(&read).1, 1, "{view}");
        assert_eq!(fixture.cached(&read).1, 1, "{view}");
    }
}

/// The writer's own transaction reads past the cache what it has changed of the view.
#[test]
fn w08_a_view_of_an_uncommitted_write() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.warm(LONG);
    let CatalogFixture { world, writer, .. } = &mut fixture;
    let undone = writer.conn.transaction(|conn| {
        run(conn, "INSERT INTO people VALUES (4, 'Emil')");
        assert_eq!(cached(conn, LONG), ["Clara", "Dora", "Emil"], "its own");
        let (rows, sent) = world.sent(|conn| cached(conn, LONG));
        assert_eq!((rows.len(), sent), (2, 0), "others'");
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(Error::RollbackTransaction));
    assert_eq!(fixture.cached(LONG).1, 0);
    assert_eq!(cached(&mut fixture.writer.conn, LONG), ["Clara", "Dora"]);
}

/// A view that only picks rows and columns can be written on PostgreSQL and MariaDB.
const WRITABLE: &str = "\
CREATE VIEW first_people AS SELECT id, name FROM people WHERE id < 10; \
CREATE VIEW first_names AS SELECT id, name FROM first_people";

#[test]
fn w08_a_write_through_a_view_changes_its_table() {
    if DATABASE == "sqlite" {
        return;
    }
    let mut fixture = CatalogFixture::new(&format!("{SCHEMA}; {WRITABLE}"));
    let people = "SELECT name FROM people ORDER BY id";
    let first = "SELECT name FROM first_people ORDER BY id";
    let names = "SELECT name FROM first_names ORDER BY id";
    let all = [people, first, names, LONG];
    fixture.depends(people, &["first_names", "first_people", "people"]);
    fixture.depends(first, &["first_names", "first_people", "people"]);
    fixture.writes(
        "INSERT INTO first_people VALUES (5, 'Emil')",
        &all,
        &[STONES],
    );
    fixture.writes(
        "UPDATE first_names SET name = 'Frieda' WHERE id = 5",
        &all,
        &[STONES],
    );
    fixture.writes("DELETE FROM first_names WHERE id = 5", &all, &[STONES]);
    fixture.writes(
        "UPDATE people SET name = 'Claire' WHERE id = 2",
        &all,
        &[STONES],
    );
}

#[test]
fn a02_a_table_is_dated_by_a_write_through_a_view() {
    if DATABASE == "sqlite" {
        return;
    }
    let mut fixture = CatalogFixture::new(&format!("{SCHEMA}; {WRITABLE}"));
    fixture.warm(STONES);
    fixture.dates(
        "UPDATE first_names SET name = 'Claire' WHERE id = 2",
        &["first_names", "first_people", "people", "counts"],
        &["cats", "stones"],
    );
}

#[test]
fn w08_a_delete_through_a_view_is_carried_to_the_children() {
    if DATABASE == "sqlite" {
        return;
    }
    let mut fixture = CatalogFixture::new(&format!(
        "{SCHEMA}; {WRITABLE}; \
         CREATE TABLE hats (id INTEGER PRIMARY KEY, person_id INTEGER, \
         FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE); \
         INSERT INTO hats VALUES (1, 1), (2, 2)"
    ));
    let hats = "SELECT concat('hat ', id) FROM hats ORDER BY id";
    fixture.writes("DELETE FROM first_names WHERE id = 2", &[hats], &[STONES]);
    fixture.keeps("INSERT INTO first_names VALUES (7, 'Gus')", &[hats]);
}
