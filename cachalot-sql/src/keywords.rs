//! Keywords, for code that works on tokens.

use super::{
    Dialect,
    lexer::{Token, back},
};

/// Words that are not table names in any dialect, unless they are quoted or follow a dot.
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
    "foreign",
    "from",
    "group",
    "having",
    "in",
    "intersect",
    "into",
    "is",
    "join",
    "limit",
    "not",
    "null",
    "on",
    "or",
    "order",
    "primary",
    "references",
    "select",
    "table",
    "then",
    "to",
    "union",
    "unique",
    "using",
    "when",
    "where",
];

/// Words that can be table names in some dialect, but usually are syntax.
const NON_RESERVED: &[&str] = &[
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
    "false",
    "filter",
    "first",
    "following",
    "for",
    "full",
    "groups",
    "high_priority",
    "ignore",
    "inner",
    "insert",
    "interval",
    "key",
    "last",
    "lateral",
    "left",
    "like",
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
    "right",
    "row",
    "rows",
    "set",
    "share",
    "some",
    "straight_join",
    "ties",
    "true",
    "unbounded",
    "update",
    "values",
    "window",
    "with",
    "within",
];

/// Words, besides the reserved ones, that are not function names when a parenthesis follows.
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
    "cube",
    "datetime",
    "dec",
    "decimal",
    "double",
    "except",
    "exists",
    "false",
    "filter",
    "float",
    "for",
    "inner",
    "interval",
    "lateral",
    "like",
    "materialized",
    "nchar",
    "next",
    "numeric",
    "nvarchar",
    "offset",
    "only",
    "over",
    "real",
    "returning",
    "rollup",
    "row",
    "set",
    "sets",
    "some",
    "symmetric",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "true",
    "values",
    "varbinary",
    "varbit",
    "varchar",
    "varying",
    "with",
];

/// Words that introduce a table.
const INTRODUCERS: &[&str] = &[
    "from",
    "join",
    "straight_join",
    "into",
    "update",
    "table",
    "only",
    "using",
    "lateral",
];

/// Words between the verb and the table where MySQL does not need `INTO`: `INSERT IGNORE t`.
const INTRODUCERS_OF_ROWS: &[&str] = &[
    "insert",
    "replace",
    "delayed",
    "high_priority",
    "ignore",
    "low_priority",
    "quick",
];

/// The conflict clause of SQLite: `UPDATE OR FAIL t`.
const CONFLICT_RESOLUTIONS: &[&str] = &["rollback", "abort", "replace", "fail", "ignore"];

/// Whether an SQLite statement keeps the changes that it made before it failed: `INSERT OR FAIL`.
pub(super) fn keeps_changes_on_failure(tokens: &[Token<'_>]) -> bool {
    let mut pairs = tokens.iter().zip(tokens.iter().skip(1));
    pairs.any(|(before, token)| before.is("or") && token.is("fail"))
}

/// After these words `UPDATE` is not the verb of a statement: `DO UPDATE`, `FOR NO KEY UPDATE`.
const BEFORE_NO_VERB: &[&str] = &["do", "for", "key", "on", "then"];

/// Whether a bare word is more likely syntax than a table.
pub(super) fn is_syntax(word: &str) -> bool {
    is_any_of(word, RESERVED) || is_any_of(word, NON_RESERVED)
}

/// Whether a bare word before a parenthesis is syntax and not a function.
pub(super) fn is_syntax_before_parenthesis(word: &str) -> bool {
    // `DEFAULT(column)` is a function on MySQL, and the default may be the current time.
    let function = word.eq_ignore_ascii_case("default");
    !function && (is_any_of(word, RESERVED) || is_any_of(word, BEFORE_PARENTHESIS))
}

/// Whether the bare word at a position can be the name of a table or a part of it.
pub(super) fn may_be_name(tokens: &[Token<'_>], at: usize, dialect: Dialect) -> bool {
    let Some(token) = tokens.get(at) else {
        return false;
    };
    if is_any_of(token.text, RESERVED) {
        back(tokens, at, 1).is_some_and(|before| before.is_symbol("."))
    } else if is_any_of(token.text, NON_RESERVED) {
        introduces(tokens, at, dialect)
    } else {
        true
    }
}

/// Whether the token at a position follows one that introduces a table or a part of its name.
pub(super) fn introduces(tokens: &[Token<'_>], at: usize, dialect: Dialect) -> bool {
    let before = tokens.get(..at).unwrap_or_default();
    let open = before
        .iter()
        .rev()
        .take_while(|token| token.is_symbol("("))
        .count();
    let Some(before) = back(tokens, at, open + 1) else {
        return false;
    };
    let further = back(tokens, at, open + 2);
    if before.is("update") {
        return !further.is_some_and(|token| token.is_any(BEFORE_NO_VERB));
    }
    before.is_any(INTRODUCERS)
        || before.is_symbol(",")
        || before.is_symbol(".")
        || match dialect {
            Dialect::Postgres => false,
            Dialect::Mysql => introduces_rows(before),
            Dialect::Sqlite => {
                // `a IN t`
                before.is("in")
                    || (before.is_any(CONFLICT_RESOLUTIONS)
                        && further.is_some_and(|token| token.is("or")))
            }
        }
}

/// Whether, on MySQL, the table of an `INSERT` or `REPLACE` may follow.
pub(super) fn introduces_rows(token: &Token<'_>) -> bool {
    token.is_any(INTRODUCERS_OF_ROWS)
}

/// Whether a statement contains a verb that changes rows: `INSERT`, `UPDATE`, `DELETE`, `MERGE`,
/// `REPLACE`.
pub(super) fn contains_write(tokens: &[Token<'_>]) -> bool {
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
