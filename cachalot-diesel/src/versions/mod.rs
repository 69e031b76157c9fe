//! The version records: the current state of each table, and its writes in flight.
//!
//! Executes the write half of the protocol: [`VersionStore::begin`] before a change can be visible,
//! [`VersionStore::end`] after it. What the store did not accept is sent again. Knows neither SQL
//! nor rows.

mod announced;
mod buckets;
mod epoch;
mod families;
mod family_list;
mod lease;
mod pending;
mod primary_claims;
mod records;
mod shared_catalogs;
mod status;
mod table_registry;
mod write;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub(crate) use announced::Origin;
pub(crate) use buckets::BucketItems;
pub(crate) use primary_claims::ClaimOutcome;
pub use status::TableStatus;
pub(crate) use write::Write;

use crate::{
    config::Config,
    protocol::{Dependency, EPOCH_PARTS, Events, Token},
    stats::Listeners,
    store::{StoreClient, StoreError},
};

pub(crate) struct VersionStore {
    client: Arc<StoreClient>,
    config: Arc<Config>,
    pub(crate) epochs: [Dependency; EPOCH_PARTS],
    announced: announced::Announced,
    pending: pending::PendingInvalidations,
    registry: table_registry::TableRegistry,
    leases: lease::Leases,
    /// Counts the `begin`s and `end`s of this process.
    writes: AtomicU64,
    pub(crate) listeners: Listeners,
}

impl VersionStore {
    pub(crate) fn new(config: &Arc<Config>, client: &Arc<StoreClient>) -> Self {
        let namespace = &config.namespace;
        Self {
            epochs: std::array::from_fn(|part| Dependency::epoch(namespace, part)),
            announced: announced::Announced::new(),
            pending: pending::PendingInvalidations::default(),
            registry: table_registry::TableRegistry::new(namespace),
            leases: lease::Leases::default(),
            writes: AtomicU64::new(0),
            listeners: Listeners::default(),
            client: Arc::clone(client),
            config: Arc::clone(config),
        }
    }

    pub(crate) fn dependency(&self, table: &str) -> Dependency {
        Dependency::new(&self.config.namespace, Arc::from(table), Events::ALL)
    }

    /// How many writes of this process have begun, plus how many have ended.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }
}

fn fresh_token() -> Result<Token, StoreError> {
    Token::random().map_err(|error| StoreError::Unavailable(format!("no random numbers: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::{RowWrites, WriteOutcome, Writes},
        store::{MemoryStore, Store},
    };

    impl VersionStore {
        pub(super) fn with_store(store: Arc<dyn Store>) -> Arc<Self> {
            let client = StoreClient::new(store, None, Arc::default());
            Arc::new(Self::new(&Arc::default(), &Arc::new(client)))
        }
    }

    fn version(versions: &VersionStore, table: &str) -> (Option<String>, usize) {
        let status = versions
            .table_status([table.to_owned()].into_iter())
            .unwrap();
        (status[0].version.clone(), status[0].writers_in_flight)
    }

    #[test]
    fn only_a_successful_write_changes_the_version() {
        let versions = VersionStore::with_store(Arc::new(MemoryStore::new(1 << 20)));
        let writes = Writes::table("users".into(), Events::ALL);
        versions.invalidate(&writes).unwrap();
        let (before, in_flight) = version(&versions, "users");
        assert!(before.is_some() && in_flight == 0);

        let write = versions.begin(&RowWrites::from(&writes), Origin::default());
        assert_eq!(version(&versions, "users"), (before.clone(), 1));
        versions.end(write, WriteOutcome::Failure).unwrap();
        assert_eq!(version(&versions, "users"), (before.clone(), 0));

        let write = versions.begin(&RowWrites::from(&writes), Origin::default());
        versions.end(write, WriteOutcome::Success).unwrap();
        let (after, in_flight) = version(&versions, "users");
        assert!(after != before && in_flight == 0);
    }

    #[test]
    fn invalidating_everything_changes_the_epoch() {
        let versions = VersionStore::with_store(Arc::new(MemoryStore::new(1 << 20)));
        let epoch = versions.current_epoch(true).unwrap();
        assert!(versions.is_current(&epoch));
        versions.invalidate(&Writes::Everything).unwrap();
        assert!(!versions.is_current(&epoch));
    }
}
