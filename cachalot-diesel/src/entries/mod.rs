//! Entries, the cached results: lookup, storage, near cache and stampede protection.
//!
//! Executes the read half of the protocol: an entry is valid only under the current tokens of the
//! version records. Knows no SQL; rows are bytes.

mod entry;
mod fetch;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_checks;
mod keyed;
#[cfg(test)]
mod keyed_tests;
mod lookup;
mod near_cache;
mod remaining_ttl;
mod single_flight;
mod stampede;
mod validators;

use std::sync::Arc;

pub(crate) use entry::Entry;
pub(crate) use lookup::{FillPermit, Lookup};
pub(crate) use remaining_ttl::RemainingTtl;

use crate::{config::Config, fingerprint::Fingerprint, store::StoreClient, versions::VersionStore};

pub(crate) struct EntryStore {
    client: Arc<StoreClient>,
    versions: Arc<VersionStore>,
    config: Arc<Config>,
    near_cache: near_cache::NearCache,
    flights: single_flight::Flights,
}

impl EntryStore {
    pub(crate) fn new(
        config: &Arc<Config>,
        client: &Arc<StoreClient>,
        versions: &Arc<VersionStore>,
    ) -> Self {
        Self {
            near_cache: near_cache::NearCache::new(config.near_cache_bytes, config.max_staleness),
            flights: single_flight::Flights::default(),
            client: Arc::clone(client),
            versions: Arc::clone(versions),
            config: Arc::clone(config),
        }
    }

    /// The start of the fingerprint that is an entry's key.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.config.namespace, "entry")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::{Dependency, Epoch, Events, Records, Writes},
        rows::BlockWriter,
        store::MemoryStore,
    };

    fn stores() -> (Arc<VersionStore>, EntryStore) {
        let (config, store) = (Arc::default(), Arc::new(MemoryStore::new(1 << 20)));
        let client = Arc::new(StoreClient::new(store, None, Arc::default()));
        let versions = Arc::new(VersionStore::new(&config, &client));
        let entries = EntryStore::new(&config, &client, &versions);
        (versions, entries)
    }

    fn records<'a>(epoch: &'a Epoch, dependencies: &'a [Dependency]) -> Records<'a> {
        Records {
            epoch,
            all: dependencies,
            dependencies,
            members: &[],
            keys: &[],
        }
    }

    fn miss(found: Lookup) -> FillPermit {
        match found {
            Lookup::Miss(permit) => permit,
            other => panic!("nothing is stored yet: {other:?}"),
        }
    }

    fn store_no_rows(entries: &EntryStore, permit: &FillPermit) {
        let stored = entries.store(permit, &BlockWriter::default(), RemainingTtl::Forever);
        stored.unwrap();
    }

    #[test]
    fn an_entry_is_a_hit_until_its_table_is_written() {
        let (versions, entries) = stores();
        let users = [Dependency::new("cachalot", "users".into(), Events::ALL)];
        let epoch = versions.current_epoch(true).unwrap();
        let look = || entries.lookup("0a".to_owned(), records(&epoch, &users));
        let permit = miss(look());
        store_no_rows(&entries, &permit);
        assert!(matches!(look(), Lookup::Hit(..)));
        let write = Writes::table("users".into(), Events::UPDATE);
        versions.invalidate(&write).unwrap();
        assert!(matches!(look(), Lookup::Miss(_)));
    }

    #[test]
    fn rows_read_before_a_write_and_stored_after_it_are_a_miss() {
        let (versions, entries) = stores();
        let users = [Dependency::new("cachalot", "users".into(), Events::ALL)];
        let epoch = versions.current_epoch(true).unwrap();
        let look = || entries.lookup("0a".to_owned(), records(&epoch, &users));
        let permit = miss(look());
        let write = Writes::table("users".into(), Events::UPDATE);
        versions.invalidate(&write).unwrap();
        store_no_rows(&entries, &permit);
        assert!(matches!(look(), Lookup::Miss(_)));
    }

    #[test]
    fn c03_a_look_up_on_a_lagging_server_finds_entries_and_creates_nothing() {
        let (versions, entries) = stores();
        let users = [Dependency::new("cachalot", "users".into(), Events::ALL)];
        let epoch = versions.current_epoch(true).unwrap();
        let find = || entries.lookup_on_replica("0a".to_owned(), records(&epoch, &users));
        let is_none = |found| matches!(found, Lookup::Bypass(crate::BypassReason::Replica));
        assert!(is_none(find()));
        let version = || {
            let status = versions.table_status(["users".to_owned()].into_iter());
            status.unwrap()[0].version.clone()
        };
        assert_eq!(version(), None);
        let permit = miss(entries.lookup("0a".to_owned(), records(&epoch, &users)));
        store_no_rows(&entries, &permit);
        assert!(matches!(find(), Lookup::Hit(..)));
        let write = Writes::table("users".into(), Events::UPDATE);
        versions.invalidate(&write).unwrap();
        assert!(is_none(find()));
    }

    #[test]
    fn a_look_up_under_a_former_epoch_is_outdated() {
        let (versions, entries) = stores();
        let epoch = versions.current_epoch(true).unwrap();
        versions.invalidate(&Writes::Everything).unwrap();
        let found = entries.lookup("0a".to_owned(), records(&epoch, &[]));
        assert!(matches!(found, Lookup::Outdated));
    }
}
