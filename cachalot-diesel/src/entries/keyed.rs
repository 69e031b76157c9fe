//! The tables of which a read depends on certain rows.

use std::sync::Arc;

use crate::{
    protocol::{Dependency, DependencyKind, DependencyTokens, Key, Proofs, Records},
    versions::BucketItems,
};

/// A table of which a read depends on the rows in the buckets of a key.
pub(super) struct KeyedTable<'a> {
    pub(super) table: &'a Dependency,
    pub(super) key: &'a Key,
    pub(super) buckets: BucketItems,
    /// Those of its record.
    pub(super) tokens: Option<DependencyTokens>,
    /// The record has been read again, so the buckets have to be.
    pub(super) is_outdated: bool,
}

impl<'a> KeyedTable<'a> {
    /// Those of a read, in the order of its dependencies.
    pub(super) fn all(records: Records<'a>) -> Vec<Self> {
        if records.keys.is_empty() {
            return Vec::new();
        }
        let tables = records.dependencies.iter();
        let keyed = tables.filter_map(|table| Some(Self::new(table, key_of(table, records.keys)?)));
        keyed.collect()
    }

    fn new(table: &'a Dependency, key: &'a Key) -> Self {
        Self {
            table,
            key,
            buckets: BucketItems::new(table, key),
            tokens: None,
            is_outdated: false,
        }
    }

    pub(super) fn proofs(&self) -> Option<Proofs> {
        let tokens = self.tokens.as_ref()?;
        Some(tokens.proofs(self.key, &self.buckets.tokens()))
    }
}

/// A family has no keys: its record is that of many tables.
fn key_of<'a>(table: &Dependency, keys: &'a [(Arc<str>, Key)]) -> Option<&'a Key> {
    if table.kind != DependencyKind::Table {
        return None;
    }
    let mut keys = keys.iter();
    keys.find(|(name, _)| *name == table.table)
        .map(|(_, key)| key)
}
