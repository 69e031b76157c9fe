//! The collations and functions that an SQLite text uses. Programs can define their own, under any name.

use std::collections::BTreeSet;

use super::{
    Dialect,
    lexer::{self, Token, TokenKind},
};

/// The built-in collations.
const OWN: [&str; 3] = ["binary", "nocase", "rtrim"];

/// Operators that call a function of the same name.
const OPERATORS: [&str; 4] = ["glob", "like", "match", "regexp"];

/// The collations and functions of an SQLite text that a program may have defined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Collations that are not built in, in lower case.
    pub collations: BTreeSet<String>,
    /// All functions that are called, also through operators, in lower case.
    pub functions: BTreeSet<String>,
}

impl Named {
    /// Adds those of another text.
    pub fn extend(&mut self, other: &Self) {
        self.collations.extend(other.collations.iter().cloned());
        self.functions.extend(other.functions.iter().cloned());
    }

    /// Collects those of a query or a definition.
    #[must_use]
    pub fn in_sqlite(sql: &str) -> Self {
        let mut named = Self::default();
        // A text that cannot be split into tokens is not cached.
        let tokens = lexer::lex(sql, Dialect::Sqlite).unwrap_or_default();
        for (at, token) in tokens.iter().enumerate() {
            let next = tokens.get(at + 1);
            if token.is("collate") {
                let name = next.and_then(collation).unwrap_or_default();
                if !OWN.contains(&name.as_str()) {
                    named.collations.insert(name);
                }
            } else if let Some(operator) = OPERATORS.iter().find(|it| token.is(it)) {
                named.functions.insert((*operator).to_owned());
            } else if token.is_symbol("-") && next.is_some_and(|next| next.is_symbol(">")) {
                let extract = tokens.get(at + 2).is_some_and(|token| token.is_symbol(">"));
                named
                    .functions
                    .insert(if extract { "->>" } else { "->" }.to_owned());
            } else if next.is_some_and(|next| next.is_symbol("("))
                && let Some(name) = token.identifier()
            {
                named.functions.insert(name.to_lowercase());
            }
        }
        named
    }
}

/// SQLite accepts a string as a name here.
fn collation(token: &Token<'_>) -> Option<String> {
    let name = match token.kind {
        TokenKind::Text => token.literal(),
        _ => token.identifier().map(Into::into),
    };
    name.map(|name| name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(sql: &str) -> (Vec<String>, Vec<String>) {
        let Named {
            collations,
            functions,
        } = Named::in_sqlite(sql);
        (
            collations.into_iter().collect(),
            functions.into_iter().collect(),
        )
    }

    #[test]
    fn custom_collations_are_listed() {
        let sql =
            "SELECT a FROM t ORDER BY a COLLATE NoCase, b collate binary, c COLLATE \"RTrim\"";
        assert_eq!(named(sql).0, Vec::<String>::new());
        let sql = "SELECT 'x COLLATE z' FROM t /* COLLATE y */ ORDER BY a COLLATE Locale, \
            b COLLATE 'German', c COLLATE [it's], d COLLATE";
        assert_eq!(named(sql).0, ["", "german", "it's", "locale"]);
    }

    #[test]
    fn functions_are_listed_also_those_called_by_operators() {
        let sql = "SELECT Lower(a), \"Upper\" (b), c -> 'x', d ->> 'y', lower FROM t \
            WHERE a LIKE 'x' AND b NOT GLOB 'y'";
        assert_eq!(
            named(sql).1,
            ["->", "->>", "glob", "like", "lower", "upper"]
        );
    }
}
