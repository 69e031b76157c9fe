//! Keywords, for the places where only tokens are known.

use super::lexer::{Token, back};

/// Words that no dialect lets a table be called without quotes.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "as",
    "case",
    "check",
    "collate",
    "constraint",
    "create",
    "default",
    "distinct",
    "else",
    "false",
    "for",
    "foreign",
    "from",
    "group",
    "having",
    "in",
    "inner",
    "intersect",
    "into",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "not",
    "null",
    "on",
    "or",
    "order",
    "primary",
    "references",
    "right",
    "select",
    "table",
    "then",
    "to",
    "true",
    "union",
    "unique",
    "using",
    "when",
    "where",
    "with",
];

/// Words that some dialect lets a table be called, but which mostly are syntax.
const SOFT: &[&str] = &[
    "any",
    "array",
    "asc",
    "between",
    "by",
    "cast",
    "conflict",
    "cross",
    "current",
    "delayed",
    "delete",
    "desc",
    "do",
    "duplicate",
    "end",
    "escape",
    "except",
    "exclude",
    "exists",
    "filter",
    "first",
    "following",
    "full",
    "groups",
    "high_priority",
    "ignore",
    "insert",
    "interval",
    "key",
    "last",
    "lateral",
    "low_priority",
    "materialized",
    "merge",
    "natural",
    "no",
    "nothing",
    "nulls",
    "of",
    "offset",
    "only",
    "others",
    "outer",
    "over",
    "overriding",
    "partition",
    "preceding",
    "quick",
    "range",
    "recursive",
    "replace",
    "returning",
    "row",
    "rows",
    "set",
    "share",
    "some",
    "straight_join",
    "ties",
    "unbounded",
    "update",
    "values",
    "window",
    "within",
];

/// Words besides the reserved ones that may stand before a parenthesis without being called.
const BEFORE_PARENTHESIS: &[&str] = &[
    "any",
    "array",
    "between",
    "bit",
    "bpchar",
    "by",
    "cast",
    "char",
    "character",
    "conflict",
    "datetime",
    "dec",
    "decimal",
    "double",
    "except",
    "exists",
    "filter",
    "float",
    "interval",
    "lateral",
    "materialized",
    "nchar",
    "numeric",
    "nvarchar",
    "offset",
    "only",
    "over",
    "real",
    "returning",
    "row",
    "set",
    "some",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "values",
    "varbinary",
    "varbit",
    "varchar",
    "varying",
];

/// Words that introduce a table.
const INTRODUCERS: &[&str] = &[
    "from", "join", "into", "update", "table", "only", "using", "lateral",
];

/// Words before `UPDATE` that take away its meaning of a verb: `DO UPDATE`, `FOR NO KEY UPDATE`.
const BEFORE_NO_VERB: &[&str] = &["do", "for", "key", "on", "then"];

/// Whether a bare word is more likely syntax than a table.
pub(super) fn is_syntax(word: &str) -> bool {
    is_any_of(word, RESERVED) || is_any_of(word, SOFT)
}

/// Whether a bare word may stand before a parenthesis without being a function.
pub(super) fn is_syntax_before_parenthesis(word: &str) -> bool {
    is_any_of(word, RESERVED) || is_any_of(word, BEFORE_PARENTHESIS)
}

/// Whether the bare word at a place could be the name of a table or of a part of one.
pub(super) fn may_be_name(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(token) = tokens.get(at) else {
        return false;
    };
    if is_any_of(token.text, RESERVED) {
        false
    } else if is_any_of(token.text, SOFT) {
        introduces(tokens, at)
    } else {
        true
    }
}

/// Whether the token at a place follows one that introduces a table, or a part of its name.
pub(super) fn introduces(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(before) = back(tokens, at, 1) else {
        return false;
    };
    if before.is("update") {
        return !back(tokens, at, 2).is_some_and(|token| token.is_any(BEFORE_NO_VERB));
    }
    if before.is_symbol("(") {
        return back(tokens, at, 2).is_some_and(|token| token.is_any(&["from", "join"]));
    }
    before.is_any(INTRODUCERS) || before.is_symbol(",") || before.is_symbol(".")
}

/// Whether a statement holds a verb that changes rows: `INSERT`, `UPDATE`, `DELETE`, `MERGE`,
/// `REPLACE`.
pub(super) fn holds_write(tokens: &[Token<'_>]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let before = back(tokens, at, 1);
        let is_name = before.is_some_and(|before| {
            before.is_any(BEFORE_NO_VERB)
                || before.is_any(&["from", "join", "into"])
                || before.is_symbol(".")
        });
        // `REPLACE(…)` and `INSERT(…)` are functions.
        let called = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
        !is_name
            && (token.is_any(&["update", "delete", "merge"])
                || (token.is_any(&["insert", "replace"]) && !called))
    })
}

fn is_any_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}
