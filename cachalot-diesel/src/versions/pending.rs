//! Pending invalidations: those that the store did not accept. A background thread sends them once
//! the store answers. Until then this process bypasses the cache for their tables.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use super::VersionStore;
use crate::{
    Error,
    background::{self, Backoff},
    events::{self, Names},
    protocol::{Changes, Dependency, EPOCH, Token},
    store::StoreError,
};

/// If more tables than this are pending, everything is invalidated instead.
const MAX_PENDING_TABLES: usize = 10_000;
/// A pending invalidation removes at most this many writers from its record. The leases of any
/// others have to expire.
const MAX_PENDING_WRITERS: usize = 100;
/// How long the flusher waits between two attempts. The store client fails fast in the meantime.
const RETRY: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_millis(200));

#[derive(Debug, Default)]
pub(super) struct PendingInvalidations {
    /// Whether anything is pending; saves the lock in the usual case.
    any: AtomicBool,
    tables: Mutex<PendingTables>,
    /// Notified after each flush.
    flushed: Condvar,
}

#[derive(Debug, Default)]
struct PendingTables {
    tables: BTreeMap<String, PendingInvalidation>,
    /// The last `PendingInvalidation::number` given out.
    last_number: u64,
    /// A flusher thread is running.
    flushing: bool,
}

/// The change that a table's record has yet to receive.
#[derive(Debug, Clone)]
pub(super) struct PendingInvalidation {
    pub(super) changes: Changes,
    /// Writes that have ended but that the record may still list as in flight.
    pub(super) writers: Vec<Token>,
    /// Changes whenever the invalidation grows, so that a flush does not remove more than it sent.
    number: u64,
}

impl PendingTables {
    fn has_any_of<'a>(&self, mut tables: impl Iterator<Item = &'a Dependency>) -> bool {
        self.tables.contains_key(EPOCH)
            || tables.any(|table| self.tables.contains_key(&*table.table))
    }

    fn add(&mut self, table: &str, changes: &Changes, writer: Token) {
        self.last_number += 1;
        let pending_table = self
            .tables
            .entry(table.to_owned())
            .or_insert(PendingInvalidation {
                changes: Changes::NONE,
                writers: Vec::new(),
                number: 0,
            });
        pending_table.number = self.last_number;
        pending_table.changes.merge(changes);
        if pending_table.writers.len() < MAX_PENDING_WRITERS {
            pending_table.writers.push(writer);
        }
        if self.tables.len() > MAX_PENDING_TABLES {
            self.tables.clear();
            let all = PendingInvalidation {
                changes: Changes::ALL,
                writers: Vec::new(),
                number: self.last_number,
            };
            self.tables.insert(EPOCH.to_owned(), all);
        }
    }
}

impl Drop for PendingInvalidations {
    /// These will never be sent: remove them from the gauge.
    fn drop(&mut self) {
        events::pending(self.tables.lock().tables.len(), 0);
    }
}

impl VersionStore {
    /// Is an invalidation of any of these tables pending?
    ///
    /// Only the flusher sends; a read does not wait for it.
    pub(crate) fn is_pending(self: &Arc<Self>, dependencies: &[Dependency]) -> bool {
        let queue = &self.pending;
        if !queue.any.load(Ordering::Acquire) {
            return false;
        }
        let mut pending = queue.tables.lock();
        if !self.ensure_flusher(&mut pending) {
            drop(pending);
            // The thread could not be started: flush here.
            self.flush_pending();
            pending = queue.tables.lock();
        }
        pending.has_any_of(dependencies.iter())
    }

    /// Queues the invalidations of write `writer` that the store did not accept.
    ///
    /// # Errors
    /// [`Error::Undelivered`] if there are any.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        writer: Token,
        failed: &[(Dependency, Changes, StoreError)],
    ) -> Result<(), Error> {
        let Some((_, _, source)) = failed.first() else {
            return Ok(());
        };
        let mut pending = self.pending.tables.lock();
        let before = pending.tables.len();
        for (table, changes, _) in failed {
            pending.add(&table.table, changes, writer);
        }
        events::pending(before, pending.tables.len());
        self.pending.any.store(true, Ordering::Release);
        self.ensure_flusher(&mut pending);
        drop(pending);
        let tables: Vec<_> = failed.iter().map(|(table, ..)| &*table.table).collect();
        let tables = Names(&tables).to_string();
        events::undelivered(&tables, source);
        Err(Error::Undelivered {
            tables,
            source: source.clone(),
        })
    }

    /// Waits until no invalidation of these tables is pending. Returns `false` on timeout.
    pub(super) fn wait_until_flushed(
        &self,
        limit: Duration,
        failed: &[(Dependency, Changes, StoreError)],
    ) -> bool {
        let queue = &self.pending;
        let tables = || failed.iter().map(|(table, ..)| table);
        let mut pending = queue.tables.lock();
        let waited = queue.flushed.wait_while_for(
            &mut pending,
            |pending| pending.has_any_of(tables()),
            limit,
        );
        !waited.timed_out()
    }

    /// Sends what is pending, table by table, as a server that is down must not delay what others
    /// accept. Returns whether anything was delivered.
    fn flush_pending(&self) -> bool {
        let queue = &self.pending;
        // Do not hold the lock while waiting for the store.
        let due = queue.tables.lock().tables.clone();
        let mut flushed = Vec::new();
        for (table, pending_table) in due {
            if self.flush_table(&table, &pending_table).is_ok() {
                flushed.push((table, pending_table.number));
            }
        }
        let delivered = !flushed.is_empty();
        let mut pending = queue.tables.lock();
        let before = pending.tables.len();
        flushed.retain(|(table, number)| {
            let unchanged = |pending_table: &PendingInvalidation| pending_table.number == *number;
            pending.tables.get(table).is_some_and(unchanged)
                && pending.tables.remove(table).is_some()
        });
        events::pending(before, pending.tables.len());
        queue
            .any
            .store(!pending.tables.is_empty(), Ordering::Release);
        drop(pending);
        queue.flushed.notify_all();
        if !flushed.is_empty() {
            let tables: Vec<_> = flushed.iter().map(|(table, _)| table).collect();
            events::delivered(Names(&tables));
        }
        delivered
    }

    /// Starts the flusher thread if it is not running: pending invalidations must be sent even if
    /// this process neither reads nor writes again. Returns whether it is running.
    fn ensure_flusher(self: &Arc<Self>, pending: &mut PendingTables) -> bool {
        if pending.flushing {
            return true;
        }
        let mut retry = RETRY;
        let flush = move |versions: &Arc<Self>| {
            if versions.flush_pending() {
                retry.reset();
            } else {
                retry.lengthen();
            }
            let mut pending = versions.pending.tables.lock();
            pending.flushing = !pending.tables.is_empty();
            pending.flushing.then(|| retry.pause())
        };
        pending.flushing = background::repeat("cachalot-pending", self, RETRY.pause(), flush);
        pending.flushing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> Token {
        Token::from_bytes([number; Token::LEN])
    }

    #[test]
    fn too_many_pending_tables_become_all_tables() {
        let mut pending = PendingTables::default();
        for table in 0..=MAX_PENDING_TABLES {
            pending.add(&format!("t{table}"), &Changes::ALL, id(1));
        }
        assert_eq!(pending.tables.keys().collect::<Vec<_>>(), [EPOCH]);
        let anything = Dependency::new("", "never written".into(), Changes::ALL);
        assert!(pending.has_any_of([&anything].into_iter()));
    }

    #[test]
    fn a_pending_invalidation_keeps_a_limited_number_of_writers() {
        let mut pending = PendingTables::default();
        for _ in 0..MAX_PENDING_WRITERS * 2 {
            pending.add("posts", &Changes::ALL, id(1));
        }
        assert_eq!(pending.tables["posts"].writers.len(), MAX_PENDING_WRITERS);
    }

    #[test]
    fn a_pending_invalidation_that_grows_gets_another_number() {
        let mut pending = PendingTables::default();
        pending.add("posts", &Changes::ALL, id(1));
        let before = pending.tables["posts"].number;
        pending.add("posts", &Changes::ALL, id(2));
        assert_ne!(pending.tables["posts"].number, before);
        assert_eq!(pending.tables["posts"].writers, [id(1), id(2)]);
    }
}
