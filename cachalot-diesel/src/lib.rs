//! Caches [Diesel](https://docs.rs/diesel) query results in memcached and invalidates them automatically when their
//! tables change. There are no cache keys, tags or invalidation calls to write. There are two ways to use it:
//!
//! - Change the connection's type to [`CachalotConnection<C>`](CachalotConnection): every read is cached.
//! - Call [`install`] once, and add `.cached(&mut conn)` to the queries that are to be cached.
//!
//! Both read their settings from the environment, and can be mixed. With the second:
//!
//! | Diesel | with the cache |
//! |---|---|
//! | `query.load(&mut conn)` | `query.cached(&mut conn).load()` |
//! | `query.get_results(&mut conn)` | `query.cached(&mut conn).get_results()` |
//! | `query.get_result(&mut conn)` | `query.cached(&mut conn).get_result()` |
//! | `query.first(&mut conn)` | `query.cached(&mut conn).first()` |
//! | `insert_into`, `update`, `delete`, `sql_query`, `batch_execute`, `transaction` | unchanged |
//!
//! # Getting started
//!
//! **Install the cache** once, before the first connection is opened. [`install`] reads the settings from the
//! environment; `CACHALOT_URL` is the address of memcached. (This example configures an in-process store instead.)
//! **Cache a read** with `.cached(conn)`; on a [`CachalotConnection`], `load` alone is enough. **Writes** need no change.
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
//! #[derive(Queryable, Selectable)] // no serde or other derive needed
//! #[diesel(table_name = flights)]
//! struct Flight {
//!     id: i32,
//!     arr_delay: Option<i32>,
//! }
//!
//! fn late(conn: &mut SqliteConnection) -> QueryResult<Vec<Flight>> {
//!     flights::table
//!         .filter(flights::arr_delay.gt(60))
//!         .select(Flight::as_select())
//!         .cached(conn)
//!         .load()
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let cache = Cachalot::builder().url("memory://").build()?;
//!     cache.install()?; // every connection opened from here on reports its writes
//!
//!     let mut conn = SqliteConnection::establish(":memory:")?;
//!     conn.batch_execute(
//!         "CREATE TABLE flights (id INTEGER PRIMARY KEY, origin TEXT NOT NULL, arr_delay INTEGER);
//!          INSERT INTO flights VALUES (1, 'JFK', 75), (2, 'EWR', NULL)",
//!     )?;
//!
//!     assert_eq!(late(&mut conn)?.len(), 1); // a miss: queries the database and stores the rows
//!     assert_eq!(late(&mut conn)?.len(), 1); // a hit: from the cache
//!     assert_eq!(cache.stats().hits, 1);
//!
//!     conn.transaction(|conn| {
//!         diesel::update(flights::table.find(1)).set(flights::arr_delay.eq(0)).execute(conn)
//!     })?;
//!     assert_eq!(late(&mut conn)?.len(), 0); // the commit has invalidated it
//!     Ok(())
//! }
//! ```
//!
//! **See what happens.** [`Cached::explain`] shows whether a query would be a hit, which tables and columns it depends
//! on and, if it would not be cached, [why](BypassReason). It neither runs the query nor stores anything.
//! [`Cachalot::stats`] has counters, and every read, write and store error is a
//! [`tracing`](https://docs.rs/tracing) event.
//!
//! ```
//! # diesel::table! { airports { id -> Integer, name -> Text } }
//! # use cachalot_diesel::{BypassReason, Outcome, prelude::*};
//! # use diesel::{connection::SimpleConnection, prelude::*};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cache = Cachalot::builder().url("memory://").build()?;
//! # let conn = &mut SqliteConnection::establish(":memory:")?;
//! # conn.batch_execute("CREATE TABLE airports (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")?;
//! # cache.watch(conn)?;
//! let count = airports::table.count().cached(conn).explain()?;
//! assert_eq!(count.outcome, Outcome::Miss);
//! assert_eq!(count.tables, ["airports"]);
//!
//! let names = airports::table.select(airports::name).cached(conn).explain()?;
//! assert_eq!(names.dependencies, ["airports(name)"]);
//!
//! let today = diesel::sql_query("SELECT date('now') FROM airports").cached(conn);
//! let reason = BypassReason::VolatileFunction("date".to_owned());
//! assert_eq!(today.explain()?.outcome, Outcome::Bypass(reason));
//! # Ok(())
//! # }
//! ```
//!
//! **Override settings** for a [model](trait@Cacheable), a query or a closure.
//!
//! ```
//! # use cachalot_diesel::prelude::*;
//! # use diesel::{connection::SimpleConnection, prelude::*};
//! # use std::time::Duration;
//! # diesel::table! { prices { id -> Integer, amount -> Integer } }
//! # diesel::table! { rates { id -> Integer } }
//! #[derive(Cacheable)]
//! #[diesel(table_name = prices)]
//! #[cachalot(ttl = "10m", depends_on(rates))] // for all queries that read `prices`
//! struct Price;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cache = Cachalot::builder().url("memory://").build()?;
//! # let conn = &mut SqliteConnection::establish(":memory:")?;
//! # conn.batch_execute("CREATE TABLE prices (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)")?;
//! # cache.watch(conn)?;
//! let amounts = prices::table.select(prices::amount);
//! let short_lived: Vec<i32> = amounts.cached(conn).ttl(Duration::from_secs(30)).load()?;
//! let from_the_database: Vec<i32> = cachalot_diesel::disabled(|| amounts.cached(conn).load())?;
//! # assert_eq!(short_lived, from_the_database);
//!
//! // Changes made by programs without this library need an explicit invalidation.
//! cache.invalidate_model::<Price>()?;
//! cache.invalidate(["rates"])?;
//! # Ok(())
//! # }
//! ```
//!
//! **In a server**, call [`install`] before building the r2d2 pool (feature `r2d2`); `.cached()` accepts pooled
//! connections. Like Diesel, the cache blocks its thread, also on a hit: in asynchronous code, run both in
//! `spawn_blocking`. The repository's `examples/blog` is such a server.
//!
//! # Settings
//!
//! [`install`] and [`Cachalot::from_env`] read them from the environment; [`Cachalot::builder`] has a method for each.
//! An invalid value is an error that names the variable. `docs/configuration.md` has the defaults.
//!
//! | variable | in code |
//! |---|---|
//! | `CACHALOT_ENABLED` | [`enabled`](Builder::enabled) |
//! | `CACHALOT_URL` | [`url`](Builder::url), or a [`store`](Builder::store) of your own |
//! | `CACHALOT_NAMESPACE` | [`namespace`](Builder::namespace) |
//! | `CACHALOT_TIMEOUT` (seconds) | [`ttl`](Builder::ttl) |
//! | `CACHALOT_STORE_TIMEOUT` (milliseconds) | [`store_timeout`](Builder::store_timeout) |
//! | `CACHALOT_WRITE_LEASE` (seconds) | [`write_lease`](Builder::write_lease) |
//! | `CACHALOT_ON_OUTAGE` | [`on_outage`](Builder::on_outage) |
//! | `CACHALOT_ONLY_CACHABLE_TABLES` | [`only_tables`](Builder::only_tables) |
//! | `CACHALOT_UNCACHABLE_TABLES` | [`uncacheable_tables`](Builder::uncacheable_tables) |
//! | `CACHALOT_CACHE_RANDOM` | [`cache_random`](Builder::cache_random) |
//! | `CACHALOT_PURE_FUNCTIONS` | [`pure_functions`](Builder::pure_functions) |
//! | `CACHALOT_KEY_COLUMNS` | [`key_columns`](Builder::key_columns) |
//! | `CACHALOT_MAX_VALUE_BYTES` | [`max_value_bytes`](Builder::max_value_bytes) |
//! | `CACHALOT_COMPRESS_ABOVE_BYTES` | [`compress_above_bytes`](Builder::compress_above_bytes) |
//! | `CACHALOT_NEAR_CACHE_BYTES` | [`near_cache_bytes`](Builder::near_cache_bytes) |
//! | `CACHALOT_MAX_STALENESS` (milliseconds) | [`max_staleness`](Builder::max_staleness) |
//! | `CACHALOT_STAMPEDE_WAIT` (milliseconds) | [`stampede_wait`](Builder::stampede_wait) |
//! | `CACHALOT_REPLICA_HITS` | [`replica_hits`](Builder::replica_hits) |
//! | `CACHALOT_SECRET` | [`secret`](Builder::secret) |
//!
//! # Guarantees
//!
//! A cached read never returns rows older than the last commit that was acknowledged to its caller, in any process,
//! before the read began, nor older than the database itself would have returned. A hit is decoded by the same
//! `FromSql` code from the same bytes. If memcached is down, slow or full, or returns corrupt data, reads go to the
//! database. The repository's `docs/consistency.md` lists the exceptions, `docs/protocol.md` explains how it works, and
//! `docs/limits.md` lists what is not cached.
//!
//! Every process that writes must call [`install`] too, with the same store and namespace. For changes made by other
//! programs, call [`Cachalot::invalidate`] or run the `cachalot` command.
//!
//! # Guide
//!
//! The repository's `docs` describe how the cache works, its configuration, deployment with several servers, testing your
//! application, the limits, migrating from hand-written caching, and how it compares with other caches.
//!
//! # When not to use it
//!
//! For reads that seldom repeat, tables with many inserts and deletes a second, primary key lookups in SQLite (which are
//! faster than any cache), and data that is changed by programs without this library.
//!
//! # Features
//!
//! - `postgres`: `PgConnection`
//! - `mysql`: `MysqlConnection`, for MySQL and MariaDB
//! - `sqlite`: `SqliteConnection`
//! - `r2d2`: pooled connections of these types
//! - `memcached` (default): the memcached store
//! - `metrics`: metrics through the [`metrics`](https://docs.rs/metrics) facade
//! - `store-contract`: `store_contract::check_all`, for the tests of a [`Store`] of your own
#![forbid(unsafe_code)]

#[cfg(test)]
mod arrows;
mod backend;
mod background;
mod bypass;
mod cache;
mod catalog;
mod clock;
mod config;
mod connection;
mod connection_type;
mod entries;
mod error;
mod events;
mod fingerprint;
mod handle;
mod planner;
mod policy;
mod protocol;
mod query;
mod rows;
mod session;
mod stats;
mod store;
mod thread_flag;
mod tracker;
mod versions;

/// The derive; see [`trait@Cacheable`].
pub use cachalot_derive::Cacheable;

pub use bypass::BypassReason;
pub use cachalot_sql::Events;
pub use catalog::UnanalyzableCode;
pub use config::{ConfigError, OnOutage};
pub use connection::{CacheConnection, PlainConnection};
pub use connection_type::{CachalotConnection, CachedCursor, CachedField, CachedRow};
pub use error::Error;
pub use handle::{Builder, Cachalot, install, install_with};
pub use policy::Cacheable;
pub use query::{Cached, CachedDsl, CachedQuery, Explanation, Outcome, disabled};
pub use rows::CacheBackend;
pub use stats::{Invalidation, InvalidationReason, Stats};
#[cfg(feature = "memcached")]
pub use store::MemcachedStore;
#[cfg(feature = "store-contract")]
pub use store::contract as store_contract;
pub use store::{CasVersion, Command, MemoryStore, OpenError, Reply, Store, StoreError, Ttl};
pub use versions::TableStatus;

/// For the fuzz targets; not part of the public API.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "fuzz.rs"]
pub mod __fuzz;

/// For the code that the derive generates; not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    pub use crate::{
        connection::{CatalogAnswer, Lookup, ProbeAnswer, Question},
        policy::{Policy, Tables, key_name, sql_name, written},
    };
}

/// The imports that a program with cached reads needs.
pub mod prelude {
    pub use crate::{Cachalot, Cacheable, CachedDsl, CachedQuery};
}

/// Runs the examples in the README and the guide as doctests.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/configuration.md")]
    struct Configuration;
    #[doc = include_str!("../../docs/moving.md")]
    struct Moving;
    #[doc = include_str!("../../docs/outages.md")]
    struct Outages;
    #[doc = include_str!("../../docs/testing.md")]
    struct Testing;
    #[doc = include_str!("../../docs/what-a-write-invalidates.md")]
    struct WhatAWriteInvalidates;
}
