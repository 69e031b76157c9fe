//! Entries kept in this process as well, so that rows do not cross the wire again.
//!
//! A look-up still asks for the version records: an entry from here is served only under the very
//! tokens that they show now, as one from the store is. Where the user allows a staleness, that
//! question is left out for so long after the last answer; but for what this process itself writes.

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
    /// `None`: nothing is kept.
    entries: Option<Cache<String, Arc<LocalEntry>, ByBytes>>,
    max_staleness: Duration,
}

impl fmt::Debug for NearCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.entries.as_ref().map(Cache::weight);
        f.debug_struct("NearCache").field("bytes", &bytes).finish()
    }
}

/// An entry, and when it was last known to be of its tables' present states.
pub(super) struct LocalEntry {
    entry: Arc<Entry>,
    /// When it expires; `None` is never.
    until: Option<Instant>,
    current: Mutex<FreshAsOf>,
}

/// A point in the life of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct FreshAsOf {
    /// Only where staleness is allowed: to look at the clock is a good part of what a hit takes.
    at: Option<Instant>,
    /// How many times its writes had begun or ended.
    writes: u64,
}

impl LocalEntry {
    pub(super) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The records, asked after that moment, have shown the entry's tokens.
    pub(super) fn confirm(&self, asked: FreshAsOf) {
        *self.current.lock() = asked;
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<String, Arc<LocalEntry>> for ByBytes {
    fn weight(&self, key: &String, kept: &Arc<LocalEntry>) -> u64 {
        (key.len() + kept.entry.weight() + size_of::<LocalEntry>() + size_of::<Entry>()) as u64
    }
}

impl NearCache {
    /// Keeps at most so many bytes.
    pub(super) fn new(bytes: usize, max_staleness: Duration) -> Self {
        /// What an entry may weigh on average; says how many to expect.
        const USUAL: usize = 4096;
        Self {
            entries: (bytes > 0)
                .then(|| Cache::with_weighter((bytes / USUAL).max(1), bytes as u64, ByBytes)),
            max_staleness,
        }
    }

    /// Now; `writes` is how many times those of this process have begun or ended.
    pub(super) fn moment(&self, writes: u64) -> FreshAsOf {
        let at = (!self.max_staleness.is_zero()).then(Instant::now);
        FreshAsOf { at, writes }
    }

    /// The entry of that key, unless its time to live has ended.
    pub(super) fn get(&self, key: &str) -> Option<Arc<LocalEntry>> {
        let entries = self.entries.as_ref()?;
        let kept = entries.get(key)?;
        if kept.until.is_some_and(|until| until <= Instant::now()) {
            entries.remove(key);
            return None;
        }
        Some(kept)
    }

    /// May the entry be served without asking the records?
    pub(super) fn is_fresh(&self, kept: &LocalEntry, now: FreshAsOf) -> bool {
        let Some(now_at) = now.at else {
            return false;
        };
        let current = *kept.current.lock();
        let age = current.at.map(|at| now_at.duration_since(at));
        current.writes == now.writes && age.is_some_and(|age| age < self.max_staleness)
    }

    /// Keeps an entry that is of the records' states after that moment.
    pub(super) fn keep(&self, key: &str, entry: &Arc<Entry>, asked: FreshAsOf) {
        if let Some(entries) = &self.entries {
            // From here on the clock that cannot be set decides.
            let until = match entry.left(now_millis()) {
                None => None,
                Some(left) if left.is_zero() => return,
                Some(left) => Instant::now().checked_add(left),
            };
            let kept = LocalEntry {
                entry: Arc::clone(entry),
                until,
                current: Mutex::new(asked),
            };
            entries.insert(key.to_owned(), Arc::new(kept));
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
