//! What a cache relies on once it is installed: that every connection of the process is watched.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the cache was installed, and what was found out since.
#[derive(Debug, Default)]
pub(super) struct Reliance {
    installed: AtomicBool,
    /// Connections that were opened meanwhile are not watched, and nobody can list them.
    default_replaced: AtomicBool,
    /// A connection was found that is not watched and cannot be.
    unwatched: AtomicBool,
}

impl Reliance {
    pub(super) fn now_installed(&self) {
        self.installed.store(true, Ordering::Release);
    }

    pub(super) fn was_installed(&self) -> bool {
        self.installed.load(Ordering::Acquire)
    }

    pub(super) fn misses_writes(&self) -> bool {
        self.default_replaced.load(Ordering::Acquire) || self.unwatched.load(Ordering::Acquire)
    }

    /// Returns whether this is news.
    pub(super) fn default_replaced(&self) -> bool {
        !self.default_replaced.swap(true, Ordering::AcqRel)
    }

    /// Returns whether this is news.
    pub(super) fn found_unwatched(&self) -> bool {
        !self.unwatched.swap(true, Ordering::AcqRel)
    }

    pub(super) fn has_unwatched(&self) -> bool {
        self.unwatched.load(Ordering::Acquire)
    }

    pub(super) fn all_watched(&self) {
        self.unwatched.store(false, Ordering::Release);
    }
}
