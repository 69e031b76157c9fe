//! The protocol: the contents of version records, and the decisions of readers and writers. Pure
//! functions without I/O, used by the cache and by the model checker.
//!
//! There is one version [`Record`] per table, and the *epoch* for the whole namespace. A writer adds
//! its id to the records of the tables that it is about to change, commits, and then gives the records
//! new tokens and removes its id. An entry is valid only if it carries the current tokens of its
//! tables' records and no write is in flight. Tokens are random and never repeat, so the loss of a
//! record only causes misses.

mod dependency;
mod key_names;
mod keys;
#[cfg(test)]
mod model;
mod read;
mod record;
mod row_writes;
mod token;
mod write;

pub(crate) use cachalot_sql::{Changes, Columns, Events, Writes};
pub(crate) use dependency::{
    ByFamily, CatalogComparison, Dependency, DependencyKind, EPOCH, EPOCH_PARTS, Epoch,
    FamilyListing, Records,
};
pub(crate) use key_names::KeyNames;
pub(crate) use keys::{Bucket, Buckets, Depends, Key, MAX_BUCKETS, Proofs, bucket_of};
pub(crate) use read::{
    MemberDecision, ReadDecision, check_member, check_record, is_crashed, is_current, is_due,
};
pub(crate) use record::{DependencyTokens, Families, FoundFamilies, Record, TimedChanges, Writer};
pub(crate) use row_writes::RowWrites;
pub(crate) use token::{Token, WriterId};
pub(crate) use write::{WriteOutcome, begin, end, end_without_read};
