//! Reports what happens to the counters, to `tracing` and to the `metrics` facade.
//!
//! Names and fields are part of the public interface: `docs/observability.md` lists them. No event
//! contains bind values, rows or the text of a statement.

mod meter;
mod once;

use std::{error::Error, fmt, sync::Once};

use tracing::{
    field::{Empty, display},
    span::EnteredSpan,
};

pub(crate) use meter::{describe, pending, timed};

use crate::{
    bypass::BypassReason,
    stats::{self, Counters, InvalidationReason},
};
use meter::count;

/// The target of all events and spans.
pub(crate) const TARGET: &str = "cachalot";

/// Displays table names separated by commas. Repeated names, as of the epoch's records, are shown
/// once.
pub(crate) struct Names<'a, T>(pub(crate) &'a [T]);

// Not derived: that would require `T: Clone`.
impl<T> Clone for Names<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Names<'_, T> {}

impl<T: AsRef<str>> fmt::Display for Names<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        for table in self.0.iter().map(AsRef::as_ref) {
            if before == Some(table) {
                continue;
            }
            if before.is_some() {
                f.write_str(", ")?;
            }
            f.write_str(table)?;
            before = Some(table);
        }
        Ok(())
    }
}

/// Displays an error and its causes in one line, for logs.
///
/// Errors of other crates may include their cause in their own message; it is shown once.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.to_string();
        f.write_str(&shown)?;
        let mut error = self.0;
        while let Some(cause) = error.source() {
            let text = cause.to_string();
            if !shown.ends_with(&text) {
                write!(f, ": {text}")?;
                shown = text;
            }
            error = cause;
        }
        Ok(())
    }
}

/// A cached read, from its start to its end.
#[must_use = "it is the read's span"]
pub(crate) struct Read(EnteredSpan);

impl Read {
    pub(crate) fn start() -> Self {
        let span = tracing::debug_span!(
            target: TARGET,
            "cachalot.read",
            outcome = Empty,
            reason = Empty,
            tables = Empty,
        );
        Self(span.entered())
    }

    /// The read is answered from the cache.
    pub(crate) fn hit(&self, counters: &Counters, tables: impl fmt::Display, bytes: usize) {
        stats::add(&counters.hits, 1);
        count!("cachalot_hits_total", 1);
        self.ends("hit", &tables);
        tracing::trace!(name: "cachalot.hit", target: TARGET, %tables, bytes, "hit");
    }

    /// The read queries the database, and its rows are stored if possible.
    pub(crate) fn miss(&self, counters: &Counters, tables: impl fmt::Display) {
        stats::add(&counters.misses, 1);
        count!("cachalot_misses_total", 1);
        self.ends("miss", &tables);
        tracing::trace!(name: "cachalot.miss", target: TARGET, %tables, "miss");
    }

    /// The read queries the database, and nothing is stored.
    pub(crate) fn bypass(
        &self,
        counters: Option<&Counters>,
        tables: impl fmt::Display,
        reason: &BypassReason,
    ) {
        self.ends("bypass", &tables);
        self.not_stored(counters, tables, reason);
    }

    /// The rows of a miss could not be stored.
    pub(crate) fn not_stored(
        &self,
        counters: Option<&Counters>,
        tables: impl fmt::Display,
        reason: &BypassReason,
    ) {
        let reason = reason.name();
        if let Some(counters) = counters {
            counters.bypass(reason);
        }
        count!("cachalot_bypasses_total", 1, "reason" => reason);
        self.0.record("reason", reason);
        tracing::debug!(name: "cachalot.bypass", target: TARGET, reason, %tables, "bypass");
    }

    fn ends(&self, outcome: &'static str, tables: &impl fmt::Display) {
        self.0.record("outcome", outcome);
        self.0.record("tables", display(tables));
    }
}

/// The rows of a miss that passed by could not be stored.
pub(crate) fn not_stored(counters: &Counters, tables: impl fmt::Display, reason: &BypassReason) {
    let reason = reason.name();
    counters.bypass(reason);
    count!("cachalot_bypasses_total", 1, "reason" => reason);
    tracing::debug!(name: "cachalot.bypass", target: TARGET, reason, %tables, "bypass");
}

/// The program has a default instrumentation of its own, and has not passed it to `install_with`.
pub(crate) fn plain_connections_unwatched(error: &(dyn Error + 'static)) {
    tracing::warn!(
        name: "cachalot.plain_connections_unwatched",
        target: TARGET,
        error = %Chain(error),
        "only the writes of `CachalotConnection`s are seen, not those of plain connections"
    );
}

/// A hit was answered from the near cache.
pub(crate) fn near_hit(counters: &Counters) {
    stats::add(&counters.near_hits, 1);
    count!("cachalot_near_hits_total", 1);
}

/// An entry was read from the store.
pub(crate) fn fetched(counters: &Counters, bytes: usize) {
    stats::add(&counters.bytes_read, bytes);
    count!("cachalot_read_bytes_total", bytes);
}

/// An entry was written to the store.
pub(crate) fn stored(counters: &Counters, bytes: usize) {
    stats::add(&counters.stores, 1);
    stats::add(&counters.bytes_written, bytes);
    count!("cachalot_stores_total", 1);
    count!("cachalot_written_bytes_total", bytes);
    tracing::trace!(name: "cachalot.stored", target: TARGET, bytes, "stored");
}

/// Commands of one batch failed.
pub(crate) fn store_errors<'a>(
    counters: &Counters,
    mut errors: impl Iterator<Item = &'a (dyn Error + 'static)>,
) {
    let Some(error) = errors.next() else { return };
    let commands = 1 + errors.count();
    stats::add(&counters.store_errors, commands);
    count!("cachalot_store_errors_total", commands);
    tracing::debug!(
        name: "cachalot.store_error",
        target: TARGET,
        error = %Chain(error),
        commands,
        "a store command failed"
    );
}

/// A catalog could not be read. Logs a warning the first time, then debug messages.
pub(crate) fn catalog_unknown(counters: &Counters, error: &impl fmt::Display) {
    const NAME: &str = "cachalot.catalog_unknown";
    const MESSAGE: &str = "cannot read the database's catalog, so its tables are not cached: grant the account the \
         missing privileges, or run `cachalot doctor` with the database's URL";
    stats::add(&counters.catalog_errors, 1);
    count!("cachalot_catalog_errors_total", 1);
    if once::is_first(NAME, &error.to_string()) {
        tracing::warn!(name: NAME, target: TARGET, %error, "{MESSAGE}");
    } else {
        tracing::debug!(name: NAME, target: TARGET, %error, "{MESSAGE}");
    }
}

/// A MySQL account cannot see triggers: its reads are not cached.
pub(crate) fn triggers_not_visible() {
    const NAME: &str = "cachalot.triggers_not_visible";
    if once::is_first(NAME, "") {
        tracing::warn!(
            name: NAME, target: TARGET,
            "the account cannot see the triggers of its database, so its tables are not cached: grant \
             TRIGGER on the database to the account itself (MySQL does not consider roles here)"
        );
    }
}

/// Reads and writes cannot be told apart by a column that the program has declared as a key.
pub(crate) fn unusable_key(column: &str, problem: &str) {
    const NAME: &str = "cachalot.unusable_key";
    if once::is_first(NAME, column) {
        tracing::error!(
            name: NAME, target: TARGET, column,
            "the declared key `{column}` is not used: {problem}"
        );
    }
}

/// The settings of a session could not be read: its reads are not cached.
pub(crate) fn session_unknown(error: &impl fmt::Display) {
    const NAME: &str = "cachalot.session_unknown";
    const MESSAGE: &str = "cannot read the session's settings, so its reads are not cached: change the setting or grant \
         the privilege that the error names, or run `cachalot doctor` with the database's URL";
    if once::is_first(NAME, &error.to_string()) {
        tracing::warn!(name: NAME, target: TARGET, %error, "{MESSAGE}");
    } else {
        tracing::debug!(name: NAME, target: TARGET, %error, "{MESSAGE}");
    }
}

/// Two running servers claim to be the primary of one timeline.
pub(crate) fn primary_disputed() {
    tracing::warn!(
        name: "cachalot.primary_disputed",
        target: TARGET,
        "two servers take writes, and one is a copy of the other: their standbys are given no hits until \
         memcached is flushed; give one of the two a namespace of its own first"
    );
}

/// The span in which a write is announced to the store.
pub(crate) fn begin(tables: impl fmt::Display) -> EnteredSpan {
    tracing::debug_span!(target: TARGET, "cachalot.begin", %tables).entered()
}

/// The span of sending the end of a write to the store.
pub(crate) fn end(tables: impl fmt::Display, published: bool) -> EnteredSpan {
    tracing::debug_span!(target: TARGET, "cachalot.end", %tables, published).entered()
}

/// A write could not be announced. It proceeds.
pub(crate) fn unannounced(tables: impl fmt::Display, error: &(dyn Error + 'static)) {
    tracing::warn!(
        name: "cachalot.unannounced",
        target: TARGET,
        %tables,
        error = %Chain(error),
        "a write could not be announced to the store"
    );
}

/// Which of the results that depend on a table a write invalidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All.
    Table,
    /// Those that use certain columns, or depend on certain rows of some of its tables.
    Columns,
    /// Those that depend on certain rows.
    Rows,
}

/// Results that depend on these tables are now invalid.
pub(crate) fn invalidated(
    counters: &Counters,
    tables: impl fmt::Display,
    reason: InvalidationReason,
    extent: Extent,
) {
    let reason = reason.name();
    stats::add(&counters.invalidations, 1);
    count!("cachalot_invalidations_total", 1, "reason" => reason);
    match extent {
        Extent::Table => {
            stats::add(&counters.wide_invalidations, 1);
            count!("cachalot_wide_invalidations_total", 1);
        }
        Extent::Columns => {}
        Extent::Rows => {
            stats::add(&counters.keyed_invalidations, 1);
            count!("cachalot_keyed_invalidations_total", 1);
        }
    }
    tracing::debug!(name: "cachalot.invalidated", target: TARGET, %tables, reason, "invalidated");
}

/// Invalidations of a write are pending.
pub(crate) fn undelivered(tables: impl fmt::Display, error: &(dyn Error + 'static)) {
    tracing::error!(
        name: "cachalot.undelivered",
        target: TARGET,
        %tables,
        error = %Chain(error),
        "an invalidation is not delivered yet"
    );
}

/// Pending invalidations were delivered.
pub(crate) fn delivered(tables: impl fmt::Display) {
    tracing::info!(
        name: "cachalot.delivered",
        target: TARGET,
        %tables,
        "a pending invalidation was delivered"
    );
}

/// Diesel's default instrumentation is no longer the library's.
pub(crate) fn default_replaced() {
    tracing::error!(
        name: "cachalot.instrumentation_replaced",
        target: TARGET,
        "the program has replaced Diesel's default instrumentation after the cache was installed: \
         writes of new connections are not seen, so all reads go to the database until the \
         process is restarted; pass the constructor to `install_with` instead of \
         `set_default_instrumentation`"
    );
}

/// A connection is watched again after its instrumentation was replaced. Logged once per process.
pub(crate) fn connection_replaced() {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| {
        tracing::error!(
            name: "cachalot.instrumentation_replaced",
            target: TARGET,
            "a connection was not watched for a while, probably because the program has replaced its \
             instrumentation: its writes were not seen, so everything is invalidated; pass the \
             instrumentation to `watch_with` instead of `set_instrumentation`"
        );
    });
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, time::Instant};

    use super::*;

    #[test]
    fn tables_are_separated_by_commas() {
        assert_eq!(Names(&["a", "b"]).to_string(), "a, b");
        assert_eq!(Names(&["*", "*"]).to_string(), "*");
        assert_eq!(Names::<&str>(&[]).to_string(), "");
    }

    /// The figure in `docs/observability.md`.
    #[test]
    #[ignore = "measures: run it with --release, and with and without the feature `metrics`"]
    fn cost_of_reporting_a_hit_without_listeners() {
        const ROUNDS: u32 = 10_000_000;
        let counters = Counters::default();
        let start = Instant::now();
        for _ in 0..ROUNDS {
            let read = Read::start();
            timed(|| fetched(&counters, black_box(500)));
            read.hit(&counters, Names(black_box(&["flights"])), black_box(500));
        }
        let nanos = start.elapsed().as_nanos() / u128::from(ROUNDS);
        eprintln!("{nanos} ns, including the two counters of `Stats`");
        let start = Instant::now();
        for _ in 0..ROUNDS {
            stats::add(&counters.bytes_read, black_box(500));
            stats::add(&counters.hits, black_box(1));
        }
        let nanos = start.elapsed().as_nanos() / u128::from(ROUNDS);
        eprintln!("{nanos} ns for the two counters alone");
    }
}
