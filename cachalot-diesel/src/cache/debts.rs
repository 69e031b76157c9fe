//! Invalidations that the store has not taken yet: kept, delivered first, bypassed meanwhile.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::{Cachalot, Dependency, EPOCH};
use crate::{Error, statement::Events, store::StoreError};

/// Beyond this many tables all of them are owed together.
const MOST: usize = 10_000;
/// How long the collector waits between two attempts; the store itself fails fast meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(super) struct Debts {
    /// Lets the usual case cost one load.
    any: AtomicBool,
    tables: Mutex<BTreeMap<String, Events>>,
    collecting: AtomicBool,
}

impl Cachalot {
    /// Is an invalidation of any of these tables owed? Tries to deliver first.
    pub(super) fn owes(&self, dependencies: &[Dependency]) -> bool {
        if !self.inner.debts.any.load(Ordering::Acquire) {
            return false;
        }
        self.deliver();
        match self.inner.debts.tables.try_lock() {
            Ok(owed) => {
                owed.contains_key(EPOCH)
                    || dependencies
                        .iter()
                        .any(|table| owed.contains_key(&*table.table))
            }
            Err(TryLockError::Poisoned(owed)) => !owed.into_inner().is_empty(),
            // Somebody is delivering right now.
            Err(TryLockError::WouldBlock) => true,
        }
    }

    /// Remembers what the store did not take.
    pub(super) fn owe(&self, failed: &[(Dependency, Events, StoreError)]) -> Result<(), Error> {
        let Some((_, _, source)) = failed.first() else {
            return Ok(());
        };
        let debts = &self.inner.debts;
        let mut owed = debts.tables.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, events, _) in failed {
            let entry = owed.entry(table.table.to_string()).or_insert(*events);
            *entry = entry.or(*events);
        }
        if owed.len() > MOST {
            owed.clear();
            owed.insert(EPOCH.to_owned(), Events::ALL);
        }
        debts.any.store(true, Ordering::Release);
        drop(owed);
        self.collect_in_background();
        let tables: Vec<_> = failed.iter().map(|(table, ..)| &*table.table).collect();
        let tables = tables.join(", ");
        tracing::error!(target: "cachalot", %tables, error = %source, "an invalidation is not delivered yet");
        Err(Error::Undelivered {
            tables,
            source: source.clone(),
        })
    }

    /// Delivers what is owed, as far as the store takes it.
    fn deliver(&self) {
        let debts = &self.inner.debts;
        // Whoever adds a debt waits here, so that none is taken for delivered that was not.
        let mut owed = match debts.tables.try_lock() {
            Ok(owed) => owed,
            Err(TryLockError::Poisoned(owed)) => owed.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        while let Some((table, events)) = owed.first_key_value() {
            if self.publish_owed(table, *events).is_err() {
                return;
            }
            owed.pop_first();
        }
        debts.any.store(false, Ordering::Release);
    }

    /// A process that neither reads nor writes any more must still deliver.
    fn collect_in_background(&self) {
        if self.inner.debts.collecting.swap(true, Ordering::AcqRel) {
            return;
        }
        let cache = self.downgrade();
        let spawned = thread::Builder::new()
            .name("cachalot-debts".to_owned())
            .spawn(move || {
                loop {
                    thread::sleep(PAUSE);
                    let Some(cache) = cache.upgrade() else { return };
                    cache.deliver();
                    let debts = &cache.inner.debts;
                    if !debts.any.load(Ordering::Acquire) {
                        debts.collecting.store(false, Ordering::Release);
                        // One that came between the two lines starts a collector of its own.
                        if !debts.any.load(Ordering::Acquire)
                            || debts.collecting.swap(true, Ordering::AcqRel)
                        {
                            return;
                        }
                    }
                }
            });
        if spawned.is_err() {
            self.inner.debts.collecting.store(false, Ordering::Release);
        }
    }
}
