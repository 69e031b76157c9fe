//! Changes of keyed tables that the database makes by itself: no statement names their keys.

use super::{
    dialect::trigger,
    schemas,
    tables::{Case, compare, shown},
};

/// Three generations, whose rows follow their parents.
fn cascades() -> Case {
    let children =
        |condition: &str| shown(["id", "p", "v"], &format!("children WHERE {condition}"));
    let toys = |condition: &str| shown(["id", "c", "0"], &format!("playthings WHERE {condition}"));
    let mut reads: Vec<_> = [
        "id = {1}",
        "id = {2}",
        "id = {3}",
        "p = {1}",
        "p = {2}",
        "p = {9}",
        "p IN ({3}, {4})",
        "p IS NULL",
    ]
    .map(children)
    .into();
    reads.extend(
        [
            "id = {1}",
            "id = {3}",
            "c = {1}",
            "c = {2}",
            "c IS NULL",
            "c IN ({3}, {30})",
        ]
        .map(toys),
    );
    reads.extend(
        ["id = {3}", "id > {3}"].map(|it| shown(["id", "0", "0"], &format!("parents WHERE {it}"))),
    );
    reads.push(shown(
        ["p.id", "c.id", "c.v"],
        "parents AS p JOIN children AS c ON c.p = p.id WHERE p.id = {1}",
    ));
    Case {
        schema: "CREATE TABLE parents (id INTEGER PRIMARY KEY); \
            CREATE TABLE children (id INTEGER PRIMARY KEY, p INTEGER, v INTEGER, \
             FOREIGN KEY (p) REFERENCES parents (id) ON DELETE CASCADE ON UPDATE CASCADE); \
            CREATE TABLE playthings (id INTEGER PRIMARY KEY, c INTEGER, \
             FOREIGN KEY (c) REFERENCES children (id) ON DELETE SET NULL ON UPDATE CASCADE); \
            INSERT INTO parents VALUES (1), (2), (3); INSERT INTO children VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3); \
            INSERT INTO playthings VALUES (1, 1), (2, 1), (3, 3)"
            .to_owned(),
        reads,
        writes: [
            "UPDATE parents SET id = {9} WHERE id = {1}; UPDATE parents SET id = {1} WHERE id = {9}",
            "UPDATE parents SET id = id + 1 WHERE id = {3}; UPDATE children SET p = {4} WHERE id = {3}; \
             UPDATE parents SET id = {3} WHERE id = {4}; UPDATE children SET p = {2} WHERE p = {3} AND id = {3}",
            "UPDATE children SET id = {30} WHERE id = {3}; UPDATE children SET id = {3} WHERE id = {30}",
            "DELETE FROM parents WHERE id = {2}; UPDATE children SET v = v + 1 WHERE id = {1}; INSERT INTO parents VALUES ({5}); \
             INSERT INTO children VALUES ({3}, {5}, {7}); UPDATE parents SET id = {2} WHERE id = {5}; \
             UPDATE playthings SET c = {3} WHERE id = {3}",
            "DELETE FROM children WHERE id = {3}; INSERT INTO children VALUES ({3}, {2}, {1}); UPDATE playthings SET c = {3} WHERE c IS NULL",
            "DELETE FROM children WHERE p = {2}; INSERT INTO children VALUES ({3}, {2}, {1}); UPDATE playthings SET c = {3} WHERE id = {3}",
            "UPDATE children SET v = v + 1 WHERE p = {1}",
        ]
        .map(str::to_owned)
        .into(),
    }
}

/// Trees in one table.
fn trees() -> Case {
    let nodes = |condition: &str| shown(["id", "up", "v"], &format!("nodes WHERE {condition}"));
    Case {
        schema: "CREATE TABLE nodes (id INTEGER PRIMARY KEY, up INTEGER, v INTEGER, \
             FOREIGN KEY (up) REFERENCES nodes (id) ON DELETE CASCADE); \
            INSERT INTO nodes VALUES (1, NULL, 1), (2, 1, 2), (3, 2, 3), (4, 1, 4), (5, NULL, 5)"
            .to_owned(),
        reads: ["id = {1}", "id = {2}", "id = {3}", "id = {5}", "up = {1}", "up = {2}", "up = {5}", "up IS NULL", "up IN ({3}, {4})"]
            .map(nodes)
            .into(),
        writes: [
            "UPDATE nodes SET v = v + 1 WHERE id = {1}",
            "UPDATE nodes SET v = v + 1 WHERE up = {1}",
            "UPDATE nodes SET up = {5} WHERE id = {2}; UPDATE nodes SET up = {1} WHERE id = {2} AND up = {5}",
            "DELETE FROM nodes WHERE id = {2}; INSERT INTO nodes (id, up, v) VALUES ({2}, {1}, {2}), ({3}, {2}, {3})",
            "DELETE FROM nodes WHERE id = {1}; INSERT INTO nodes VALUES ({1}, {NULL}, {1}); \
             INSERT INTO nodes VALUES ({2}, {1}, {2}), ({3}, {2}, {3}), ({4}, {1}, {4})",
        ]
        .map(str::to_owned)
        .into(),
    }
}

/// Triggers that write another keyed table, at another key.
fn triggers() -> Case {
    let watched = |condition: &str| shown(["id", "p", "v"], &format!("watched WHERE {condition}"));
    let counts = |condition: &str| shown(["id", "n", "0"], &format!("counts WHERE {condition}"));
    let mut reads: Vec<_> = ["id = {1}", "id = {2}", "p = {1}", "p = {2}", "id = {9}"]
        .map(watched)
        .into();
    reads.extend(
        [
            "id = {1}",
            "id = {2}",
            "id = {3}",
            "id IN ({9}, {10}, {11})",
        ]
        .map(counts),
    );
    let triggers = [
        trigger(
            "k11_i",
            "AFTER INSERT",
            "watched",
            "UPDATE counts SET n = n + 1 WHERE id = NEW.p;",
        ),
        trigger(
            "k11_d",
            "AFTER DELETE",
            "watched",
            "UPDATE counts SET n = n - 1 WHERE id = OLD.p;",
        ),
        trigger(
            "k11_u",
            "AFTER UPDATE",
            "watched",
            "UPDATE counts SET n = n + 10 WHERE id = NEW.p; DELETE FROM counts WHERE id = OLD.id + 9; \
             INSERT INTO counts (id, n) VALUES (NEW.id + 9, NEW.v);",
        ),
    ];
    Case {
        schema: format!(
            "CREATE TABLE counted (id INTEGER PRIMARY KEY); INSERT INTO counted VALUES (1), (2), (3); \
             CREATE TABLE watched (id INTEGER PRIMARY KEY, p INTEGER, v INTEGER, FOREIGN KEY (p) REFERENCES counted (id)); \
             CREATE TABLE counts (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO counts VALUES (1, 0), (2, 0), (3, 0); \
             INSERT INTO watched VALUES (1, 1, 1), (2, 2, 2); {}",
            triggers.join(" ")
        ),
        reads,
        writes: [
            "UPDATE watched SET v = v + 1 WHERE id = {1}",
            "UPDATE watched SET v = v + 1 WHERE p = {2}",
            "UPDATE watched SET p = {2} WHERE id = {1}; UPDATE watched SET p = {1} WHERE id = {1}",
            "INSERT INTO watched (id, p, v) VALUES ({9}, {3}, {1}); DELETE FROM watched WHERE id = {9}",
            "UPDATE counts SET n = n + 1 WHERE id = {3}",
        ]
        .map(str::to_owned)
        .into(),
    }
}

#[test]
fn k11_changes_by_foreign_keys_are_seen() {
    let mut cases = vec![cascades(), trees()];
    cases.extend(schemas::foreign_keys());
    compare(&cases);
}

#[test]
fn k11_changes_by_triggers_rules_and_routines_are_seen() {
    let mut cases = vec![triggers()];
    cases.extend(schemas::code());
    compare(&cases);
}
