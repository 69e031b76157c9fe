use std::{collections::HashMap, time::SystemTime};

use cachalot_diesel::TableStatus;

use super::event::Event;

/// The last known state of each table, and the number of invalidations seen.
pub(super) struct Changes {
    seen: HashMap<String, Seen>,
    invalidations: usize,
}

struct Seen {
    version: Option<String>,
    last_invalidation: Option<SystemTime>,
}

impl Changes {
    pub(super) fn since(tables: &[TableStatus]) -> Self {
        let seen = tables
            .iter()
            .map(|table| (table.table.clone(), Seen::of(table)));
        Self {
            seen: seen.collect(),
            invalidations: 0,
        }
    }

    pub(super) fn invalidations(&self) -> usize {
        self.invalidations
    }

    /// The events since the last call.
    pub(super) fn to(&mut self, tables: &[TableStatus]) -> Vec<Event> {
        let events: Vec<_> = tables.iter().filter_map(|table| self.step(table)).collect();
        let invalidations = events
            .iter()
            .filter(|event| matches!(event, Event::Invalidation { .. }));
        self.invalidations += invalidations.count();
        events
    }

    fn step(&mut self, table: &TableStatus) -> Option<Event> {
        // A lost record is created again by the next reader or writer.
        table.version.as_ref()?;
        let known = self.seen.insert(table.table.clone(), Seen::of(table));
        let known = known.unwrap_or(Seen {
            version: None,
            last_invalidation: None,
        });
        let name = table.table.clone();
        match table.last_invalidation {
            Some(at) if known.last_invalidation != Some(at) => Some(Event::Invalidation {
                table: name,
                at,
                writers_in_flight: table.writers_in_flight,
            }),
            _ if known.version.is_some() && known.version != table.version => {
                Some(Event::Renewed { table: name })
            }
            _ => None,
        }
    }
}

impl Seen {
    fn of(table: &TableStatus) -> Self {
        Self {
            version: table.version.clone(),
            last_invalidation: table.last_invalidation,
        }
    }
}
