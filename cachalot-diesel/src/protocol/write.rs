//! The decisions of a writer.

use super::{
    Events, Record, WriterId,
    record::{Tokens, Writer},
};

/// How a write ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The change is visible, or may be.
    Published {
        events: Events,
        /// Milliseconds since 1970.
        at: Option<u64>,
    },
    /// The change certainly did not happen.
    Withdrawn,
}

/// `begin`: the record with the writer added. `present` is `None` if the record is missing or damaged.
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

/// `end`: the new record. `None`: leave the record as it is.
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
            // A lost record matches no entry anyway; the new one only keeps the time.
            let record = match present {
                Some(record) => record,
                None => Record::fresh(tokens)?,
            };
            record.published(writer, events, at, tokens).map(Some)
        }
    }
}

/// `end` based on the record as `begin` left it. `None`: it has to be read again.
///
/// After a restart memcached starts its CAS values at one again, so a value from before the COMMIT may
/// by now belong to another version. New tokens may replace any version; old tokens, which a failure
/// would restore, may not.
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
