//! memcached, and caches in it.

use std::time::Duration;

use cachalot_diesel::{Builder, Cachalot, MemcachedStore};
use cachalot_tests::{
    memcached::{self, Server},
    unique,
};

/// Longer than any exchange takes: a delay of the machine must not open a circuit breaker.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// One thread, so that every subject finds the same one awake or asleep: with more, each
/// connection belongs to one of them, and the scheduler's favour decides between subjects.
pub(crate) fn memcached() -> Server {
    memcached::start(&["-t", "1", "-m", "256"])
}

/// A cache of its own in these servers.
pub(crate) fn cache(servers: &[&Server]) -> Cachalot {
    builder(servers).build().unwrap()
}

/// The settings of [`cache`].
pub(crate) fn builder(servers: &[&Server]) -> Builder {
    let hosts: Vec<String> = servers
        .iter()
        .map(|server| server.address().to_string())
        .collect();
    Cachalot::builder()
        .url(format!("memcache://{}", hosts.join(",")))
        .namespace(unique::name("bench"))
        .store_timeout(STORE_TIMEOUT)
}

/// The store that [`cache`] would use.
pub(crate) fn connect(server: &Server) -> MemcachedStore {
    MemcachedStore::connect(&[server.address().to_string()], STORE_TIMEOUT).unwrap()
}
