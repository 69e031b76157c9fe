//! The names in an unparsed change of rows that may be relations which it writes.
//!
//! `fallback` takes every identifier for a table, also columns and aliases. Those are excluded here, for
//! code that must know whether a statement writes a relation that is not in the catalog. In doubt a name
//! is included.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Dialect, keywords,
    lexer::{self, Token, TokenKind, back},
    names,
};

/// Relations follow these words.
const BEFORE_RELATIONS: &[&str] = &[
    "copy",
    "delete",
    "from",
    "insert",
    "into",
    "join",
    "merge",
    "replace",
    "straight_join",
    "table",
    "truncate",
    "update",
    "using",
];
/// These may stand between such a word and the relation.
const MODIFIERS: &[&str] = &[
    "abort",
    "concurrent",
    "delayed",
    "fail",
    "high_priority",
    "ignore",
    "lateral",
    "local",
    "low_priority",
    "only",
    "or",
    "quick",
    "rollback",
];
/// Columns and values follow these words.
const BEFORE_VALUES: &[&str] = &[
    "and",
    "by",
    "case",
    "having",
    "limit",
    "returning",
    "select",
    "set",
    "value",
    "values",
    "when",
    "where",
];

/// What a name means at a position.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Relations,
    Values,
    /// The condition of a join, which a comma ends.
    Condition,
}

/// The names of a text that may be relations which it writes. `None` if the text cannot be split into
/// tokens.
#[must_use]
pub fn possible_targets(sql: &str, dialect: Dialect) -> Option<BTreeSet<Arc<str>>> {
    let tokens = lexer::lex(sql, dialect)?;
    let mut targets = BTreeSet::new();
    let (mut read, mut queries) = (BTreeSet::new(), BTreeSet::new());
    let mut place = Place::Relations;
    let mut into = false;
    for (at, token) in tokens.iter().enumerate() {
        let qualified = back(&tokens, at, 1).is_some_and(|before| before.is_symbol("."));
        if token.kind == TokenKind::Word && !qualified {
            if let Some(next) = place_after(&tokens, at, token) {
                place = next;
                into = token.is("into");
                continue;
            }
            if token.is_any(MODIFIERS) {
                continue;
            }
        }
        match place {
            // `INTO t (a, b)`
            Place::Relations
                if into && token.is_symbol("(") && name_before(&tokens, at, dialect) =>
            {
                place = Place::Values;
            }
            // `WITH q (a, b)`
            Place::Relations if token.is_symbol("(") && at > 0 && is_query(&tokens, at - 1) => {
                place = Place::Values;
            }
            Place::Condition if token.is_symbol(",") => place = Place::Relations,
            Place::Relations if !is_alias(&tokens, at, dialect) => {
                let name = match token.kind {
                    TokenKind::Text => token.literal(),
                    _ => token.identifier().map(Into::into),
                };
                let name = name.map(|name| names::folded(&name));
                if is_query(&tokens, at) {
                    queries.extend(name);
                } else if token.kind == TokenKind::Word
                    && !keywords::may_be_name(&tokens, at, dialect)
                {
                    continue;
                } else if is_read(&tokens, at) {
                    read.extend(name);
                } else {
                    targets.extend(name);
                }
            }
            _ => {}
        }
    }
    // A name that is only read may be a query of a WITH.
    targets.extend(read.into_iter().filter(|name| !queries.contains(name)));
    Some(targets)
}

/// Whether the token at a position names a query of a WITH in its definition.
fn is_query(tokens: &[Token<'_>], at: usize) -> bool {
    let next = |steps: usize| tokens.get(at + steps);
    let first = back(tokens, at, 1).is_some_and(|it| it.is_any(&["with", "recursive"]));
    let defined = next(1).is_some_and(|it| it.is("as"))
        && next(2).is_some_and(|it| it.is_symbol("(") || it.is_any(&["not", "materialized"]));
    first || defined
}

/// Whether the name at a position is only read, if it is that of a query of a WITH.
fn is_read(tokens: &[Token<'_>], at: usize) -> bool {
    back(tokens, at, 1).is_some_and(|before| {
        let deletes = || back(tokens, at, 2).is_some_and(|it| it.is("delete"));
        before.is("join") || before.is_symbol(",") || before.is("from") && !deletes()
    })
}

/// What names mean after a word, if the word changes that.
fn place_after(tokens: &[Token<'_>], at: usize, token: &Token<'_>) -> Option<Place> {
    // `REPLACE(…)` and `INSERT(…)` are functions too.
    let called = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
    if token.is("update") && back(tokens, at, 1).is_some_and(|before| before.is("key")) {
        Some(Place::Values)
    } else if token.is_any(BEFORE_RELATIONS) && !(called && token.is_any(&["insert", "replace"])) {
        Some(Place::Relations)
    } else if token.is("on") {
        Some(Place::Condition)
    } else if token.is_any(BEFORE_VALUES) {
        Some(Place::Values)
    } else {
        None
    }
}

/// Whether the token at a position follows the name that it is an alias of, or `NOT`.
fn is_alias(tokens: &[Token<'_>], at: usize, dialect: Dialect) -> bool {
    let as_or_not = back(tokens, at, 1).is_some_and(|before| before.is_any(&["as", "not"]));
    as_or_not || name_before(tokens, at, dialect)
}

fn name_before(tokens: &[Token<'_>], at: usize, dialect: Dialect) -> bool {
    let Some(place) = at.checked_sub(1) else {
        return false;
    };
    let Some(before) = tokens.get(place) else {
        return false;
    };
    match before.kind {
        TokenKind::Quoted => true,
        TokenKind::Word => {
            let keyword = before.is_any(BEFORE_RELATIONS)
                || before.is_any(MODIFIERS)
                || before.is_any(BEFORE_VALUES);
            !keyword && keywords::may_be_name(tokens, place, dialect)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, dialect: Dialect, names: &[&str]) {
        let targets = possible_targets(sql, dialect).unwrap();
        let targets: Vec<_> = targets.iter().map(|name| &**name).collect();
        assert_eq!(targets, names, "{sql}");
    }

    #[test]
    fn columns_and_aliases_are_excluded() {
        use Dialect::{Mysql, Postgres, Sqlite};
        check(
            "UPDATE kid * SET title = 'x' WHERE id = 1",
            Postgres,
            &["kid"],
        );
        check("UPDATE kid NOT INDEXED SET a = 1, b = c", Sqlite, &["kid"]);
        check(
            "UPDATE a x, b AS y SET x.t = y.t, y.u = 1",
            Mysql,
            &["a", "b"],
        );
        check("UPDATE LOW_PRIORITY IGNORE kid SET t = 1", Mysql, &["kid"]);
        check("UPDATE OR IGNORE kid SET t = 1", Sqlite, &["kid"]);
        check("INSERT INTO kid (a, b) VALUES (c, d)", Mysql, &["kid"]);
        check(
            "INSERT INTO kid (a) VALUES (1) ON DUPLICATE KEY UPDATE a = b",
            Mysql,
            &["kid"],
        );
        check(
            "SET STATEMENT max_statement_time = 60 FOR UPDATE kid SET t = 1",
            Mysql,
            &["kid"],
        );
    }

    #[test]
    fn queries_of_a_with_are_excluded_if_only_read() {
        use Dialect::{Postgres, Sqlite};
        check(
            "WITH first AS (SELECT 1 AS id) UPDATE kid SET t = 1 FROM first WHERE a = b",
            Postgres,
            &["kid"],
        );
        check(
            "WITH first(id) AS (VALUES (1)) UPDATE kid SET t = 1 WHERE id IN first",
            Sqlite,
            &["kid"],
        );
        check(
            "WITH kid AS (SELECT 1) INSERT INTO kid SELECT * FROM kid",
            Postgres,
            &["kid"],
        );
    }

    #[test]
    fn every_relation_is_included() {
        use Dialect::Mysql;
        check(
            "UPDATE a JOIN b ON a.x = b.x, kid k SET k.t = 1",
            Mysql,
            &["a", "b", "kid"],
        );
        check("DELETE a, kid FROM a JOIN kid", Mysql, &["a", "kid"]);
        check("REPLACE kid VALUES (1)", Mysql, &["kid"]);
        check("UPDATE (a, (kid)) SET t = 1", Mysql, &["a", "kid"]);
    }
}
