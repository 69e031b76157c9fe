//! The names of the tables that have a version record, for `cachalot status`.
//!
//! Store keys are hashes, so the names are kept in an item of their own. Correctness does not depend
//! on it; if it is lost, it fills again as records are created.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use super::VersionStore;
use crate::{
    Error,
    fingerprint::Fingerprint,
    protocol::{Dependency, DependencyKind},
    store::{Command, Reply},
};

const MAX_LISTED_TABLES: usize = 10_000;
const MAX_CAS_ATTEMPTS: usize = 16;

pub(super) struct TableRegistry {
    key: String,
    listed: Mutex<BTreeSet<String>>,
}

impl TableRegistry {
    pub(super) fn new(namespace: &str) -> Self {
        let key = Fingerprint::new(namespace, "table_registry").finish();
        Self {
            key,
            listed: Mutex::default(),
        }
    }
}

impl VersionStore {
    /// Adds a table to the registry, once per process. Failures are ignored.
    pub(super) fn list_table(&self, table: &Dependency) {
        if table.kind != DependencyKind::Table || !self.first_time(&table.table) {
            return;
        }
        let key = &*self.registry.key;
        for _ in 0..MAX_CAS_ATTEMPTS {
            let (mut names, version) = match self.client.run(&[Command::Get { key }]).pop() {
                Some(Ok(Reply::Item { value, version })) => {
                    (self.names(&value).unwrap_or_default(), Some(version))
                }
                Some(Ok(Reply::Missing)) => (BTreeSet::new(), None),
                _ => return,
            };
            if names.len() >= MAX_LISTED_TABLES || !names.insert(table.table.to_string()) {
                return;
            }
            let json = serde_json::to_vec(&names).unwrap_or_default();
            let value = &*self.client.auth.sign_record(key, json);
            let command = match version {
                Some(version) => Command::CompareAndSwap {
                    key,
                    value,
                    ttl: None,
                    version,
                },
                None => Command::Add {
                    key,
                    value,
                    ttl: None,
                },
            };
            match self.client.run(&[command]).pop() {
                Some(Ok(Reply::Conflict | Reply::Missing)) => {}
                _ => return,
            }
        }
    }

    fn first_time(&self, table: &str) -> bool {
        let mut listed = self.registry.listed.lock();
        listed.len() < MAX_LISTED_TABLES && listed.insert(table.to_owned())
    }

    pub(super) fn listed_tables(&self) -> Result<BTreeSet<String>, Error> {
        let key = &*self.registry.key;
        match self.client.run(&[Command::Get { key }]).pop() {
            Some(Ok(Reply::Item { value, .. })) => Ok(self.names(&value).unwrap_or_default()),
            Some(Err(error)) => Err(error.into()),
            _ => Ok(BTreeSet::new()),
        }
    }

    fn names(&self, value: &[u8]) -> Option<BTreeSet<String>> {
        let json = self.client.auth.verify_record(&self.registry.key, value)?;
        serde_json::from_slice(json).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::{MemoryStore, Store as _};

    #[test]
    fn x04_a_corrupt_registry_is_empty() {
        let store = Arc::new(MemoryStore::new(1 << 20));
        let versions = VersionStore::with_store(store.clone());
        for bytes in [&b"["[..], b"[7]", b"{}", b"\xff", &[b'['; 1_000]] {
            let set = Command::Set {
                key: &versions.registry.key,
                value: bytes,
                ttl: None,
            };
            assert!(store.run(&[set])[0].is_ok());
            assert_eq!(versions.listed_tables().unwrap(), BTreeSet::new());
        }
    }
}
