//! Types of PostgreSQL's.

use super::{
    statement::{Sql, sql},
    values::Kind,
};
use diesel::sql_types::{
    BigInt, Binary, Bool, Citext, Date, Double, Float, Integer, SmallInt, Text, Uuid,
};

pub(super) const BEFORE: &str = "CREATE EXTENSION citext; \
    CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
    CREATE DOMAIN number AS integer; CREATE TYPE colour AS ENUM ('red', 'green'); ";

/// PostgreSQL refuses what does not fit, but for blanks.
pub(super) const LENIENT: &str = "SELECT 1";

pub(super) fn too_large() -> Vec<Kind> {
    vec![
        kind(
            "varchar(3)",
            &["'a'", "'a  '", "'abc'"],
            vec![
                sql!("'a         '"),
                sql!("?", Text: "a    "),
                sql!("?", Text: "a  "),
                sql!("?", Text: "abcd"),
                sql!("'abc  '"),
            ],
        ),
        kind(
            "smallint",
            &["1", "-32768"],
            vec![
                sql!("32768"),
                sql!("?", Integer: 32_768),
                sql!("?", BigInt: 1 << 40),
                sql!("?", Integer: -32_768),
                sql!("-32768"),
                sql!("0.6"),
            ],
        ),
    ]
}

fn numbers() -> Vec<Sql> {
    vec![
        sql!("1"),
        sql!("-1"),
        sql!("'1'"),
        sql!("1.0"),
        sql!("1.4"),
        sql!("?", SmallInt: 1),
        sql!("?", Integer: 2),
        sql!("?", BigInt: 1),
        sql!("?", Double: 2.0),
        sql!("?", Text: "1"),
    ]
}

fn words() -> Vec<Sql> {
    vec![
        sql!("'a'"),
        sql!("'A'"),
        sql!("'a '"),
        sql!("?", Text: "a"),
        sql!("?", Text: "A"),
        sql!("?", Text: "a "),
        sql!("?", Text: "ä"),
        sql!("?", Text: "a\u{308}"),
        sql!("?", Text: "it's"),
        sql!("E'it\\'s'"),
        sql!("'a'::char(3)"),
        sql!("?", Citext: "A"),
    ]
}

const WORDS: &[&str] = &["'a'", "'A'", "'a '", "'ä'", "'a\u{308}'", "'it''s'"];

fn kind(declared: &'static str, rows: &'static [&'static str], values: Vec<Sql>) -> Kind {
    Kind {
        declared,
        rows,
        values,
    }
}

const AN_ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

pub(super) fn kinds() -> Vec<Kind> {
    let three: &[&str] = &["1", "2", "-1"];
    let day = |day| chrono::NaiveDate::from_ymd_opt(2024, 2, day).unwrap();
    let id = |text: &str| uuid::Uuid::parse_str(text).unwrap();
    vec![
        kind("smallint", three, numbers()),
        kind("integer", three, numbers()),
        kind("bigint", three, numbers()),
        kind("number", three, numbers()),
        kind("numeric(6, 2)", three, numbers()),
        kind("double precision", three, numbers()),
        kind("text", &["'1'", "'2'"], numbers()),
        kind(
            "bigint",
            &[
                "9007199254740993",
                "9007199254740992",
                "-9223372036854775808",
            ],
            vec![
                sql!("9007199254740993"),
                sql!("9007199254740993.0"),
                sql!("'9007199254740992'"),
                sql!("?", BigInt: 9_007_199_254_740_993),
                sql!("?", BigInt: 9_007_199_254_740_992),
                sql!("?", Double: 9_007_199_254_740_992.0),
                sql!("?", BigInt: i64::MIN),
            ],
        ),
        kind("text", WORDS, words()),
        kind("varchar(4)", WORDS, words()),
        kind("text COLLATE \"C\"", WORDS, words()),
        kind("text COLLATE any_case", &["'a'", "'ä'"], words()),
        kind("char(3)", &["'a'", "'A'", "'ä'"], words()),
        kind("citext", &["'a'", "'ä'", "'it''s'"], words()),
        kind(
            "uuid",
            &[
                "'01234567-89ab-cdef-0123-456789abcdef'",
                "'ffffffff-89ab-cdef-0123-456789abcdef'",
            ],
            vec![
                sql!("?", Uuid: id(AN_ID)),
                sql!("?", Uuid: id("ffffffff-89ab-cdef-0123-456789abcdef")),
                sql!("'01234567-89ab-cdef-0123-456789abcdef'"),
                sql!("'{01234567-89AB-CDEF-0123-456789ABCDEF}'"),
                sql!("'0123456789abcdef0123456789abcdef'"),
                sql!("?", Text: AN_ID),
            ],
        ),
        kind(
            "boolean",
            &["true", "false"],
            vec![
                sql!("true"),
                sql!("FALSE"),
                sql!("?", Bool: true),
                sql!("'t'"),
                sql!("' off'"),
                sql!("1 = 1"),
                sql!("1"),
            ],
        ),
        kind(
            "date",
            &["'2024-02-29'", "'2024-02-28'", "'infinity'"],
            vec![
                sql!("?", Date: day(29)),
                sql!("?", Date: day(28)),
                sql!("'2024-02-29'"),
                sql!("DATE '2024-02-28'"),
                sql!("'Feb 29, 2024'"),
                sql!("TIMESTAMP '2024-02-29 00:00:00'"),
                sql!("'infinity'"),
                sql!("'20240228'"),
            ],
        ),
        kind(
            "bytea",
            &["'a'", "'A'", "''"],
            vec![
                sql!("'a'"),
                sql!("'\\x61'"),
                sql!("?", Binary: b"a"),
                sql!("?", Binary: b"A"),
                sql!("''"),
            ],
        ),
        kind(
            "colour",
            &["'red'", "'green'"],
            vec![
                sql!("'red'"),
                sql!("'green'::colour"),
                sql!("?::colour", Text: "red"),
            ],
        ),
        kind(
            "real",
            &["0.1", "'NaN'", "0"],
            vec![
                sql!("0.1"),
                sql!("?", Float: 0.1_f32),
                sql!("?", Double: 0.1),
                sql!("'NaN'"),
                sql!("?", Float: -0.0_f32),
            ],
        ),
    ]
}
