//! What a cached read depends on, and under which keys the version records stand.

use std::sync::Arc;

use super::{Events, Token};
use crate::fingerprint::Fingerprint;

/// The name of the records that stand for every table. No table can have it.
pub(crate) const EPOCH: &str = "*";
/// Into how many records the epoch is split. Each read looks at one of them, so that no server of
/// several is asked for all; whoever invalidates everything changes them all.
pub(crate) const EPOCHS: usize = 8;

/// The tokens of all parts of the epoch.
pub(crate) type Epoch = [Token; EPOCHS];

/// A table that a read depends on, and the key of its version record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) table: Arc<str>,
    pub(crate) key: Arc<str>,
    /// Which of the table's changes matter.
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
