//! The tokens of a record that a reader depends on.

use super::{
    super::{
        Changes, Columns, Depends, Events, Token,
        keys::{Key, Proofs},
    },
    Record,
};
use crate::fingerprint::Fingerprint;

/// The tokens of a record that change with the changes that a reader depends on: `any` for all changes, else one
/// for each event, where that of updates is `wide` with those of the columns if the reader names columns. A keyed
/// reader also has the token that changes with writes that do not know their values of its column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DependencyTokens {
    of_events: [Option<Token>; 3],
    of_columns: Vec<Token>,
    wide_of_key: Option<Token>,
}

impl DependencyTokens {
    pub(crate) fn of<'a>(record: &Record, depends: impl Into<Depends<'a>>) -> Self {
        let Depends { changes, key } = depends.into();
        let columns = record.columns.iter();
        let tokens = [
            record.any,
            record.insert,
            record.update,
            record.delete,
            record.wide,
        ];
        let columns = columns.map(|(name, token)| (&**name, *token));
        Self {
            wide_of_key: key.map(|key| record.wide(&key.column)),
            ..Self::with_columns(tokens, changes, columns)
        }
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
            wide_of_key: None,
        }
    }

    /// The tokens of a record without writes in flight: a fast path that avoids parsing JSON.
    ///
    /// Recognises only the exact output of [`Record::to_bytes`], so after `None` the record has to be
    /// parsed.
    pub(crate) fn if_idle<'a>(record: &[u8], depends: impl Into<Depends<'a>>) -> Option<Self> {
        let Depends { changes, key } = depends.into();
        let (any, rest) = hex_after(record, br#"{"v":3,"any":""#)?;
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
        let (columns, rest) = if by_columns || key.is_some() {
            named_tokens(rest)?
        } else {
            (Vec::new(), rest)
        };
        let wide_of_key = match key {
            Some(key) => {
                let (keys, _) = named_tokens(rest.strip_prefix(br#","keys":{"#)?)?;
                let known = keys.iter().find(|(column, _)| **column == *key.column);
                Some(known.map_or(any, |(_, token)| *token))
            }
            None => None,
        };
        Some(Self {
            wide_of_key,
            ..Self::with_columns(tokens, changes, columns.into_iter())
        })
    }

    /// For a keyed reader, which depends on these and on nothing else: the token of `wide` and those of its buckets,
    /// read after the record. `None` if a bucket is missing. One that the reader adds counts as missing until the
    /// store has answered that it was added: otherwise the store could add it after a later write.
    pub(crate) fn keyed(&self, buckets: &[Option<Token>]) -> Option<Vec<Token>> {
        let tokens = std::iter::once(&self.wide_of_key).chain(buckets);
        tokens.copied().collect()
    }

    /// The proofs of a keyed reader, each in one token. `buckets`: those of the key, in its order.
    pub(crate) fn proofs(&self, key: &Key, buckets: &[Option<Token>]) -> Proofs {
        // The names differ from those of other hashes, so that an entry of other dependencies is never valid.
        let mut table = Fingerprint::new("", "keyed table");
        for token in self.iter() {
            table.part(token.as_bytes());
        }
        let key = self.keyed(buckets).map(|tokens| {
            let mut fingerprint = Fingerprint::new("", "key");
            fingerprint.part(key.column.as_bytes());
            for token in tokens {
                fingerprint.part(token.as_bytes());
            }
            hash(&fingerprint)
        });
        Proofs {
            table: hash(&table),
            key,
        }
    }

    /// Those of the table: a keyed reader has another proof beside them.
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
        [Some(hash(&fingerprint)), None, None].into_iter().flatten()
    }

    /// For the model checker.
    #[cfg(test)]
    pub(in super::super) fn tokens_mut(&mut self) -> impl Iterator<Item = &mut Token> {
        let of_events = self.of_events.iter_mut().flatten();
        of_events
            .chain(&mut self.of_columns)
            .chain(&mut self.wide_of_key)
    }
}

fn hash(fingerprint: &Fingerprint) -> Token {
    let digest = fingerprint.to_digest();
    Token::from_bytes(std::array::from_fn(|at| digest[at]))
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

/// Tokens by column.
type NamedTokens<'a> = Vec<(&'a str, Token)>;

/// The columns of `"title":"03…","votes":"9f…"}`, and what follows. `None` if a name is escaped, or if they are not in
/// order.
fn named_tokens(mut rest: &[u8]) -> Option<(NamedTokens<'_>, &[u8])> {
    let mut columns = NamedTokens::new();
    if let Some(rest) = rest.strip_prefix(b"}") {
        return Some((columns, rest));
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
            (b'}', after) => return Some((columns, after)),
            _ => return None,
        }
    }
}
