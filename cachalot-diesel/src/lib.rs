//! Reads of a [Diesel](https://docs.rs/diesel) program answered from memcached, and every write
//! invalidating exactly what it touched. No keys, no tags, no guessing how long a row may be trusted:
//! call [`install`] once, write `.cached(&mut conn)` on a query, and set the environment.
//!
//! | Diesel | here |
//! |---|---|
//! | `query.load(&mut conn)` | `query.cached(&mut conn).load()` |
//! | `query.get_results(&mut conn)` | `query.cached(&mut conn).get_results()` |
//! | `query.get_result(&mut conn)` | `query.cached(&mut conn).get_result()` |
//! | `query.first(&mut conn)` | `query.cached(&mut conn).first()` |
//! | `insert_into`, `update`, `delete`, `sql_query`, `batch_execute`, `transaction` | as they are |
//!
//! # Example
//!
//! ```
//! use cachalot_diesel::prelude::*;
//! use diesel::{connection::SimpleConnection, prelude::*};
//!
//! diesel::table! {
//!     flights (id) {
//!         id -> Integer,
//!         origin -> Text,
//!         arr_delay -> Nullable<Integer>,
//!     }
//! }
//!
//! #[derive(Queryable, Selectable, Cacheable)]
//! #[diesel(table_name = flights)]
//! #[cachalot(ttl = "10m")]
//! struct Flight {
//!     id: i32,
//!     arr_delay: Option<i32>,
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // `cachalot_diesel::install()?` reads the environment; this one lives in the process.
//!     let cache = Cachalot::builder().url("memory://").build()?;
//!     cache.install()?; // every connection opened from here on reports its writes
//!
//!     let mut conn = SqliteConnection::establish(":memory:")?;
//!     conn.batch_execute(
//!         "CREATE TABLE flights (id INTEGER PRIMARY KEY, origin TEXT NOT NULL, arr_delay INTEGER);
//!          INSERT INTO flights VALUES (1, 'JFK', 75), (2, 'EWR', NULL)",
//!     )?;
//!     let late = |conn: &mut SqliteConnection| {
//!         flights::table
//!             .filter(flights::arr_delay.gt(60))
//!             .select(Flight::as_select())
//!             .cached(conn)
//!             .load()
//!     };
//!
//!     assert_eq!(late(&mut conn)?.len(), 1); // asks the database and stores the rows
//!     assert_eq!(late(&mut conn)?.len(), 1); // from the cache
//!     assert_eq!(cache.stats().hits, 1);
//!
//!     diesel::update(flights::table.find(1)).set(flights::arr_delay.eq(0)).execute(&mut conn)?;
//!     assert_eq!(late(&mut conn)?.len(), 0); // the write has invalidated it
//!     Ok(())
//! }
//! ```
//!
//! # What it promises
//!
//! A cached read never returns rows older than the last commit that was acknowledged to its caller,
//! in any process, before the read began; nor older than what the database itself would have shown.
//! A hit is decoded by the same `FromSql` code from the same bytes. A store that is down, slow, full or
//! corrupt costs hits, never an answer. The repository's `docs/protocol.md` says how, and names the
//! exceptions; its README lists what is not cached, the settings, and the limits as they are today.
//!
//! Every process that writes has to [`install`] too, with the same store and namespace. For changes
//! that none of them makes there is [`Cachalot::invalidate`], and the `cachalot` command.
//!
//! # When not to use it
//!
//! Reads that seldom repeat; tables that are written many times a second; SQLite point reads, which
//! SQLite answers faster than any cache; data that other programs change behind its back.
//!
//! # Features
//!
//! - `postgres`: `PgConnection`
//! - `mysql`: `MysqlConnection`, for MySQL and MariaDB
//! - `sqlite`: `SqliteConnection`
//! - `r2d2`: pooled connections of the above
//! - `memcached` (default): the memcached store
//! - `metrics`: counters through the [`metrics`](https://docs.rs/metrics) facade
#![forbid(unsafe_code)]

mod bypass;
mod cache;
mod config;
mod connection;
mod error;
mod events;
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
pub use config::{ConfigError, OnOutage};
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
        policy::{Policy, Tables, sql_name, written},
    };
}

/// What a program that caches its reads imports.
pub mod prelude {
    pub use crate::{Cachalot, Cacheable, CachedDsl};
}
