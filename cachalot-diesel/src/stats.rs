//! Counters of this process, and listeners for invalidations.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use parking_lot::{Mutex, RwLock};

/// The counters of a handle and its clones in this process, since it was built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reads answered from the cache.
    pub hits: u64,
    /// Hits that were answered from the near cache. Included in `hits`.
    pub near_hits: u64,
    /// Reads that queried the database because the cache had no valid entry.
    pub misses: u64,
    /// Results written to the store.
    pub stores: u64,
    /// Reads that went to the database and stored nothing, by
    /// [`BypassReason::name`](crate::BypassReason::name).
    pub bypasses: BTreeMap<&'static str, u64>,
    /// Invalidations. A transaction counts as one, whatever the number of tables.
    pub invalidations: u64,
    /// Invalidations of all results that depend on a table, or on any. The others are updates of known
    /// columns, which leave the results that do not use these, and writes of known rows. Included in
    /// `invalidations`.
    pub wide_invalidations: u64,
    /// Invalidations by writes of which all rows were known, in all tables: by the values of a key column.
    /// They leave the results that depend on other values. Included in `invalidations`.
    pub keyed_invalidations: u64,
    /// Store commands that failed.
    pub store_errors: u64,
    /// Failed attempts to read a database's catalog. Until it can be read, nothing of that database
    /// is cached.
    pub catalog_errors: u64,
    /// Bytes of entries read from the store.
    pub bytes_read: u64,
    /// Bytes of entries written to the store.
    pub bytes_written: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) near_hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) stores: AtomicU64,
    pub(crate) invalidations: AtomicU64,
    pub(crate) wide_invalidations: AtomicU64,
    pub(crate) keyed_invalidations: AtomicU64,
    pub(crate) store_errors: AtomicU64,
    pub(crate) catalog_errors: AtomicU64,
    pub(crate) bytes_read: AtomicU64,
    pub(crate) bytes_written: AtomicU64,
    bypasses: Mutex<BTreeMap<&'static str, u64>>,
}

pub(crate) fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(amount as u64, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn bypass(&self, reason: &'static str) {
        let mut bypasses = self.bypasses.lock();
        *bypasses.entry(reason).or_default() += 1;
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            hits: get(&self.hits),
            near_hits: get(&self.near_hits),
            misses: get(&self.misses),
            stores: get(&self.stores),
            bypasses: self.bypasses.lock().clone(),
            invalidations: get(&self.invalidations),
            wide_invalidations: get(&self.wide_invalidations),
            keyed_invalidations: get(&self.keyed_invalidations),
            store_errors: get(&self.store_errors),
            catalog_errors: get(&self.catalog_errors),
            bytes_read: get(&self.bytes_read),
            bytes_written: get(&self.bytes_written),
        }
    }
}

/// An invalidation of tables; see [`Cachalot::on_invalidation`](crate::Cachalot::on_invalidation).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalidation {
    /// The normalised names of the tables (last component, lower case); `["*"]` for all.
    pub tables: Vec<String>,
    /// The time by this machine's clock.
    pub at: SystemTime,
    /// The reason.
    pub reason: InvalidationReason,
}

/// Why tables were invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidationReason {
    /// A statement or transaction succeeded.
    Write,
    /// A statement or transaction ended with an unknown outcome, so it may have succeeded.
    UnknownOutcome,
    /// The program called `invalidate`, `invalidate_model` or `invalidate_all`.
    Requested,
}

impl InvalidationReason {
    /// A stable short name, for events and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Requested => "requested",
        }
    }
}

type Listener = Arc<dyn Fn(&Invalidation) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Listeners(RwLock<Vec<Listener>>);

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").finish_non_exhaustive()
    }
}

impl Listeners {
    pub(crate) fn add(&self, listener: Listener) {
        self.0.write().push(listener);
    }

    /// Does not hold the lock during the calls: a listener may add another.
    pub(crate) fn call(&self, invalidation: &Invalidation) {
        let listeners = self.0.read().clone();
        for listener in &listeners {
            listener(invalidation);
        }
    }
}
