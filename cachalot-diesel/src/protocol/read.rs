//! A reader's decisions.

use super::{
    Record, Token, WriterId,
    record::{Families, State, Tokens, Writer},
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
