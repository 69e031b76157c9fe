//! The decisions of a writer.

use super::{
    Record, WriterId,
    record::{TimedChanges, TokenSource, Writer},
};

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum WriteOutcome {
    Success,
    /// The change may be visible.
    Unknown,
    /// The change certainly did not happen.
    Failure,
}

impl WriteOutcome {
    /// Is the change visible, or may it be?
    pub(crate) fn is_published(self) -> bool {
        self != Self::Failure
    }
}

/// `begin`: the record with the writer added. `present` is `None` if the record is missing or damaged.
pub(crate) fn begin<T: TokenSource>(
    present: Option<Record>,
    writer: Writer,
    tokens: &mut T,
) -> Result<Record, T::Error> {
    let record = match present {
        Some(record) => record,
        None => Record::fresh(tokens)?,
    };
    Ok(record.begun(writer))
}

/// `end`: the new record. `None`: leave the record as it is. The buckets of a write that is published are deleted
/// before: see [`TimedChanges::buckets`].
pub(crate) fn end<T: TokenSource>(
    present: Option<Record>,
    writer: WriterId,
    outcome: WriteOutcome,
    timed: TimedChanges<'_>,
    tokens: &mut T,
) -> Result<Option<Record>, T::Error> {
    if !outcome.is_published() {
        let present = present.filter(|record| record.has(writer));
        return Ok(present.map(|record| record.withdrawn(writer)));
    }
    // If the record was lost, no entry is valid anyway; the new record only keeps the time.
    let record = match present {
        Some(record) => record,
        None => Record::fresh(tokens)?,
    };
    record.published(writer, timed, tokens).map(Some)
}

/// `end` based on the record that `begin` wrote. `None`: the record has to be read again.
///
/// After a restart memcached starts its CAS values at one again, so a value from before the COMMIT may
/// by now belong to another version. New tokens may replace any version; old tokens, which a failure
/// would restore, may not.
pub(crate) fn end_without_read<T: TokenSource>(
    left: &Record,
    writer: WriterId,
    outcome: WriteOutcome,
    timed: TimedChanges<'_>,
    tokens: &mut T,
) -> Result<Option<Record>, T::Error> {
    match outcome.is_published() {
        true => end(Some(left.clone()), writer, outcome, timed, tokens),
        false => Ok(None),
    }
}
