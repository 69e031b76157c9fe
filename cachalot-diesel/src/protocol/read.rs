//! The decisions of a reader.

use super::{
    Changes, Depends, Record, Token, WriterId,
    record::{DependencyTokens, Families, TokenSource, Writer},
};

/// What a reader does after it has read a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadDecision {
    /// No write is in flight that the reader depends on: entries with these tokens are valid, and results may be
    /// stored under these tokens.
    Valid(DependencyTokens),
    /// A write is in flight that the reader depends on: query the database, store nothing.
    Bypass,
    /// Replace the record by this one and use its tokens. On a conflict, read the record again.
    Replace(Record),
}

/// Decides on a record that was read before the database is queried. `None`: the record is missing or
/// damaged. `crashed`: the record's writers that the reader depends on for which [`is_crashed`] holds.
pub(crate) fn check_record<'a, T: TokenSource>(
    present: Option<Record>,
    depends: impl Into<Depends<'a>>,
    crashed: &[WriterId],
    tokens: &mut T,
) -> Result<ReadDecision, T::Error> {
    let depends = depends.into();
    let Some(record) = present else {
        return Record::fresh(tokens).map(ReadDecision::Replace);
    };
    if record.writers_of(depends).next().is_none() {
        let tokens = DependencyTokens::of(&record, depends);
        return Ok(ReadDecision::Valid(tokens));
    }
    if !record.writers_of(depends).all(|w| crashed.contains(&w.id)) {
        return Ok(ReadDecision::Bypass);
    }
    record.reclaimed(crashed, tokens).map(ReadDecision::Replace)
}

/// What a reader does after it has read a member's record, before it stores an entry that depends on
/// the families' records only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MemberDecision {
    /// From here on, writers to this member begin the families' records too.
    Ready,
    /// A write is in flight whose writer may not know the families: store nothing.
    Bypass,
    /// Replace the record by this one. On a conflict, read the record again.
    Replace(Box<Record>),
}

/// Decides on a member's record that was read after the families' records and before the database is
/// queried. The arguments are those of [`check_record`]; families depend on all changes.
///
/// A record that is missing, or has no families, stays as it is: the next writer first adds itself to
/// the record and then looks up the families, which are listed by then.
pub(crate) fn check_member<T: TokenSource>(
    present: Option<Record>,
    families: &Families,
    crashed: &[WriterId],
    tokens: &mut T,
) -> Result<MemberDecision, T::Error> {
    let Some(record) = present else {
        return Ok(MemberDecision::Ready);
    };
    let lacks = record.lacks_families(families);
    Ok(
        match check_record(Some(record.clone()), &Changes::ALL, crashed, tokens)? {
            ReadDecision::Bypass => MemberDecision::Bypass,
            ReadDecision::Replace(record) => {
                MemberDecision::Replace(Box::new(record.with_families(families)))
            }
            ReadDecision::Valid(_) if lacks => {
                MemberDecision::Replace(Box::new(record.with_families(families)))
            }
            ReadDecision::Valid(_) => MemberDecision::Ready,
        },
    )
}

/// Has the lease of a writer expired? Both clocks have to agree: the writer's, whose time is in the
/// record, and the store's, where the lease is an item that expires.
pub(crate) fn is_crashed(writer: &Writer, now: u64, lease_exists: bool) -> bool {
    is_due(writer, now) && !lease_exists
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
