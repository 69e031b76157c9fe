//! The decisions of a reader.

use super::{
    Record, Token, WriterId,
    record::{State, Tokens, Writer},
};

/// What a reader does after it has read a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// No write is in flight: entries with these tokens are valid, and results may be stored under
    /// them.
    Trust(State),
    /// A write is in flight: query the database, store nothing.
    Bypass,
    /// Replace the record by this one and trust its tokens. On a conflict, read the record again.
    Put(Record),
}

/// Decides on a record that was read before the database is queried. `None`: the record is missing or
/// damaged. `crashed`: its writers for which [`is_crashed`] holds.
pub(crate) fn look<T: Tokens>(
    present: Option<Record>,
    crashed: &[WriterId],
    tokens: &mut T,
) -> Result<Look, T::Error> {
    let Some(record) = present else {
        return Record::fresh(tokens).map(Look::Put);
    };
    if record.writers().is_empty() {
        return Ok(Look::Trust(record.state()));
    }
    if !record.writers().iter().all(|w| crashed.contains(&w.id)) {
        return Ok(Look::Bypass);
    }
    record.reclaimed(crashed, tokens).map(Look::Put)
}

/// Has the lease of a writer expired? Both clocks have to agree: the writer's (the time in the
/// record) and the store's (the lease is an item; `has_lease`: it still exists).
pub(crate) fn is_crashed(writer: &Writer, now: u64, has_lease: bool) -> bool {
    is_due(writer, now) && !has_lease
}

/// Has the lease expired by the writer's clock, so that it has to be looked up in the store?
pub(crate) fn is_due(writer: &Writer, now: u64) -> bool {
    writer.until <= now
}

/// Is an entry valid? Its tokens must be the current ones of its tables' records.
pub(crate) fn is_current(
    entry: impl ExactSizeIterator<Item = Token>,
    now: impl ExactSizeIterator<Item = Token>,
) -> bool {
    entry.len() == now.len() && entry.eq(now)
}
