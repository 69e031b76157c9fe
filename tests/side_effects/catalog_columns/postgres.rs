//! By which columns of PostgreSQL's tables reads and writes can be told apart.

use diesel::{
    connection::SimpleConnection,
    dsl::sql,
    prelude::*,
    sql_types::{Binary, Text},
};

use super::db;

#[path = "common.rs"]
mod common;

use self::common::{declaring, names, tracked_columns};

/// An empty database with this schema.
fn with_schema(schema: &str) -> db::Connection {
    let mut conn = db::establish(db::empty_database().url());
    conn.batch_execute(schema).unwrap();
    conn
}

fn tracked_in(schema: &str) -> Vec<String> {
    tracked_columns(&mut with_schema(schema))
}

const BIGINT: &str = "Integer { min: -9223372036854775808, max: 9223372036854775807 }";

const COLLATIONS: &str = "\
    CREATE COLLATION german (provider = icu, locale = 'de'); \
    CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);";

#[test]
fn k08_types_whose_equal_values_are_the_same_are_tracked() {
    let lines = tracked_in(&format!(
        "{COLLATIONS} CREATE TABLE t (a smallint, b integer, c bigint, d uuid, e boolean, f date, g text, \
          h varchar, i varchar(5), j bytea, k text COLLATE german, l text COLLATE \"C\", \
          PRIMARY KEY (a, b, c, d, e, f, g, h, i, j, k, l))",
    ));
    assert_eq!(
        lines,
        [
            "t.a: Integer { min: -32768, max: 32767 }",
            "t.b: Integer { min: -2147483648, max: 2147483647 }",
            &format!("t.c: {BIGINT}"),
            "t.d: Uuid",
            "t.e: Bool",
            "t.f: Date",
            "t.g: Text { max: None }",
            "t.h: Text { max: None }",
            "t.i: Text { max: Some(5) }",
            "t.j: Bytes { min: 0, max: None }",
            "t.k: Text { max: None }",
            "t.l: Text { max: None }",
        ]
    );
}

#[test]
fn k08_types_whose_equal_values_may_differ_are_not_tracked() {
    let lines = tracked_in(&format!(
        "{COLLATIONS} CREATE DOMAIN number AS bigint; CREATE TYPE mood AS ENUM ('glad'); \
         CREATE TABLE t (a char(5), b text COLLATE any_case, c number, d numeric, e float8, f timestamp, \
          g timestamptz, h name, i oid, j \"char\", k interval, l inet, m time, n jsonb, o bigint[], p mood, \
          PRIMARY KEY (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p))",
    ));
    assert_eq!(lines, [""; 0]);
}

/// Each value is stored as it is, and equals no other.
#[test]
fn k08_texts_and_bytes_of_tracked_columns_equal_only_themselves() {
    for kind in ["text", "varchar", "varchar(5)", "text COLLATE german"] {
        let mut conn = with_schema(&format!(
            "{COLLATIONS} CREATE TABLE t (k {kind} PRIMARY KEY)"
        ));
        assert_eq!(tracked_columns(&mut conn).len(), 1, "{kind}");
        let values = [
            "", " ", "a", "a ", "A", "ä", "a\u{308}", "ss", "ß", "a\t", "1", "01",
        ];
        for value in values {
            let insert = diesel::sql_query("INSERT INTO t VALUES ($1)");
            insert.bind::<Text, _>(value).execute(&mut conn).unwrap();
        }
        for value in values {
            let found = sql::<Text>("SELECT k FROM t WHERE k = ").bind::<Text, _>(value);
            assert_eq!(found.load::<String>(&mut conn).unwrap(), [value], "{kind}");
        }
    }
    let mut conn = with_schema("CREATE TABLE t (k bytea PRIMARY KEY)");
    let values: [&[u8]; 5] = [b"", b"a", b"a\0", b"A", b"\\x61"];
    for value in values {
        let insert = diesel::sql_query("INSERT INTO t VALUES ($1)");
        insert.bind::<Binary, _>(value).execute(&mut conn).unwrap();
    }
    for value in values {
        let found = sql::<Binary>("SELECT k FROM t WHERE k = ").bind::<Binary, _>(value);
        assert_eq!(found.load::<Vec<u8>>(&mut conn).unwrap(), [value]);
    }
}

/// Why a `varchar(n)` has a limit.
#[test]
fn k08_blanks_beyond_the_length_of_a_column_are_cut() {
    let mut conn = with_schema("CREATE TABLE t (k varchar(5) PRIMARY KEY)");
    let insert = diesel::sql_query("INSERT INTO t VALUES ($1)");
    insert.bind::<Text, _>("a     ").execute(&mut conn).unwrap();
    let stored = sql::<Text>("SELECT k FROM t").load::<String>(&mut conn);
    assert_eq!(stored.unwrap(), ["a    "]);
}

#[test]
fn k08_an_operator_of_ones_own_that_may_be_taken_for_equality_leaves_nothing_tracked() {
    let mut conn = with_schema("CREATE TABLE t (id bigint PRIMARY KEY)");
    assert_eq!(
        tracked_columns(&mut conn),
        [format!("t.id: {BIGINT} unique")]
    );
    conn.batch_execute(
        "CREATE FUNCTION alike(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'; \
         CREATE OPERATOR public.= (FUNCTION = alike, LEFTARG = bigint, RIGHTARG = bigint)",
    )
    .unwrap();
    assert_eq!(tracked_columns(&mut conn), [""; 0]);
}

#[test]
fn k10_the_columns_of_primary_and_foreign_keys_are_tracked() {
    let lines = tracked_in(
        "CREATE TABLE parents_by_number (n bigint PRIMARY KEY); \
         CREATE TABLE parents (a bigint, b uuid, c text UNIQUE, PRIMARY KEY (b, a)); \
         CREATE TABLE kids (id bigint PRIMARY KEY REFERENCES parents_by_number, x bigint, y uuid, z text, \
          FOREIGN KEY (y, x) REFERENCES parents); \
         CREATE TABLE late (id bigint PRIMARY KEY DEFERRABLE); \
         CREATE TABLE \"Quoted\" (\"Id\" bigint PRIMARY KEY, \"größe\" bigint REFERENCES parents_by_number); \
         CREATE TABLE twins (\"Id\" bigint PRIMARY KEY, id bigint); \
         CREATE TABLE plain (id bigint UNIQUE)",
    );
    assert_eq!(
        lines,
        [
            format!("kids.id: {BIGINT} unique"),
            format!("kids.x: {BIGINT}"),
            "kids.y: Uuid".to_owned(),
            format!("late.id: {BIGINT}"),
            format!("parents.a: {BIGINT}"),
            "parents.b: Uuid".to_owned(),
            format!("parents_by_number.n: {BIGINT} unique"),
            format!("quoted.id: {BIGINT} unique"),
        ]
    );
}

#[test]
fn k10_tables_of_one_name_are_tracked_by_what_they_have_in_common() {
    let lines = tracked_in(
        "CREATE SCHEMA one; CREATE SCHEMA two; \
         CREATE TABLE one.same (id bigint PRIMARY KEY); CREATE TABLE two.same (id bigint PRIMARY KEY); \
         CREATE TABLE one.wider (id bigint PRIMARY KEY); CREATE TABLE two.wider (id integer PRIMARY KEY); \
         CREATE TABLE one.viewed (id bigint PRIMARY KEY); CREATE VIEW two.viewed AS SELECT id FROM one.same; \
         CREATE TABLE one.mine (id bigint PRIMARY KEY, n bigint); \
         CREATE TABLE two.mine (id bigint, n bigint, PRIMARY KEY (id, n))",
    );
    assert_eq!(
        lines,
        [
            format!("mine.id: {BIGINT}"),
            format!("same.id: {BIGINT} unique")
        ]
    );
}

#[test]
fn k10_relations_whose_rows_have_no_place_of_their_own_are_not_tracked() {
    let lines = tracked_in(
        "CREATE TABLE parted (id bigint PRIMARY KEY) PARTITION BY RANGE (id); \
         CREATE TABLE part PARTITION OF parted FOR VALUES FROM (1) TO (9); \
         CREATE TABLE parent (id bigint PRIMARY KEY); \
         CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent); \
         CREATE VIEW view_of AS SELECT id FROM parent; \
         CREATE MATERIALIZED VIEW copy_of AS SELECT id FROM parent; \
         CREATE UNLOGGED TABLE lost (id bigint PRIMARY KEY); \
         CREATE TABLE ruled (id bigint PRIMARY KEY); \
         CREATE RULE r AS ON DELETE TO ruled DO INSTEAD NOTHING; \
         CREATE TABLE guarded (id bigint PRIMARY KEY); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY p ON guarded USING (id > 1); \
         CREATE TEMPORARY TABLE mine (id bigint PRIMARY KEY)",
    );
    assert_eq!(lines, [""; 0]);
}

#[test]
fn k11_columns_that_triggers_and_expressions_set_are_not_tracked() {
    let lines = tracked_in(
        "CREATE TABLE p (id bigint PRIMARY KEY); \
         CREATE TABLE inserted (id bigint PRIMARY KEY, p bigint REFERENCES p, n bigint); \
         CREATE TABLE updated (id bigint PRIMARY KEY, p bigint REFERENCES p, n bigint); \
         CREATE TABLE other (id bigint PRIMARY KEY, p bigint REFERENCES p, n bigint); \
         CREATE TABLE deleted (id bigint PRIMARY KEY, p bigint REFERENCES p, n bigint); \
         CREATE TABLE replaced (id bigint PRIMARY KEY); \
         CREATE TABLE computed (id bigint PRIMARY KEY, \
          p bigint GENERATED ALWAYS AS (id / 2) STORED REFERENCES p); \
         CREATE FUNCTION sets_p() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.p := 1; RETURN NEW; END'; \
         CREATE FUNCTION sets_n() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n := 1; RETURN NEW; END'; \
         CREATE FUNCTION replaces() RETURNS trigger LANGUAGE plpgsql AS \
          'DECLARE r record; BEGIN r := NEW; r.id := 1; RETURN r; END'; \
         CREATE TRIGGER t BEFORE INSERT ON inserted FOR EACH ROW EXECUTE FUNCTION sets_p(); \
         CREATE TRIGGER t BEFORE UPDATE ON updated FOR EACH ROW EXECUTE FUNCTION sets_p(); \
         CREATE TRIGGER t BEFORE INSERT OR UPDATE ON other FOR EACH ROW EXECUTE FUNCTION sets_n(); \
         CREATE TRIGGER t BEFORE DELETE ON deleted FOR EACH ROW EXECUTE FUNCTION sets_p(); \
         CREATE TRIGGER t BEFORE INSERT ON replaced FOR EACH ROW EXECUTE FUNCTION replaces()",
    );
    assert_eq!(
        names(&lines),
        [
            "computed.id",
            "deleted.id",
            "deleted.p",
            "inserted.id",
            "other.id",
            "other.p",
            "p.id",
            "updated.id",
        ]
    );
}

#[test]
fn k08_declared_columns_are_tracked_where_values_of_their_type_can_be_compared() {
    let mut conn = with_schema(&format!(
        "{COLLATIONS} CREATE TABLE posts (id integer PRIMARY KEY, \"Slug\" text, score float8, fixed char(3), \
          any_case text COLLATE any_case, twice integer GENERATED ALWAYS AS (id * 2) STORED); \
         CREATE SCHEMA other; CREATE TABLE other.posts (id integer PRIMARY KEY, \"Slug\" text, score integer); \
         CREATE VIEW slugs AS SELECT \"Slug\" AS slug FROM posts",
    ));
    let columns = ["slug", "score", "fixed", "any_case", "twice", "nothing"];
    let mut declared = Vec::from(columns.map(|column| ("Posts", column)));
    declared.push(("slugs", "slug"));
    let lines = declaring(&mut conn, &declared);
    assert_eq!(names(&lines), ["posts.id", "posts.slug"], "{lines:?}");
    assert_eq!(lines[1], "posts.slug: Text { max: None }");
}
