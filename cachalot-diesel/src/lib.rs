//! Reads answered from memcached, and every write invalidating exactly what it touched.
#![forbid(unsafe_code)]

mod bypass;
mod cache;
mod config;
mod connection;
mod error;
mod fingerprint;
mod policy;
mod protocol;
mod query;
mod rows;
#[doc(hidden)]
pub mod statement;
mod stats;
mod store;
mod tracker;

/// The derive; see [`trait@Cacheable`].
pub use cachalot_derive::Cacheable;

pub use bypass::BypassReason;
pub use cache::{Builder, Cachalot, TableStatus};
pub use config::ConfigError;
pub use connection::CacheConnection;
pub use error::Error;
pub use policy::Cacheable;
pub use query::{Cached, CachedDsl, Explanation, Outcome, disabled};
pub use rows::CacheBackend;
pub use stats::{Invalidation, InvalidationReason, Stats};
#[cfg(feature = "memcached")]
pub use store::MemcachedStore;
pub use store::{Command, ItemVersion, MemoryStore, OpenError, Reply, Store, StoreError, Ttl};
pub use tracker::{install, install_with};

/// For the code that the derive writes; no part of the library's interface.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    pub use crate::{
        connection::{Lookup, ProbeAnswer},
        policy::{Policy, Tables, sql_name},
    };
}

/// What a program that caches its reads imports.
pub mod prelude {
    pub use crate::{Cachalot, Cacheable, CachedDsl};
}
