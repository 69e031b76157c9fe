//! Counters of this process and the signal of an invalidation.

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

/// What one handle did in this process since it was built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reads answered from the cache.
    pub hits: u64,
    /// Of those, the ones whose rows were in this process already.
    pub near_hits: u64,
    /// Reads that asked the database because the cache had no valid entry.
    pub misses: u64,
    /// Results written to the store.
    pub stores: u64,
    /// Reads that went to the database and stored nothing, by
    /// [`BypassReason::name`](crate::BypassReason::name).
    pub bypasses: BTreeMap<&'static str, u64>,
    /// Invalidations published (a transaction's tables count as one).
    pub invalidations: u64,
    /// Commands that the store did not carry out.
    pub store_errors: u64,
    /// Times that a database's catalog could not be read: meanwhile nothing of it is cached.
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
            store_errors: get(&self.store_errors),
            catalog_errors: get(&self.catalog_errors),
            bytes_read: get(&self.bytes_read),
            bytes_written: get(&self.bytes_written),
        }
    }
}

/// Tables whose cached results have just become invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalidation {
    /// The tables, as they are compared (last component, lower case); `["*"]` for all.
    pub tables: Vec<String>,
    /// When, by this process's clock.
    pub at: SystemTime,
    /// Why.
    pub reason: InvalidationReason,
}

/// Why tables were invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidationReason {
    /// A statement or transaction that was seen to succeed.
    Write,
    /// A statement or transaction whose outcome is unknown: it may have succeeded.
    UnknownOutcome,
    /// `invalidate`, `invalidate_model` or `invalidate_all`.
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

    /// Calls them without holding the lock: a listener may add another.
    pub(crate) fn call(&self, invalidation: &Invalidation) {
        let listeners = self.0.read().clone();
        for listener in &listeners {
            listener(invalidation);
        }
    }
}
