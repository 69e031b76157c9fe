//! The decisions of a reader.

use super::{
    Record, Token, WriterId,
    record::{Families, State, Tokens, Writer},
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

/// What a reader makes of the record of a member, before it keeps what depends on the families alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    /// Whoever writes to it from here on begins the families' records too.
    Ready,
    /// Somebody is in flight, who may not know of the families: keep nothing.
    Bypass,
    /// Put this in the place of what was seen, if that still is its state; else look again.
    Put(Record),
}

/// Decides on a member's record, as it was seen after the families' records and before the database is
/// asked; arguments as of [`look`].
///
/// One that is missing, or tells nothing of families, is left so: its next writer enters itself first
/// and then looks up the families, which have been listed by now.
pub(crate) fn member<T: Tokens>(
    present: Option<Record>,
    families: &Families,
    crashed: &[WriterId],
    tokens: &mut T,
) -> Result<Member, T::Error> {
    let Some(record) = present else {
        return Ok(Member::Ready);
    };
    let lacks = record.lacks(families);
    Ok(match look(Some(record.clone()), crashed, tokens)? {
        Look::Bypass => Member::Bypass,
        Look::Put(record) => Member::Put(record.joined(families)),
        Look::Trust(_) if lacks => Member::Put(record.joined(families)),
        Look::Trust(_) => Member::Ready,
    })
}

/// Has the lease of a writer ended? Both clocks have to agree: the writer's, as it is written in
/// the record, and the store's, where the lease is an item that `stands` until it expires.
pub(crate) fn is_crashed(writer: &Writer, now: u64, stands: bool) -> bool {
    is_due(writer, now) && !stands
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
