//! The installed cache, and whether it sees the writes of every connection of the process.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::RwLock;

use super::Cache;

static INSTALLED: OnceLock<RwLock<Option<Cache>>> = OnceLock::new();

/// The cache that new connections report to.
pub(crate) fn installed() -> Option<Cache> {
    INSTALLED.get()?.read().clone()
}

pub(crate) fn set_installed(cache: &Cache) {
    cache.0.installation.now_installed();
    publish(cache);
}

/// As [`set_installed`], for a cache that need not see the writes of plain connections.
pub(crate) fn publish(cache: &Cache) {
    let slot = INSTALLED.get_or_init(Default::default);
    *slot.write() = Some(cache.clone());
}

/// Whether the cache was installed, and what was detected since.
#[derive(Debug, Default)]
pub(super) struct Installation {
    installed: AtomicBool,
    /// Connections opened since are not watched, and there is no list of them.
    default_replaced: AtomicBool,
    /// A connection was found that the library cannot watch by itself.
    unwatched: AtomicBool,
}

impl Installation {
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
