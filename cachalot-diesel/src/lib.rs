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
//! # In five minutes
//!
//! **Turn it on**, once, before the first connection is opened. [`install`] reads the environment:
//! `CACHALOT_URL` says where the memcached is. This example builds its cache by hand and keeps it in the process.
//! **Cache a read** by writing `.cached(conn)`. **Write** as ever.
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
//! #[derive(Queryable, Selectable)] // no serde, and nothing of ours
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
//!     assert_eq!(late(&mut conn)?.len(), 1); // asks the database and stores the rows
//!     assert_eq!(late(&mut conn)?.len(), 1); // from the cache
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
//! **Ask what happens.** [`Cached::explain`] tells whether a query would be a hit, on which tables it depends, and,
//! where it would not be cached, [why](BypassReason); it runs nothing and stores nothing. [`Cachalot::stats`] counts,
//! and each read, write and failure of the store is an event of [`tracing`](https://docs.rs/tracing).
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
//! let today = diesel::sql_query("SELECT date('now') FROM airports").cached(conn);
//! let reason = BypassReason::VolatileFunction("date".to_owned());
//! assert_eq!(today.explain()?.outcome, Outcome::Bypass(reason));
//! # Ok(())
//! # }
//! ```
//!
//! **Settle details** where they belong: for a [model](trait@Cacheable), for a query, for a closure.
//!
//! ```
//! # use cachalot_diesel::prelude::*;
//! # use diesel::{connection::SimpleConnection, prelude::*};
//! # use std::time::Duration;
//! # diesel::table! { prices { id -> Integer, amount -> Integer } }
//! # diesel::table! { rates { id -> Integer } }
//! #[derive(Cacheable)]
//! #[diesel(table_name = prices)]
//! #[cachalot(ttl = "10m", depends_on(rates))] // whatever reads `prices`
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
//! // What another program has changed, it or you have to say.
//! cache.invalidate_model::<Price>()?;
//! cache.invalidate(["rates"])?;
//! # Ok(())
//! # }
//! ```
//!
//! **In a server**: [`install`] before the r2d2 pool is built (feature `r2d2`); `.cached()` takes the pool's
//! connections. Diesel blocks its thread and so does the cache, on a hit too: in asynchronous code both go into
//! `spawn_blocking`. The repository's `examples/blog` is such a server, with a test that compares all its pages.
//!
//! # Settings
//!
//! [`install`] and [`Cachalot::from_env`] read them from the environment; [`Cachalot::builder`] has each as a method. A
//! value that cannot be read is an error that names the variable. The README has the defaults.
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
//! | `CACHALOT_MAX_VALUE_BYTES` | [`max_value_bytes`](Builder::max_value_bytes) |
//! | `CACHALOT_COMPRESS_ABOVE_BYTES` | [`compress_above_bytes`](Builder::compress_above_bytes) |
//! | `CACHALOT_NEAR_CACHE_BYTES` | [`near_cache_bytes`](Builder::near_cache_bytes) |
//! | `CACHALOT_MAX_STALENESS` (milliseconds) | [`max_staleness`](Builder::max_staleness) |
//! | `CACHALOT_STAMPEDE_WAIT` (milliseconds) | [`stampede_wait`](Builder::stampede_wait) |
//! | `CACHALOT_REPLICA_HITS` | [`replica_hits`](Builder::replica_hits) |
//! | `CACHALOT_SECRET` | [`secret`](Builder::secret) |
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
//! # The guide
//!
//! In the repository's `docs`: how it works, with a picture; configuration; deployment with several servers; testing
//! your application; limits; moving from hand-written caching; a comparison with other caches, and django-cachalot's
//! features one by one.
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
mod catalog;
mod chain;
mod clock;
mod config;
mod connection;
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
#[doc(hidden)]
pub mod statement;
mod stats;
mod store;
mod tracker;
mod untracked;
mod versions;

/// The derive; see [`trait@Cacheable`].
pub use cachalot_derive::Cacheable;

pub use bypass::BypassReason;
#[doc(hidden)]
pub use catalog::UnanalyzableCode;
pub use config::{ConfigError, OnOutage};
pub use connection::CacheConnection;
pub use error::Error;
pub use handle::{Builder, Cachalot, install, install_with};
pub use policy::Cacheable;
pub use query::{Cached, CachedDsl, CachedQuery, Explanation, Outcome, disabled};
pub use rows::CacheBackend;
pub use stats::{Invalidation, InvalidationReason, Stats};
#[cfg(feature = "memcached")]
pub use store::MemcachedStore;
pub use store::{CasVersion, Command, MemoryStore, OpenError, Reply, Store, StoreError, Ttl};
pub use versions::TableStatus;

/// For the fuzz targets; no part of the library's interface.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "fuzz.rs"]
pub mod __fuzz;

/// For the code that the derive writes; no part of the library's interface.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    pub use crate::{
        connection::{CatalogAnswer, Lookup, ProbeAnswer, Question},
        policy::{Policy, Tables, sql_name, written},
    };
}

/// What a program that caches its reads imports.
pub mod prelude {
    pub use crate::{Cachalot, Cacheable, CachedDsl, CachedQuery};
}

/// The guide and the README, whose examples are compiled and run as those in the code are.
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
}
