//! What only SQLite has, or has otherwise.

use super::tables::{Case, shown};

fn case(schema: &str, reads: Vec<String>, writes: &[&str]) -> Case {
    Case {
        schema: schema.to_owned(),
        reads,
        writes: writes.iter().map(|&text| text.to_owned()).collect(),
    }
}

fn all(table: &str, columns: [&str; 3], conditions: &[&str]) -> Vec<String> {
    let conditions = conditions.iter();
    let reads = conditions.map(|it| shown(columns, &format!("{table} WHERE {it}")));
    reads.collect()
}

pub(super) fn relations() -> Vec<Case> {
    let mut of_views = all(
        "goods",
        ["id", "m", "v"],
        &["id = {1}", "id = {2}", "m = {1}", "m = {2}", "id = {9}"],
    );
    of_views.extend(all(
        "shop",
        ["id", "m", "v"],
        &["id = {1}", "id = {2}", "m = {1}", "m = {2}"],
    ));
    of_views.extend(all(
        "turned",
        ["id", "m", "v"],
        &["id = {1}", "id = {2}", "m = {1}", "m = {2}"],
    ));
    of_views.push(shown(
        ["s.id", "g.v", "0"],
        "shop AS s JOIN goods AS g ON g.id = 1 WHERE s.id = {2}",
    ));
    vec![
        case(
            "CREATE TABLE makers (id INTEGER PRIMARY KEY); INSERT INTO makers VALUES (1), (2), (3); \
             CREATE TABLE goods (id INTEGER PRIMARY KEY, m INTEGER REFERENCES makers (id), v INTEGER); \
             INSERT INTO goods VALUES (1, 1, 1), (2, 2, 2); \
             CREATE VIEW shop AS SELECT id, m, v FROM goods WHERE v < 1000; \
             CREATE VIEW turned AS SELECT m AS id, id AS m, v FROM goods; \
             CREATE TRIGGER shop_u INSTEAD OF UPDATE ON shop BEGIN UPDATE goods SET v = NEW.v WHERE id = OLD.id; END; \
             CREATE TRIGGER shop_i INSTEAD OF INSERT ON shop BEGIN INSERT INTO goods (id, m, v) VALUES (NEW.id + 1, 1, NEW.v); END; \
             CREATE TRIGGER turned_u INSTEAD OF UPDATE ON turned BEGIN UPDATE goods SET v = NEW.v WHERE id = OLD.m; END",
            of_views,
            &[
                "UPDATE goods SET v = v + 1 WHERE id = {1}",
                "UPDATE goods SET v = v + 1 WHERE m = {2}",
                "UPDATE shop SET v = v + 1 WHERE id = {1}",
                "UPDATE turned SET v = v + 1 WHERE id = {2}",
                "UPDATE turned SET v = v + 1 WHERE m = {1}",
                "UPDATE goods SET m = {2} WHERE id = {1}; UPDATE goods SET m = {1} WHERE id = {1}",
                "UPDATE goods SET v = v + 1000 WHERE id = {2}; UPDATE goods SET v = v - 1000 WHERE id = {2}",
                "INSERT INTO shop (id, m, v) VALUES ({8}, {2}, {1}); DELETE FROM goods WHERE id = {9}",
            ],
        ),
        // Without a rowid; with types that are none; strict.
        case(
            "CREATE TABLE rowless (id INT PRIMARY KEY, p INT, v INT) WITHOUT ROWID; INSERT INTO rowless VALUES (1, 1, 1), (2, 1, 2); \
             CREATE TABLE strict_one (id INT PRIMARY KEY, p INT, v INT) STRICT; INSERT INTO strict_one VALUES (1, 1, 1), (2, 1, 2); \
             CREATE TABLE backwards (id INTEGER PRIMARY KEY DESC, p INT, v INT); INSERT INTO backwards VALUES (1, 1, 1), (2, 1, 2)",
            ["rowless", "strict_one", "backwards"]
                .into_iter()
                .flat_map(|table| {
                    all(
                        table,
                        ["id", "p", "v"],
                        &["id = {1}", "id = {2}", "id = {9}"],
                    )
                })
                .collect(),
            &[
                "UPDATE rowless SET v = v + 1 WHERE id = {1}; UPDATE rowless SET v = v + 1 WHERE id = '2'",
                "UPDATE rowless SET id = {9} WHERE id = {2}; UPDATE rowless SET id = {2} WHERE id = {9}",
                "INSERT INTO strict_one VALUES ('9', {1}, {1}); DELETE FROM strict_one WHERE id = {9}",
                "INSERT INTO strict_one VALUES (9.0, {1}, {1}); DELETE FROM strict_one WHERE id = 9.0",
                "INSERT INTO backwards (rowid, id, p, v) VALUES ({1000}, {9}, {1}, {1}); DELETE FROM backwards WHERE rowid = {1000}",
                "UPDATE backwards SET v = v + 1 WHERE rowid = (SELECT rowid FROM backwards WHERE id = {2})",
            ],
        ),
        // A conflict removes rows of other keys.
        case(
            "CREATE TABLE spots (id INTEGER PRIMARY KEY, seat INTEGER UNIQUE ON CONFLICT REPLACE, v INTEGER); \
             INSERT INTO spots VALUES (1, 10, 1), (2, 20, 2), (3, 30, 3)",
            all(
                "spots",
                ["id", "seat", "v"],
                &[
                    "id = {1}",
                    "id = {2}",
                    "id = {3}",
                    "id = {9}",
                    "seat = {10}",
                ],
            ),
            &[
                "INSERT INTO spots (id, seat, v) VALUES ({9}, {10}, {1}); UPDATE spots SET id = {1} WHERE id = {9}",
                "UPDATE spots SET seat = {20} WHERE id = {3}; INSERT INTO spots VALUES ({2}, {30}, {1}); \
                 UPDATE spots SET seat = {25} WHERE id = {3}; UPDATE spots SET seat = {20} WHERE id = {2}; \
                 UPDATE spots SET seat = {30} WHERE id = {3}",
                "INSERT INTO spots (id, seat, v) VALUES ({9}, {20}, {7}) ON CONFLICT (seat) DO UPDATE SET v = v + 1",
            ],
        ),
    ]
}

pub(super) fn foreign_keys() -> Vec<Case> {
    vec![case(
        "CREATE TABLE homes (id INTEGER PRIMARY KEY); INSERT INTO homes VALUES (0), (1), (2); \
         CREATE TABLE guests (id INTEGER PRIMARY KEY, home INTEGER DEFAULT 0 REFERENCES homes (id) ON DELETE SET DEFAULT \
          ON UPDATE SET NULL, up INTEGER REFERENCES guests (id) ON UPDATE CASCADE); \
         INSERT INTO guests VALUES (1, 1, NULL), (2, 2, 1), (3, 2, 2)",
        all(
            "guests",
            ["id", "home", "up"],
            &[
                "id = {1}",
                "id = {3}",
                "home = {0}",
                "home = {1}",
                "home = {2}",
                "home IS NULL",
                "up = {2}",
                "up IN ({9}, {1})",
            ],
        )
        .into_iter()
        .chain(all("homes", ["id", "0", "0"], &["id = {2}", "id <> {2}"]))
        .collect(),
        &[
            "DELETE FROM homes WHERE id = {2}; INSERT INTO homes VALUES ({2}); UPDATE guests SET home = {2} WHERE home = {0}",
            "UPDATE homes SET id = {8} WHERE id = {1}; UPDATE homes SET id = {1} WHERE id = {8}; UPDATE guests SET home = {1} WHERE id = {1}",
            "UPDATE guests SET id = {9} WHERE id = {2}; UPDATE guests SET id = {2} WHERE id = {9}",
        ],
    )]
}

pub(super) fn code() -> Vec<Case> {
    vec![case(
        "CREATE TABLE parts (id INTEGER PRIMARY KEY, whole INTEGER REFERENCES parts (id), v INTEGER, n INTEGER DEFAULT 0); \
         INSERT INTO parts (id, whole, v) VALUES (1, NULL, 1), (2, 1, 2), (3, 1, 3); \
         CREATE TRIGGER parts_u AFTER UPDATE OF v ON parts BEGIN UPDATE parts SET n = n + 1 WHERE id = NEW.whole; END; \
         CREATE TRIGGER parts_i AFTER INSERT ON parts WHEN NEW.v > 100 BEGIN UPDATE parts SET whole = 2 WHERE id = NEW.id; END; \
         CREATE TRIGGER parts_d BEFORE DELETE ON parts BEGIN UPDATE parts SET whole = 1 WHERE whole = OLD.id; END",
        all(
            "parts",
            ["id", "v", "n"],
            &[
                "id = {1}",
                "id = {2}",
                "id = {9}",
                "whole = {1}",
                "whole = {2}",
                "id > {9}",
            ],
        ),
        &[
            "UPDATE parts SET v = v + 1 WHERE id = {2}",
            "UPDATE parts SET v = v + 1 WHERE whole = {1}",
            "INSERT INTO parts (id, whole, v) VALUES ({9}, {1}, {101}); DELETE FROM parts WHERE id = {9}",
            "INSERT INTO parts (id, whole, v) VALUES ({9}, {3}, {1}); INSERT INTO parts (id, whole, v) VALUES ({10}, {9}, {1}); \
             DELETE FROM parts WHERE id = {9}; DELETE FROM parts WHERE id = {10}",
        ],
    )]
}
