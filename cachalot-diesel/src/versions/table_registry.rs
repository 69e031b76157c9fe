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
};

const MAX_LISTED_TABLES: usize = 10_000;

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
        // If this fails, the table is only missing from the list.
        let _ = self.client.update_json(&self.registry.key, |names| {
            let mut names: BTreeSet<String> = names.unwrap_or_default();
            let new = names.len() < MAX_LISTED_TABLES && names.insert(table.table.to_string());
            Ok(new.then_some(names))
        });
    }

    fn first_time(&self, table: &str) -> bool {
        let mut listed = self.registry.listed.lock();
        listed.len() < MAX_LISTED_TABLES && listed.insert(table.to_owned())
    }

    pub(super) fn listed_tables(&self) -> Result<BTreeSet<String>, Error> {
        let (names, _) = self.client.read_json(&self.registry.key)?;
        Ok(names.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::{Command, MemoryStore, Store as _};

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
