//! What only MariaDB and MySQL have, or have otherwise.

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
    const CONDITIONS: &[&str] = &["id = {1}", "id = {2}", "id = {9}", "m = {1}", "m = {2}"];
    let mut of_views = all("goods", ["id", "m", "v"], CONDITIONS);
    of_views.extend(all("shop", ["id", "m", "v"], CONDITIONS));
    of_views.extend(all("turned", ["id", "m", "v"], CONDITIONS));
    of_views.push(shown(
        ["s.id", "g.v", "0"],
        "shop AS s JOIN goods AS g ON g.id = 1 WHERE s.id = {2}",
    ));
    let mut of_partitions = all("parted", ["id", "m", "v"], CONDITIONS);
    of_partitions.extend(all(
        "parted PARTITION (low)",
        ["id", "m", "v"],
        &["id = {1}", "id = {2}"],
    ));
    vec![
        case(
            "CREATE TABLE makers (id INTEGER PRIMARY KEY); INSERT INTO makers VALUES (1), (2), (3); \
             CREATE TABLE goods (id INTEGER PRIMARY KEY, m INTEGER, v INTEGER, FOREIGN KEY (m) REFERENCES makers (id)); \
             INSERT INTO goods VALUES (1, 1, 1), (2, 2, 2); \
             CREATE VIEW shop AS SELECT id, m, v FROM goods WHERE v < 1000; \
             CREATE VIEW turned AS SELECT m AS id, id AS m, v FROM goods",
            of_views,
            &[
                "UPDATE goods SET v = v + 1 WHERE id = {1}",
                "UPDATE goods SET v = v + 1 WHERE m = {2}",
                "UPDATE shop SET v = v + 1 WHERE id = {1}",
                "UPDATE turned SET v = v + 1 WHERE id = {2}",
                "UPDATE turned SET v = v + 1 WHERE m = {1}",
                "UPDATE turned SET id = {3} WHERE m = {1}; UPDATE turned SET id = {1} WHERE m = {1}",
                "UPDATE goods SET m = {2} WHERE id = {1}; UPDATE goods SET m = {1} WHERE id = {1}",
                "UPDATE goods SET v = v + 1000 WHERE id = {2}; UPDATE goods SET v = v - 1000 WHERE id = {2}",
                "INSERT INTO turned (id, m, v) VALUES ({2}, {9}, {1}); DELETE FROM turned WHERE m = {9} AND id = {2}",
                "INSERT INTO shop (id, m, v) VALUES ({9}, {2}, {1}); DELETE FROM shop WHERE id = {9}",
            ],
        ),
        case(
            "CREATE TABLE parted (id INTEGER PRIMARY KEY, m INTEGER, v INTEGER) PARTITION BY RANGE (id) \
              (PARTITION low VALUES LESS THAN (5), PARTITION high VALUES LESS THAN MAXVALUE); \
             INSERT INTO parted VALUES (1, 1, 1), (2, 2, 2)",
            of_partitions,
            &[
                "UPDATE parted SET v = v + 1 WHERE id = {1}",
                "UPDATE parted PARTITION (low) SET v = v + 1 WHERE id = {1}",
                "UPDATE parted SET id = {9} WHERE id = {2}; UPDATE parted SET id = {2} WHERE id = {9}",
                "INSERT INTO parted PARTITION (high) VALUES ({9}, {1}, {1}); DELETE FROM parted PARTITION (high)",
                "UPDATE parted SET m = {1} WHERE id = {2}; UPDATE parted SET m = {2} WHERE id = {2}",
                "ALTER TABLE parted TRUNCATE PARTITION low; INSERT INTO parted VALUES ({1}, {1}, {1}), ({2}, {2}, {2})",
            ],
        ),
        // Defaults, and values that a column converts.
        case(
            "CREATE TABLE shops (id INTEGER PRIMARY KEY, m INTEGER NOT NULL DEFAULT 1, v INTEGER, FOREIGN KEY (m) REFERENCES makers (id)); \
             INSERT INTO shops VALUES (1, 1, 1), (2, 2, 2)",
            all("shops", ["id", "m", "v"], CONDITIONS),
            &[
                "INSERT INTO shops (id, v) VALUES ({9}, {1}); DELETE FROM shops WHERE id = {9}",
                "INSERT INTO shops (id, m, v) VALUES ({9}, DEFAULT, {1}); DELETE FROM shops WHERE id = {9}",
                "UPDATE shops SET m = DEFAULT WHERE id = {2}; UPDATE shops SET m = {2} WHERE id = {2}",
                "UPDATE shops SET m = 1.6 WHERE id = {1}; UPDATE shops SET m = '1' WHERE id = {1}",
                "UPDATE shops SET m = m + 1, v = m WHERE id = {1}; UPDATE shops SET v = m, m = {1} WHERE id = {1}",
            ],
        ),
    ]
}

pub(super) fn foreign_keys() -> Vec<Case> {
    vec![case(
        "CREATE TABLE homes (id INTEGER PRIMARY KEY); INSERT INTO homes VALUES (1), (2); \
         CREATE TABLE guests (id INTEGER PRIMARY KEY, home INTEGER, FOREIGN KEY (home) REFERENCES homes (id) ON DELETE SET NULL \
          ON UPDATE SET NULL); \
         INSERT INTO guests VALUES (1, 1), (2, 2), (3, 2)",
        all(
            "guests",
            ["id", "home", "0"],
            &[
                "id = {1}",
                "id = {3}",
                "home = {1}",
                "home = {2}",
                "home IS NULL",
            ],
        )
        .into_iter()
        .chain(all("homes", ["id", "0", "0"], &["id = {2}", "id <> {2}"]))
        .collect(),
        &[
            "DELETE FROM homes WHERE id = {2}; INSERT INTO homes VALUES ({2}); UPDATE guests SET home = {2} WHERE home IS NULL",
            "UPDATE homes SET id = {8} WHERE id = {1}; UPDATE homes SET id = {1} WHERE id = {8}; UPDATE guests SET home = {1} WHERE id = {1}",
        ],
    )]
}

pub(super) fn code() -> Vec<Case> {
    vec![
        case(
            "CREATE TABLE parts (id INTEGER PRIMARY KEY, whole INTEGER, v INTEGER, n INTEGER DEFAULT 0); \
             INSERT INTO parts (id, whole, v) VALUES (1, NULL, 1), (2, 1, 2), (3, 1, 3); \
             CREATE TRIGGER parts_i BEFORE INSERT ON parts FOR EACH ROW \
              BEGIN IF NEW.v > 100 THEN SET NEW.id = NEW.id + 100; SET NEW.whole = 2; END IF; END; \
             CREATE TRIGGER parts_u BEFORE UPDATE ON parts FOR EACH ROW SET NEW.whole = IF(NEW.v > 100, 2, NEW.whole)",
            all(
                "parts",
                ["id", "v", "n"],
                &[
                    "id = {1}",
                    "id = {2}",
                    "id = {9}",
                    "whole = {1}",
                    "whole = {2}",
                    "id IN ({10}, {109})",
                ],
            ),
            &[
                "UPDATE parts SET v = v + 1 WHERE id = {2}",
                "UPDATE parts SET v = v + 100 WHERE id = {2}; UPDATE parts SET v = v - 100, whole = {1} WHERE id = {2}",
                "INSERT INTO parts (id, whole, v) VALUES ({9}, {1}, {101}); DELETE FROM parts WHERE id = {109}",
                "INSERT INTO parts (id, whole, v) VALUES ({9}, {1}, {1}); DELETE FROM parts WHERE id = {9}",
            ],
        ),
        case(
            "CREATE TABLE called (id INTEGER PRIMARY KEY, v INTEGER, n INTEGER DEFAULT 0); INSERT INTO called VALUES (1, 1, 0), (2, 2, 0), (3, 3, 0); \
             CREATE FUNCTION bump(x INTEGER) RETURNS INTEGER MODIFIES SQL DATA BEGIN UPDATE called SET v = v + 1 WHERE id = x; RETURN x; END; \
             CREATE PROCEDURE bump_all(x INTEGER) UPDATE called SET v = v + 1 WHERE id = x; \
             CREATE TABLE callers (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO callers VALUES (1, 1)",
            all(
                "called",
                ["id", "v", "n"],
                &["id = {1}", "id = {2}", "id = {3}"],
            ),
            &[
                "DO bump({1})",
                "CALL bump_all({2})",
                "UPDATE callers SET v = v + bump({2}) WHERE id = {1}",
                "UPDATE called SET v = v + 1 WHERE id = {1}",
            ],
        ),
    ]
}
