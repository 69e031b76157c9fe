//! Rows of a table told apart by the values of a column, for reads and writes that know them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

use serde::Serialize;

use super::{Changes, Token};
use crate::fingerprint::Fingerprint;

/// The number of a bucket: the rows whose values of a column have this hash. Each is an item in the store, a token.
/// A reader adds one that is missing; `end` deletes it.
pub(crate) type Bucket = u16;

/// The most columns of which a write knows the values.
pub(super) const MAX_KEY_COLUMNS: usize = 8;

/// The most buckets of a column, of a write or of a read.
pub(crate) const MAX_BUCKETS: usize = 32;

/// The bucket of a value. `value`: bytes that are equal for all values that the database takes for equal.
pub(crate) fn bucket_of(column: &str, value: &[u8]) -> Bucket {
    let mut fingerprint = Fingerprint::new("", "bucket");
    fingerprint.part(column.as_bytes());
    fingerprint.part(value);
    let digest = fingerprint.to_digest();
    Bucket::from_le_bytes([digest[0], digest[1]])
}

/// The buckets of all rows that a write touches, before and after, by column. The values of a column that is missing
/// are unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct Buckets(BTreeMap<Box<str>, BTreeSet<Bucket>>);

impl Buckets {
    /// No column's values are known.
    pub(crate) fn unknown() -> &'static Self {
        static UNKNOWN: Buckets = Buckets(BTreeMap::new());
        &UNKNOWN
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }

    /// The buckets of another write that happens too.
    pub(crate) fn merge(&mut self, other: &Self) {
        let both = std::mem::take(&mut self.0).into_iter();
        *self = both
            .filter_map(|(column, mine)| {
                let theirs = other.get(&column)?;
                let all = mine.union(theirs).copied().collect();
                Some((column, all))
            })
            .collect();
    }
}

impl Deref for Buckets {
    type Target = BTreeMap<Box<str>, BTreeSet<Bucket>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Leaves out what is too much for a record: its values then count as unknown.
impl<N: Into<Box<str>>> FromIterator<(N, BTreeSet<Bucket>)> for Buckets {
    fn from_iter<I: IntoIterator<Item = (N, BTreeSet<Bucket>)>>(columns: I) -> Self {
        let columns = columns.into_iter();
        let few = columns.filter(|(_, buckets)| buckets.len() <= MAX_BUCKETS);
        let few = few.map(|(column, buckets)| (column.into(), buckets));
        Self(few.take(MAX_KEY_COLUMNS).collect())
    }
}

/// The rows that a read depends on: those in these buckets of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) column: Box<str>,
    /// At most [`MAX_BUCKETS`].
    pub(crate) buckets: BTreeSet<Bucket>,
}

impl Key {
    /// May a write touch these rows?
    pub(super) fn meets(&self, written: &Buckets) -> bool {
        let known = written.get(&self.column);
        known.is_none_or(|known| !known.is_disjoint(&self.buckets))
    }
}

/// What a read of a table depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depends<'a> {
    pub(crate) changes: &'a Changes,
    /// `None`: on all rows.
    pub(crate) key: Option<&'a Key>,
}

impl<'a> From<&'a Changes> for Depends<'a> {
    fn from(changes: &'a Changes) -> Self {
        Self { changes, key: None }
    }
}

/// What proves that the rows of a keyed read are current. Either is enough, as each changes with every write that can
/// change the rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Proofs<P = Token> {
    /// The tokens that an unkeyed read depends on.
    pub(crate) table: P,
    /// `wide` of the column, and the tokens of the buckets. `None`: a bucket is missing, or may be.
    pub(crate) key: Option<P>,
}

impl<P: PartialEq> Proofs<P> {
    /// Are rows that were stored under these still current?
    pub(crate) fn hold(&self, now: &Self) -> bool {
        self.table == now.table || (self.key.is_some() && self.key == now.key)
    }
}
