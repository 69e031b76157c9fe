//! Whether the cache can rely on every connection of the process being watched.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the cache was installed, and what was detected since.
#[derive(Debug, Default)]
pub(super) struct Reliance {
    installed: AtomicBool,
    /// Connections opened since are not watched, and there is no list of them.
    default_replaced: AtomicBool,
    /// A connection was found that the library cannot watch by itself.
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

    /// Returns whether this was unknown before.
    pub(super) fn default_replaced(&self) -> bool {
        !self.default_replaced.swap(true, Ordering::AcqRel)
    }

    /// Returns whether this was unknown before.
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
