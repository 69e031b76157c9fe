//! Foreign keys: what a write to the parents does to their children.

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use diesel::{dsl::sql, prelude::*, result::Error, sql_types::BigInt};

use super::catalog_fixture::{CatalogFixture, cached, run, shown};
use super::{Conn, DATABASE};

diesel::table! {
    parents (id) {
        id -> Integer,
        name -> Text,
    }
}

diesel::table! {
    kids (id) {
        id -> Integer,
        parent_id -> Nullable<Integer>,
        name -> Text,
    }
}

diesel::joinable!(kids -> parents (parent_id));
diesel::allow_tables_to_appear_in_same_query!(parents, kids);

const KIDS: &str = "SELECT name FROM kids ORDER BY id";
const PARENTS: &str = "SELECT name FROM parents ORDER BY id";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

/// The parent's key as each kid has it.
const REFERENCES: &str =
    "SELECT concat_ws(' of ', name, coalesce(parent_id, -1)) FROM kids ORDER BY id";

/// Parents 1 to 3 with a kid each, and stones, which have to do with nobody.
fn family(actions: &str) -> String {
    format!(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL); \
         CREATE TABLE kids (id INTEGER PRIMARY KEY, parent_id INTEGER DEFAULT 1, \
          name VARCHAR(20) NOT NULL, \
          CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES parents (id) {actions}); \
         CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL); \
         INSERT INTO parents VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cleo'); \
         INSERT INTO kids VALUES (1, 1, 'Kit'), (2, 2, 'Kim'), (3, 3, 'Kai'); \
         INSERT INTO stones VALUES (1, 'flint')"
    )
}

#[test]
fn w09_the_children_of_a_deleted_parent_go_with_it() {
    let mut fixture = CatalogFixture::new(&family("ON DELETE CASCADE"));
    fixture.depends(KIDS, &["kids", "parents"]);
    fixture.depends(PARENTS, &["parents"]);
    fixture.writes(
        "DELETE FROM parents WHERE id = 2",
        &[KIDS, PARENTS],
        &[STONES],
    );
    fixture.writes("DELETE FROM parents", &[KIDS, PARENTS], &[STONES]);
    assert_eq!(fixture.cached(KIDS), (Vec::new(), 0));
}

#[test]
fn a02_the_children_of_a_deleted_parent_are_dated_with_it() {
    let mut fixture = CatalogFixture::new(&family("ON DELETE CASCADE"));
    fixture.warm(STONES);
    fixture.dates(
        "INSERT INTO parents VALUES (4, 'Dan')",
        &["parents"],
        &["kids", "stones"],
    );
    fixture.dates(
        "DELETE FROM parents WHERE id = 2",
        &["parents", "public.Kids"],
        &["stones"],
    );
    fixture.dates("UPDATE kids SET name = 'Kay'", &["kids"], &["parents"]);
}

#[test]
fn w09_the_children_of_a_deleted_parent_lose_their_reference() {
    let mut fixture = CatalogFixture::new(&family("ON DELETE SET NULL"));
    fixture.depends(REFERENCES, &["kids", "parents"]);
    fixture.writes("DELETE FROM parents WHERE id = 2", &[REFERENCES], &[STONES]);
    assert_eq!(fixture.cached(REFERENCES).0[1], "Kim of -1");
}

#[test]
fn w09_the_children_of_a_deleted_parent_get_their_default() {
    // InnoDB has no SET DEFAULT.
    if DATABASE == "mysql" {
        return;
    }
    let mut fixture = CatalogFixture::new(&family("ON DELETE SET DEFAULT"));
    fixture.depends(REFERENCES, &["kids", "parents"]);
    fixture.writes("DELETE FROM parents WHERE id = 2", &[REFERENCES], &[STONES]);
    assert_eq!(fixture.cached(REFERENCES).0[1], "Kim of 1");
}

#[test]
fn w09_the_children_of_a_parent_follow_its_key() {
    for (action, reference) in [("CASCADE", "Kim of 9"), ("SET NULL", "Kim of -1")] {
        let mut fixture = CatalogFixture::new(&family(&format!("ON UPDATE {action}")));
        fixture.depends(REFERENCES, &["kids", "parents"]);
        let update = "UPDATE parents SET id = 9 WHERE id = 2";
        fixture.writes(update, &[REFERENCES], &[STONES]);
        assert_eq!(fixture.cached(REFERENCES).0[1], reference);
    }
}

/// Only what the action acts on matters.
#[test]
fn w09_other_writes_to_the_parents_keep_their_children() {
    let insert = "INSERT INTO parents VALUES (4, 'Dan')";
    let update = "UPDATE parents SET name = 'Eve' WHERE id = 4";
    let delete = "DELETE FROM parents WHERE id = 4";

    let mut fixture = CatalogFixture::new(&family("ON DELETE CASCADE"));
    fixture.writes(insert, &[PARENTS], &[KIDS, STONES]);
    fixture.writes(update, &[PARENTS], &[KIDS, STONES]);

    let mut fixture = CatalogFixture::new(&family("ON UPDATE CASCADE"));
    fixture.writes(insert, &[PARENTS], &[KIDS, STONES]);
    fixture.writes(delete, &[PARENTS], &[KIDS, STONES]);
}

#[test]
fn w09_a_foreign_key_without_an_action_makes_no_dependency() {
    for actions in ["", "ON DELETE RESTRICT ON UPDATE NO ACTION"] {
        let mut fixture = CatalogFixture::new(&family(actions));
        fixture.depends(KIDS, &["kids"]);
        fixture.writes(
            "INSERT INTO parents VALUES (4, 'Dan'); UPDATE parents SET name = 'Eve' WHERE id = 4; \
             DELETE FROM parents WHERE id = 3 AND 0 = 1",
            &[PARENTS],
            &[KIDS, STONES],
        );
    }
}

#[test]
fn w09_two_levels_deep() {
    let mut fixture = CatalogFixture::new(&format!(
        "{}; CREATE TABLE rattles (id INTEGER PRIMARY KEY, kid_id INTEGER, name VARCHAR(20), \
         CONSTRAINT of_kid FOREIGN KEY (kid_id) REFERENCES kids (id) ON DELETE CASCADE); \
         CREATE TABLE parts (id INTEGER PRIMARY KEY, rattle_id INTEGER, name VARCHAR(20), \
         CONSTRAINT of_rattle FOREIGN KEY (rattle_id) REFERENCES rattles (id) ON DELETE SET NULL); \
         INSERT INTO rattles VALUES (1, 1, 'ball'), (2, 2, 'kite'); \
         INSERT INTO parts VALUES (1, 1, 'skin'), (2, 2, 'tail')",
        family("ON DELETE CASCADE")
    ));
    let rattles = "SELECT name FROM rattles ORDER BY id";
    let parts = "SELECT concat_ws(' of ', name, coalesce(rattle_id, -1)) FROM parts ORDER BY id";
    fixture.depends(rattles, &["kids", "parents", "rattles"]);
    fixture.depends(parts, &["kids", "parents", "parts", "rattles"]);
    fixture.writes(
        "DELETE FROM parents WHERE id = 2",
        &[PARENTS, KIDS, rattles, parts],
        &[STONES],
    );
    fixture.writes(
        "DELETE FROM kids WHERE id = 1",
        &[KIDS, rattles, parts],
        &[PARENTS, STONES],
    );
}

/// A row that loses its reference is changed, not deleted: its own children stay.
#[test]
fn w09_an_action_goes_on_only_as_what_it_does() {
    let mut fixture = CatalogFixture::new(&format!(
        "{}; CREATE TABLE rattles (id INTEGER PRIMARY KEY, kid_id INTEGER, name VARCHAR(20), \
         CONSTRAINT of_kid FOREIGN KEY (kid_id) REFERENCES kids (id) ON DELETE CASCADE); \
         INSERT INTO rattles VALUES (1, 1, 'ball'), (2, 2, 'kite')",
        family("ON DELETE SET NULL")
    ));
    let rattles = "SELECT name FROM rattles ORDER BY id";
    fixture.depends(rattles, &["kids", "rattles"]);
    fixture.writes(
        "DELETE FROM parents WHERE id = 2",
        &[REFERENCES],
        &[rattles],
    );
}

/// The key that the second level refers to is a reference itself, which the first level changes.
#[test]
fn w09_a_reference_that_is_a_key_is_followed_through() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL); \
         CREATE TABLE kids (parent_id INTEGER PRIMARY KEY, name VARCHAR(20), \
          FOREIGN KEY (parent_id) REFERENCES parents (id) ON UPDATE CASCADE); \
         CREATE TABLE rattles (id INTEGER PRIMARY KEY, kid_id INTEGER, name VARCHAR(20), \
          FOREIGN KEY (kid_id) REFERENCES kids (parent_id) ON UPDATE CASCADE); \
         INSERT INTO parents VALUES (1, 'Ada'), (2, 'Bob'); \
         INSERT INTO kids VALUES (1, 'Kit'), (2, 'Kim'); \
         INSERT INTO rattles VALUES (1, 1, 'ball'), (2, 2, 'kite')",
    );
    let rattles = "SELECT concat_ws(' of ', name, kid_id) FROM rattles ORDER BY id";
    fixture.depends(rattles, &["kids", "parents", "rattles"]);
    fixture.changes("UPDATE parents SET id = 7 WHERE id = 2", &[rattles]);
    assert_eq!(fixture.cached(rattles).0, ["ball of 1", "kite of 7"]);
}

#[test]
fn w09_a_key_of_two_columns() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE shelves (room INTEGER, place INTEGER, PRIMARY KEY (room, place)); \
         CREATE TABLE books (id INTEGER PRIMARY KEY, room INTEGER, place INTEGER, \
          name VARCHAR(20), FOREIGN KEY (room, place) REFERENCES shelves (room, place) \
          ON DELETE CASCADE ON UPDATE CASCADE); \
         INSERT INTO shelves VALUES (1, 1), (1, 2), (2, 1); \
         INSERT INTO books VALUES (1, 1, 1, 'Iliad'), (2, 1, 2, 'Emma'), (3, 2, 1, 'Faust')",
    );
    let books = "SELECT concat_ws(' ', name, room, place) FROM books ORDER BY id";
    fixture.depends(books, &["books", "shelves"]);
    fixture.changes(
        "UPDATE shelves SET place = 9 WHERE room = 1 AND place = 2",
        &[books],
    );
    fixture.changes("DELETE FROM shelves WHERE room = 2", &[books]);
    fixture.keeps("INSERT INTO shelves VALUES (3, 3)", &[books]);
}

#[test]
fn w09_a_child_of_two_parents() {
    let mut fixture = CatalogFixture::new(&format!(
        "{}; CREATE TABLE schools (id INTEGER PRIMARY KEY, name VARCHAR(20)); \
         CREATE TABLE pupils (id INTEGER PRIMARY KEY, kid_id INTEGER, school_id INTEGER, \
          FOREIGN KEY (kid_id) REFERENCES kids (id) ON DELETE CASCADE, \
          FOREIGN KEY (school_id) REFERENCES schools (id) ON DELETE SET NULL); \
         INSERT INTO schools VALUES (1, 'east'), (2, 'west'); \
         INSERT INTO pupils VALUES (1, 1, 1), (2, 2, 2)",
        family("ON DELETE CASCADE")
    ));
    let pupils =
        "SELECT concat_ws(' ', id, kid_id, coalesce(school_id, -1)) FROM pupils ORDER BY id";
    fixture.depends(pupils, &["kids", "parents", "pupils", "schools"]);
    fixture.writes("DELETE FROM schools WHERE id = 1", &[pupils], &[KIDS]);
    fixture.writes(
        "DELETE FROM parents WHERE id = 2",
        &[pupils, KIDS],
        &["SELECT name FROM schools ORDER BY id"],
    );
}

#[test]
fn w09_rows_that_refer_to_their_own_table() {
    let mut fixture = CatalogFixture::new(
        "CREATE TABLE nodes (id INTEGER PRIMARY KEY, over_id INTEGER, \
          FOREIGN KEY (over_id) REFERENCES nodes (id) ON DELETE CASCADE); \
         INSERT INTO nodes VALUES (1, NULL), (2, 1), (3, 2), (4, NULL)",
    );
    let nodes = "SELECT concat('node ', id) FROM nodes ORDER BY id";
    fixture.depends(nodes, &["nodes"]);
    fixture.changes("DELETE FROM nodes WHERE id = 1", &[nodes]);
    assert_eq!(fixture.cached(nodes), (vec!["node 4".to_owned()], 0));
}

#[test]
fn w09_tables_that_refer_to_each_other() {
    let hatched = "FOREIGN KEY (egg_id) REFERENCES eggs (id) ON DELETE CASCADE";
    // SQLite lets a table refer to one that is yet to come, and adds nothing to one that is there.
    let (at_once, later) = if DATABASE == "sqlite" {
        (format!(", {hatched}"), String::new())
    } else {
        (String::new(), format!("ALTER TABLE hens ADD {hatched};"))
    };
    let mut fixture = CatalogFixture::new(&format!(
        "CREATE TABLE hens (id INTEGER PRIMARY KEY, egg_id INTEGER{at_once}); \
         CREATE TABLE eggs (id INTEGER PRIMARY KEY, hen_id INTEGER, \
          FOREIGN KEY (hen_id) REFERENCES hens (id) ON DELETE CASCADE); {later} \
         INSERT INTO hens VALUES (1, NULL), (2, NULL), (3, NULL); \
         INSERT INTO eggs VALUES (1, 1), (2, 2), (3, 3); \
         UPDATE hens SET egg_id = id - 1 WHERE id > 1"
    ));
    let hens = "SELECT concat('hen ', id) FROM hens ORDER BY id";
    let eggs = "SELECT concat('egg ', id) FROM eggs ORDER BY id";
    fixture.depends(hens, &["eggs", "hens"]);
    fixture.depends(eggs, &["eggs", "hens"]);
    fixture.changes("DELETE FROM eggs WHERE id = 2", &[hens, eggs]);
    assert_eq!(fixture.cached(hens).0, ["hen 1", "hen 2"]);
    fixture.changes("DELETE FROM hens WHERE id = 1", &[hens, eggs]);
    // Where the database leaves an orphan, its readers are shown it.
    let left = fixture.shown(eggs);
    assert_eq!(left.is_empty(), complete_cascades(&mut fixture));
    assert_eq!(fixture.cached(eggs).0, left);
}

/// MySQL 9.6 and later carry out cascades without InnoDB, unless `innodb_native_foreign_keys` is on.
/// They miss some: a replaced parent keeps its children, and a circle of tables an orphan.
fn complete_cascades(fixture: &mut CatalogFixture) -> bool {
    // Others do not know the variable.
    let native = sql::<BigInt>("SELECT @@innodb_native_foreign_keys");
    let native = native.get_result::<i64>(&mut fixture.outsider);
    native != Ok(0)
}

/// A row that replaces another first deletes it.
#[test]
fn w09_a_replaced_parent_takes_its_children_along() {
    if DATABASE == "postgres" {
        return;
    }
    let mut fixture = CatalogFixture::new(&family("ON DELETE CASCADE"));
    let changed: &[&str] = if complete_cascades(&mut fixture) {
        &[KIDS, PARENTS]
    } else {
        &[PARENTS]
    };
    fixture.writes("REPLACE INTO parents VALUES (2, 'Bea')", changed, &[STONES]);
    assert_eq!(fixture.cached(KIDS).0, fixture.shown(KIDS));
    if DATABASE == "sqlite" {
        fixture.writes(
            "INSERT OR REPLACE INTO parents VALUES (1, 'Abe')",
            &[KIDS, PARENTS],
            &[STONES],
        );
        fixture.writes(
            "UPDATE OR REPLACE parents SET id = 3 WHERE id = 1",
            &[KIDS, PARENTS],
            &[STONES],
        );
    }
}

#[test]
fn w09_an_upsert_that_changes_the_parents_key() {
    let mut fixture = CatalogFixture::new(&family("ON UPDATE CASCADE"));
    let upsert = if DATABASE == "mysql" {
        "INSERT INTO parents VALUES (2, 'x') ON DUPLICATE KEY UPDATE id = 8"
    } else {
        "INSERT INTO parents VALUES (2, 'x') ON CONFLICT (id) DO UPDATE SET id = 8"
    };
    fixture.writes(upsert, &[REFERENCES], &[STONES]);
}

#[test]
fn w09_what_is_read_with_the_children_depends_on_the_parents_too() {
    let mut fixture = CatalogFixture::new(&format!(
        "{}; CREATE VIEW names AS SELECT DISTINCT name FROM kids",
        family("ON DELETE CASCADE")
    ));
    let view = "SELECT name FROM names ORDER BY name";
    let join =
        "SELECT s.name FROM stones s LEFT JOIN kids ON kids.id = 2 WHERE kids.id IS NOT NULL";
    let inside = "SELECT name FROM stones WHERE EXISTS (SELECT 1 FROM kids WHERE id = 2)";
    fixture.depends(view, &["kids", "names", "parents"]);
    fixture.depends(join, &["kids", "parents", "stones"]);
    fixture.depends(inside, &["kids", "parents", "stones"]);
    fixture.writes(
        "DELETE FROM parents WHERE id = 2",
        &[view, join, inside],
        &[STONES],
    );
}

#[test]
fn w09_by_diesel() {
    let mut fixture = CatalogFixture::new(&family("ON DELETE CASCADE ON UPDATE CASCADE"));
    let read = |conn: &mut Conn| -> Vec<(String, String)> {
        kids::table
            .inner_join(parents::table)
            .order(kids::id)
            .select((kids::name, parents::name))
            .cached(conn)
            .load()
            .unwrap()
    };
    assert_eq!(fixture.world.once(read).len(), 3);
    fixture.does(
        "a delete",
        |conn| {
            let gone = parents::table.filter(parents::name.eq("Bob"));
            assert_eq!(diesel::delete(gone).execute(conn), Ok(1));
        },
        &[KIDS],
        &[STONES],
    );
    let (rows, sent) = fixture.world.sent(read);
    assert_eq!((rows.len(), sent), (2, 1));
    fixture.does(
        "an update",
        |conn| {
            let moved = diesel::update(parents::table.find(3)).set(parents::id.eq(30));
            assert_eq!(moved.execute(conn), Ok(1));
        },
        &[REFERENCES],
        &[STONES],
    );
}

/// The parent's own transaction reads past the cache what it has changed of the children.
#[test]
fn w09_children_of_an_uncommitted_delete() {
    let mut fixture = CatalogFixture::new(&family("ON DELETE CASCADE"));
    fixture.warm(KIDS);
    fixture.warm(STONES);
    let CatalogFixture { world, writer, .. } = &mut fixture;
    let all = cached(&mut world.conn, KIDS);
    let undone = writer.conn.transaction(|conn| {
        run(conn, "DELETE FROM parents WHERE id = 2");
        assert_eq!(cached(conn, KIDS), ["Kit", "Kai"], "its own");
        assert_eq!(
            world.sent(|conn| cached(conn, KIDS)),
            (all.clone(), 0),
            "others'"
        );
        let outcome = kids::table.cached(conn).explain()?.outcome;
        assert!(
            matches!(
                outcome,
                Outcome::Bypass(BypassReason::OwnWrites | BypassReason::OldSnapshot)
            ),
            "{outcome:?}"
        );
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(Error::RollbackTransaction));
    assert_eq!(fixture.cached(KIDS), (all, 0));
    assert_eq!(
        cached(&mut fixture.writer.conn, KIDS),
        ["Kit", "Kim", "Kai"]
    );
}

#[test]
fn w09_an_undone_savepoint_and_a_commit() {
    let mut fixture = CatalogFixture::new(&family("ON DELETE CASCADE"));
    fixture.does(
        "a delete that is undone, and one that is committed",
        |conn| {
            conn.transaction(|conn| {
                let undone = conn.transaction(|conn| {
                    run(conn, "DELETE FROM parents WHERE id = 1");
                    assert_eq!(cached(conn, KIDS), ["Kim", "Kai"]);
                    Err::<(), _>(Error::RollbackTransaction)
                });
                assert_eq!(undone, Err(Error::RollbackTransaction));
                assert_eq!(cached(conn, KIDS), ["Kit", "Kim", "Kai"]);
                run(conn, "DELETE FROM parents WHERE id = 2");
                assert_eq!(cached(conn, KIDS), ["Kit", "Kai"]);
                Ok::<_, Error>(())
            })
            .unwrap();
        },
        &[KIDS, PARENTS],
        &[STONES],
    );
}

/// Nothing is assumed of a connection in which SQLite does not check foreign keys.
#[test]
fn w09_foreign_keys_that_are_not_checked() {
    let off = match DATABASE {
        "sqlite" => "PRAGMA foreign_keys = OFF",
        "mysql" => "SET foreign_key_checks = 0",
        _ => "SET session_replication_role = replica",
    };
    let mut fixture = CatalogFixture::new(&family("ON DELETE CASCADE"));
    run(&mut fixture.writer.conn, off);
    fixture.changes("DELETE FROM parents WHERE id = 2", &[PARENTS]);
    assert_eq!(fixture.cached(KIDS).0, shown(&mut fixture.outsider, KIDS));
    assert_eq!(fixture.cached(KIDS).0.len(), 3);
}
