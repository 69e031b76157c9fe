//! What a cached read depends on, and the keys of the version records.

use std::sync::Arc;

use super::{Events, Token};
use crate::fingerprint::Fingerprint;

/// The name of the epoch's records, which stand for all tables. No table can have this name.
pub(crate) const EPOCH: &str = "*";
/// The number of records of the epoch. Each read depends on one of them, which spreads the load over
/// the servers; invalidating everything changes them all.
pub(crate) const EPOCHS: usize = 8;

/// The tokens of all parts of the epoch.
pub(crate) type Epoch = [Token; EPOCHS];

/// A table that a read depends on, and the key of its version record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) table: Arc<str>,
    pub(crate) key: Arc<str>,
    /// The events on the table that invalidate the read.
    pub(crate) events: Events,
}

impl Dependency {
    pub(crate) fn new(namespace: &str, table: Arc<str>, events: Events) -> Self {
        let mut fingerprint = Fingerprint::new(namespace, "record");
        fingerprint.part(table.as_bytes());
        Self {
            key: fingerprint.finish().into(),
            table,
            events,
        }
    }

    /// One part of the epoch.
    pub(crate) fn epoch(namespace: &str, part: usize) -> Self {
        let mut fingerprint = Fingerprint::new(namespace, "epoch");
        fingerprint.number(part as u64);
        Self {
            key: fingerprint.finish().into(),
            table: EPOCH.into(),
            events: Events::ALL,
        }
    }
}

impl AsRef<str> for Dependency {
    fn as_ref(&self) -> &str {
        &self.table
    }
}
