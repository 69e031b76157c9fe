//! The public handle of a cache, and its builder. It delegates to the components in `cache`.

mod builder;
mod install;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use diesel::{QueryResult, connection::Instrumentation};

pub use builder::Builder;
pub use install::{install, install_with};

use crate::{
    Cacheable, Error, TableStatus,
    cache::Cache,
    catalog::UnanalyzableCode,
    config::{Config, ConfigError},
    connection::{CacheConnection, unanalyzable_code},
    policy::{exact, normalise},
    protocol::{Changes, Writes},
    stats::{Invalidation, Stats},
    tracker,
};

/// A cache: a store, a namespace in it, and settings. Cheap to clone; clones share the same cache.
///
/// A process can have several caches. Each has its own settings, counters and listeners. A connection
/// reads from the cache that watches it.
///
/// ```
/// use cachalot_diesel::Cachalot;
///
/// let cache = Cachalot::builder().url("memory://").namespace("shop").build()?;
/// let clone = cache.clone();
/// clone.invalidate(["orders"])?;
/// assert_eq!(cache.stats().invalidations, 1);
///
/// let other = Cachalot::builder().url("memory://").namespace("shop").build()?;
/// assert_eq!(other.stats().invalidations, 0);
/// # Ok::<(), cachalot_diesel::Error>(())
/// ```
#[derive(Clone)]
pub struct Cachalot(Cache);

impl fmt::Debug for Cachalot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cachalot")
            .field("store", &self.0.store_name())
            .field("config", self.0.config())
            .finish_non_exhaustive()
    }
}

impl Cachalot {
    /// A cache with the settings from the environment; see the [crate documentation](crate) for the
    /// variables. The store may be down.
    ///
    /// # Errors
    /// [`Error::Config`] if a variable has an invalid value. The error names the variable.
    pub fn from_env() -> Result<Self, Error> {
        Builder::from_env()?.build().map_err(|error| match error {
            Error::Open(error) => ConfigError::of_url(&error).into(),
            error => error,
        })
    }

    /// A builder with the default settings. It does not read the environment.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cachalot_diesel::Cachalot;
    ///
    /// let cache = Cachalot::builder()
    ///     .url("memcache://127.0.0.1:11211")
    ///     .namespace("shop")
    ///     .ttl(Duration::from_secs(600))
    ///     .uncacheable_tables(["sessions"])
    ///     .build()?;
    /// # Ok::<(), cachalot_diesel::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::from_config(Config::default())
    }

    /// Makes every Diesel connection that this process opens from now on use this cache: its writes
    /// invalidate results, and its `.cached()` reads are answered from the cache. If several caches are
    /// installed, the last one is used.
    ///
    /// This sets Diesel's default instrumentation, of which there is one per process. If the program
    /// calls `set_default_instrumentation` later, the writes of new connections are not seen. The next
    /// cached read detects this; from then on all reads of this process go to the database
    /// ([`BypassReason::InstrumentationReplaced`](crate::BypassReason::InstrumentationReplaced)).
    ///
    /// # Errors
    /// [`Error::ForeignDefault`] if the program has already set a default instrumentation: pass its
    /// constructor to [`install_with`](Self::install_with), so that both are used.
    pub fn install(&self) -> Result<(), Error> {
        tracker::install_default(&self.0)
    }

    /// As [`install`](Self::install), for a program with an instrumentation of its own, which still
    /// receives every event.
    ///
    /// After `set_default_instrumentation` has replaced the library's instrumentation, this does not
    /// restore caching: connections opened in between are not watched.
    ///
    /// # Errors
    /// [`Error::Install`] if Diesel returns an error.
    pub fn install_with(&self, constructor: tracker::Constructor) -> Result<(), Error> {
        tracker::install_default_with(&self.0, constructor)
    }

    /// As [`install`](Self::install), for a connection that is already open.
    ///
    /// An instrumentation from Diesel's default constructor is kept.
    ///
    /// # Errors
    /// [`Error::ForeignInstrumentation`] if the connection has another instrumentation. Diesel cannot
    /// return it, so pass it to [`watch_with`](Self::watch_with).
    pub fn watch<C: CacheConnection>(&self, conn: &mut C) -> Result<(), Error> {
        tracker::attach(conn, &self.0)
    }

    /// As [`watch`](Self::watch), and replaces the connection's instrumentation by `own`, which
    /// receives every event.
    pub fn watch_with<C: CacheConnection>(&self, conn: &mut C, own: impl Instrumentation) {
        tracker::watch_with(conn, &self.0, Box::new(own));
    }

    /// Invalidates everything that depends on these tables. Needed only for changes that were not made
    /// through a tracked connection.
    ///
    /// Names are as in SQL. Schema and case are ignored; a name that contains a dot must be quoted.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = Cachalot::builder().url("memory://").build()?;
    /// // … after another program or a restore has changed the tables …
    /// cache.invalidate(["users", "public.Posts", "\"a.b\""])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Undelivered`] if the store does not answer. The invalidation is sent as soon as it does.
    pub fn invalidate<S: AsRef<str>>(
        &self,
        tables: impl IntoIterator<Item = S>,
    ) -> Result<(), Error> {
        self.invalidate_named(tables.into_iter().map(|name| normalise(name.as_ref())))
    }

    /// Invalidates everything that depends on the tables of a model: its own and those of `depends_on`.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = Cachalot::builder().url("memory://").build()?;
    /// cache.invalidate_model::<User>()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate).
    pub fn invalidate_model<M: Cacheable>(&self) -> Result<(), Error> {
        self.invalidate_named(M::tables().iter().map(|name| exact(name)))
    }

    fn invalidate_named(&self, tables: impl Iterator<Item = String>) -> Result<(), Error> {
        let tables = tables.map(|name| (Arc::from(name), Changes::ALL)).collect();
        self.0.versions().invalidate(&Writes::Tables(tables))
    }

    /// Invalidates everything in the namespace, for example after a restore or a migration by another
    /// program.
    ///
    /// ```
    /// # let cache = cachalot_diesel::Cachalot::builder().url("memory://").build()?;
    /// cache.invalidate_all()?;
    /// # Ok::<(), cachalot_diesel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate).
    pub fn invalidate_all(&self) -> Result<(), Error> {
        self.0.versions().invalidate(&Writes::Everything)
    }

    /// When any of these tables, or everything, was last invalidated by any process, by that process's
    /// clock. `None` if that is unknown; the store may lose a record. Names are as in
    /// [`invalidate`](Self::invalidate), and may be those of views.
    ///
    /// Includes what the database changes by itself (a foreign key's CASCADE, triggers, the tables of a
    /// view) once this cache has loaded the database's catalog, that is, from its first cached read on.
    /// Before that, only statements that name the table count.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = Cachalot::builder().url("memory://").build()?;
    /// let mut conn = connection(&cache);
    ///
    /// diesel::insert_into(posts::table)
    ///     .values((posts::id.eq(1), posts::user_id.eq(2)))
    ///     .execute(&mut conn)?;
    /// let changed = cache.last_invalidation(["users", "posts"])?.expect("posts was changed");
    /// println!("a page of users and posts was last modified {:?} ago", changed.elapsed()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Store`] if the store does not answer.
    pub fn last_invalidation<S: AsRef<str>>(
        &self,
        tables: impl IntoIterator<Item = S>,
    ) -> Result<Option<SystemTime>, Error> {
        let tables = tables.into_iter();
        let tables: Vec<_> = tables
            .map(|table| Arc::from(normalise(table.as_ref())))
            .collect();
        let tables = self.0.planner().transitive_dependencies(&tables);
        self.0.versions().last_invalidation(tables)
    }

    /// The status of these tables, in the order given. If `tables` is empty: of the whole namespace
    /// (`*`), then of every table that has a version record.
    ///
    /// # Errors
    /// [`Error::Store`] if the store does not answer.
    pub fn table_status<S: AsRef<str>>(
        &self,
        tables: impl IntoIterator<Item = S>,
    ) -> Result<Vec<TableStatus>, Error> {
        let tables = tables.into_iter();
        let names = tables.map(|table| normalise(table.as_ref()));
        self.0.versions().table_status(names)
    }

    /// The store's URL without credentials, or the description that a custom store gives.
    #[must_use]
    pub fn store_name(&self) -> String {
        self.0.store_name()
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.0.config().namespace
    }

    /// The timeout of an exchange with the store.
    #[must_use]
    pub fn store_timeout(&self) -> Duration {
        self.0.config().store_timeout
    }

    /// How long the tables of a crashed writer are not cached.
    #[must_use]
    pub fn write_lease(&self) -> Duration {
        self.0.config().write_lease
    }

    /// Results above this size, in bytes, are not stored.
    #[must_use]
    pub fn max_value_bytes(&self) -> usize {
        self.0.config().max_value_bytes
    }

    /// The counters of this handle and its clones in this process, since it was built.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = Cachalot::builder().url("memory://").build()?;
    /// let mut conn = connection(&cache);
    /// for _ in 0..3 {
    ///     let _: Vec<String> = users::table.select(users::name).cached(&mut conn).load()?;
    /// }
    /// let stats = cache.stats();
    /// assert_eq!((stats.misses, stats.hits), (1, 2));
    /// assert!(stats.bypasses.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.counters().snapshot()
    }

    /// Calls `listener` after every invalidation through this handle or a clone: once per transaction,
    /// after its COMMIT, and never for a rollback.
    ///
    /// The listener runs on the writing thread, before the write returns to its caller, so it should be
    /// fast. It is not called for invalidations by other processes; `cachalot watch` shows those.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = Cachalot::builder().url("memory://").build()?;
    /// let mut conn = connection(&cache);
    /// let (sender, signals) = std::sync::mpsc::channel();
    /// cache.on_invalidation(move |signal| {
    ///     let _ = sender.send(signal.tables.clone());
    /// });
    ///
    /// conn.transaction(|conn| {
    ///     diesel::delete(posts::table).execute(conn)?;
    ///     diesel::delete(users::table).execute(conn)
    /// })?;
    /// assert_eq!(signals.try_recv()?, ["posts", "users"]); // once, after the commit
    /// assert!(signals.try_recv().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_invalidation(&self, listener: impl Fn(&Invalidation) + Send + Sync + 'static) {
        self.0.versions().listeners.add(Arc::new(listener));
    }

    /// The triggers and routines of a connection's database that this library cannot analyse, so that
    /// they invalidate more, or prevent caching. `cachalot doctor` prints them.
    ///
    /// # Errors
    /// An error of the database, if its catalog cannot be read.
    pub fn unanalyzable_code<C: CacheConnection>(
        &self,
        conn: &mut C,
    ) -> QueryResult<Vec<UnanalyzableCode>> {
        unanalyzable_code(conn, &self.0.config().pure_functions)
    }

    pub(crate) fn inner(&self) -> &Cache {
        &self.0
    }
}
