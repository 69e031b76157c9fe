//! Statements with keys, and statements that must have none.

use crate::{Analysis, Dialect, KeyValue};

use Dialect::{Mysql, Postgres, Sqlite};

/// `t.id=$0 u.k=1`: the keys of the tables `t` and `u`.
fn keys(sql: &str, dialect: Dialect) -> String {
    let analysis = Analysis::of(sql, dialect);
    let mut found = Vec::new();
    for table in ["t", "u"] {
        for (column, values) in analysis.keys(table).into_iter().flat_map(|it| it.iter()) {
            let values: Vec<_> = values.iter().map(shown).collect();
            found.push(format!("{table}.{column}={}", values.join(",")));
        }
    }
    found.join(" ")
}

fn shown(value: &KeyValue) -> String {
    match value {
        KeyValue::Bind(place) => format!("${place}"),
        KeyValue::Array(place) => format!("${place}[]"),
        KeyValue::Integer(number) => number.to_string(),
        KeyValue::Text(text) => format!("'{text}'"),
        KeyValue::Bool(value) => value.to_string(),
    }
}

fn check(dialect: Dialect, cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        assert_eq!(keys(sql, dialect), *expected, "{sql}");
    }
}

fn check_none(dialect: Dialect, statements: &[&str]) {
    for sql in statements {
        assert_eq!(keys(sql, dialect), "", "{sql}");
    }
}

#[test]
fn conditions_that_every_row_satisfies() {
    check(
        Postgres,
        &[
            (
                r#"SELECT "t"."id", "t"."a" FROM "t" WHERE ("t"."id" = $1) LIMIT $2"#,
                "t.id=$0",
            ),
            (
                "SELECT * FROM t WHERE id = 1 ORDER BY a DESC LIMIT 5 OFFSET 2",
                "t.id=1",
            ),
            ("SELECT DISTINCT a FROM t WHERE 1 = id", "t.id=1"),
            (
                "SELECT a, count(*) FROM t WHERE id = -5 GROUP BY a HAVING count(*) > 1",
                "t.id=-5",
            ),
            (
                "SELECT * FROM t WHERE ((t.id = ANY($2)) AND (t.a > $1))",
                "t.id=$1[]",
            ),
            ("SELECT * FROM t WHERE id IN (1, $1, 'a')", "t.id=1,$0,'a'"),
            (
                "SELECT * FROM t WHERE (a = 1 AND b = TRUE) AND c = 'it''s' AND d != 4",
                "t.a=1 t.b=true t.c='it's'",
            ),
            (
                "SELECT * FROM t WHERE id = 1 AND (a = 2 OR b = 3)",
                "t.id=1",
            ),
            ("SELECT * FROM t WHERE NOT a = 1 AND id = 2", "t.id=2"),
            (
                "SELECT * FROM t WHERE a BETWEEN 1 AND 2 AND id = 3",
                "t.id=3",
            ),
            ("SELECT * FROM public.t WHERE public.t.id = $1", "t.id=$0"),
            ("SELECT * FROM t x WHERE x.id = 1", "t.id=1"),
            (
                "SELECT * FROM t WHERE id = 1 AND EXISTS (SELECT 1 FROM u WHERE u.a = t.id)",
                "t.id=1",
            ),
            (
                "SELECT * FROM t, u WHERE t.id = 1 AND u.k = 2",
                "t.id=1 u.k=2",
            ),
            (
                r#"SELECT * FROM ("t" INNER JOIN "u" ON ("t"."id" = "u"."k")) WHERE ("t"."id" = $1)"#,
                "t.id=$0",
            ),
            ("SELECT * FROM t JOIN u ON t.id = 1 AND u.k = t.a", "t.id=1"),
            (
                "SELECT * FROM t LEFT JOIN u ON t.a = u.k AND u.k = 3 WHERE t.id = 1",
                "t.id=1",
            ),
            (
                "SELECT * FROM t RIGHT JOIN u ON t.a = u.k WHERE t.id = 1",
                "t.id=1",
            ),
            ("SELECT * FROM u AS t, t AS u WHERE t.id = 1", "u.id=1"),
            (
                "SELECT * FROM t WHERE id /* ? $9 */ = $1 -- $3\n",
                "t.id=$0",
            ),
        ],
    );
}

#[test]
fn places_of_binds() {
    let sql = "SELECT ? + a FROM t WHERE b = (SELECT max(k) FROM u WHERE c = ?) AND id = ? LIMIT ?";
    for dialect in [Mysql, Sqlite] {
        check(
            dialect,
            &[
                (sql, "t.id=$2"),
                (
                    "SELECT '?' AS \"?\", a /* ? */ FROM t WHERE id = ?",
                    "t.id=$0",
                ),
            ],
        );
    }
    check(
        Sqlite,
        &[("SELECT * FROM t WHERE a > ?1 AND id = ?2", "t.id=$1")],
    );
    check(
        Postgres,
        &[(
            "SELECT $1 FROM t WHERE id = $3 AND a = $1",
            "t.a=$0 t.id=$2",
        )],
    );
    for sql in [
        "SELECT * FROM t WHERE id = :id",
        "SELECT * FROM t WHERE id = @id",
        "SELECT * FROM t WHERE id = ? AND a = ?1",
        "SELECT * FROM t WHERE id = ?0",
    ] {
        check_none(Sqlite, &[sql]);
    }
}

#[test]
fn tables_at_several_places_have_no_keys() {
    check_none(
        Postgres,
        &[
            "SELECT * FROM t x, t y WHERE x.id = 1",
            "SELECT * FROM t WHERE id = 1 AND a IN (SELECT a FROM t)",
            "SELECT (SELECT max(id) FROM t) FROM t WHERE id = 1",
            "SELECT * FROM t WHERE id = 1 UNION SELECT * FROM t WHERE id = 2",
            "SELECT * FROM t WHERE id = 1 UNION ALL SELECT * FROM u WHERE k = 2",
            "WITH t AS (SELECT * FROM u) SELECT * FROM t WHERE id = 1",
            "WITH x AS (SELECT * FROM t) SELECT * FROM t WHERE id = 1",
            "SELECT * FROM t WHERE id = 1 AND a IN (WITH t AS (SELECT 1) SELECT 1 FROM t)",
            "SELECT * FROM a.t, b.t AS y WHERE a.t.id = 1",
            "SELECT * FROM (SELECT * FROM t) x WHERE x.id = 1",
            r#"SELECT * FROM t, "T" AS y WHERE t.id = 1"#,
        ],
    );
}

#[test]
fn conditions_that_say_nothing() {
    check_none(
        Postgres,
        &[
            "SELECT * FROM t",
            "SELECT * FROM t WHERE id = 1 OR a = 2",
            "SELECT * FROM t WHERE NOT (id = 1)",
            "SELECT * FROM t WHERE NOT id = 1",
            "SELECT * FROM t WHERE id <> 1 AND id > 2",
            "SELECT * FROM t WHERE (id = 1) IS NOT TRUE",
            "SELECT * FROM t WHERE id IS NOT DISTINCT FROM 1",
            "SELECT * FROM t WHERE id = NULL",
            "SELECT * FROM t WHERE id IN (1, NULL)",
            "SELECT * FROM t WHERE id IN (1, a)",
            "SELECT * FROM t WHERE id NOT IN (1, 2)",
            "SELECT * FROM t WHERE id IN (SELECT k FROM u)",
            "SELECT * FROM t WHERE id = ALL($1)",
            "SELECT * FROM t WHERE id = ANY('{1,2}')",
            "SELECT * FROM t WHERE id <> ANY($1)",
            "SELECT * FROM t WHERE (id, a) = (1, 2)",
            "SELECT * FROM t WHERE (id, a) IN ((1, 2))",
            "SELECT * FROM t WHERE id = a",
            "SELECT * FROM t WHERE 1 = 1",
            "SELECT * FROM t WHERE id + 0 = 1",
            "SELECT * FROM t WHERE -id = 1",
            "SELECT * FROM t WHERE id::text = '1'",
            "SELECT * FROM t WHERE id = $1::int",
            "SELECT * FROM t WHERE id = CAST($1 AS int)",
            "SELECT * FROM t WHERE id = 1.0",
            "SELECT * FROM t WHERE id = 1e0",
            "SELECT * FROM t WHERE id = 0x10",
            "SELECT * FROM t WHERE id = 99999999999999999999",
            "SELECT * FROM t WHERE a = E'x'",
            "SELECT * FROM t WHERE a = $$x$$",
            "SELECT * FROM t WHERE a = DATE '2020-01-01'",
            "SELECT * FROM t WHERE a = 'x'\n'y'",
            r#"SELECT * FROM t WHERE a COLLATE "C" = 'x'"#,
            r#"SELECT * FROM t WHERE a = 'x' COLLATE "C""#,
            "SELECT * FROM t WHERE lower(a) = 'x'",
            "SELECT * FROM t WHERE id = 1 = TRUE",
            "SELECT * FROM t WHERE CASE WHEN TRUE THEN id = 1 END",
            "SELECT * FROM t GROUP BY id HAVING id = 1",
            "SELECT id = 1 FROM t",
            r#"SELECT * FROM t WHERE "ID" = 1"#,
            "SELECT * FROM t WHERE ctid = '(0,1)'",
            "SELECT * FROM t WHERE größe = 1",
            "SELECT * FROM t WHERE user = 'a'",
            "SELECT * FROM t WHERE current_role = 'a'",
            "SELECT * FROM t, u WHERE id = 1",
            "SELECT * FROM t AS x WHERE t.id = 1",
            "SELECT * FROM t LEFT JOIN u ON t.id = 1",
            "SELECT * FROM t LEFT JOIN u ON u.k = 1",
            "SELECT * FROM t FULL OUTER JOIN u ON t.id = 1",
            "SELECT * FROM t JOIN u USING (id) WHERE t.id = 1",
            "SELECT * FROM t NATURAL JOIN u WHERE t.id = 1",
            "SELECT * FROM t x(id) WHERE x.id = 1",
            "SELECT * FROM ONLY t WHERE id = 1",
            "SELECT * FROM t TABLESAMPLE SYSTEM (1) WHERE id = 1",
            "SELECT * FROM t WHERE id = 1 FOR UPDATE",
            "SELECT * INTO u FROM t WHERE id = 1",
            "SELECT * FROM t WHERE id = 1; SELECT 1",
            "EXPLAIN SELECT * FROM t WHERE id = 1",
            "PREPARE p AS SELECT * FROM t WHERE id = $1",
            "SELECT * FROM t WHERE id == 1",
        ],
    );
    let many: Vec<_> = (0..33).map(|n| n.to_string()).collect();
    check_none(
        Postgres,
        &[&format!(
            "SELECT * FROM t WHERE id IN ({})",
            many.join(", ")
        )],
    );
    assert_ne!(
        keys(
            &format!("SELECT * FROM t WHERE id IN ({})", many[1..].join(", ")),
            Postgres
        ),
        ""
    );
    check_none(
        Mysql,
        &[
            "SELECT * FROM t WHERE id = 1 AND a = 2 || b = 3",
            "SELECT * FROM t WHERE id = 1 AND a XOR b",
            "SELECT * FROM t WHERE id = 1 AND @x := 2",
            "SELECT * FROM t WHERE id <=> 1",
            "SELECT * FROM t WHERE id = \"a\"",
            "SELECT * FROM t WHERE id = TRUE",
            "SELECT * FROM t WHERE id = 'a' 'b'",
            "SELECT * FROM t WHERE id = 'a\\'b'",
            "SELECT * FROM t WHERE id = _utf8'a'",
            "SELECT * FROM t WHERE id = x'61'",
            "SELECT * FROM t WHERE BINARY id = 'a'",
            "SELECT * FROM t PARTITION (p) WHERE id = 1",
            "SELECT * FROM t WHERE id = 1 LOCK IN SHARE MODE",
            "SELECT * FROM t WHERE id = 1 /*!50000 OR 1 */",
        ],
    );
    check_none(
        Sqlite,
        &[
            "SELECT * FROM t WHERE id IS 1",
            "SELECT * FROM t WHERE rowid = 1",
        ],
    );
    check(Sqlite, &[("SELECT * FROM t WHERE [ID] == 1", "t.id=1")]);
    check(
        Mysql,
        &[(
            "SELECT `t`.`ID` FROM `t` WHERE (`t`.`ID` = ?) LIMIT ?",
            "t.id=$0",
        )],
    );
}

#[test]
fn changes_of_rows() {
    check(
        Postgres,
        &[
            (
                r#"UPDATE "t" SET "a" = $1 WHERE ("t"."id" = $2)"#,
                "t.id=$1",
            ),
            (
                "UPDATE t SET id = $1, a = 3 WHERE id = $2 AND a = 4",
                "t.a=4,3 t.id=$1,$0",
            ),
            ("UPDATE t SET a = a + 1 WHERE id = 1 AND a = 2", "t.id=1"),
            ("UPDATE t SET id = 2 WHERE a = 1", "t.a=1"),
            (
                "UPDATE t AS x SET a = (SELECT max(a) FROM t) WHERE x.id = 1 RETURNING *",
                "t.id=1",
            ),
            (
                "DELETE FROM t WHERE id IN ($1, $2) AND a IN (SELECT k FROM u)",
                "t.id=$0,$1",
            ),
            (
                r#"INSERT INTO "t" ("id", "a") VALUES ($1, $2), ($3, DEFAULT) RETURNING "t"."id""#,
                "t.id=$0,$2",
            ),
            (
                "INSERT INTO t (id, a, b) VALUES (1, NULL, 'x') ON CONFLICT (id) DO NOTHING",
                "t.b='x' t.id=1",
            ),
        ],
    );
    check(
        Mysql,
        &[
            ("UPDATE `t` SET `t`.`a` = ? WHERE (`t`.`id` = ?)", "t.id=$1"),
            (
                "INSERT INTO `t` (`id`, `a`) VALUES (0, ?), (7, ?)",
                "t.a=$0,$1",
            ),
        ],
    );
    check(
        Sqlite,
        &[("INSERT OR IGNORE INTO t (id) VALUES (?)", "t.id=$0")],
    );
    check_none(
        Postgres,
        &[
            "UPDATE t SET a = 1",
            "UPDATE t SET id = 2 WHERE id = a",
            "UPDATE t SET id = DEFAULT WHERE id = 1",
            r#"UPDATE t SET "ID" = 2 WHERE id = 1"#,
            "UPDATE t SET (a, id) = (1, 2) WHERE id = 1",
            "UPDATE t SET id = id + 1 WHERE id = 1",
            "UPDATE t SET a = u.a FROM u WHERE t.id = 1",
            "UPDATE ONLY t SET a = 1 WHERE id = 1",
            "WITH x AS (SELECT 1) UPDATE t SET a = 1 WHERE id = 1",
            "DELETE FROM t USING u WHERE t.id = 1",
            "DELETE FROM t WHERE id = 1 OR TRUE",
            "DELETE FROM t WHERE CURRENT OF c",
            "INSERT INTO t VALUES (1, 2)",
            "INSERT INTO t (id) SELECT 1",
            "INSERT INTO t (id) SELECT k FROM u WHERE k = 1",
            "INSERT INTO t DEFAULT VALUES",
            "INSERT INTO t (id) VALUES (DEFAULT)",
            "INSERT INTO t (id) VALUES (1), (1 + 1)",
            "INSERT INTO t (id) OVERRIDING USER VALUE VALUES (1)",
            "INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1",
            "MERGE INTO t USING u ON t.id = 1 WHEN MATCHED THEN DELETE",
            "TRUNCATE t",
        ],
    );
    check_none(
        Mysql,
        &[
            "INSERT IGNORE INTO t (id) VALUES (1)",
            "REPLACE INTO t (id) VALUES (1)",
            "INSERT INTO t SET id = 1",
            "INSERT INTO t (id) VALUES (1) ON DUPLICATE KEY UPDATE a = 1",
            "UPDATE IGNORE t SET id = 1 WHERE id = 2",
            "DELETE FROM db.t WHERE id = 1",
            "UPDATE db.t SET a = 1 WHERE db.t.id = 1",
            "INSERT INTO db.t (id) VALUES (1)",
            "UPDATE t, u SET t.a = 1 WHERE t.id = 1",
            "UPDATE t JOIN u ON t.a = u.k SET t.a = 1 WHERE t.id = 1",
            "DELETE t FROM t JOIN u WHERE t.id = 1",
            "DELETE t, u FROM t JOIN u WHERE t.id = 1",
        ],
    );
    check_none(
        Sqlite,
        &[
            "REPLACE INTO t (id) VALUES (1)",
            "INSERT OR REPLACE INTO t (id) VALUES (1)",
            "UPDATE OR REPLACE t SET a = 1 WHERE id = 1",
            "UPDATE t SET rowid = 2 WHERE id = 1",
            "INSERT INTO t (id, rowid) VALUES (1, 2)",
            "INSERT INTO t (id, ID) VALUES (1, 2)",
        ],
    );
}

/// MySQL finds a name outside the BMP by another spelling; a literal is another value.
#[test]
fn literals_that_are_not_analysed_as_they_are_have_no_keys() {
    check_none(
        Mysql,
        &[
            "SELECT * FROM t WHERE a = '\u{1f600}'",
            "DELETE FROM t WHERE a = '\u{1f600}' AND id = 1",
            "INSERT INTO t (a) VALUES ('\u{1f600}')",
            "SELECT * FROM t WHERE `\u{1f600}` = 1",
        ],
    );
    check(
        Postgres,
        &[("SELECT * FROM t WHERE a = '\u{1f600}'", "t.a='\u{1f600}'")],
    );
}

/// Each server reads these in its own way; none of them reads `id = 1` as a condition of its own.
#[test]
fn operators_beside_an_equality_take_part_of_it() {
    for dialect in Dialect::ALL {
        check_none(
            dialect,
            &[
                "SELECT * FROM t WHERE id = 1 = 1",
                "SELECT * FROM t WHERE id = a = 1",
                "SELECT * FROM t WHERE 1 = id = 1",
                "SELECT * FROM t WHERE id = 1 IS NULL",
                "SELECT * FROM t WHERE id = 1 ISNULL",
                "SELECT * FROM t WHERE id = 1 NOTNULL",
                "SELECT * FROM t WHERE id IN (1) IS NOT TRUE",
                "SELECT * FROM t WHERE a BETWEEN 1 AND id = 1",
                "SELECT * FROM t WHERE a LIKE id = 1",
                "SELECT * FROM t WHERE a IS DISTINCT FROM id = 1",
                "SELECT * FROM t WHERE id = 1 AND a IS DISTINCT FROM 2 OR b = 3",
                "SELECT * FROM t WHERE id = 1 AND a GLOB 'x' OR b",
                "SELECT * FROM t JOIN u ON t.id = 1 AND u.k = 2 OR t.a = 1",
                "SELECT * FROM t WHERE id = - -1",
            ],
        );
    }
    check_none(
        Mysql,
        &[
            "SELECT * FROM t WHERE id = 1 AND BINARY a = 'x' OR b = 3",
            "SELECT * FROM t WHERE id = 1 && a = 2",
            "SELECT * FROM t WHERE ! id = 1",
            "SELECT * FROM t WHERE id = 1--1",
            "SELECT * FROM t WHERE id = 1 DIV 1",
            "SELECT * FROM t WHERE id = 1 MOD 1",
        ],
    );
}

#[test]
fn debug_output_does_not_show_values() {
    let analysis = Analysis::of("DELETE FROM t WHERE a = 'secret' AND b = 4711", Postgres);
    let shown = format!("{analysis:?}");
    assert!(analysis.keys("t").is_some() && !shown.contains("secret") && !shown.contains("4711"));
}
