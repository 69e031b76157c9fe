//! The components of one cache, and the operations that involve several of them.

mod epochs;
mod installation;

use std::sync::Arc;

pub(crate) use installation::{installed, publish, set_installed};

use crate::{
    Error, OnOutage,
    config::Config,
    entries::EntryStore,
    events,
    planner::Planner,
    protocol::{RowWrites, WriteOutcome, Writes},
    stats::Counters,
    store::{Store, StoreClient},
    versions::{Origin, VersionStore, Write},
};

/// The inside of a [`Cachalot`](crate::Cachalot). Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cache(Arc<Components>);

struct Components {
    config: Arc<Config>,
    client: Arc<StoreClient>,
    counters: Arc<Counters>,
    versions: Arc<VersionStore>,
    entries: EntryStore,
    planner: Planner,
    installation: installation::Installation,
}

impl Cache {
    pub(crate) fn new(config: Config, store: Arc<dyn Store>) -> Self {
        events::describe();
        let config = Arc::new(config);
        let counters = Arc::new(Counters::default());
        let client = StoreClient::new(store, config.secret.as_deref(), Arc::clone(&counters));
        let client = Arc::new(client);
        let versions = Arc::new(VersionStore::new(&config, &client));
        let epochs = Box::new(epochs::Epochs(Arc::clone(&versions)));
        Self(Arc::new(Components {
            entries: EntryStore::new(&config, &client, &versions),
            planner: Planner::new(&config, &counters, epochs),
            installation: installation::Installation::default(),
            config,
            client,
            counters,
            versions,
        }))
    }

    /// Are the two the same cache?
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// The store's URL without credentials, or the description that a custom store gives.
    pub(crate) fn store_name(&self) -> String {
        self.0.client.describe()
    }

    pub(crate) fn versions(&self) -> &Arc<VersionStore> {
        &self.0.versions
    }

    pub(crate) fn entries(&self) -> &EntryStore {
        &self.0.entries
    }

    pub(crate) fn planner(&self) -> &Planner {
        &self.0.planner
    }

    /// Announces a write; see [`VersionStore::begin`].
    pub(crate) fn begin(&self, writes: &RowWrites, origin: Origin<'_>) -> Write {
        let catalog = origin
            .database
            .and_then(|it| self.0.planner.newest_catalog(it));
        let origin = Origin {
            catalog: catalog.as_deref(),
            ..origin
        };
        self.0.versions.begin(writes, origin)
    }

    /// Ends a write; see [`VersionStore::end`].
    pub(crate) fn end(&self, write: Write, outcome: WriteOutcome) -> Result<(), Error> {
        self.0.versions.end(write, outcome)
    }

    /// Are writes refused that cannot be announced to the store?
    pub(crate) fn fails_on_outage(&self) -> bool {
        self.0.config.on_outage == OnOutage::Fail
    }

    /// Has this cache ever been installed?
    pub(crate) fn was_installed(&self) -> bool {
        self.0.installation.was_installed()
    }

    /// Are there connections in this process whose writes this cache does not see?
    pub(crate) fn misses_writes(&self) -> bool {
        self.0.installation.misses_writes()
    }

    /// Diesel's default instrumentation is no longer the library's. This is permanent: connections
    /// opened in the meantime stay unwatched even if the default is restored.
    pub(crate) fn default_replaced(&self) {
        if self.0.installation.default_replaced() {
            events::default_replaced();
            self.invalidate_unseen_writes();
        }
    }

    /// A connection was found that is not watched and that the library cannot watch by itself. Holds
    /// until the program calls `watch`.
    pub(crate) fn found_unwatched(&self) {
        if self.0.installation.found_unwatched() {
            self.invalidate_unseen_writes();
        }
    }

    /// A connection that was not watched is watched from now on. `replaced`: it was watched earlier.
    pub(crate) fn watched_again(&self, replaced: bool) {
        // Invalidate first, so that no old entry is served in between.
        let missed = self.0.installation.has_unwatched();
        if missed || replaced {
            self.invalidate_unseen_writes();
        }
        if missed {
            self.0.installation.all_watched();
        }
    }

    /// Writes that were not seen may have changed anything.
    fn invalidate_unseen_writes(&self) {
        // If the store does not accept it, it is pending, and reads bypass the cache until then.
        let _ = self.versions().invalidate(&Writes::Everything);
    }
}
