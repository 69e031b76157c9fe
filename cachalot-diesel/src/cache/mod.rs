//! The components of one cache, and what concerns several of them.

mod epochs;
mod installed;
mod reliance;

use std::sync::Arc;

pub(crate) use installed::{installed, set_installed};

use crate::{
    Error,
    config::Config,
    entries::EntryStore,
    events,
    planner::Planner,
    protocol::Writes,
    stats::Counters,
    store::{Store, StoreClient},
    versions::{Origin, Outcome, VersionStore, Write},
};

/// What a [`Cachalot`](crate::Cachalot) is inside the library. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cache(Arc<Components>);

struct Components {
    config: Arc<Config>,
    client: Arc<StoreClient>,
    counters: Arc<Counters>,
    versions: Arc<VersionStore>,
    entries: EntryStore,
    planner: Planner,
    reliance: reliance::Reliance,
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
            reliance: reliance::Reliance::default(),
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

    /// The store as its URL, or as it calls itself; without credentials.
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
    pub(crate) fn begin(&self, writes: &Writes, origin: Origin<'_>) -> Write {
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
    pub(crate) fn end(&self, write: Write, outcome: Outcome) -> Result<(), Error> {
        self.0.versions.end(write, outcome)
    }

    /// Was it installed, now or earlier?
    pub(crate) fn was_installed(&self) -> bool {
        self.0.reliance.was_installed()
    }

    /// Are there connections in this process whose writes it does not see?
    pub(crate) fn misses_writes(&self) -> bool {
        self.0.reliance.misses_writes()
    }

    /// Diesel's default instrumentation is not the library's any more. For good: connections that
    /// were opened meanwhile stay unwatched when the default is put back.
    pub(crate) fn default_replaced(&self) {
        if self.0.reliance.default_replaced() {
            events::default_replaced();
            self.forget_unseen_writes();
        }
    }

    /// A connection was found that is not watched and cannot be: until it is `watch`ed.
    pub(crate) fn found_unwatched(&self) {
        if self.0.reliance.found_unwatched() {
            self.forget_unseen_writes();
        }
    }

    /// A connection is watched that was not, although it may have been once (`replaced`).
    pub(crate) fn watched_again(&self, replaced: bool) {
        // Invalidated first: nobody may be given an old entry in between.
        let missed = self.0.reliance.has_unwatched();
        if missed || replaced {
            self.forget_unseen_writes();
        }
        if missed {
            self.0.reliance.all_watched();
        }
    }

    /// What was written unseen may be anything.
    fn forget_unseen_writes(&self) {
        // What the store does not take is delivered later, and bypassed until then.
        let _ = self.versions().invalidate(&Writes::Everything);
    }
}
