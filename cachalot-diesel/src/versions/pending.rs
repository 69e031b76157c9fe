//! Invalidations that the store has not taken yet: kept, delivered by a thread of their own as soon
//! as the store answers, bypassed meanwhile.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use super::VersionStore;
use crate::{
    Error,
    events::{self, Names},
    protocol::{Dependency, EPOCH, Events, Token},
    store::StoreError,
};

/// Beyond this many tables all of them are pending together.
const MOST: usize = 10_000;
/// Beyond this many, the writers that a pending invalidation would take out of its record are left to their leases.
const MOST_WRITERS: usize = 100;
/// How long the flusher waits between two attempts; the store itself fails fast meanwhile.
const PAUSE: Duration = Duration::from_millis(50);
/// What the pause grows to while nothing can be delivered.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct PendingInvalidations {
    /// Lets the usual case cost one load.
    any: AtomicBool,
    tables: Mutex<PendingTables>,
    /// Told when pending invalidations were sent.
    flushed: Condvar,
}

#[derive(Debug, Default)]
struct PendingTables {
    tables: BTreeMap<String, PendingInvalidation>,
    /// The number of the newest pending invalidation.
    newest: u64,
    /// A thread delivers.
    flushing: bool,
}

/// What a table's record has yet to be told.
#[derive(Debug, Clone)]
pub(super) struct PendingInvalidation {
    pub(super) events: Events,
    /// Writes that may stand in the record as being in flight, and are not.
    pub(super) writers: Vec<Token>,
    /// A pending invalidation that grew while it was being sent has another number than the one that was sent.
    number: u64,
}

impl PendingTables {
    fn has_any_of<'a>(&self, mut tables: impl Iterator<Item = &'a Dependency>) -> bool {
        self.tables.contains_key(EPOCH)
            || tables.any(|table| self.tables.contains_key(&*table.table))
    }

    fn add(&mut self, table: &str, events: Events, writer: Token) {
        self.newest += 1;
        let pending_table = self
            .tables
            .entry(table.to_owned())
            .or_insert(PendingInvalidation {
                events,
                writers: Vec::new(),
                number: 0,
            });
        pending_table.number = self.newest;
        pending_table.events = pending_table.events.or(events);
        if pending_table.writers.len() < MOST_WRITERS {
            pending_table.writers.push(writer);
        }
        if self.tables.len() > MOST {
            self.tables.clear();
            let all = PendingInvalidation {
                events: Events::ALL,
                writers: Vec::new(),
                number: self.newest,
            };
            self.tables.insert(EPOCH.to_owned(), all);
        }
    }
}

impl Drop for PendingInvalidations {
    /// What goes with its cache is pending no more, for nobody will pay it.
    fn drop(&mut self) {
        events::pending(self.tables.lock().tables.len(), 0);
    }
}

impl VersionStore {
    /// Is an invalidation of any of these tables pending?
    ///
    /// A read does not pay what writes owe: that is the flusher's work.
    pub(crate) fn is_pending(self: &Arc<Self>, dependencies: &[Dependency]) -> bool {
        let queue = &self.pending;
        if !queue.any.load(Ordering::Acquire) {
            return false;
        }
        let mut pending = queue.tables.lock();
        if !self.ensure_flusher(&mut pending) {
            drop(pending);
            // The system has no thread to spare.
            self.flush_pending();
            pending = queue.tables.lock();
        }
        pending.has_any_of(dependencies.iter())
    }

    /// Remembers what the store did not take of the write of that id.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        writer: Token,
        failed: &[(Dependency, Events, StoreError)],
    ) -> Result<(), Error> {
        let Some((_, _, source)) = failed.first() else {
            return Ok(());
        };
        let mut pending = self.pending.tables.lock();
        let before = pending.tables.len();
        for (table, events, _) in failed {
            pending.add(&table.table, *events, writer);
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

    /// Waits until nothing of these tables is pending; whether that came to pass within the time.
    pub(super) fn delivered_within(
        &self,
        limit: Duration,
        failed: &[(Dependency, Events, StoreError)],
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

    /// Delivers what is pending, as far as the store takes it: a server that is down does not hold up
    /// what another would take. Returns whether anything was delivered.
    fn flush_pending(&self) -> bool {
        let queue = &self.pending;
        // Nobody waits for the store with the lock in hand.
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
            let still_the_same =
                |pending_table: &PendingInvalidation| pending_table.number == *number;
            pending.tables.get(table).is_some_and(still_the_same)
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

    /// Sees to it that somebody delivers: a process that neither reads nor writes any more must
    /// still do so. Returns whether somebody does.
    fn ensure_flusher(self: &Arc<Self>, pending: &mut PendingTables) -> bool {
        if pending.flushing {
            return true;
        }
        let versions = Arc::downgrade(self);
        let spawned = thread::Builder::new()
            .name("cachalot-pending".to_owned())
            .spawn(move || {
                let mut pause = PAUSE;
                loop {
                    thread::sleep(pause);
                    let Some(versions) = versions.upgrade() else {
                        return;
                    };
                    let delivered = versions.flush_pending();
                    pause = if delivered {
                        PAUSE
                    } else {
                        (pause * 2).min(LONGEST_PAUSE)
                    };
                    let mut pending = versions.pending.tables.lock();
                    if pending.tables.is_empty() {
                        pending.flushing = false;
                        return;
                    }
                }
            });
        pending.flushing = spawned.is_ok();
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
    fn more_tables_than_can_be_kept_become_all_tables() {
        let mut pending = PendingTables::default();
        for table in 0..=MOST {
            pending.add(&format!("t{table}"), Events::ALL, id(1));
        }
        assert_eq!(pending.tables.keys().collect::<Vec<_>>(), [EPOCH]);
        let anything = Dependency::new("", "never written".into(), Events::ALL);
        assert!(pending.has_any_of([&anything].into_iter()));
    }

    #[test]
    fn a_debt_keeps_no_more_than_so_many_writers() {
        let mut pending = PendingTables::default();
        for _ in 0..MOST_WRITERS * 2 {
            pending.add("posts", Events::ALL, id(1));
        }
        assert_eq!(pending.tables["posts"].writers.len(), MOST_WRITERS);
    }

    #[test]
    fn a_debt_that_grew_is_another_debt() {
        let mut pending = PendingTables::default();
        pending.add("posts", Events::ALL, id(1));
        let before = pending.tables["posts"].number;
        pending.add("posts", Events::ALL, id(2));
        assert_ne!(pending.tables["posts"].number, before);
        assert_eq!(pending.tables["posts"].writers, [id(1), id(2)]);
    }
}
