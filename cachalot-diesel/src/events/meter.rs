//! Metrics through the `metrics` facade. Does nothing without the feature.

/// Adds to a counter.
macro_rules! count {
    ($name:literal, $amount:expr $(, $label:literal => $value:expr)?) => {
        #[cfg(feature = "metrics")]
        ::metrics::counter!($name $(, $label => $value)?).increment($amount as u64)
    };
}

pub(super) use count;

/// Runs an exchange with the store and records its duration.
pub(crate) fn timed<T>(exchange: impl FnOnce() -> T) -> T {
    #[cfg(feature = "metrics")]
    let start = std::time::Instant::now();
    let done = exchange();
    #[cfg(feature = "metrics")]
    ::metrics::histogram!("cachalot_store_seconds").record(start.elapsed());
    done
}

/// The number of tables with a pending invalidation has changed.
///
/// Adds the difference, as a process may have several caches.
pub(crate) fn pending(before: usize, now: usize) {
    #[cfg(feature = "metrics")]
    if before != now {
        let gauge = ::metrics::gauge!("cachalot_pending_invalidations");
        gauge.increment(now as f64 - before as f64);
    }
    #[cfg(not(feature = "metrics"))]
    let _ = (before, now);
}

/// Describes the metrics to the recorder.
pub(crate) fn describe() {
    #[cfg(feature = "metrics")]
    {
        use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

        describe_counter!("cachalot_hits_total", "reads answered from the cache");
        describe_counter!(
            "cachalot_near_hits_total",
            "hits answered from the near cache"
        );
        describe_counter!(
            "cachalot_misses_total",
            "reads that queried the database because the cache had no valid entry"
        );
        describe_counter!("cachalot_stores_total", "results written to the store");
        describe_counter!(
            "cachalot_bypasses_total",
            "reads that went to the database and stored nothing, by reason"
        );
        describe_counter!(
            "cachalot_invalidations_total",
            "invalidations published, by reason"
        );
        describe_counter!(
            "cachalot_wide_invalidations_total",
            "invalidations of all results of a table, not only of those that use certain columns or rows"
        );
        describe_counter!(
            "cachalot_keyed_invalidations_total",
            "invalidations of results that depend on certain rows, and of no others"
        );
        describe_counter!("cachalot_store_errors_total", "store commands that failed");
        describe_counter!(
            "cachalot_catalog_errors_total",
            "failed attempts to read a database's catalog"
        );
        describe_counter!(
            "cachalot_read_bytes_total",
            Unit::Bytes,
            "bytes of entries read from the store"
        );
        describe_counter!(
            "cachalot_written_bytes_total",
            Unit::Bytes,
            "bytes of entries written to the store"
        );
        describe_gauge!(
            "cachalot_pending_invalidations",
            "tables with an invalidation that the store has not accepted yet"
        );
        describe_histogram!(
            "cachalot_store_seconds",
            Unit::Seconds,
            "duration of an exchange with the store"
        );
    }
}
