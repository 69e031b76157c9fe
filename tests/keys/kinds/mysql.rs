//! Types of MariaDB's and MySQL's, which convert nearly everything.

use super::{
    statement::{Sql, sql},
    values::Kind,
};
use diesel::sql_types::{BigInt, Binary, Date, Double, Integer, Text, TinyInt, Unsigned};

pub(super) const BEFORE: &str = "";

/// Values that do not fit are cut, not refused.
pub(super) const LENIENT: &str = "SET sql_mode = ''";

fn numbers() -> Vec<Sql> {
    vec![
        sql!("1"),
        sql!("-1"),
        sql!("'1'"),
        sql!("'2nd'"),
        sql!("1.0"),
        sql!("TRUE"),
        sql!("?", TinyInt: 1),
        sql!("?", Integer: 2),
        sql!("?", Unsigned<BigInt>: 1_u64),
        sql!("?", Double: 2.0),
        sql!("?", Text: "1"),
    ]
}

fn words() -> Vec<Sql> {
    vec![
        sql!("'a'"),
        sql!("'A'"),
        sql!("\"a \""),
        sql!("?", Text: "a"),
        sql!("?", Text: "A"),
        sql!("?", Text: "a "),
        sql!("?", Text: "ä"),
        sql!("?", Text: "a\u{308}"),
        sql!("?", Binary: b"a"),
        sql!("'i\\'s'"),
        sql!("0"),
    ]
}

fn kind(declared: &'static str, rows: &'static [&'static str], values: Vec<Sql>) -> Kind {
    Kind {
        declared,
        rows,
        values,
    }
}

/// A collation that compares bytes.
fn bytewise() -> &'static str {
    if super::dialect::is_mysql() {
        "VARCHAR(3) COLLATE utf8mb4_0900_bin"
    } else {
        "VARCHAR(3) COLLATE utf8mb4_nopad_bin"
    }
}

pub(super) fn too_large() -> Vec<Kind> {
    vec![
        kind(
            "TINYINT",
            &["127", "-128", "0"],
            vec![
                sql!("127"),
                sql!("300"),
                sql!("?", Integer: 300),
                sql!("?", BigInt: -300),
                sql!("?", TinyInt: 127),
                sql!("'x'"),
                sql!("'300'"),
            ],
        ),
        kind(
            "INTEGER UNSIGNED",
            &["0", "4294967295"],
            vec![
                sql!("-1"),
                sql!("?", Integer: -1),
                sql!("?", BigInt: 1 << 32),
                sql!("0"),
                sql!("4294967295"),
            ],
        ),
        kind(
            bytewise(),
            &["'abc'", "'a'", "''", "'a  '"],
            vec![
                sql!("'abcdef'"),
                sql!("?", Text: "abcd"),
                sql!("?", Text: "abc"),
                sql!("'a     '"),
                sql!("?", Text: "a  "),
                sql!("''"),
            ],
        ),
        kind(
            "BINARY(2)",
            &["'a'", "'ab'"],
            vec![
                sql!("'a'"),
                sql!("?", Binary: b"a"),
                sql!("?", Binary: b"a\0"),
                sql!("?", Binary: b"abc"),
                sql!("'ab'"),
            ],
        ),
        kind(
            "DATE",
            &["'2024-02-29'", "'0000-00-00'"],
            vec![
                sql!("'2024-02-31'"),
                sql!("'0000-00-00'"),
                sql!("'2024-02-29 23:00:00'"),
                sql!("'nonsense'"),
                sql!("0"),
            ],
        ),
    ]
}

pub(super) fn kinds() -> Vec<Kind> {
    let three: &[&str] = &["1", "2", "-1"];
    let day = |day| chrono::NaiveDate::from_ymd_opt(2024, 2, day).unwrap();
    let different: &[&str] = &["'a'", "'A'", "'a '", "'ä'", "'a\u{308}'", "'i''s'", "''"];
    vec![
        kind("TINYINT", three, numbers()),
        kind("SMALLINT", three, numbers()),
        kind("INTEGER", three, numbers()),
        kind("BIGINT", three, numbers()),
        kind("INTEGER AUTO_INCREMENT", three, numbers()),
        kind("INTEGER UNSIGNED", &["1", "2"], numbers()),
        kind("BOOLEAN", &["1", "0"], numbers()),
        kind("DECIMAL(6, 2)", three, numbers()),
        kind("DOUBLE", three, numbers()),
        kind("VARCHAR(9)", &["'1'", "'2'"], numbers()),
        kind(
            "BIGINT UNSIGNED",
            &[
                "9007199254740993",
                "9007199254740992",
                "18446744073709551615",
            ],
            vec![
                sql!("9007199254740993"),
                sql!("9007199254740992e0"),
                sql!("'9007199254740993'"),
                sql!("?", BigInt: 9_007_199_254_740_993),
                sql!("?", BigInt: 9_007_199_254_740_992),
                sql!("?", Double: 9_007_199_254_740_992.0),
                sql!("?", Text: "9007199254740993"),
                sql!("?", Unsigned<BigInt>: u64::MAX),
                sql!("?", BigInt: -1),
            ],
        ),
        kind("VARCHAR(9)", &["'a'", "'b'", "'i''s'"], words()),
        kind(
            "VARCHAR(9) COLLATE utf8mb4_bin",
            &["'a'", "'A'", "'ä'", "''"],
            words(),
        ),
        kind(bytewise(), different, words()),
        kind("CHAR(3)", &["'a'", "'b'"], words()),
        kind("VARBINARY(9)", different, words()),
        kind(
            "DATE",
            &["'2024-02-29'", "'2024-02-28'"],
            vec![
                sql!("?", Date: day(29)),
                sql!("?", Date: day(28)),
                sql!("'2024-02-29'"),
                sql!("20240229"),
                sql!("'2024-2-28'"),
                sql!("'2024-02-29 00:00:00'"),
                sql!("DATE '2024-02-28'"),
            ],
        ),
        kind(
            "ENUM('red', 'green')",
            &["'red'", "'green'"],
            vec![
                sql!("'red'"),
                sql!("'GREEN'"),
                sql!("1"),
                sql!("?", Integer: 2),
                sql!("?", Text: "red"),
            ],
        ),
        kind(
            "FLOAT",
            &["0.5", "0"],
            vec![
                sql!("0.5"),
                sql!("'0.50'"),
                sql!("?", Double: 0.5),
                sql!("?", Double: -0.0),
            ],
        ),
    ]
}
