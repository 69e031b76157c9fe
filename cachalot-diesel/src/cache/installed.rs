use std::sync::OnceLock;

use parking_lot::RwLock;

use super::Cache;

static INSTALLED: OnceLock<RwLock<Option<Cache>>> = OnceLock::new();

/// The cache that new connections report to.
pub(crate) fn installed() -> Option<Cache> {
    INSTALLED.get()?.read().clone()
}

pub(crate) fn set_installed(cache: &Cache) {
    cache.0.reliance.now_installed();
    publish(cache);
}

/// As [`set_installed`], for a cache that need not see the writes of plain connections.
pub(crate) fn publish(cache: &Cache) {
    let slot = INSTALLED.get_or_init(Default::default);
    *slot.write() = Some(cache.clone());
}
