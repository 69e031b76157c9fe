//! The values that columns have in the rows that a statement reads or changes.
//!
//! A value is taken only from a condition that every such row must satisfy, joined to the others by `AND`, or
//! from what a change sets. Whatever is not certainly understood says nothing: the statement has no keys if its
//! tree does not have every token of its text (`explained`), if a clause is not known here, or if a table may
//! occur anywhere else than where the condition restricts it.

mod conditions;
mod constants;
mod explained;
mod reads;
mod scope;
mod writes;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, sync::Arc};

use sqlparser::ast::Statement as Tree;

use super::{
    Dialect,
    classify::Tables,
    grammar::Parsed,
    lexer::{Token, TokenKind},
};

use self::constants::Constants;

/// A column with more values has no key.
const MAX_VALUES: usize = 32;

/// A longer statement has no keys. It bounds the depth of its tree, too.
const MAX_TOKENS: usize = 1_024;

/// By column, the values that it has in certain rows of a table: each row has one of them. Of a column that is
/// not in it nothing is known.
///
/// The names are normalised; each stands for one column of the table alone, as the server compares names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys(BTreeMap<Arc<str>, Vec<KeyValue>>);

impl Keys {
    /// The values of a column: at least one. `None` if they are not known.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&[KeyValue]> {
        self.0.get(column).map(Vec::as_slice)
    }

    /// The columns whose values are known, sorted, with these values.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &[KeyValue])> {
        self.0
            .iter()
            .map(|(column, values)| (column, values.as_slice()))
    }

    /// Is nothing known of any column?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// About how many bytes of memory this takes.
    pub(super) fn weight(&self) -> usize {
        let value = |value: &KeyValue| match value {
            KeyValue::Text(text) => text.len(),
            _ => 0,
        };
        let columns = self.0.iter().map(|(column, values)| {
            column.len()
                + size_of_val(values)
                + size_of_val(values.as_slice())
                + values.iter().map(value).sum::<usize>()
        });
        size_of::<Self>() + columns.sum::<usize>()
    }

    /// Adds what one of several conditions says. All of them hold, so the first of a column is enough.
    fn restrict(&mut self, column: Arc<str>, values: Vec<KeyValue>) {
        self.0.entry(column).or_insert(values);
    }
}

/// A value in the text, or the place of one that is sent with it.
///
/// It is compared as the database compares it with the column: a text beside a column of integers may be one of
/// its numbers. So it tells rows apart only if its type is that of the column.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum KeyValue {
    /// The bind at this place, counted from 0. If it is NULL, a condition selects no row; what a change sets is
    /// not known then, nor, on MySQL, if an `INSERT` sets 0.
    Bind(usize),
    /// Each element of the array at this place among the binds, counted from 0. A NULL selects no row.
    Array(usize),
    /// An integer.
    Integer(i64),
    /// A literal in single quotes without a type.
    Text(Arc<str>),
    /// `true` or `false` of PostgreSQL.
    Bool(bool),
}

/// Shows no values of the text, as they must not be logged.
impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(place) => write!(f, "Bind({place})"),
            Self::Array(place) => write!(f, "Array({place})"),
            Self::Integer(_) => f.write_str("Integer"),
            Self::Text(_) => f.write_str("Text"),
            Self::Bool(_) => f.write_str("Bool"),
        }
    }
}

/// By table, the keys of a statement: of the tables that a query reads, or of the one that a change writes.
pub(super) fn of(
    parsed: &Parsed,
    tokens: &[Token<'_>],
    tables: &Tables,
    dialect: Dialect,
) -> BTreeMap<Arc<str>, Keys> {
    if tokens.len() > MAX_TOKENS || !is_plain(tokens, dialect) {
        return BTreeMap::new();
    }
    let constants = Constants::new(tokens, &parsed.text, dialect);
    let found = match &parsed.tree {
        Tree::Query(query) => reads::of_query(query, &constants, tables, dialect),
        change => writes::of_change(change, &constants, dialect),
    };
    let mut found = found.unwrap_or_default();
    found.retain(|_, keys| !keys.is_empty());
    if !found.is_empty() && !explained::is_explained(&parsed.tree, tokens, dialect) {
        found.clear();
    }
    found
}

/// Whether a text has neither a `WITH` nor an operator that the parser takes to bind more tightly than `AND`
/// although the server does not.
fn is_plain(tokens: &[Token<'_>], dialect: Dialect) -> bool {
    if tokens.iter().any(|token| token.is("with")) {
        return false;
    }
    let is_pair = |pair: &[Token<'_>], symbols: [&str; 2]| {
        pair.iter()
            .zip(symbols)
            .all(|(token, symbol)| token.kind == TokenKind::Symbol && token.text == symbol)
    };
    dialect != Dialect::Mysql
        || !(tokens.iter().any(|token| token.is("xor"))
            || tokens
                .windows(2)
                .any(|pair| is_pair(pair, ["|", "|"]) || is_pair(pair, [":", "="])))
}
