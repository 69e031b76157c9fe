//! Pathological texts: time and memory must grow in proportion to their length, and the stack must not
//! overflow.
//!
//! Time is not measured. The tests count how often the analysis looks at a byte or a token, and how
//! often it and the parser allocate.

use std::{sync::Arc, thread};

use super::{
    Analysis, Columns, Dialect, Writes,
    catalog::{Body, Definition},
    lexer,
};

const MEGABYTE: usize = 1 << 20;

/// The limits for each byte of a text. These tests reach 46 steps, three allocations and 1,074 bytes of
/// memory. An algorithm of quadratic time takes thousands of steps.
const MAX_STEPS_PER_BYTE: usize = 60;
const MAX_ALLOCATIONS_PER_BYTE: usize = 4;
const MAX_MEMORY_PER_BYTE: usize = 1_200;

/// A text is allowed as much as one that is so many bytes longer.
const FIXED_BYTES: usize = 4_000;

/// Analyses a text in all dialects, each on a thread with the usual small stack; as a statement, and
/// as the body of a routine or a view.
fn analyses(sql: String) -> Vec<Analysis> {
    let sql: Arc<str> = sql.into();
    let analyses = Dialect::ALL.map(|dialect| {
        let sql = Arc::clone(&sql);
        let thread = thread::Builder::new().stack_size(2 << 20);
        let thread = thread.spawn(move || {
            measured(&sql, || Body::of(&sql, dialect));
            measured(&sql, || Definition::of_sqlite(&sql));
            measured(&sql, || Analysis::of(&sql, dialect))
        });
        let analysis = thread.expect("threads can be had").join();
        analysis.unwrap_or_else(|_| panic!("too much is taken in {dialect}"))
    });
    analyses.into()
}

fn measured<T>(sql: &str, work: impl FnOnce() -> T) -> T {
    let before = lexer::steps();
    let mut result = None;
    let allocated = allocation_counter::measure(|| result = Some(work()));
    for (what, taken, of_a_byte) in [
        ("steps", lexer::steps() - before, MAX_STEPS_PER_BYTE),
        (
            "allocations",
            count(allocated.count_total),
            MAX_ALLOCATIONS_PER_BYTE,
        ),
        (
            "bytes at a time",
            count(allocated.bytes_max),
            MAX_MEMORY_PER_BYTE,
        ),
    ] {
        let start: String = sql.chars().take(60).collect();
        assert!(
            taken <= (sql.len() + FIXED_BYTES) * of_a_byte,
            "{taken} {what} for the {} bytes of `{start}…`",
            sql.len()
        );
    }
    result.expect("it was analysed")
}

fn count(number: u64) -> usize {
    usize::try_from(number).expect("as many as there can be")
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

/// The parser must neither try what is inside twice at every level nor run out of stack.
#[test]
fn nesting_takes_no_more_than_its_depth() {
    for (before, open, inside, close) in [
        ("SELECT * FROM ", "(", "t", ")"),
        ("SELECT * FROM ", "(SELECT * FROM ", "t", ") AS x"),
        ("SELECT * FROM ", "(t JOIN ", "t", " ON true)"),
        ("SELECT * FROM ", "t JOIN ", "t", " ON true"),
        ("SELECT * FROM t", " JOIN t JOIN t ON true", "", ""),
        (
            "SELECT * FROM JSON_TABLE('', '$' COLUMNS(",
            "NESTED PATH '$' COLUMNS(",
            "a int PATH '$'",
            "))",
        ),
        (
            "SELECT * FROM t, LATERAL ",
            "(SELECT * FROM ",
            "t",
            ") AS x",
        ),
        (
            "SELECT a FROM t WHERE a IN ",
            "(SELECT a FROM t WHERE a IN ",
            "(1)",
            ")",
        ),
        (
            "SELECT a FROM t WHERE ",
            "EXISTS (SELECT 1 FROM t WHERE ",
            "a",
            ")",
        ),
        ("SELECT a FROM t WHERE ", "NOT (", "a", ")"),
        ("SELECT a FROM t WHERE ", "(a, ", "b", ") = (c, d)"),
        ("SELECT ", "f(", "a", ") FROM t"),
        ("SELECT ", "CASE WHEN ", "a", " THEN 1 END"),
        ("SELECT ", "CAST(", "a", " AS int)"),
        ("SELECT ", "(", "1", ")"),
        ("SELECT ", "(SELECT ", "1", ")"),
        ("SELECT ", "ARRAY[", "1", "]"),
        ("SELECT ", "a[", "1", "]"),
        ("SELECT ", "-(", "1", ")"),
        ("SELECT ", "substring(", "a", " FROM 1 FOR 2)"),
        ("SELECT ", "trim(BOTH 'x' FROM ", "a", ")"),
        ("SELECT ", "extract(year FROM ", "a", ")"),
        ("SELECT ", "overlay(", "a", " PLACING 'x' FROM 1)"),
        ("SELECT ", "ceil(", "a", ")"),
        ("SELECT ", "convert(", "a", ", SIGNED)"),
        ("SELECT ", "interval (", "1", ") day"),
        ("SELECT ", "sum(a) OVER (ORDER BY ", "a", ")"),
        ("SELECT a FROM t GROUP BY ", "ROLLUP (", "a", ")"),
        ("SELECT a BETWEEN ", "(1 BETWEEN ", "1 AND 2", " AND 3)"),
        ("VALUES ", "(VALUES ", "(1)", ")"),
        ("", "(", "SELECT 1", ")"),
        ("", "WITH x AS (", "SELECT 1", ") SELECT 1"),
        ("", "(SELECT 1 UNION ", "SELECT 1", ")"),
        ("INSERT INTO t ", "(SELECT * FROM ", "t", ")"),
        ("SELECT * FROM ", "unnest(", "a", ") x"),
        ("SELECT ", "{fn f(", "a", ")}"),
        ("SELECT ", "position(", "1", ")"),
    ] {
        for depth in [24, 400] {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            analyses(format!("{before}{open}{inside}{close}"));
        }
    }
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

/// Each column without a qualifier is one of every table.
#[test]
fn many_columns_of_many_tables_are_all_columns() {
    let list = |name: &str, count| {
        let names: Vec<_> = (0..count).map(|n| format!("{name}{n}")).collect();
        names.join(", ")
    };
    for (columns, tables, known) in [(5_000, 5_000, false), (64, 64, true), (65, 64, false)] {
        let sql = format!("SELECT {} FROM {}", list("c", columns), list("t", tables));
        for analysis in analyses(sql) {
            assert!(analysis.parsed);
            assert_eq!(analysis.columns("t0") != Columns::All, known);
        }
    }
}

/// A qualifier can mean as many tables as have it for an alias somewhere.
#[test]
fn many_columns_of_an_alias_of_many_tables_are_all_columns() {
    let tables: String = (0..2_000)
        .map(|n| format!(", (SELECT 1 FROM t{n} x)"))
        .collect();
    let columns: String = (0..2_000).map(|n| format!(", x.c{n}")).collect();
    for analysis in analyses(format!("SELECT 1{tables}{columns} FROM t x")) {
        assert!(analysis.parsed);
        assert_eq!(analysis.columns("t"), Columns::All);
    }
}

#[test]
fn many_columns_can_be_set() {
    let assignments: String = (0..5_000).map(|n| format!(", c{n} = 1")).collect();
    for analysis in analyses(format!("UPDATE t SET c = 1{assignments}")) {
        assert!(analysis.parsed);
    }
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
