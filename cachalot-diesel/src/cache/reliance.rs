//! What a cache relies on once it is installed: that every connection of the process is watched.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Cachalot;
use crate::events;

/// Whether the cache was installed, and what was found out since.
#[derive(Debug, Default)]
pub(super) struct Reliance {
    installed: AtomicBool,
    /// Connections that were opened meanwhile are not watched, and nobody can list them.
    default_replaced: AtomicBool,
    /// A connection was found that is not watched and cannot be.
    unwatched: AtomicBool,
}

impl Cachalot {
    pub(super) fn now_installed(&self) {
        self.inner.reliance.installed.store(true, Ordering::Release);
    }

    /// Was it installed, now or earlier?
    pub(crate) fn was_installed(&self) -> bool {
        self.inner.reliance.installed.load(Ordering::Acquire)
    }

    /// Are there connections in this process whose writes it does not see?
    pub(crate) fn misses_writes(&self) -> bool {
        let found = &self.inner.reliance;
        found.default_replaced.load(Ordering::Acquire) || found.unwatched.load(Ordering::Acquire)
    }

    /// Diesel's default instrumentation is not the library's any more. For good: connections that
    /// were opened meanwhile stay unwatched when the default is put back.
    pub(crate) fn default_replaced(&self) {
        let found = &self.inner.reliance;
        if !found.default_replaced.swap(true, Ordering::AcqRel) {
            events::default_replaced();
            self.forget_unseen_writes();
        }
    }

    /// A connection was found that is not watched and cannot be: until it is `watch`ed.
    pub(crate) fn found_unwatched(&self) {
        if !self.inner.reliance.unwatched.swap(true, Ordering::AcqRel) {
            self.forget_unseen_writes();
        }
    }

    /// A connection is watched that was not, although it may have been once (`replaced`).
    pub(crate) fn watched_again(&self, replaced: bool) {
        // Invalidated first: nobody may be given an old entry in between.
        let missed = self.inner.reliance.unwatched.load(Ordering::Acquire);
        if missed || replaced {
            self.forget_unseen_writes();
        }
        if missed {
            let unwatched = &self.inner.reliance.unwatched;
            unwatched.store(false, Ordering::Release);
        }
    }

    /// What was written unseen may be anything.
    fn forget_unseen_writes(&self) {
        // What the store does not take is delivered later, and bypassed until then.
        let _ = self.invalidate_all();
    }
}
