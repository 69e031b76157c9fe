//! Texts that nobody would write: they take time in proportion to their length, and no stack.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{Analysis, Dialect, Writes};

const MEGABYTE: usize = 1 << 20;

/// Far more than any of these texts takes on a slow machine, far less than a quadratic step would.
const PROMPT: Duration = Duration::from_secs(30);

/// Analyses a text in all dialects on a thread with the usual small stack.
fn analyses(sql: String) -> Vec<Analysis> {
    let analyse = move || {
        let start = Instant::now();
        let found: Vec<_> = Dialect::ALL
            .map(|dialect| Analysis::of(&sql, dialect))
            .into();
        assert!(start.elapsed() < PROMPT, "took {:?}", start.elapsed());
        found
    };
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(analyse);
    thread
        .expect("threads can be had")
        .join()
        .expect("the analysis does not panic")
}

/// A megabyte of the same, after a prefix.
fn megabyte(prefix: &str, unit: &str) -> String {
    format!("{prefix}{}", unit.repeat(MEGABYTE / unit.len()))
}

/// The tenth of it, where there are many to try.
fn many(prefix: &str, unit: &str) -> String {
    format!("{prefix}{}", unit.repeat(MEGABYTE / 10 / unit.len()))
}

/// Whether a text is treated as one that may write anything or read anything.
fn is_taken_for_the_worst(analysis: &Analysis) -> bool {
    !analysis.parsed || *analysis.writes() == Writes::Everything
}

#[test]
fn a_megabyte_of_parentheses_is_refused_promptly() {
    for prefix in ["", "SELECT * FROM "] {
        assert!(
            analyses(megabyte(prefix, "("))
                .iter()
                .all(is_taken_for_the_worst)
        );
    }
}

#[test]
fn a_megabyte_of_nested_queries_still_shows_its_tables() {
    for analysis in analyses(megabyte("SELECT * FROM ", "(SELECT * FROM t WHERE a IN ")) {
        assert!(analysis.reads().iter().any(|table| &**table == "t"));
    }
}

#[test]
fn a_megabyte_of_quotes_is_read_promptly() {
    for unit in ["'", "\"", "`"] {
        analyses(megabyte("SELECT ", unit));
    }
    for unit in [
        "[", "$$", "$a$", "/*", "*/", "--", "\\", "'\\", "E'", "/*!", "@'",
    ] {
        analyses(many("SELECT ", unit));
    }
}

#[test]
fn chains_of_operators_overflow_no_stack() {
    for unit in [
        " OR a = 1",
        " UNION SELECT 1 FROM t",
        "::int",
        " IS NULL",
        " + 1",
        " COLLATE c",
    ] {
        for analysis in analyses(many("SELECT a FROM t WHERE a", unit)) {
            assert!(analysis.reads().iter().any(|table| &**table == "t"));
        }
    }
    for unit in [
        "NOT ",
        "- ",
        "CASE WHEN ",
        "EXPLAIN ",
        "f(",
        "ARRAY[",
        "a -> ",
    ] {
        analyses(many("SELECT ", unit));
        analyses(many("", unit));
    }
}

#[test]
fn as_many_operators_as_the_parser_gets_overflow_no_stack() {
    for unit in [" OR a", " UNION SELECT a", " + 1", " AND NOT a", " || b"] {
        let sql = format!("SELECT a FROM t WHERE a{}", unit.repeat(1_990));
        assert!(
            analyses(sql)
                .iter()
                .all(|analysis| analysis.parsed && analysis.reads().len() == 1)
        );
    }
}

#[test]
fn a_query_that_diesel_nests_is_parsed() {
    let sql = format!(
        "SELECT a FROM t WHERE {}a = 1{}",
        "(".repeat(150),
        " OR b = 2)".repeat(150)
    );
    assert!(analyses(sql).iter().all(|analysis| analysis.parsed));
}

#[test]
fn a_megabyte_of_rows_is_parsed() {
    for analysis in analyses(megabyte("INSERT INTO t (a, b) VALUES (1, 2)", ", (1, 'x')")) {
        assert!(analysis.parsed);
        assert!(analysis.reads().is_empty());
    }
}

#[test]
fn many_statements_are_split() {
    for analysis in analyses("DELETE FROM t;".repeat(5_000)) {
        assert_eq!(analysis.statements.len(), 5_000);
    }
    for unit in [
        ";",
        "a;",
        "BEGIN;",
        "END;",
        "CREATE TRIGGER BEGIN;",
        "(;",
        "CASE ",
        "x,",
    ] {
        analyses(many("", unit));
    }
}

#[test]
fn many_ctes_are_told_from_tables() {
    let ctes: Vec<_> = (0..5_000)
        .map(|n| format!("x{n} AS (SELECT * FROM t{n})"))
        .collect();
    let uses: Vec<_> = (0..5_000).map(|n| format!("x{n}")).collect();
    let sql = format!("WITH {} SELECT * FROM {}", ctes.join(", "), uses.join(", "));
    for analysis in analyses(sql) {
        assert!(analysis.parsed);
        assert_eq!(analysis.reads().len(), 5_000);
    }
}

#[test]
fn nested_positions_are_not_tried_again_and_again() {
    let sql = format!(
        "SELECT {}1{} FROM t",
        "position(".repeat(40),
        ")".repeat(40)
    );
    assert!(analyses(sql).iter().all(|analysis| !analysis.parsed));
}

#[test]
fn random_bytes_are_read_promptly() {
    let mut random = Random(7);
    for _ in 0..2 {
        let bytes: Vec<u8> = (0..MEGABYTE).map(|_| random.below(256)).collect();
        analyses(String::from_utf8_lossy(&bytes).into_owned());
        let ascii: Vec<u8> = (0..MEGABYTE).map(|_| 32 + random.below(95)).collect();
        analyses(String::from_utf8_lossy(&ascii).into_owned());
    }
}

#[test]
fn random_tokens_make_no_panic() {
    const TOKENS: &[&str] = &[
        "SELECT",
        "FROM",
        "WHERE",
        "users",
        "(",
        "(",
        ")",
        ")",
        ",",
        ".",
        "*",
        ";",
        "JOIN",
        "ON",
        "AND",
        "NOT",
        "IN",
        "WITH",
        "AS",
        "RECURSIVE",
        "INSERT",
        "INTO",
        "VALUES",
        "UPDATE",
        "SET",
        "DELETE",
        "MERGE",
        "USING",
        "CASE",
        "WHEN",
        "THEN",
        "END",
        "1",
        "'a'",
        "\"b\"",
        "`c`",
        "[d]",
        "$1",
        "?",
        "@v",
        "@@s",
        ":=",
        "=",
        "::",
        "ORDER",
        "BY",
        "UNION",
        "TABLE",
        "LATERAL",
        "count(",
        "position(",
        "CREATE",
        "TEMP",
        "BEGIN",
        "COMMIT",
        "EXPLAIN",
        "PRAGMA",
        "COPY",
        "TRUNCATE",
        "set_config(",
        "FOR",
        "E'\\''",
        "$$",
        "/*!",
        "*/",
        "--",
        "U&\"",
        "x'",
        "'",
        "é",
        "\u{feff}",
        "\0",
        "1e",
        "0x",
        "@",
        "#",
        "XA",
        "DO",
        "LOAD",
        "REPLACE",
        "IS",
        "\n",
        "LOCK",
    ];
    let mut random = Random(11);
    for _ in 0..3_000 {
        let length = random.below(40);
        let words = (0..length).map(|_| TOKENS[usize::from(random.below(255)) % TOKENS.len()]);
        let sql = words
            .collect::<Vec<_>>()
            .join(if random.below(4) == 0 { "" } else { " " });
        for dialect in Dialect::ALL {
            let analysis = Analysis::of(&sql, dialect);
            assert!(analysis.uncacheable().is_some() || analysis.writes().is_nothing());
        }
    }
}

/// A small generator of random numbers, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u16) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u8::try_from(self.0 % u64::from(bound)).unwrap_or(u8::MAX)
    }
}
