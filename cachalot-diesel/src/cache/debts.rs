//! Invalidations that the store has not taken yet: kept, delivered by a thread of their own as soon
//! as the store answers, bypassed meanwhile.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use super::{Cachalot, Dependency, EPOCH};
use crate::{
    Error,
    events::{self, Names},
    protocol::Token,
    statement::Events,
    store::StoreError,
};

/// Beyond this many tables all of them are owed together.
const MOST: usize = 10_000;
/// Beyond this many, the writers that a debt would take out of its record are left to their leases.
const MOST_WRITERS: usize = 100;
/// How long the collector waits between two attempts; the store itself fails fast meanwhile.
const PAUSE: Duration = Duration::from_millis(50);
/// What the pause grows to while nothing can be delivered.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct Debts {
    /// Lets the usual case cost one load.
    any: AtomicBool,
    owed: Mutex<Owed>,
    /// Told when debts were paid.
    paid: Condvar,
}

#[derive(Debug, Default)]
struct Owed {
    tables: BTreeMap<String, Debt>,
    /// The number of the newest debt.
    newest: u64,
    /// A thread delivers.
    collecting: bool,
}

/// What a table's record has yet to be told.
#[derive(Debug, Clone)]
pub(super) struct Debt {
    pub(super) events: Events,
    /// Writes that may stand in the record as being in flight, and are not.
    pub(super) writers: Vec<Token>,
    /// A debt that grew while it was being paid has another number than the one that was paid.
    number: u64,
}

impl Owed {
    fn has_any_of<'a>(&self, mut tables: impl Iterator<Item = &'a Dependency>) -> bool {
        self.tables.contains_key(EPOCH)
            || tables.any(|table| self.tables.contains_key(&*table.table))
    }

    fn add(&mut self, table: &str, events: Events, writer: Token) {
        self.newest += 1;
        let debt = self.tables.entry(table.to_owned()).or_insert(Debt {
            events,
            writers: Vec::new(),
            number: 0,
        });
        debt.number = self.newest;
        debt.events = debt.events.or(events);
        if debt.writers.len() < MOST_WRITERS {
            debt.writers.push(writer);
        }
        if self.tables.len() > MOST {
            self.tables.clear();
            let all = Debt {
                events: Events::ALL,
                writers: Vec::new(),
                number: self.newest,
            };
            self.tables.insert(EPOCH.to_owned(), all);
        }
    }
}

impl Drop for Debts {
    /// What goes with its cache is owed no more, for nobody will pay it.
    fn drop(&mut self) {
        events::owed(self.owed.lock().tables.len(), 0);
    }
}

impl Cachalot {
    /// Is an invalidation of any of these tables owed?
    ///
    /// A read does not pay what writes owe: that is the collector's work.
    pub(super) fn owes(&self, dependencies: &[Dependency]) -> bool {
        let debts = &self.inner.debts;
        if !debts.any.load(Ordering::Acquire) {
            return false;
        }
        let mut owed = debts.owed.lock();
        if !self.collect(&mut owed) {
            drop(owed);
            // The system has no thread to spare.
            self.deliver();
            owed = debts.owed.lock();
        }
        owed.has_any_of(dependencies.iter())
    }

    /// Remembers what the store did not take of the write of that id.
    pub(super) fn owe(
        &self,
        writer: Token,
        failed: &[(Dependency, Events, StoreError)],
    ) -> Result<(), Error> {
        let Some((_, _, source)) = failed.first() else {
            return Ok(());
        };
        let mut owed = self.inner.debts.owed.lock();
        let before = owed.tables.len();
        for (table, events, _) in failed {
            owed.add(&table.table, *events, writer);
        }
        events::owed(before, owed.tables.len());
        self.inner.debts.any.store(true, Ordering::Release);
        self.collect(&mut owed);
        drop(owed);
        let tables: Vec<_> = failed.iter().map(|(table, ..)| &*table.table).collect();
        let tables = Names(&tables).to_string();
        events::undelivered(&tables, source);
        Err(Error::Undelivered {
            tables,
            source: source.clone(),
        })
    }

    /// Waits until nothing of these tables is owed; whether that came to pass within the time.
    pub(super) fn delivered_within(
        &self,
        limit: Duration,
        failed: &[(Dependency, Events, StoreError)],
    ) -> bool {
        let debts = &self.inner.debts;
        let tables = || failed.iter().map(|(table, ..)| table);
        let mut owed = debts.owed.lock();
        let waited = debts
            .paid
            .wait_while_for(&mut owed, |owed| owed.has_any_of(tables()), limit);
        !waited.timed_out()
    }

    /// Delivers what is owed, as far as the store takes it: a server that is down does not hold up
    /// what another would take. Returns whether anything was delivered.
    fn deliver(&self) -> bool {
        let debts = &self.inner.debts;
        // Nobody waits for the store with the lock in hand.
        let due = debts.owed.lock().tables.clone();
        let mut paid = Vec::new();
        for (table, debt) in due {
            if self.pay(&table, &debt).is_ok() {
                paid.push((table, debt.number));
            }
        }
        let delivered = !paid.is_empty();
        let mut owed = debts.owed.lock();
        let before = owed.tables.len();
        paid.retain(|(table, number)| {
            let still_the_same = |debt: &Debt| debt.number == *number;
            owed.tables.get(table).is_some_and(still_the_same)
                && owed.tables.remove(table).is_some()
        });
        events::owed(before, owed.tables.len());
        debts.any.store(!owed.tables.is_empty(), Ordering::Release);
        drop(owed);
        debts.paid.notify_all();
        if !paid.is_empty() {
            let tables: Vec<_> = paid.iter().map(|(table, _)| table).collect();
            events::delivered(Names(&tables));
        }
        delivered
    }

    /// Sees to it that somebody delivers: a process that neither reads nor writes any more must
    /// still do so. Returns whether somebody does.
    fn collect(&self, owed: &mut Owed) -> bool {
        if owed.collecting {
            return true;
        }
        let cache = self.downgrade();
        let spawned = thread::Builder::new()
            .name("cachalot-debts".to_owned())
            .spawn(move || {
                let mut pause = PAUSE;
                loop {
                    thread::sleep(pause);
                    let Some(cache) = cache.upgrade() else { return };
                    let delivered = cache.deliver();
                    pause = if delivered {
                        PAUSE
                    } else {
                        (pause * 2).min(LONGEST_PAUSE)
                    };
                    let mut owed = cache.inner.debts.owed.lock();
                    if owed.tables.is_empty() {
                        owed.collecting = false;
                        return;
                    }
                }
            });
        owed.collecting = spawned.is_ok();
        owed.collecting
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
        let mut owed = Owed::default();
        for table in 0..=MOST {
            owed.add(&format!("t{table}"), Events::ALL, id(1));
        }
        assert_eq!(owed.tables.keys().collect::<Vec<_>>(), [EPOCH]);
        let anything = Dependency::new("", "never written".into(), Events::ALL);
        assert!(owed.has_any_of([&anything].into_iter()));
    }

    #[test]
    fn a_debt_keeps_no_more_than_so_many_writers() {
        let mut owed = Owed::default();
        for _ in 0..MOST_WRITERS * 2 {
            owed.add("posts", Events::ALL, id(1));
        }
        assert_eq!(owed.tables["posts"].writers.len(), MOST_WRITERS);
    }

    #[test]
    fn a_debt_that_grew_is_another_debt() {
        let mut owed = Owed::default();
        owed.add("posts", Events::ALL, id(1));
        let before = owed.tables["posts"].number;
        owed.add("posts", Events::ALL, id(2));
        assert_ne!(owed.tables["posts"].number, before);
        assert_eq!(owed.tables["posts"].writers, [id(1), id(2)]);
    }
}
