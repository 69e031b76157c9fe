//! What a cached read depends on, and the keys of the version records.

use std::sync::Arc;

use super::{Bucket, Changes, Depends, Families, Key, Token};
use crate::fingerprint::Fingerprint;

/// The name of the epoch's records, which every read depends on. No table can have this name.
pub(crate) const EPOCH: &str = "*";
/// The number of records of the epoch. Each read depends on one of them, which spreads the load over
/// the servers. Invalidating everything changes all of them.
pub(crate) const EPOCH_PARTS: usize = 8;

/// The tokens of all parts of the epoch.
pub(crate) type Epoch = [Token; EPOCH_PARTS];

/// What a version record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DependencyKind {
    Table,
    /// All tables.
    Epoch,
    /// The members of a family; its name is that of the parent.
    Family,
}

/// A table that a read depends on, and the key of its version record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) kind: DependencyKind,
    pub(crate) table: Arc<str>,
    pub(crate) key: Arc<str>,
    /// The changes of the table that invalidate the read.
    pub(crate) changes: Changes,
}

impl Dependency {
    pub(crate) fn new(namespace: &str, table: Arc<str>, changes: impl Into<Changes>) -> Self {
        let mut fingerprint = Fingerprint::new(namespace, "record");
        fingerprint.part(table.as_bytes());
        Self {
            kind: DependencyKind::Table,
            key: fingerprint.finish().into(),
            table,
            changes: changes.into(),
        }
    }

    /// One part of the epoch.
    pub(crate) fn epoch(namespace: &str, part: usize) -> Self {
        let mut fingerprint = Fingerprint::new(namespace, "epoch");
        fingerprint.number(part as u64);
        Self {
            kind: DependencyKind::Epoch,
            key: fingerprint.finish().into(),
            table: EPOCH.into(),
            changes: Changes::ALL,
        }
    }

    /// All members of the family of that parent.
    pub(crate) fn family(namespace: &str, parent: &str) -> Self {
        let mut fingerprint = Fingerprint::new(namespace, "family");
        fingerprint.part(parent.as_bytes());
        Self {
            kind: DependencyKind::Family,
            key: fingerprint.finish().into(),
            table: parent.into(),
            changes: Changes::ALL,
        }
    }

    /// What a read depends on that depends on the rows of `key`, or on all.
    pub(crate) fn depends<'a>(&'a self, key: Option<&'a Key>) -> Depends<'a> {
        let changes = &self.changes;
        Depends { changes, key }
    }

    /// The key of the item of a bucket: in the group of the record, so that the store keeps the order of commands on
    /// both. 64 bits are enough, as buckets with the same key are invalidated together.
    pub(crate) fn bucket(&self, column: &str, bucket: Bucket) -> String {
        let mut fingerprint = Fingerprint::new("", "item of a bucket");
        fingerprint.part(column.as_bytes());
        fingerprint.number(bucket.into());
        let digest = fingerprint.to_digest();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        let short = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        format!("{}:{short:016x}", self.key)
    }
}

impl AsRef<str> for Dependency {
    fn as_ref(&self) -> &str {
        &self.table
    }
}

/// Dependencies in which a family replaces its members.
#[derive(Debug)]
pub(crate) struct ByFamily {
    pub(crate) dependencies: Vec<Dependency>,
    /// The members that are replaced, and all their families.
    pub(crate) members: Vec<(Dependency, Families)>,
}

/// The version records that decide whether an entry is valid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Records<'a> {
    /// The epoch from whose catalog the dependencies were computed.
    pub(crate) epoch: &'a Epoch,
    /// All dependencies, without families.
    pub(crate) all: &'a [Dependency],
    /// Those that are looked up, in which families replace their members.
    pub(crate) dependencies: &'a [Dependency],
    /// The members that are replaced by families, and all families of each.
    pub(crate) members: &'a [(Dependency, Families)],
    /// By table, the rows that the read depends on where they are known; on all rows of the other tables.
    pub(crate) keys: &'a [(Arc<str>, Key)],
}

/// The result of comparing a catalog with those of other processes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CatalogComparison {
    /// No other process has loaded a different catalog.
    pub(crate) same: bool,
    pub(crate) families: FamilyListing,
}

/// Whether the families of a catalog are in the list of families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FamilyListing {
    /// There are none, or too many to list.
    Unlisted,
    /// All are in the list, and its id is in the epoch.
    Announced,
    /// All are in the list, but its new id is not in the epoch yet.
    New(Token),
}
