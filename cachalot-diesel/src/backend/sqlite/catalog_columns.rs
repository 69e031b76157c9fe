//! Which columns of SQLite's tables are tracked.

use std::collections::HashMap;

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_types::{Integer, Text},
};

use crate::{
    catalog::{
        declared::FoundKeys,
        tracked::{self, Class, Tracked, TrackedColumns},
    },
    policy::DeclaredKeys,
};

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    on_table: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    /// Its place in the primary key, from 1 on.
    #[diesel(sql_type = Integer)]
    place: i32,
}

/// The candidates of a database's tables.
pub(super) struct Candidates(HashMap<String, Vec<ColumnRow>>);

/// Loads the columns of primary and foreign keys and some others, or all columns. A virtual table has no rows of its own; its
/// module may be missing, so its columns cannot be asked for.
pub(super) fn load(
    conn: &mut SqliteConnection,
    schema: &str,
    literal: &str,
    all: bool,
) -> QueryResult<Candidates> {
    let all = i32::from(all);
    let rows: Vec<ColumnRow> = diesel::sql_query(format!(
        "SELECT m.name AS on_table, c.name AS name, c.type AS declared, c.pk AS place \
         FROM {schema}.sqlite_schema AS m, pragma_table_xinfo(m.name, {literal}) AS c \
         WHERE m.type = 'table' AND m.rootpage > 0 AND c.hidden = 0 \
         AND (c.pk > 0 OR instr(lower(m.sql), 'references') > 0 OR {all})"
    ))
    .load(conn)?;
    let mut tables: HashMap<String, Vec<ColumnRow>> = HashMap::new();
    for row in rows {
        tables.entry(row.on_table.clone()).or_default().push(row);
    }
    Ok(Candidates(tables))
}

impl Candidates {
    /// The tracked columns of a table. `referencing`: the columns of its foreign keys. Those that are declared are
    /// put into `found`.
    pub(super) fn of(
        &self,
        table: &str,
        sql: &str,
        referencing: &[&str],
        (declared, found): (&DeclaredKeys, &mut FoundKeys),
    ) -> TrackedColumns {
        let Some(rows) = self.0.get(table) else {
            return TrackedColumns::new();
        };
        // Which column the word belongs to does not matter.
        let collated = sql.to_ascii_lowercase().contains("collate");
        let refers = |row: &ColumnRow| {
            let mut names = referencing.iter();
            names.any(|name| name.eq_ignore_ascii_case(&row.name))
        };
        let is_key = |row: &&ColumnRow| row.place > 0 || refers(row);
        let is_single = rows.iter().filter(|row| row.place > 0).count() == 1;
        let mut tracked = tracked::named(rows.iter().filter(is_key).filter_map(|row| {
            let class = row.class(collated)?;
            let unique = is_single && row.place > 0;
            Some((&*row.name, Tracked { class, unique }))
        }));
        for row in rows.iter().filter(|it| declared.contains(table, &it.name)) {
            found.add(table, &row.name, row.class(collated), &mut tracked);
        }
        tracked
    }
}

impl ColumnRow {
    /// A column may hold values of any type, and the declared type only tells its affinity. So the class tells
    /// what values of one type do:
    /// - An integer in a column of integer affinity is stored as it is, and equals the same integer only, or a
    ///   float, which no statement writes as an integer.
    /// - A text in a column of text affinity is stored as it is, and equals the same text only. Numbers that are
    ///   written to the column, or compared with it, become texts, so they are not of the class.
    /// - A blob is never converted and equals only a blob; in a column of text affinity it could be taken for a
    ///   text.
    ///
    /// Columns of other affinities convert integers to floats, or texts that look like numbers to numbers.
    fn class(&self, collated: bool) -> Option<Class> {
        let declared = self.declared.to_ascii_uppercase();
        let has = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
        // In the order in which SQLite finds the affinity.
        if has(&["INT"]) {
            Some(Class::signed(64))
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            (!collated).then_some(Class::Text { max: None })
        } else if has(&["BLOB"]) {
            Some(Class::Bytes { min: 0, max: None })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::{
        Connection,
        connection::SimpleConnection,
        dsl::sql,
        sql_types::{BigInt, Binary, Double},
    };

    use super::*;
    use crate::catalog::Catalog;

    fn tracked(conn: &mut SqliteConnection) -> Vec<String> {
        let facts = super::super::catalog::load(conn, &DeclaredKeys::default()).unwrap();
        Catalog::new(&facts).tracked_lines()
    }

    fn tracked_in(schema: &str) -> Vec<String> {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.batch_execute(schema).unwrap();
        tracked(&mut conn)
    }

    /// The class of a key of this type, in a few words.
    fn class_of(declared: &str, options: &str) -> String {
        let lines = tracked_in(&format!(
            "CREATE TABLE t (k {declared} PRIMARY KEY) {options}"
        ));
        let line = lines.first().map_or("", |line| line);
        let class = line.strip_prefix("t.k: ").unwrap_or_default();
        class.split(' ').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn the_class_follows_from_the_affinity() {
        for declared in [
            "INTEGER",
            "int",
            "BIGINT",
            "UNSIGNED BIG INT",
            "FLOATING POINT",
            "CHARINT",
        ] {
            assert_eq!(class_of(declared, ""), "Integer", "{declared}");
        }
        for declared in ["TEXT", "varchar(20)", "CLOB", "TEXT NOT NULL"] {
            assert_eq!(class_of(declared, ""), "Text", "{declared}");
        }
        assert_eq!(class_of("BLOB", ""), "Bytes");
        for declared in [
            "",
            "REAL",
            "NUMERIC",
            "BOOLEAN",
            "DATE",
            "DECIMAL(9)",
            "UUID",
            "STRING",
        ] {
            assert_eq!(class_of(declared, ""), "", "{declared}");
        }
        assert_eq!(class_of("INTEGER", "STRICT"), "Integer");
        assert_eq!(class_of("TEXT", "STRICT, WITHOUT ROWID"), "Text");
        assert_eq!(class_of("ANY", "STRICT"), "");
    }

    /// Each value is stored as it is, and equals no other, also beside values of other types.
    #[test]
    fn values_of_the_class_equal_only_themselves() {
        let numbers = [0, 1, 5, -5, 1 << 53, (1 << 53) + 1, i64::MIN + 1, i64::MAX];
        let texts = [
            "", " ", "a", "A", "a ", "ä", "a\u{308}", "a\0", "5", "05", "5.0",
        ];
        let blobs: [&[u8]; 5] = [b"", b"a", b"A", b"a\0", b"5"];
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        for declared in ["INTEGER", "TEXT", "BLOB"] {
            conn.batch_execute(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (k {declared})"
            ))
            .unwrap();
            let conn = &mut conn;
            let insert = || diesel::sql_query("INSERT INTO t VALUES (?)");
            for number in numbers {
                insert().bind::<BigInt, _>(number).execute(conn).unwrap();
            }
            for text in texts {
                insert().bind::<Text, _>(text).execute(conn).unwrap();
            }
            for blob in blobs {
                insert().bind::<Binary, _>(blob).execute(conn).unwrap();
            }
            insert().bind::<Double, _>(5.5).execute(conn).unwrap();
            // Those that were written as another type and became one of the class do not count.
            let find = |kind: &str| {
                format!("SELECT DISTINCT k FROM t WHERE typeof(k) = '{kind}' AND k = ")
            };
            match declared {
                "INTEGER" => {
                    for number in numbers {
                        let found = sql::<BigInt>(&find("integer")).bind::<BigInt, _>(number);
                        assert_eq!(found.load::<i64>(conn).unwrap(), [number]);
                    }
                }
                "TEXT" => {
                    for text in texts {
                        let found = sql::<Text>(&find("text")).bind::<Text, _>(text);
                        assert_eq!(found.load::<String>(conn).unwrap(), [text]);
                    }
                }
                _ => {
                    for blob in blobs {
                        let found = sql::<Binary>(&find("blob")).bind::<Binary, _>(blob);
                        assert_eq!(found.load::<Vec<u8>>(conn).unwrap(), [blob]);
                    }
                }
            }
        }
    }

    #[test]
    fn texts_with_a_collation_are_not_tracked() {
        for collated in [
            "TEXT COLLATE NOCASE",
            "TEXT collate rtrim",
            "TEXT COLLATE BINARY",
        ] {
            assert_eq!(class_of(collated, ""), "", "{collated}");
        }
        assert_eq!(class_of("INTEGER COLLATE NOCASE", ""), "Integer");
    }

    #[test]
    fn the_columns_of_primary_and_foreign_keys_are_tracked() {
        let lines = tracked_in(
            "CREATE TABLE parents (a INTEGER, b TEXT, c TEXT, PRIMARY KEY (b, a)); \
             CREATE TABLE kids (\"Id\" INTEGER PRIMARY KEY, x TEXT, Y INTEGER, z INTEGER, \
              other INTEGER UNIQUE REFERENCES parents (a), FOREIGN KEY (y, X) REFERENCES parents); \
             CREATE TABLE plain (id INTEGER, n TEXT UNIQUE)",
        );
        let integer = "Integer { min: -9223372036854775808, max: 9223372036854775807 }";
        assert_eq!(
            lines,
            [
                format!("kids.id: {integer} unique"),
                format!("kids.other: {integer}"),
                "kids.x: Text { max: None }".to_owned(),
                format!("kids.y: {integer}"),
                format!("parents.a: {integer}"),
                "parents.b: Text { max: None }".to_owned(),
            ]
        );
    }

    #[test]
    fn k08_declared_columns_are_tracked_where_values_of_their_type_can_be_compared() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.batch_execute(
            "CREATE TABLE posts (id INTEGER PRIMARY KEY, \"Slug\" TEXT, score REAL, \
             double INTEGER AS (id * 2)); CREATE VIEW slugs AS SELECT slug FROM posts",
        )
        .unwrap();
        let mut declared = DeclaredKeys::default();
        let columns = ["slug", "id", "score", "double", "nothing"];
        for column in columns {
            declared.insert("Posts", column);
        }
        declared.insert("slugs", "slug");
        let facts = super::super::catalog::load(&mut conn, &declared).unwrap();
        let catalog = Catalog::new(&facts);
        let lines = catalog.tracked_lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("posts.id: ") && lines[0].ends_with(" unique"));
        assert_eq!(lines[1], "posts.slug: Text { max: None }");
        let problems = FoundKeys::problems(&facts, &catalog, &declared);
        let problems: Vec<_> = problems.map(|(column, _)| column).collect();
        let expected = ["posts.double", "posts.nothing", "posts.score", "slugs.slug"];
        assert_eq!(problems, expected);
    }

    #[test]
    fn views_virtual_tables_and_generated_columns_have_no_tracked_columns() {
        let lines = tracked_in(
            "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t; \
             CREATE VIRTUAL TABLE words USING fts5(word); \
             CREATE TABLE g (n INTEGER, id INTEGER REFERENCES t GENERATED ALWAYS AS (n + 1) STORED)",
        );
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("t.id: "), "{lines:?}");
    }

    #[test]
    fn tables_of_all_attached_databases_are_loaded() {
        let lines = tracked_in(
            "ATTACH ':memory:' AS \"it's\"; CREATE TABLE \"it's\".far (id INTEGER PRIMARY KEY); \
             CREATE TABLE both (id INTEGER PRIMARY KEY, t REFERENCES both); \
             CREATE TABLE \"it's\".both (id INTEGER, n TEXT, PRIMARY KEY (n, id)); \
             CREATE TEMP TABLE mine (id INTEGER PRIMARY KEY)",
        );
        let names: Vec<_> = lines
            .iter()
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(names, ["both.id", "far.id", "mine.id"]);
        let unique = |line: &String| line.ends_with("unique");
        assert_eq!(
            lines.iter().map(unique).collect::<Vec<_>>(),
            [false, true, true]
        );
    }

    #[test]
    fn a_virtual_table_whose_module_is_missing_does_not_matter() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.batch_execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY); PRAGMA writable_schema = ON; \
             INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) \
              VALUES ('table', 'w', 'w', 0, 'CREATE VIRTUAL TABLE w USING unknown (x)'); \
             PRAGMA writable_schema = RESET",
        )
        .unwrap();
        assert_eq!(tracked(&mut conn).len(), 1);
    }
}
