//! By which columns of the tables of MySQL and MariaDB reads and writes can be told apart.

use cachalot_tests::{Database, unique};
use diesel::{
    connection::SimpleConnection,
    dsl::sql,
    prelude::*,
    sql_types::{BigInt, Binary, Text},
};

use super::db;

#[path = "common.rs"]
mod common;

use self::common::{declaring, names, tracked_columns};

/// An empty database with this schema, in which values that do not fit are replaced by others.
fn with_schema(schema: &str) -> (Database, db::Connection) {
    let database = db::empty_database();
    let mut conn = db::establish(database.url());
    conn.batch_execute("SET sql_mode = ''").unwrap();
    conn.batch_execute(schema).unwrap();
    (database, conn)
}

fn tracked_in(schema: &str) -> Vec<String> {
    tracked_columns(&mut with_schema(schema).1)
}

/// A collation that compares bytes.
fn bytewise() -> &'static str {
    if db::is_mysql() {
        "utf8mb4_0900_bin"
    } else {
        "utf8mb4_nopad_bin"
    }
}

const INT: &str = "Integer { min: -2147483648, max: 2147483647 }";

#[test]
fn k08_types_whose_equal_values_are_the_same_are_tracked() {
    let mut lines = tracked_in(&format!(
        "CREATE TABLE t (a tinyint, b smallint, c mediumint, d int, e bigint, f tinyint unsigned, \
          g bigint unsigned zerofill, h date, i varchar(9) COLLATE {}, j varbinary(5), k binary(16), l boolean, \
          PRIMARY KEY (a, b, c, d, e, f, g, h, i, j, k, l)); \
         CREATE TABLE counted (id int AUTO_INCREMENT PRIMARY KEY)",
        bytewise()
    ));
    assert_eq!(
        lines.remove(0),
        "counted.id: Integer { min: 1, max: 2147483647 } unique"
    );
    assert_eq!(
        lines,
        [
            "t.a: Integer { min: -128, max: 127 }",
            "t.b: Integer { min: -32768, max: 32767 }",
            "t.c: Integer { min: -8388608, max: 8388607 }",
            &format!("t.d: {INT}"),
            "t.e: Integer { min: -9223372036854775808, max: 9223372036854775807 }",
            "t.f: Integer { min: 0, max: 255 }",
            "t.g: Integer { min: 0, max: 18446744073709551615 }",
            "t.h: Date",
            "t.i: Text { max: Some(9) }",
            "t.j: Bytes { min: 0, max: Some(5) }",
            "t.k: Bytes { min: 16, max: Some(16) }",
            "t.l: Integer { min: -128, max: 127 }",
        ]
    );
}

#[test]
fn k08_types_whose_equal_values_may_differ_are_not_tracked() {
    let lines = tracked_in(&format!(
        "CREATE TABLE t (a char(5) COLLATE {bytewise}, b varchar(9) COLLATE utf8mb4_bin, \
          c varchar(9) COLLATE utf8mb4_general_ci, d varchar(9) CHARACTER SET latin1 COLLATE latin1_bin, \
          e decimal(9, 2), f double, g datetime, h timestamp, i time, j year, k bit(3), l enum('a'), \
          PRIMARY KEY (a, b, c, d, e, f, g, h, i, j, k, l))",
        bytewise = bytewise()
    ));
    assert_eq!(lines, [""; 0]);
}

#[test]
fn k08_uuids_of_mariadb_are_tracked() {
    let create = "CREATE TABLE t (id uuid PRIMARY KEY)";
    if db::takes_as_mariadb(create) {
        assert_eq!(tracked_in(create), ["t.id: Uuid unique"]);
    }
}

/// Each value is stored as it is, and equals no other.
#[test]
fn k08_texts_and_bytes_of_tracked_columns_equal_only_themselves() {
    let schema = format!(
        "CREATE TABLE t (k varchar(5) COLLATE {} PRIMARY KEY)",
        bytewise()
    );
    let (_database, mut conn) = with_schema(&schema);
    assert_eq!(tracked_columns(&mut conn).len(), 1);
    let values = [
        "", " ", "a", "a ", "a  ", "A", "ä", "a\u{308}", "ss", "ß", "a\t", "a\0", "1", "01",
    ];
    for value in values {
        let insert = diesel::sql_query("INSERT INTO t VALUES (?)");
        insert.bind::<Text, _>(value).execute(&mut conn).unwrap();
    }
    for value in values {
        let found = sql::<Text>("SELECT k FROM t WHERE k = ").bind::<Text, _>(value);
        assert_eq!(found.load::<String>(&mut conn).unwrap(), [value]);
    }
    for (kind, values) in [
        (
            "varbinary(5)",
            &[&b""[..], b"a", b"a ", b"a\0", b"A", b"abcde", b"\xff"][..],
        ),
        (
            "binary(2)",
            &[b"aa", b"a ", b"a\0", b"aA", b"\0\0", b"\xff\xfe"],
        ),
    ] {
        let (_database, mut conn) = with_schema(&format!("CREATE TABLE t (k {kind} PRIMARY KEY)"));
        assert_eq!(tracked_columns(&mut conn).len(), 1, "{kind}");
        for value in values {
            let insert = diesel::sql_query("INSERT INTO t VALUES (?)");
            insert.bind::<Binary, _>(*value).execute(&mut conn).unwrap();
        }
        for value in values {
            let found = sql::<Binary>("SELECT k FROM t WHERE k = ").bind::<Binary, _>(*value);
            assert_eq!(
                found.load::<Vec<u8>>(&mut conn).unwrap(),
                [*value],
                "{kind}"
            );
        }
    }
}

/// Why classes have limits. So it is in any mode for an `INSERT IGNORE`, and for blanks and zeros.
#[test]
fn k08_values_outside_of_the_limits_may_be_stored_as_others() {
    let (_database, mut conn) = with_schema(&format!(
        "CREATE TABLE clipped (k tinyint PRIMARY KEY); INSERT INTO clipped VALUES (300); \
         CREATE TABLE counted (k int AUTO_INCREMENT PRIMARY KEY); INSERT INTO counted VALUES (0); \
         CREATE TABLE cut (k varchar(3) COLLATE {} PRIMARY KEY); INSERT INTO cut VALUES ('a     '); \
         CREATE TABLE filled (k binary(2) PRIMARY KEY); INSERT INTO filled VALUES ('a')",
        bytewise()
    ));
    for (table, stored) in [("clipped", 127), ("counted", 1)] {
        let found = sql::<BigInt>(&format!("SELECT CAST(k AS SIGNED) FROM {table}"));
        assert_eq!(found.load::<i64>(&mut conn).unwrap(), [stored], "{table}");
    }
    for (table, stored) in [("cut", "a  "), ("filled", "a\0")] {
        let found = sql::<Binary>(&format!("SELECT CAST(k AS BINARY) FROM {table}"));
        assert_eq!(
            found.load::<Vec<u8>>(&mut conn).unwrap(),
            [stored.as_bytes()],
            "{table}"
        );
    }
}

#[test]
fn k10_the_columns_of_primary_and_foreign_keys_are_tracked() {
    let lines = tracked_in(
        "CREATE TABLE parents (a int, b int, c int UNIQUE, PRIMARY KEY (b, a)); \
         CREATE TABLE kids (`Id` int PRIMARY KEY, x int, y int, z int, `größe` int, \
          FOREIGN KEY (x, y) REFERENCES parents (b, a), FOREIGN KEY (z) REFERENCES parents (c), \
          FOREIGN KEY (`größe`) REFERENCES parents (c)); \
         CREATE TABLE plain (id int NOT NULL UNIQUE)",
    );
    assert_eq!(
        lines,
        [
            format!("kids.id: {INT} unique"),
            // The second column of an index is not listed with its type.
            format!("kids.x: {INT}"),
            format!("kids.z: {INT}"),
            format!("parents.a: {INT}"),
            format!("parents.b: {INT}"),
        ]
    );
}

#[test]
fn k10_views_and_tables_that_change_otherwise_are_not_tracked() {
    let lines = tracked_in(
        "CREATE TABLE outside (id int PRIMARY KEY) ENGINE = MyISAM; \
         CREATE TABLE inside (id int PRIMARY KEY, n int); CREATE VIEW v AS SELECT id FROM inside",
    );
    assert_eq!(lines, [format!("inside.id: {INT} unique")]);
    let versioned = "CREATE TABLE t (id int PRIMARY KEY) WITH SYSTEM VERSIONING";
    if db::takes_as_mariadb(versioned) {
        assert_eq!(tracked_in(versioned), [""; 0]);
    }
}

/// A part of a primary key is not taken for all of it.
#[test]
fn k10_columns_that_an_account_may_not_see_are_parts_of_the_key() {
    let (database, mut root) = with_schema(
        "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE whole (a int PRIMARY KEY, b int)",
    );
    let (name, schema) = (unique::name("account"), database.name());
    root.batch_execute(&format!(
        "CREATE USER '{name}'@'%'; GRANT TRIGGER ON {schema}.* TO '{name}'@'%'; \
         GRANT SELECT (a) ON {schema}.t TO '{name}'@'%'; GRANT SELECT (a) ON {schema}.whole TO '{name}'@'%'"
    ))
    .unwrap();
    let url = database.url().replacen("root@", &format!("{name}@"), 1);
    let lines = tracked_columns(&mut db::establish(&url));
    assert_eq!(
        lines,
        [format!("t.a: {INT}"), format!("whole.a: {INT} unique")]
    );
}

#[test]
fn k11_columns_that_triggers_and_expressions_set_are_not_tracked() {
    let table = |name: &str| {
        format!(
            "CREATE TABLE {name} (id int PRIMARY KEY, p int, n int, FOREIGN KEY (p) REFERENCES parents (id));"
        )
    };
    let lines = tracked_in(&format!(
        "CREATE TABLE parents (id int PRIMARY KEY); {} {} {} {} \
         CREATE TABLE computed (id int PRIMARY KEY, n int, p int AS (n + 1) STORED, \
          FOREIGN KEY (p) REFERENCES parents (id)); \
         CREATE TRIGGER t1 BEFORE INSERT ON inserted FOR EACH ROW SET NEW.p = 1; \
         CREATE TRIGGER t2 BEFORE UPDATE ON updated FOR EACH ROW SET NEW.p = 1; \
         CREATE TRIGGER t3 BEFORE INSERT ON other FOR EACH ROW SET NEW.n = 1; \
         CREATE TRIGGER t4 AFTER INSERT ON later FOR EACH ROW INSERT INTO parents VALUES (NEW.n)",
        table("inserted"),
        table("updated"),
        table("other"),
        table("later"),
    ));
    assert_eq!(
        names(&lines),
        [
            "computed.id",
            "inserted.id",
            "later.id",
            "later.p",
            "other.id",
            "other.p",
            "parents.id",
            "updated.id",
        ]
    );
}

#[test]
fn k08_declared_columns_are_tracked_where_values_of_their_type_can_be_compared() {
    let (_database, mut conn) = with_schema(&format!(
        "CREATE TABLE posts (id int PRIMARY KEY, `Slug` varchar(9) COLLATE {}, title varchar(9), score double, \
          views int, twice int AS (views * 2), seen int); \
         CREATE TRIGGER counts BEFORE UPDATE ON posts FOR EACH ROW SET NEW.seen = 1",
        bytewise()
    ));
    let columns = [
        "slug", "title", "score", "views", "twice", "seen", "nothing",
    ];
    let declared = columns.map(|column| ("Posts", column));
    let lines = declaring(&mut conn, &declared);
    let expected = ["posts.id", "posts.slug", "posts.views"];
    assert_eq!(names(&lines), expected, "{lines:?}");
}
