//! The `metrics` facade, if the feature is on; else nothing at all.

/// Adds to a counter.
macro_rules! count {
    ($name:literal, $amount:expr $(, $label:literal => $value:expr)?) => {
        #[cfg(feature = "metrics")]
        ::metrics::counter!($name $(, $label => $value)?).increment($amount as u64)
    };
}

pub(super) use count;

/// What one exchange with the store returns, timed.
pub(crate) fn timed<T>(exchange: impl FnOnce() -> T) -> T {
    #[cfg(feature = "metrics")]
    let start = std::time::Instant::now();
    let done = exchange();
    #[cfg(feature = "metrics")]
    ::metrics::histogram!("cachalot_store_seconds").record(start.elapsed());
    done
}

/// The number of tables whose invalidation a cache owes has changed.
///
/// By the difference, as several caches of a process add up.
pub(crate) fn pending(before: usize, now: usize) {
    #[cfg(feature = "metrics")]
    if before != now {
        let gauge = ::metrics::gauge!("cachalot_pending_invalidations");
        // No process owes more tables than a double can count.
        gauge.increment(now as f64 - before as f64);
    }
    #[cfg(not(feature = "metrics"))]
    let _ = (before, now);
}

/// Tells the recorder what its metrics mean.
pub(crate) fn describe() {
    #[cfg(feature = "metrics")]
    {
        use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

        describe_counter!("cachalot_hits_total", "reads answered from the cache");
        describe_counter!(
            "cachalot_near_hits_total",
            "of the hits, those whose rows were in this process already"
        );
        describe_counter!(
            "cachalot_misses_total",
            "reads that asked the database because the cache had no valid entry"
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
            "cachalot_store_errors_total",
            "commands that the store did not carry out"
        );
        describe_counter!(
            "cachalot_catalog_errors_total",
            "times that a database's catalog could not be read"
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
            "tables whose invalidation the store has not taken yet"
        );
        describe_histogram!(
            "cachalot_store_seconds",
            Unit::Seconds,
            "the time of one exchange with the store"
        );
    }
}
