use std::{sync::Arc, time::Duration};

use super::Cachalot;
use crate::{
    Error,
    cache::Cache,
    config::{Config, OnOutage, key_columns, only_tables, table_set},
    store::{self, Store, StoreOptions},
};

/// The size of the in-process store.
const MEMORY_STORE_BYTES: usize = 64 * 1024 * 1024;

/// Builds a [`Cachalot`]. Settings have the same defaults as their environment variables.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    config: Config,
    store: Option<StoreBox>,
}

#[derive(Clone)]
struct StoreBox(Arc<dyn Store>);

impl std::fmt::Debug for StoreBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.describe())
    }
}

impl Builder {
    pub(super) fn from_config(config: Config) -> Self {
        Self {
            config,
            store: None,
        }
    }

    /// Reads the settings from the environment, for a program that overrides some of them.
    ///
    /// # Errors
    /// [`Error::Config`] if a variable has an invalid value. The error names the variable.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self::from_config(Config::from_env()?))
    }

    /// The store: `memcache://host:port[,host:port…]`, or `memory://` for a store within this process.
    /// Default: `memcache://127.0.0.1:11211`.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.config.url = url.into();
        self
    }

    /// The namespace. Processes with the same store and namespace share one cache. Leading and trailing
    /// whitespace is removed; it must not be empty. Default: `cachalot`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.config.namespace = namespace.into().trim().to_owned();
        self
    }

    /// The time to live: the maximum age of the rows that a read returns. Zero sets no limit. Default:
    /// one day.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.config.ttl = (!ttl.is_zero()).then_some(ttl);
        self
    }

    /// The lease of a write: if its process crashes while the write is in flight, the tables are not
    /// cached for that long. It should be longer than any COMMIT takes. From a second to a day.
    /// Default: 30 seconds.
    pub fn write_lease(mut self, lease: Duration) -> Self {
        self.config.write_lease = lease;
        self
    }

    /// The timeout of an exchange with the store, from a millisecond to a minute. Default: 100 ms.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.config.store_timeout = timeout;
        self
    }

    /// What a write does while the store does not answer. Default: [`OnOutage::Defer`].
    pub fn on_outage(mut self, on_outage: OnOutage) -> Self {
        self.config.on_outage = on_outage;
        self
    }

    /// With `false`, all reads go to the database. Writes still invalidate. Default: `true`.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.config.enabled = enabled;
        self
    }

    /// Caches only queries whose tables are all in this list. An empty list, the default, sets no limit.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use cachalot_diesel::{BypassReason, Outcome};
    ///
    /// let cache = Cachalot::builder().url("memory://").only_tables(["users"]).build()?;
    /// let mut conn = connection(&cache);
    /// let explanation = users::table.cached(&mut conn).explain()?;
    /// assert_eq!(explanation.outcome, Outcome::Miss);
    /// let explanation = users::table.inner_join(posts::table).cached(&mut conn).explain()?;
    /// let reason = BypassReason::ExcludedTable("posts".to_owned());
    /// assert_eq!(explanation.outcome, Outcome::Bypass(reason));
    /// # Ok(())
    /// # }
    /// ```
    pub fn only_tables<S: AsRef<str>>(mut self, tables: impl IntoIterator<Item = S>) -> Self {
        self.config.only_tables = only_tables(tables);
        self
    }

    /// Queries that read any of these tables are not cached. Replaces the default
    /// (`__diesel_schema_migrations`). Takes precedence over `only_tables`.
    ///
    /// ```
    /// let cache = cachalot_diesel::Cachalot::builder()
    ///     .url("memory://")
    ///     .uncacheable_tables(["sessions", "__diesel_schema_migrations"])
    ///     .build()?;
    /// # Ok::<(), cachalot_diesel::Error>(())
    /// ```
    pub fn uncacheable_tables<S: AsRef<str>>(
        mut self,
        tables: impl IntoIterator<Item = S>,
    ) -> Self {
        self.config.uncacheable_tables = table_set(tables);
        self
    }

    /// Caches queries in random order: all readers see the same order until the next write. Default:
    /// `false`.
    pub fn cache_random(mut self, cache: bool) -> Self {
        self.config.cache_random = cache;
        self
    }

    /// Declares functions of the program or of an extension pure: they return the same result for the
    /// same arguments and tables, and write nothing. Needed for functions whose volatility is not in
    /// the database's catalog: custom functions of SQLite and loadable functions of MySQL. PostgreSQL's
    /// catalog has it.
    pub fn pure_functions<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.config.pure_functions = table_set(names);
        self
    }

    /// Columns by whose values reads and writes are told apart, beside those of primary and foreign keys: a write to
    /// rows with other values leaves results valid that have only rows with certain values. Pairs of a table and a
    /// column, without schema and quotes.
    ///
    /// If a database has no such column, or if values of its type cannot be compared byte by byte, an error is logged
    /// when its catalog is loaded, and the column is not used.
    ///
    /// ```
    /// let cache = cachalot_diesel::Cachalot::builder()
    ///     .url("memory://")
    ///     .key_columns([("posts", "slug"), ("users", "email")])
    ///     .build()?;
    /// # Ok::<(), cachalot_diesel::Error>(())
    /// ```
    pub fn key_columns<T: AsRef<str>, C: AsRef<str>>(
        mut self,
        columns: impl IntoIterator<Item = (T, C)>,
    ) -> Self {
        self.config.key_columns = key_columns(columns);
        self
    }

    /// Results above this size are not stored. The store's item limit also applies. From 1 byte to
    /// 1 GiB. Default: 1,000,000 bytes.
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.config.max_value_bytes = bytes;
        self
    }

    /// Results above this many bytes are compressed with LZ4, if that makes them smaller. Zero turns
    /// compression off; the maximum is 1 GiB. Default: 16,384.
    pub fn compress_above_bytes(mut self, bytes: usize) -> Self {
        self.config.compress_above = (bytes > 0).then_some(bytes);
        self
    }

    /// The size of the near cache, which keeps copies of entries in this process. A hit in it reads only
    /// the small version records from the store, so it is as current as any other hit. Zero, the
    /// default, turns it off.
    pub fn near_cache_bytes(mut self, bytes: usize) -> Self {
        self.config.near_cache_bytes = bytes;
        self
    }

    /// Serves an entry of the near cache ([`near_cache_bytes`](Self::near_cache_bytes)) without asking
    /// the store, for this long after it was last known to be current. Reads may then miss commits of
    /// *other* processes that are at most this old. Zero, the default, always asks the store; the
    /// maximum is an hour.
    pub fn max_staleness(mut self, staleness: Duration) -> Self {
        self.config.max_staleness = staleness;
        self
    }

    /// Stampede protection between processes: after a miss, wait up to this long for the entry of
    /// another process that is already running the same query. Zero, the default, does not wait; the
    /// maximum is a minute.
    pub fn stampede_wait(mut self, wait: Duration) -> Self {
        self.config.stampede_wait = wait;
        self
    }

    /// PostgreSQL: a read on a standby may be given an entry that was filled from its primary, which is no older
    /// than the last acknowledged commit. `false`, the default: it goes to the standby. What a standby shows is
    /// never stored. `docs/deployment.md` says what it needs, and when not to set it.
    pub fn replica_hits(mut self, hits: bool) -> Self {
        self.config.replica_hits = hits;
        self
    }

    /// Entries and version records carry a MAC that their writer knew the secret. It may not be
    /// empty: anybody could compute that MAC.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.config.secret = Some(secret.into());
        self
    }

    /// Uses a custom store. `url` is then ignored.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(StoreBox(Arc::new(store)));
        self
    }

    /// Builds the cache. The store may be down: reads then go to the database.
    ///
    /// # Errors
    /// [`Error::Config`] if a setting has an invalid value; the error names the method. [`Error::Open`]
    /// if the URL is invalid.
    pub fn build(self) -> Result<Cachalot, Error> {
        self.config.validate()?;
        let store = match self.store {
            Some(store) => store.0,
            None => store::open(
                &self.config.url,
                &StoreOptions {
                    timeout: self.config.store_timeout,
                    // For the header of an entry.
                    max_value_bytes: self.config.max_value_bytes.saturating_add(4096),
                    memory_bytes: MEMORY_STORE_BYTES,
                },
            )?,
        };
        Ok(Cachalot(Cache::new(self.config, store)))
    }
}
