//! The tokens of a record that a reader depends on.

use super::{
    super::{Changes, Columns, Events, Token},
    Record,
};
use crate::fingerprint::Fingerprint;

/// The tokens of a record that change with the changes that a reader depends on: `any` for all changes, else one
/// for each event, where that of updates is `wide` with those of the columns if the reader names columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DependencyTokens {
    of_events: [Option<Token>; 3],
    of_columns: Vec<Token>,
}

impl DependencyTokens {
    pub(crate) fn of(record: &Record, changes: &Changes) -> Self {
        let columns = record.columns.iter();
        let tokens = [
            record.any,
            record.insert,
            record.update,
            record.delete,
            record.wide,
        ];
        Self::with_columns(
            tokens,
            changes,
            columns.map(|(name, token)| (&**name, *token)),
        )
    }

    /// `columns` are in the order of their names. A column that is not among them was not updated since `wide` changed.
    fn with_columns<'a>(
        [any, insert, update, delete, wide]: [Token; 5],
        changes: &Changes,
        columns: impl Iterator<Item = (&'a str, Token)>,
    ) -> Self {
        let Changes { events, updated } = changes;
        let (mut of_events, mut of_columns) = ([Some(any), None, None], Vec::new());
        if !is_any(changes) {
            let updated = events.update.then_some(match updated {
                Columns::All => update,
                Columns::Named(names) => {
                    let named = columns.filter(|(name, _)| names.contains(*name));
                    of_columns.extend(named.map(|(_, token)| token));
                    wide
                }
            });
            of_events = [
                events.insert.then_some(insert),
                updated,
                events.delete.then_some(delete),
            ];
        }
        Self {
            of_events,
            of_columns,
        }
    }

    /// The tokens of a record without writes in flight: a fast path that avoids parsing JSON.
    ///
    /// Recognises only the exact output of [`Record::to_bytes`], so after `None` the record has to be
    /// parsed.
    pub(crate) fn if_idle(record: &[u8], changes: &Changes) -> Option<Self> {
        let (any, rest) = hex_after(record, br#"{"v":2,"any":""#)?;
        let (insert, rest) = hex_after(rest, br#"","writers":[],"insert":""#)?;
        let (update, rest) = hex_after(rest, br#"","update":""#)?;
        let (delete, rest) = hex_after(rest, br#"","delete":""#)?;
        let (wide, rest) = hex_after(rest, br#"","wide":""#)?;
        let rest = rest.strip_prefix(br#"","columns":{"#)?;
        if !rest.ends_with(b"}") {
            return None;
        }
        let tokens = [any, insert, update, delete, wide];
        let by_columns = !is_any(changes) && matches!(changes.updated, Columns::Named(_));
        let columns = if by_columns {
            columns_in(rest)?
        } else {
            Vec::new()
        };
        Some(Self::with_columns(tokens, changes, columns.into_iter()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Token> {
        let of_events = self.of_events.iter().flatten();
        of_events.chain(&self.of_columns).copied()
    }

    /// The same as at most three tokens, so that an entry does not grow with the columns: if there are any of columns,
    /// a hash of all.
    pub(crate) fn condensed(&self) -> impl Iterator<Item = Token> {
        if self.of_columns.is_empty() {
            return self.of_events.into_iter().flatten();
        }
        let mut fingerprint = Fingerprint::new("", "columns");
        for token in self.iter() {
            fingerprint.part(token.as_bytes());
        }
        let digest = fingerprint.to_digest();
        let hash = Token::from_bytes(std::array::from_fn(|at| digest[at]));
        [Some(hash), None, None].into_iter().flatten()
    }
}

fn is_any(changes: &Changes) -> bool {
    changes.events == Events::ALL && changes.updated == Columns::All
}

/// The token after `bytes`, and the rest.
fn hex_after<'a>(record: &'a [u8], bytes: &[u8]) -> Option<(Token, &'a [u8])> {
    let (token, rest) = record
        .strip_prefix(bytes)?
        .split_at_checked(Token::LEN * 2)?;
    Some((Token::from_hex(token)?, rest))
}

/// The columns of `"title":"03…","votes":"9f…"}`. `None` if a name is escaped, or if they are not in order.
fn columns_in(mut rest: &[u8]) -> Option<Vec<(&str, Token)>> {
    let mut columns: Vec<(&str, Token)> = Vec::new();
    if rest.starts_with(b"}") {
        return Some(columns);
    }
    loop {
        rest = rest.strip_prefix(b"\"")?;
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let (name, after) = rest.split_at(end);
        let (token, after) = hex_after(after, br#"":""#)?;
        let name = std::str::from_utf8(name).ok()?;
        if columns.last().is_some_and(|(before, _)| *before >= name) {
            return None;
        }
        columns.push((name, token));
        let after = after.strip_prefix(b"\"")?;
        match after.split_first()? {
            (b',', after) => rest = after,
            (b'}', _) => return Some(columns),
            _ => return None,
        }
    }
}
