use std::{sync::Arc, time::Duration};

use super::Cachalot;
use crate::{
    Error,
    cache::Cache,
    config::{Config, OnOutage, only_tables, table_set},
    store::{self, Store, StoreOptions},
};

/// The in-process store's bound where nobody says otherwise.
const MEMORY_BYTES: usize = 64 * 1024 * 1024;

/// Settings of a cache; what is not set has the default of the environment variable of that name.
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

    /// Settings as the environment describes them, for a program that overrides a few.
    ///
    /// # Errors
    /// A variable that cannot be read, named in the error.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self::from_config(Config::from_env()?))
    }

    /// Where the store is: `memcache://host:port[,host:port…]`, or `memory://` for this process only.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.config.url = url.into();
        self
    }

    /// What this cache shares with other processes, and with nobody else on the same store. Blanks
    /// around it do not count; it may not be empty.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.config.namespace = namespace.into().trim().to_owned();
        self
    }

    /// How old the rows that a read is given may be at the most; zero sets no bound.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.config.ttl = (!ttl.is_zero()).then_some(ttl);
        self
    }

    /// How long the tables of a writer that crashed between `begin` and `end` stay uncached.
    /// Longer than any COMMIT takes; from a second to a day.
    pub fn write_lease(mut self, lease: Duration) -> Self {
        self.config.write_lease = lease;
        self
    }

    /// How long one exchange with the store may take; from a millisecond to a minute.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.config.store_timeout = timeout;
        self
    }

    /// What a write does while the store does not answer; it is remembered unless this says
    /// otherwise.
    pub fn on_outage(mut self, on_outage: OnOutage) -> Self {
        self.config.on_outage = on_outage;
        self
    }

    /// `false`: every read goes to the database; writes still invalidate.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.config.enabled = enabled;
        self
    }

    /// Only queries all of whose tables are among these are cached. No table at all sets no limit,
    /// as an empty `CACHALOT_ONLY_CACHABLE_TABLES` does.
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

    /// Queries that read any of these are not cached. Replaces the default
    /// (`__diesel_schema_migrations`); wins over `only_tables`.
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

    /// Queries in random order are cached: everybody sees the same "random" rows until a write.
    pub fn cache_random(mut self, cache: bool) -> Self {
        self.config.cache_random = cache;
        self
    }

    /// Functions of the program's own, or of an extension, that give the same result for the same
    /// arguments and tables, and that write nothing: for those of which the library cannot know.
    /// PostgreSQL's catalog tells of its own; SQLite's and loadable functions of MySQL nobody can ask.
    pub fn pure_functions<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.config.pure_functions = table_set(names);
        self
    }

    /// Results above this size are not stored; at most what the store's own item limit allows. From
    /// 1 byte to 1 GiB.
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.config.max_value_bytes = bytes;
        self
    }

    /// Results above this many bytes are compressed (LZ4) where that makes them smaller; zero is never,
    /// and 1 GiB the most.
    pub fn compress_above_bytes(mut self, bytes: usize) -> Self {
        self.config.compress_above = (bytes > 0).then_some(bytes);
        self
    }

    /// Entries are kept in this process too, up to so many bytes: a hit then fetches only the small
    /// version records, and stays as current as one from the store. Zero keeps none.
    pub fn near_cache_bytes(mut self, bytes: usize) -> Self {
        self.config.near_cache_bytes = bytes;
        self
    }

    /// An entry that this process keeps ([`near_cache_bytes`](Self::near_cache_bytes)) is served without asking the
    /// store for so long after it was last found current: reads may then be that much older than what
    /// *other* processes have committed. Zero, the default, asks each time; an
    /// hour is the most.
    pub fn max_staleness(mut self, staleness: Duration) -> Self {
        self.config.max_staleness = staleness;
        self
    }

    /// A reader that finds nothing waits so long for one in another process that is asking the database
    /// for the same rows already. Zero, the default, does not wait; a minute is the most.
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

    /// Another store than those that `url` knows. `url` is then not looked at.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(StoreBox(Arc::new(store)));
        self
    }

    /// Builds the cache. The store need not be up: until it is, reads go to the database.
    ///
    /// # Errors
    /// [`Error::Config`] if a setting has a value that it cannot have, with the name of its method;
    /// [`Error::Open`] if the URL is not one.
    pub fn build(self) -> Result<Cachalot, Error> {
        self.config.validate()?;
        let store = match self.store {
            Some(store) => store.0,
            None => store::open(
                &self.config.url,
                &StoreOptions {
                    timeout: self.config.store_timeout,
                    // An entry has a header beside its rows.
                    max_value_bytes: self.config.max_value_bytes.saturating_add(4096),
                    memory_bytes: MEMORY_BYTES,
                },
            )?,
        };
        Ok(Cachalot(Cache::new(self.config, store)))
    }
}
