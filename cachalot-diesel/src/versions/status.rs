//! The contents of version records, for display.

use std::time::SystemTime;

use super::VersionStore;
use crate::{
    Error,
    clock::system_time,
    protocol::{Dependency, EPOCH, Events, Record},
};

/// The state of a table's version record; see
/// [`Cachalot::table_status`](crate::Cachalot::table_status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TableStatus {
    /// The table's normalised name; `*` for the record of the whole namespace.
    pub table: String,
    /// The table's current token in hex. It changes with every invalidation. `None` if the table has
    /// no record.
    pub version: Option<String>,
    /// When the table was last invalidated, by the writer's clock.
    pub last_invalidation: Option<SystemTime>,
    /// How many writes are in flight.
    pub writers_in_flight: usize,
}

impl VersionStore {
    /// The status of these tables, in the order given. If `tables` is empty: of the whole namespace
    /// (`*`), then of every table that has a record.
    ///
    /// # Errors
    /// [`Error::Store`] if the store does not answer.
    pub(crate) fn table_status(
        &self,
        tables: impl Iterator<Item = String>,
    ) -> Result<Vec<TableStatus>, Error> {
        let mut targets: Vec<_> = Vec::new();
        for table in tables {
            match &*table {
                EPOCH => targets.extend_from_slice(&self.epochs),
                table => targets.push(self.dependency(table)),
            }
        }
        if targets.is_empty() {
            targets.extend_from_slice(&self.epochs);
            targets.extend(
                self.listed_tables()?
                    .iter()
                    .map(|table| self.dependency(table)),
            );
        }
        let mut all: Vec<TableStatus> = Vec::with_capacity(targets.len());
        for (target, record) in targets.iter().zip(self.fetch_records(&targets)?) {
            let status = TableStatus::of(&target.table, record.as_ref());
            match all.last_mut().filter(|last| last.table == EPOCH) {
                // The parts of the epoch change together.
                Some(last) if status.table == EPOCH => {
                    last.last_invalidation = last.last_invalidation.max(status.last_invalidation);
                    last.writers_in_flight = last.writers_in_flight.max(status.writers_in_flight);
                }
                _ => all.push(status),
            }
        }
        Ok(all)
    }
}

impl VersionStore {
    /// When any of these tables, or everything, was last invalidated.
    pub(crate) fn last_invalidation(
        &self,
        mut tables: Vec<Dependency>,
    ) -> Result<Option<SystemTime>, Error> {
        tables.extend_from_slice(&self.epochs);
        let records = self.fetch_records(&tables)?;
        let newest = tables
            .iter()
            .zip(records)
            .filter_map(|(table, record)| record?.at(table.changes.events))
            .max();
        Ok(newest.and_then(system_time))
    }
}

impl TableStatus {
    fn of(table: &str, record: Option<&Record>) -> Self {
        Self {
            table: table.to_owned(),
            version: record.map(|record| record.any().to_hex()),
            last_invalidation: record
                .and_then(|record| record.at(Events::ALL))
                .and_then(system_time),
            writers_in_flight: record.map_or(0, |record| record.writers().len()),
        }
    }
}
