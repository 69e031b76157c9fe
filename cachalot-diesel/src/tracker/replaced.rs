//! Detects that the program has replaced the library's instrumentation: Diesel's default, which new
//! connections get, or that of one connection.

use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
};

use diesel::connection::{Instrumentation, InstrumentationEvent, get_default_instrumentation};

use crate::{cache::Cache, thread_flag::while_set};

thread_local! {
    static CHECKING: Cell<bool> = const { Cell::new(false) };
}

/// The library's default was replaced, at some time after it was set.
static DEFAULT_REPLACED: AtomicBool = AtomicBool::new(false);

/// A connection lost its tracker: it was closed, or given another instrumentation.
static TRACKER_DROPPED: AtomicBool = AtomicBool::new(false);

/// Returned by the library's constructor if it is called to find out whether it is Diesel's default. It
/// has no size, so it takes no memory: every read checks this.
struct OwnMarker;

impl Instrumentation for OwnMarker {
    fn on_connection_event(&mut self, _: InstrumentationEvent<'_>) {}
}

/// For the library's constructor: the marker, if it is called only to find out whether it is the default.
pub(super) fn marker() -> Option<Box<dyn Instrumentation>> {
    CHECKING.get().then(|| Box::new(OwnMarker) as _)
}

/// Whose Diesel's default instrumentation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Default {
    None,
    Ours,
    Foreign,
}

/// Whose Diesel's default is. A foreign constructor makes an instrumentation, which is dropped.
pub(super) fn default() -> Default {
    match while_set(&CHECKING, get_default_instrumentation) {
        None => Default::None,
        Some(made) if made.is::<OwnMarker>() => Default::Ours,
        Some(_) => Default::Foreign,
    }
}

/// The library's default was found to be replaced. This also holds for caches that are installed later.
pub(super) fn default_was_replaced() {
    DEFAULT_REPLACED.store(true, Ordering::Release);
}

/// A tracker of an installed cache was dropped.
pub(super) fn tracker_dropped() {
    TRACKER_DROPPED.store(true, Ordering::Release);
}

/// May a connection without a tracker have had one?
pub(super) fn may_have_had_a_tracker() -> bool {
    TRACKER_DROPPED.load(Ordering::Acquire)
}

/// Are there connections whose writes an installed cache does not see? Every read checks this.
pub(crate) fn misses_writes(cache: &Cache) -> bool {
    if !cache.was_installed() {
        return false;
    }
    if cache.misses_writes() {
        return true;
    }
    if DEFAULT_REPLACED.load(Ordering::Acquire) || default() != Default::Ours {
        default_was_replaced();
        cache.default_replaced();
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, sync::Arc, time::Instant};

    use super::*;
    use crate::{config::Config, store::MemoryStore, tracker::install_default};

    /// The cost of this check, which every read of an installed cache makes.
    #[test]
    #[ignore = "measures: run it with --release, alone"]
    fn cost_of_checking_for_missed_writes() {
        const ROUNDS: u32 = 10_000_000;
        let store = Arc::new(MemoryStore::new(1 << 20));
        let cache = Cache::new(Config::default(), store);
        install_default(&cache).unwrap();
        let start = Instant::now();
        for _ in 0..ROUNDS {
            assert!(!misses_writes(black_box(&cache)));
        }
        let nanos = start.elapsed().as_nanos() / u128::from(ROUNDS);
        eprintln!("{nanos} ns");
    }
}
