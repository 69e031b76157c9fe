//! The near cache: copies of entries in this process, so that rows are not transferred again.
//!
//! A lookup still reads the version records: a copy is served only under their current tokens, as an
//! entry from the store is. With `max_staleness` the records are not read for that long after the
//! last time, unless this process writes.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use quick_cache::{Weighter, sync::Cache};

use super::entry::Entry;
use crate::clock::now_millis;

pub(super) struct NearCache {
    /// `None`: the near cache is off.
    entries: Option<Cache<String, Arc<LocalEntry>, WeighBytes>>,
    max_staleness: Duration,
}

impl fmt::Debug for NearCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.entries.as_ref().map(Cache::weight);
        f.debug_struct("NearCache").field("bytes", &bytes).finish()
    }
}

/// An entry, and when it was last known to be current.
pub(super) struct LocalEntry {
    entry: Arc<Entry>,
    /// When it expires; `None` is never.
    until: Option<Instant>,
    current: Mutex<FreshAsOf>,
}

/// The moment just before the version records were read.
#[derive(Debug, Clone, Copy)]
pub(super) struct FreshAsOf {
    /// Only with `max_staleness`: reading the clock is a good part of the cost of a hit.
    at: Option<Instant>,
    /// The count of `begin`s and `end`s of this process.
    writes: u64,
}

impl LocalEntry {
    pub(super) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The records, read after `asked`, have shown the entry's tokens.
    pub(super) fn confirm(&self, asked: FreshAsOf) {
        *self.current.lock() = asked;
    }
}

#[derive(Clone)]
struct WeighBytes;

impl Weighter<String, Arc<LocalEntry>> for WeighBytes {
    fn weight(&self, key: &String, local: &Arc<LocalEntry>) -> u64 {
        (key.len() + local.entry.weight() + size_of::<LocalEntry>() + size_of::<Entry>()) as u64
    }
}

impl NearCache {
    /// Keeps at most `bytes` bytes; 0 turns the near cache off.
    pub(super) fn new(bytes: usize, max_staleness: Duration) -> Self {
        /// The average size of an entry, from which the expected number of entries follows.
        const ESTIMATED_ENTRY_BYTES: usize = 4096;
        Self {
            entries: (bytes > 0).then(|| {
                Cache::with_weighter(
                    (bytes / ESTIMATED_ENTRY_BYTES).max(1),
                    bytes as u64,
                    WeighBytes,
                )
            }),
            max_staleness,
        }
    }

    /// Now; `writes` is the count of `begin`s and `end`s of this process.
    pub(super) fn moment(&self, writes: u64) -> FreshAsOf {
        let at = (!self.max_staleness.is_zero()).then(Instant::now);
        FreshAsOf { at, writes }
    }

    /// The entry of that key, unless it has expired.
    pub(super) fn get(&self, key: &str) -> Option<Arc<LocalEntry>> {
        let entries = self.entries.as_ref()?;
        let local = entries.get(key)?;
        if local.until.is_some_and(|until| until <= Instant::now()) {
            entries.remove(key);
            return None;
        }
        Some(local)
    }

    /// May the entry be served without reading the records?
    pub(super) fn is_fresh(&self, local: &LocalEntry, now: FreshAsOf) -> bool {
        let Some(now_at) = now.at else {
            return false;
        };
        let current = *local.current.lock();
        let age = current.at.map(|at| now_at.duration_since(at));
        current.writes == now.writes && age.is_some_and(|age| age < self.max_staleness)
    }

    /// Stores an entry that was current at or after `asked`.
    pub(super) fn keep(&self, key: &str, entry: &Arc<Entry>, asked: FreshAsOf) {
        if let Some(entries) = &self.entries {
            // From here on use the monotonic clock.
            let until = match entry.left(now_millis()) {
                None => None,
                Some(left) if left.is_zero() => return,
                Some(left) => Instant::now().checked_add(left),
            };
            let local = LocalEntry {
                entry: Arc::clone(entry),
                until,
                current: Mutex::new(asked),
            };
            entries.insert(key.to_owned(), Arc::new(local));
        }
    }

    pub(super) fn forget(&self, key: &str) {
        if let Some(entries) = &self.entries {
            entries.remove(key);
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.entries.is_some()
    }
}
