//! Tables whose keys are not one column with a plain name, and relations that show the rows of others.

use super::{
    comparison::{Comparison, Scripts},
    dialect::quoted,
    schemas,
    statement::reads,
};

/// Tables, what is read of them, and what is written to them.
pub(super) struct Case {
    pub(super) schema: String,
    /// Rows of the columns `a`, `b` and `c`.
    pub(super) reads: Vec<String>,
    pub(super) writes: Vec<String>,
}

/// `a, b, c` of what the text selects.
pub(super) fn shown(columns: [&str; 3], rest: &str) -> String {
    let [a, b, c] = columns.map(|column| format!("CAST({column} AS TEXT)"));
    format!("SELECT {a} AS a, {b} AS b, {c} AS c FROM {rest} ORDER BY 1, 2, 3")
}

/// Each case by each kind of connection.
#[track_caller]
pub(super) fn compare(cases: &[Case]) {
    let schema = cases.iter().map(|case| case.schema.trim_end_matches(';'));
    let schema: Vec<_> = schema.collect();
    let mut all = Comparison::of_schema(&schema.join(";\n"), Vec::new());
    for case in cases {
        let texts: Vec<_> = case.reads.iter().map(String::as_str).collect();
        all.reads_instead(reads(&texts));
        let texts: Vec<_> = case.writes.iter().map(String::as_str).collect();
        all.run(&Scripts::of(&texts));
    }
    all.finish();
}

fn composite() -> Case {
    let pairs = |condition: &str| shown(["a", "b", "v"], &format!("pairs WHERE {condition}"));
    Case {
        schema: "CREATE TABLE pairs (a INTEGER NOT NULL, b INTEGER NOT NULL, v INTEGER NOT NULL, PRIMARY KEY (a, b)); \
            INSERT INTO pairs VALUES (1, 1, 1), (1, 2, 2), (2, 1, 3), (2, 2, 4)"
            .to_owned(),
        reads: [
            "a = {1} AND b = {1}",
            "a = {1} AND b = {2}",
            "b = {1} AND a = {2}",
            "a = {1}",
            "b = {2}",
            "a = {2} AND b IN ({1}, {9})",
            "a IN ({2}, {9})",
            "b IN ({9}, {3})",
            "a = {9} AND b = {9}",
            "(a, b) = ({1}, {2})",
            "a = {1} OR b = {1}",
            "a = b",
            "v > {0}",
        ]
        .map(pairs)
        .into(),
        writes: [
            "UPDATE pairs SET v = v + 1 WHERE a = {1} AND b = {1}",
            "UPDATE pairs SET v = v + 1 WHERE b = {2} AND a = {1}",
            "UPDATE pairs SET v = v + 1 WHERE a = {1}",
            "UPDATE pairs SET v = v + 1 WHERE b = {2}",
            "UPDATE pairs SET v = v + 1 WHERE (a, b) = ({2}, {1})",
            "UPDATE pairs SET v = v + 1 WHERE a + b = {3}",
            "UPDATE pairs SET b = {9} WHERE a = {1} AND b = {2}; UPDATE pairs SET b = {2} WHERE b = {9}",
            "UPDATE pairs SET a = {9} WHERE a = {2}; UPDATE pairs SET a = {2} WHERE a = {9}",
            "UPDATE pairs SET a = {9}, b = {9} WHERE a = {1} AND b = {1}; UPDATE pairs SET b = {1}, a = {1} WHERE b = {9} AND a = {9}",
            "UPDATE pairs SET b = b + 1 WHERE a = {2} AND b = {2}; UPDATE pairs SET b = b - 1 WHERE a = {2} AND b > {2}",
            "UPDATE pairs SET a = v + 6, v = v + 0 WHERE a = {2} AND b = {1}; UPDATE pairs SET a = {2} WHERE a > {2}",
            "INSERT INTO pairs (b, a, v) VALUES ({3}, {1}, {5}); DELETE FROM pairs WHERE a = {1} AND b = {3}",
            "INSERT INTO pairs VALUES ({9}, {9}, {5}), ({1}, {9}, {6}); DELETE FROM pairs WHERE b = {9}",
            "DELETE FROM pairs WHERE a = {2} AND b = {2}; INSERT INTO pairs (a, b, v) SELECT a + 1, b, v FROM pairs WHERE a = {1} AND b = {2}",
        ]
        .map(str::to_owned)
        .into(),
    }
}

/// In the quotes of the database.
fn here(text: &str) -> String {
    match quoted("") {
        quotes if quotes.starts_with('`') => text.replace('"', "`"),
        _ => text.to_owned(),
    }
}

fn quoted_names() -> Case {
    let rows = |condition: &str| {
        let rest = format!("\"Odd Table\" WHERE {condition}");
        here(&shown(["\"The Key\"", "\"group\"", "v"], &rest))
    };
    Case {
        schema: here(
            "CREATE TABLE \"Odd Parents\" (\"ID\" INTEGER PRIMARY KEY); INSERT INTO \"Odd Parents\" VALUES (1), (2); \
             CREATE TABLE \"Odd Table\" (\"The Key\" INTEGER PRIMARY KEY, \"group\" INTEGER, v INTEGER, \
              FOREIGN KEY (\"group\") REFERENCES \"Odd Parents\" (\"ID\")); \
             INSERT INTO \"Odd Table\" VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3)",
        ),
        reads: [
            "\"The Key\" = {1}",
            "\"Odd Table\".\"The Key\" = {2}",
            "\"group\" = {1}",
            "\"group\" IN ({2}, {3})",
            "\"The Key\" = {9}",
            "v > {0}",
        ]
        .map(rows)
        .into(),
        writes: [
            "UPDATE \"Odd Table\" SET v = v + 1 WHERE \"The Key\" = {1}",
            "UPDATE \"Odd Table\" AS t SET v = v + 1 WHERE t.\"The Key\" = {2}",
            "UPDATE \"Odd Table\" SET v = v + 1 WHERE \"group\" = {1}",
            "UPDATE \"Odd Table\" SET \"group\" = {2} WHERE \"The Key\" = {1}; \
             UPDATE \"Odd Table\" SET \"group\" = {1} WHERE \"The Key\" = {1} AND \"group\" = {2}",
            "UPDATE \"Odd Table\" SET \"The Key\" = {9} WHERE \"The Key\" = {2}; \
             UPDATE \"Odd Table\" SET \"The Key\" = {2} WHERE \"The Key\" = {9}",
            "INSERT INTO \"Odd Table\" (\"The Key\", \"group\", v) VALUES ({9}, {2}, {1}); DELETE FROM \"Odd Table\" WHERE \"The Key\" = {9}",
        ]
        .map(here)
        .into(),
    }
}

#[test]
fn k10_rows_of_composite_and_quoted_keys_are_current() {
    compare(&[composite(), quoted_names()]);
}

#[test]
fn k10_rows_of_views_partitions_and_children_are_current() {
    compare(&schemas::relations());
}
