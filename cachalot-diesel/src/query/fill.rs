//! Where the rows of a miss go.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::row::Row;

use crate::{
    bypass::BypassReason,
    cache::Cache,
    entries::{FillPermit, RemainingTtl},
    planner::Plan,
    rows::{BlockWriter, CacheBackend, private},
};

/// Copies the rows of a miss as they come, and stores them once they have all come.
pub(crate) struct Fill {
    pub(crate) cache: Cache,
    pub(crate) plan: Arc<Plan>,
    permit: FillPermit,
    ttl: Option<Duration>,
    expected: private::ExpectedTypes,
    /// When the database was asked: the rows may be as old as this, however long they take to arrive.
    asked: Instant,
    rows: private::Writer,
    refused: Option<BypassReason>,
    stored: bool,
}

impl Fill {
    pub(super) fn new(
        cache: Cache,
        plan: Arc<Plan>,
        permit: FillPermit,
        ttl: Option<Duration>,
        expected: private::ExpectedTypes,
    ) -> Self {
        Self {
            cache,
            plan,
            permit,
            ttl,
            expected,
            asked: Instant::now(),
            rows: private::Writer(BlockWriter::default()),
            refused: None,
            stored: false,
        }
    }

    /// The database is asked again, so the rows come from the start.
    pub(super) fn restart(&mut self) {
        self.asked = Instant::now();
        self.rows = private::Writer(BlockWriter::default());
        self.refused = None;
    }

    /// May the result have other types than the database had at the first execution of the statement?
    pub(super) fn expects_types(&self) -> bool {
        !self.expected.0.is_empty()
    }

    /// Why the rows cannot be stored, if that is known already.
    pub(crate) fn refused(&self) -> Option<&BypassReason> {
        self.refused.as_ref()
    }

    /// The program takes the rows one by one, as fast as it likes.
    pub(crate) fn is_streamed(&self) {
        self.permit.has_rows();
    }

    pub(crate) fn take<'r, DB: CacheBackend>(&mut self, row: &impl Row<'r, DB>) {
        if self.refused.is_some() {
            return;
        }
        if DB::append_row(row, &self.expected, &mut self.rows).is_err() {
            self.refused = Some(BypassReason::Unstorable);
        } else if self.rows.0.len() > self.cache.config().max_value_bytes {
            self.refused = Some(BypassReason::TooLarge);
        }
        if self.refused.is_some() {
            self.rows = private::Writer(BlockWriter::default());
        }
    }

    /// All rows have come: stores them.
    pub(crate) fn complete(&mut self) -> Result<(), BypassReason> {
        if let Some(reason) = self.refused.take() {
            return Err(reason);
        }
        let life = RemainingTtl::since(self.asked, self.ttl);
        let entries = self.cache.entries();
        entries.store(&self.permit, &self.rows.0, life)?;
        self.stored = true;
        Ok(())
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        if !self.stored {
            self.cache.entries().give_up(&self.permit);
        }
    }
}
