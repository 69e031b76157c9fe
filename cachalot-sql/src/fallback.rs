//! Analyses a statement that the parser rejects: every identifier in it counts as a table.
//!
//! The statement may then depend on too many tables or invalidate too many, never too few.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Changes, Dialect, Kind, Statement, Writes,
    classify::{Calls, Findings, Tables},
    functions::{self, Purity},
    keywords,
    lexer::{Token, TokenKind, back},
    names,
    times::Times,
};

/// Analyses a query or a change of rows. Always succeeds.
pub(super) fn read(tokens: &[Token<'_>], dialect: Dialect) -> Statement {
    let kind = kind(tokens);
    let tables = tables(tokens, dialect);
    let writing = kind != Kind::Select || keywords::contains_write(tokens);
    let conditional = tokens.iter().any(|token| token.conditional);
    let writes = if !writing {
        Writes::Nothing
    } else if conditional {
        Writes::Everything
    } else {
        let tables = tables
            .reads
            .iter()
            .map(|table| (Arc::clone(table), Changes::ALL));
        let tables: BTreeMap<_, _> = tables.collect();
        // If it names no table, it is unknown what it writes.
        if tables.is_empty() {
            Writes::Everything
        } else {
            Writes::Tables(tables)
        }
    };
    let mut calls = calls(tokens, dialect);
    if conditional {
        calls.add(&"/*! … */".into(), Purity::Volatile, false);
    }
    Findings {
        kind,
        writes,
        tables,
        columns: BTreeMap::new(),
        keys: BTreeMap::new(),
        calls,
        times: if dialect == Dialect::Mysql {
            Times::unread()
        } else {
            Times::default()
        },
        from_fallback: true,
    }
    .conclude(tokens, dialect)
}

/// The kind of the main verb: the first one outside of parentheses.
fn kind(tokens: &[Token<'_>]) -> Kind {
    let opening = tokens
        .iter()
        .take_while(|token| token.is_symbol("("))
        .count();
    let mut depth = 0usize;
    for token in tokens.get(opening..).unwrap_or_default() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0
            && let Some(kind) = verb(token)
        {
            return kind;
        }
    }
    Kind::Other
}

fn verb(token: &Token<'_>) -> Option<Kind> {
    if token.is_any(&["select", "values", "table"]) {
        Some(Kind::Select)
    } else if token.is_any(&["insert", "replace"]) {
        Some(Kind::Insert)
    } else if token.is("update") {
        Some(Kind::Update)
    } else if token.is("delete") {
        Some(Kind::Delete)
    } else if token.is("merge") {
        Some(Kind::Other)
    } else {
        None
    }
}

fn tables(tokens: &[Token<'_>], dialect: Dialect) -> Tables {
    let mut tables = Tables::default();
    let mut path: Vec<Arc<str>> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let name = match token.kind {
            TokenKind::Quoted => token.identifier(),
            TokenKind::Word if keywords::may_be_name(tokens, at, dialect) => token.identifier(),
            // On MySQL a string in double quotes may be an identifier, on SQLite any string.
            TokenKind::Text if dialect == Dialect::Mysql && token.text.starts_with('"') => {
                token.literal().map(Into::into)
            }
            TokenKind::Text
                if dialect == Dialect::Sqlite && keywords::introduces(tokens, at, dialect) =>
            {
                token.literal().map(Into::into)
            }
            _ => None,
        };
        let Some(name) = name else { continue };
        if is_builtin_call(tokens, at, dialect) {
            continue;
        }
        if !back(tokens, at, 1).is_some_and(|before| before.is_symbol(".")) {
            path.clear();
        }
        path.push(names::folded(&name));
        tables.add(&path, dialect);
    }
    tables
}

/// Whether the word at a position is a call of a built-in function.
fn is_builtin_call(tokens: &[Token<'_>], at: usize, dialect: Dialect) -> bool {
    let called = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
    let is_table = back(tokens, at, 1).is_some_and(|before| {
        before.is_any(&["into", "from", "join", "update", "table"])
            || before.is_symbol(".")
            || (dialect == Dialect::Mysql && keywords::introduces_rows(before))
    });
    let word = tokens.get(at).filter(|token| token.kind == TokenKind::Word);
    let Some(word) = word.filter(|_| called && !is_table) else {
        return false;
    };
    functions::purity(dialect, &names::folded(word.text), 1) != Purity::Unknown
}

fn calls(tokens: &[Token<'_>], dialect: Dialect) -> Calls {
    let mut calls = Calls::default();
    for (at, token) in tokens.iter().enumerate() {
        let called = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
        let Some(name) = token.identifier().filter(|_| called) else {
            continue;
        };
        if lists_columns(tokens, at, dialect) {
            continue;
        }
        let qualified = back(tokens, at, 1).is_some_and(|before| before.is_symbol("."));
        let word = token.kind == TokenKind::Word && !qualified;
        if word && keywords::is_syntax_before_parenthesis(&name) {
            continue;
        }
        let before = |steps, word| back(tokens, at, steps).is_some_and(|token| token.is(word));
        let in_order = before(1, "by") && before(2, "order");
        let empty = tokens.get(at + 2).is_some_and(|next| next.is_symbol(")"));
        let name = names::folded(&name);
        let purity = if qualified {
            Purity::Unknown
        } else {
            functions::purity(dialect, &name, usize::from(!empty))
        };
        calls.add(&name, purity, in_order);
    }
    calls
}

/// Whether the parenthesis after the name at a place lists columns: `INTO a.t (…)`, `WITH x (…)`, and
/// `JSON_TABLE(…, '$' PASSING a AS b COLUMNS (…))`.
fn lists_columns(tokens: &[Token<'_>], at: usize, dialect: Dialect) -> bool {
    let before = |steps| back(tokens, at, steps);
    // No call follows a literal or an alias.
    if tokens.get(at).is_some_and(|token| token.is("columns"))
        && (before(1).is_some_and(|token| token.kind == TokenKind::Text)
            || before(2).is_some_and(|token| token.is("as")))
    {
        return true;
    }
    let mut start = at;
    while start >= 2 && back(tokens, start, 1).is_some_and(|before| before.is_symbol(".")) {
        start -= 2;
    }
    back(tokens, start, 1).is_some_and(|before| {
        before.is_any(&["into", "with", "recursive"])
            || (dialect == Dialect::Mysql && keywords::introduces_rows(before))
    })
}
