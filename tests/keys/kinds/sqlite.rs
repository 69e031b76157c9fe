//! Types of SQLite's, which are affinities of columns.

use super::{statement::sql, values::Kind};
use diesel::sql_types::{BigInt, Binary, Date, Double, Integer, SmallInt, Text};

pub(super) const BEFORE: &str = "";

/// Nothing is too large for SQLite, but for an integer.
pub(super) const LENIENT: &str = "SELECT 1";

pub(super) fn too_large() -> Vec<Kind> {
    ["INTEGER", "INT", "TINYINT"]
        .map(|declared| Kind {
            declared,
            rows: &["1", "300", "9223372036854775807"],
            values: vec![
                sql!("300"),
                sql!("?", Integer: 300),
                sql!("9223372036854775807"),
                sql!("9223372036854775808"),
                sql!("9.3e18"),
                sql!("?", Double: 9.3e18),
                sql!("1e0"),
                sql!("'300.0'"),
                sql!("?", Text: "9223372036854775808"),
            ],
        })
        .into()
}

/// Values that look like integers, in every type.
fn numbers() -> Vec<super::statement::Sql> {
    vec![
        sql!("1"),
        sql!("-1"),
        sql!("'1'"),
        sql!("1.0"),
        sql!("?", SmallInt: 1),
        sql!("?", BigInt: 2),
        sql!("?", Double: 2.0),
        sql!("?", Text: "1"),
        sql!("?", Text: " 2"),
        sql!("?", Binary: b"1"),
    ]
}

fn large() -> Vec<super::statement::Sql> {
    vec![
        sql!("9007199254740993"),
        sql!("9007199254740992"),
        sql!("9007199254740993.0"),
        sql!("?", BigInt: 9_007_199_254_740_993),
        sql!("?", BigInt: 9_007_199_254_740_992),
        sql!("?", Double: 9_007_199_254_740_992.0),
        sql!("?", Text: "9007199254740993"),
        sql!("?", BigInt: i64::MIN),
        sql!("9223372036854775807"),
        sql!("9223372036854775808"),
    ]
}

fn words() -> Vec<super::statement::Sql> {
    vec![
        sql!("'a'"),
        sql!("'A'"),
        sql!("'a '"),
        sql!("?", Text: "a"),
        sql!("?", Text: "A"),
        sql!("?", Text: "a "),
        sql!("?", Text: "ä"),
        sql!("?", Text: "a\u{308}"),
        sql!("?", Binary: b"a"),
        sql!("'it''s'"),
    ]
}

const WORDS: &[&str] = &["'a'", "'A'", "'a '", "'ä'", "'a\u{308}'", "'it''s'"];

pub(super) fn kinds() -> Vec<Kind> {
    let mut kinds: Vec<_> = ["INTEGER", "INT", "TEXT", "NUMERIC", "REAL", "BLOB", ""]
        .map(|declared| Kind {
            declared,
            rows: &["1", "2", "-1"],
            values: numbers(),
        })
        .into();
    kinds.extend(["INTEGER", "INT", "NUMERIC"].map(|declared| Kind {
        declared,
        rows: &[
            "9007199254740993",
            "9007199254740992",
            "-9223372036854775807 - 1",
        ],
        values: large(),
    }));
    kinds.extend(
        [
            "TEXT",
            "VARCHAR(2)",
            "TEXT COLLATE NOCASE",
            "TEXT COLLATE RTRIM",
            "BLOB",
        ]
        .map(|declared| Kind {
            declared,
            rows: match declared.contains("COLLATE") {
                true => &["'a'", "'ä'", "'it''s'"],
                false => WORDS,
            },
            values: words(),
        }),
    );
    kinds.push(Kind {
        declared: "DATE",
        rows: &["'2024-02-29'", "'2024-03-01'"],
        values: vec![
            sql!("'2024-02-29'"),
            sql!("?", Text: "2024-03-01"),
            sql!("?", Date: chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap()),
            sql!("date('2024-02-29')"),
        ],
    });
    // Any of these in one column.
    kinds.push(Kind {
        declared: "INT",
        rows: &["1", "'one'", "1.5", "x'31'"],
        values: vec![
            sql!("?", Integer: 1),
            sql!("?", Text: "one"),
            sql!("?", Double: 1.5),
            sql!("?", Text: "1.5"),
            sql!("?", Binary: b"1"),
            sql!("'1'"),
        ],
    });
    kinds
}
