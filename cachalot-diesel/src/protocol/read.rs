//! A reader's decisions.

use super::{
    Record, Token, WriterId,
    record::{State, Tokens, Writer},
};

/// What a reader makes of the record of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nobody is in flight: what is read now may be trusted, and kept, under these tokens.
    Trust(State),
    /// Somebody is in flight: ask the database, keep nothing.
    Bypass,
    /// Put this in the place of what was seen, if that still is its state, and trust its tokens;
    /// else look again.
    Put(Record),
}

/// Decides on a record, as it was seen before the database is asked; `None` is one that is missing
/// or damaged. `crashed` are those of its writers of whom [`is_crashed`] says so.
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

/// Has the lease of a writer ended? Both clocks have to agree: the writer's, as it is written in
/// the record, and the store's, where the lease is an item that `stands` until it expires.
pub(crate) fn is_crashed(writer: &Writer, now: u64, stands: bool) -> bool {
    is_due(writer, now) && !stands
}

/// Is the lease worth asking for?
pub(crate) fn is_due(writer: &Writer, now: u64) -> bool {
    writer.until <= now
}

/// May an entry be served? Its tokens must be those that its tables' records show now, each of
/// them trusted.
pub(crate) fn is_current(
    entry: impl ExactSizeIterator<Item = Token>,
    now: impl ExactSizeIterator<Item = Token>,
) -> bool {
    entry.len() == now.len() && entry.eq(now)
}
