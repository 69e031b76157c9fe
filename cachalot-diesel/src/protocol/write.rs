//! A writer's decisions.

use super::Events;
use super::{
    Record, WriterId,
    record::{Tokens, Writer},
};

/// How a write ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is visible, or may be.
    Published {
        events: Events,
        /// Milliseconds since 1970.
        at: Option<u64>,
    },
    /// It certainly did not happen.
    Withdrawn,
}

/// `begin`: the record with the writer in it, to be put in the place of what was seen. `None` is a
/// record that is missing or damaged.
pub(crate) fn begin<T: Tokens>(
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

/// `end`: what to put in the place of what was seen; `None` leaves it as it is.
pub(crate) fn end<T: Tokens>(
    present: Option<Record>,
    writer: WriterId,
    end: End,
    tokens: &mut T,
) -> Result<Option<Record>, T::Error> {
    match (present, end) {
        (Some(record), End::Withdrawn) if record.has(writer) => Ok(Some(record.withdrawn(writer))),
        (_, End::Withdrawn) => Ok(None),
        (present, End::Published { events, at }) => {
            // A lost record cannot match any entry; this one only keeps the time.
            let record = match present {
                Some(record) => record,
                None => Record::fresh(tokens)?,
            };
            record.published(writer, events, at, tokens).map(Some)
        }
    }
}

/// `end` over the record as `begin` left it, without reading it again; `None`: read it.
///
/// Memcached numbers the states of its items from one again after a restart, so a number that was
/// kept over the COMMIT may name another state by now. New tokens may be put over any state; old
/// ones, which a failure would put back, may not.
pub(crate) fn end_unread<T: Tokens>(
    left: &Record,
    writer: WriterId,
    ending: End,
    tokens: &mut T,
) -> Result<Option<Record>, T::Error> {
    match ending {
        End::Withdrawn => Ok(None),
        End::Published { .. } => end(Some(left.clone()), writer, ending, tokens),
    }
}
