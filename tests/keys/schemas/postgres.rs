//! What only PostgreSQL has, or has otherwise.

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
    of_partitions.extend(all("parted_low", ["id", "m", "v"], CONDITIONS));
    of_partitions.extend(all("parted_high", ["id", "m", "v"], CONDITIONS));
    let mut of_children = all(
        "beasts",
        ["id", "v", "0"],
        &["id = {1}", "id = {2}", "id = {9}"],
    );
    of_children.extend(all(
        "ONLY beasts",
        ["id", "v", "0"],
        &["id = {1}", "id = {2}"],
    ));
    of_children.extend(all(
        "birds",
        ["id", "v", "wings"],
        &["id = {1}", "id = {2}", "id = {9}"],
    ));
    let mut of_schemas = all("one.same", ["id", "v", "0"], &["id = {1}", "id = {2}"]);
    of_schemas.extend(all("two.same", ["id", "v", "0"], &["id = {1}", "id = {2}"]));
    of_schemas.push(shown(
        ["a.id", "a.v", "b.v"],
        "one.same AS a, two.same AS b WHERE a.id = {1} AND b.id = {2}",
    ));
    let mut of_twins = all(
        "twins",
        ["id", "\"Id\"", "v"],
        &[
            "id = {1}",
            "\"Id\" = {1}",
            "ID = {2}",
            "\"Id\" = {2}",
            "id = {9}",
            "\"Id\" = {9}",
        ],
    );
    of_twins.extend(all(
        "\"Twins\"",
        ["id", "0", "v"],
        &["id = {1}", "id = {2}"],
    ));
    vec![
        case(
            "CREATE TABLE makers (id INTEGER PRIMARY KEY); INSERT INTO makers VALUES (1), (2), (3); \
             CREATE TABLE goods (id INTEGER PRIMARY KEY, m INTEGER REFERENCES makers (id), v INTEGER); \
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
            "CREATE TABLE parted (id INTEGER PRIMARY KEY, m INTEGER REFERENCES makers (id), v INTEGER) PARTITION BY RANGE (id); \
             CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (5); \
             CREATE TABLE parted_high PARTITION OF parted DEFAULT; INSERT INTO parted VALUES (1, 1, 1), (2, 2, 2)",
            of_partitions,
            &[
                "UPDATE parted SET v = v + 1 WHERE id = {1}",
                "UPDATE parted_low SET v = v + 1 WHERE id = {1}",
                "UPDATE parted SET id = {9} WHERE id = {2}; UPDATE parted_high SET v = v + 1 WHERE id = {9}; UPDATE parted SET id = {2} WHERE id = {9}",
                "INSERT INTO parted_low VALUES ({3}, {1}, {1}); DELETE FROM parted WHERE id = {3}",
                "INSERT INTO parted VALUES ({9}, {1}, {1}); DELETE FROM parted_high WHERE id = {9}",
                "UPDATE parted_low SET m = {1} WHERE id = {2}; UPDATE parted SET m = {2} WHERE id = {2}",
                "TRUNCATE parted_low; INSERT INTO parted VALUES ({1}, {1}, {1}), ({2}, {2}, {2})",
            ],
        ),
        case(
            "CREATE TABLE beasts (id INTEGER PRIMARY KEY, v INTEGER); CREATE TABLE birds (wings INTEGER, PRIMARY KEY (id)) INHERITS (beasts); \
             INSERT INTO beasts VALUES (1, 1); INSERT INTO birds VALUES (1, 10, 2), (2, 20, 2)",
            of_children,
            &[
                "UPDATE beasts SET v = v + 1 WHERE id = {1}",
                "UPDATE ONLY beasts SET v = v + 1 WHERE id = {1}",
                "UPDATE birds SET v = v + 1 WHERE id = {1}",
                "UPDATE birds SET id = {9} WHERE id = {2}; UPDATE beasts SET id = {2} WHERE id = {9}",
                "INSERT INTO birds VALUES ({9}, {1}, {2}); DELETE FROM beasts WHERE id = {9}",
            ],
        ),
        case(
            "CREATE SCHEMA one; CREATE SCHEMA two; CREATE TABLE one.same (id INTEGER PRIMARY KEY, v INTEGER); \
             CREATE TABLE two.same (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO one.same VALUES (1, 1), (2, 2); \
             INSERT INTO two.same VALUES (1, 10), (2, 20)",
            of_schemas,
            &[
                "UPDATE one.same SET v = v + 1 WHERE id = {1}",
                "UPDATE two.same SET v = v + 1 WHERE id = {1}",
                "UPDATE two.same AS s SET v = v + 1 WHERE s.id = {2}",
                "UPDATE one.same SET v = same.v + o.v FROM two.same AS o WHERE o.id = {2} AND one.same.id = {1}",
            ],
        ),
        case(
            "CREATE TABLE twins (id INTEGER, \"Id\" INTEGER, v INTEGER, PRIMARY KEY (id, \"Id\")); INSERT INTO twins VALUES (1, 2, 1), (2, 1, 2); \
             CREATE TABLE \"Twins\" (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO \"Twins\" VALUES (1, 1), (2, 2)",
            of_twins,
            &[
                "UPDATE twins SET v = v + 1 WHERE id = {1}",
                "UPDATE twins SET v = v + 1 WHERE \"Id\" = {1}",
                "UPDATE twins SET \"Id\" = {9} WHERE id = {1}; UPDATE twins SET \"Id\" = {2} WHERE \"Id\" = {9}",
                "UPDATE \"Twins\" SET v = v + 1 WHERE id = {1}",
                "UPDATE Twins SET v = v + 1 WHERE ID = {2}",
            ],
        ),
        // What a policy shows depends on other rows.
        case(
            "CREATE TABLE levels (id INTEGER PRIMARY KEY, shown BOOLEAN); INSERT INTO levels VALUES (1, true), (2, false); \
             CREATE TABLE notes (id INTEGER PRIMARY KEY, level INTEGER REFERENCES levels (id), v INTEGER); \
             INSERT INTO notes VALUES (1, 1, 1), (2, 2, 2); ALTER TABLE notes ENABLE ROW LEVEL SECURITY; \
             ALTER TABLE notes FORCE ROW LEVEL SECURITY; \
             CREATE POLICY p ON notes USING (EXISTS (SELECT 1 FROM levels WHERE levels.id = level AND shown)) WITH CHECK (true)",
            all(
                "notes",
                ["id", "level", "v"],
                &["id = {1}", "id = {2}", "level = {1}", "level = {2}"],
            ),
            &[
                "UPDATE notes SET v = v + 1 WHERE id = {1}",
                "UPDATE notes SET v = v + 1 WHERE level = {2}",
            ],
        ),
    ]
}

pub(super) fn foreign_keys() -> Vec<Case> {
    vec![case(
        "CREATE TABLE homes (id INTEGER PRIMARY KEY); INSERT INTO homes VALUES (0), (1), (2); \
         CREATE TABLE guests (id INTEGER PRIMARY KEY, home INTEGER DEFAULT 0 REFERENCES homes (id) ON DELETE SET DEFAULT \
          ON UPDATE SET NULL, up INTEGER REFERENCES guests (id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED); \
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
            "TRUNCATE homes CASCADE; INSERT INTO homes VALUES ({0}), ({1}), ({2}); INSERT INTO guests VALUES ({1}, {1}, NULL), ({2}, {2}, {1}), ({3}, {2}, {2})",
        ],
    )]
}

pub(super) fn code() -> Vec<Case> {
    const PARTS: &[&str] = &[
        "id = {1}",
        "id = {2}",
        "id = {9}",
        "whole = {1}",
        "whole = {2}",
        "id IN ({10}, {109})",
    ];
    vec![
        case(
            "CREATE TABLE parts (id INTEGER PRIMARY KEY, whole INTEGER REFERENCES parts (id), v INTEGER, n INTEGER DEFAULT 0); \
             INSERT INTO parts (id, whole, v) VALUES (1, NULL, 1), (2, 1, 2), (3, 1, 3); \
             CREATE FUNCTION counts_up() RETURNS trigger LANGUAGE plpgsql AS \
              $$ BEGIN UPDATE parts SET n = n + 1 WHERE id = NEW.whole; RETURN NEW; END $$; \
             CREATE TRIGGER parts_u AFTER UPDATE OF v ON parts FOR EACH ROW EXECUTE FUNCTION counts_up(); \
             CREATE FUNCTION replaces() RETURNS trigger LANGUAGE plpgsql AS \
              $$ BEGIN IF NEW.v > 100 THEN NEW.id := NEW.id + 100; NEW.whole := 2; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER parts_i BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION replaces()",
            all("parts", ["id", "v", "n"], PARTS),
            &[
                "UPDATE parts SET v = v + 1 WHERE id = {2}",
                "UPDATE parts SET v = v + 1 WHERE whole = {1}",
                "INSERT INTO parts (id, whole, v) VALUES ({9}, {1}, {101}); DELETE FROM parts WHERE id = {109}",
                "INSERT INTO parts (id, whole, v) VALUES ({9}, {1}, {1}); DELETE FROM parts WHERE id = {9}",
            ],
        ),
        // Rules that do something else, or more.
        case(
            "CREATE TABLE ruled (id INTEGER PRIMARY KEY, whole INTEGER, v INTEGER, n INTEGER DEFAULT 0); \
             INSERT INTO ruled (id, whole, v) VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3); \
             CREATE TABLE also (id INTEGER PRIMARY KEY, v INTEGER, n INTEGER DEFAULT 0); INSERT INTO also VALUES (1, 1), (2, 2), (3, 3); \
             CREATE RULE u AS ON UPDATE TO ruled DO ALSO UPDATE also SET v = v + 1 WHERE id = OLD.id + 1; \
             CREATE RULE d AS ON DELETE TO ruled DO INSTEAD UPDATE also SET n = n + 1 WHERE id = OLD.whole; \
             CREATE RULE i AS ON INSERT TO ruled WHERE NEW.id > 100 DO INSTEAD INSERT INTO also VALUES (NEW.id - 100, NEW.v)",
            all("ruled", ["id", "v", "n"], PARTS)
                .into_iter()
                .chain(all(
                    "also",
                    ["id", "v", "n"],
                    &["id = {1}", "id = {2}", "id = {3}", "id = {9}"],
                ))
                .collect(),
            &[
                "UPDATE ruled SET v = v + 1 WHERE id = {1}",
                "UPDATE ruled SET v = v + 1 WHERE whole = {1}",
                "DELETE FROM ruled WHERE id = {1}",
                "INSERT INTO ruled (id, whole, v) VALUES ({109}, {1}, {1}); DELETE FROM also WHERE id = {9}",
                "UPDATE also SET v = v + 1 WHERE id = {1}",
            ],
        ),
        // Routines.
        case(
            "CREATE TABLE called (id INTEGER PRIMARY KEY, v INTEGER, n INTEGER DEFAULT 0); INSERT INTO called VALUES (1, 1), (2, 2), (3, 3); \
             CREATE FUNCTION bump(x INTEGER) RETURNS INTEGER LANGUAGE sql AS 'UPDATE called SET v = v + 1 WHERE id = x RETURNING v'; \
             CREATE PROCEDURE bump_all(x INTEGER) LANGUAGE plpgsql AS 'BEGIN UPDATE called SET v = v + 1 WHERE id = x; END'; \
             CREATE FUNCTION dynamic(x INTEGER) RETURNS INTEGER LANGUAGE plpgsql AS \
              $$ BEGIN EXECUTE 'UPDATE called SET v = v + 1 WHERE id = ' || x; RETURN x; END $$",
            all(
                "called",
                ["id", "v", "n"],
                &["id = {1}", "id = {2}", "id = {3}"],
            ),
            &[
                "SELECT bump({1})",
                "CALL bump_all({2})",
                "SELECT dynamic({1})",
                "UPDATE called SET n = bump({2}) WHERE id = {1}",
                "UPDATE called SET n = n + 1 WHERE id = {1} AND dynamic({3}) = 3",
            ],
        ),
        // A key that is computed.
        case(
            "CREATE TABLE halves (id INTEGER PRIMARY KEY); INSERT INTO halves VALUES (0), (1), (2), (4); \
             CREATE TABLE wholes (id INTEGER PRIMARY KEY, half INTEGER GENERATED ALWAYS AS (id / 2) STORED REFERENCES halves (id), v INTEGER); \
             INSERT INTO wholes (id, v) VALUES (2, 1), (3, 2), (4, 3)",
            all(
                "wholes",
                ["id", "half", "v"],
                &[
                    "id = {2}",
                    "id = {9}",
                    "half = {1}",
                    "half = {2}",
                    "half = {4}",
                ],
            ),
            &[
                "UPDATE wholes SET v = v + 1 WHERE id = {2}",
                "UPDATE wholes SET v = v + 1 WHERE half = {1}",
                "UPDATE wholes SET id = {9} WHERE id = {3}; UPDATE wholes SET id = {3} WHERE id = {9}",
                "INSERT INTO wholes (id, v) VALUES ({9}, {1}); DELETE FROM wholes WHERE half = {4}",
            ],
        ),
    ]
}
