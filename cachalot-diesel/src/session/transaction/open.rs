//! An open transaction: its isolation, and what it has written since each savepoint.

use crate::protocol::RowWrites;
use cachalot_sql::Isolation;

#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) isolation: Option<Isolation>,
    /// The isolation may have been set for this transaction only, which no probe reports.
    pub(super) isolation_hidden: bool,
    /// SQLite: a savepoint outside a transaction opens one, and releasing it commits.
    pub(super) by_savepoint: bool,
    /// PostgreSQL: a statement failed, and the server accepts only the end of the transaction or a
    /// rollback to a savepoint.
    pub(super) failed: bool,
    /// The writes since `BEGIN`, and since each savepoint.
    pub(super) levels: Vec<Level>,
}

#[derive(Debug, Clone)]
pub(super) struct Level {
    pub(super) savepoint: String,
    pub(super) writes: RowWrites,
}

impl Open {
    pub(super) fn new(isolation: Option<Isolation>) -> Self {
        let level = Level {
            savepoint: String::new(),
            writes: RowWrites::NOTHING,
        };
        Self {
            isolation,
            isolation_hidden: false,
            by_savepoint: false,
            failed: false,
            levels: vec![level],
        }
    }

    pub(super) fn wrote(&mut self, writes: &RowWrites) {
        if let Some(level) = self.levels.last_mut() {
            level.writes.merge(writes);
        }
    }

    /// The index of the newest savepoint of that name; never that of the transaction itself.
    pub(super) fn find(&self, savepoint: &str) -> Option<usize> {
        self.levels
            .iter()
            .skip(1)
            .rposition(|level| level.savepoint == savepoint)
            .map(|i| i + 1)
    }

    pub(super) fn release(&mut self, savepoint: &str) {
        let Some(place) = self.find(savepoint) else {
            return;
        };
        let mut merged = RowWrites::NOTHING;
        for level in self.levels.drain(place..) {
            merged.merge(&level.writes);
        }
        self.wrote(&merged);
    }

    pub(super) fn roll_back_to(&mut self, savepoint: &str) {
        let Some(place) = self.find(savepoint) else {
            return;
        };
        self.failed = false;
        self.levels.truncate(place + 1);
        if let Some(level) = self.levels.last_mut() {
            level.writes = RowWrites::NOTHING;
        }
    }
}
