//! The `Cachalot` handle: read through, begin and end a write, invalidate.
//!
//! Knows no Diesel trait: a read comes as a key, its dependencies and a time to live; the rows come
//! as bytes. Decisions are the protocol's, the store carries them out.

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
    protocol::{Events, Writes},
    stats::{Invalidation, Stats},
    tracker,
};

/// A cache: a store, a namespace in it, and settings. Cheap to clone; clones are the same cache.
///
/// Several caches can live side by side in a process. Each has its own settings, counters and
/// listeners; a connection reads from the one that watches it.
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
    /// A cache as the environment describes it; see the crate's front page for the variables.
    ///
    /// # Errors
    /// A variable that cannot be read, named in the error. The store need not be up.
    pub fn from_env() -> Result<Self, Error> {
        Builder::from_env()?.build().map_err(|error| match error {
            Error::Open(error) => ConfigError::of_url(&error).into(),
            error => error,
        })
    }

    /// A cache as the program describes it, starting from the defaults; the environment is not read.
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

    /// Has every Diesel connection of this process that is opened from now on report its writes to
    /// this cache and read from it. The last cache that was installed is the one that counts.
    ///
    /// Diesel has one default instrumentation for the process, and this is it from now on: a
    /// program that calls `set_default_instrumentation` later opens connections whose writes are
    /// not seen. The next cached read finds it out, and reads of this process go to the database from then
    /// on ([`BypassReason::InstrumentationReplaced`](crate::BypassReason::InstrumentationReplaced)).
    ///
    /// # Errors
    /// [`Error::ForeignDefault`] if Diesel has a default instrumentation that is not ours: give its
    /// constructor to [`install_with`](Self::install_with), so that it goes on working.
    pub fn install(&self) -> Result<(), Error> {
        tracker::install_default(&self.0)
    }

    /// As [`install`](Self::install), with an instrumentation of the program's own, which goes on
    /// seeing every event.
    ///
    /// It does not make up for a `set_default_instrumentation` that replaced the library's: the
    /// connections opened in between are not watched, so reads of this process go to the database.
    ///
    /// # Errors
    /// [`Error::Install`] if Diesel does not take it.
    pub fn install_with(&self, constructor: tracker::Constructor) -> Result<(), Error> {
        tracker::install_default_with(&self.0, constructor)
    }

    /// Has a connection that is open already report its writes to this cache and read from it.
    ///
    /// An instrumentation that Diesel's default constructor made for the connection goes on working.
    ///
    /// # Errors
    /// [`Error::ForeignInstrumentation`] if the connection was given another: Diesel cannot hand
    /// it out, so pass it to [`watch_with`](Self::watch_with).
    pub fn watch<C: CacheConnection>(&self, conn: &mut C) -> Result<(), Error> {
        tracker::attach(conn, &self.0)
    }

    /// As [`watch`](Self::watch), with an instrumentation for the connection, which replaces the
    /// one that it has and sees every event.
    pub fn watch_with<C: CacheConnection>(&self, conn: &mut C, own: impl Instrumentation) {
        tracker::set_tracker(conn, &self.0, Some(Box::new(own)));
    }

    /// Invalidates what depends on these tables, for changes that no tracked connection made.
    ///
    /// Names are as in SQL: schema and case do not matter, and a name that has a dot of its own
    /// stands in quotes.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = Cachalot::builder().url("memory://").build()?;
    /// // … another program has changed the table, or a restore has …
    /// cache.invalidate(["users", "public.Posts", "\"a.b\""])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Undelivered`] while the store does not answer; it is delivered when it does.
    pub fn invalidate<S: AsRef<str>>(
        &self,
        tables: impl IntoIterator<Item = S>,
    ) -> Result<(), Error> {
        self.invalidate_named(tables.into_iter().map(|name| normalise(name.as_ref())))
    }

    /// Invalidates what depends on the tables of a model: its own, and those of its `depends_on`.
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
        let tables = tables.map(|name| (Arc::from(name), Events::ALL)).collect();
        self.0.versions().invalidate(&Writes::Tables(tables))
    }

    /// Invalidates everything in the namespace: after a restore, a change of the schema by another
    /// program, an incident.
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

    /// When the newest of these tables was last invalidated, by any process, or everything was: by
    /// the clock of the process that did it. `None` if nothing is known (a lost record forgets it).
    /// Names are as in [`invalidate`](Self::invalidate); those of views will do too.
    ///
    /// What the database changed behind a statement counts (a foreign key's CASCADE, a trigger's body,
    /// the tables behind a view) once this cache knows the database's catalog: from its first cached
    /// read on. Before that, the time of a table is that of the statements that named it.
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

    /// What the store knows of these tables, in their order; with none named, of every table that
    /// it has a record of, after the record of the whole namespace, which is `*`.
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

    /// The store as its URL, or as it calls itself; without credentials.
    #[must_use]
    pub fn store_name(&self) -> String {
        self.0.store_name()
    }

    /// What this cache shares with other processes.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.0.config().namespace
    }

    /// How long one exchange with the store may take.
    #[must_use]
    pub fn store_timeout(&self) -> Duration {
        self.0.config().store_timeout
    }

    /// How long the tables of a writer that crashed stay uncached.
    #[must_use]
    pub fn write_lease(&self) -> Duration {
        self.0.config().write_lease
    }

    /// Results above this size are not stored.
    #[must_use]
    pub fn max_value_bytes(&self) -> usize {
        self.0.config().max_value_bytes
    }

    /// What this process did through this handle and its clones since it was built.
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

    /// Calls `listener` after every invalidation that this process makes through this handle or a
    /// clone: once per transaction, after its COMMIT, never for a rollback.
    ///
    /// It runs on the thread that wrote, before the write returns to its caller: keep it short. What
    /// other processes invalidate is not signalled; `cachalot watch` shows that.
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

    /// What the database of a connection keeps that this cache cannot see through.
    ///
    /// # Errors
    /// Those of the database, if its catalog cannot be read.
    #[doc(hidden)]
    pub fn unanalyzable_code<C: CacheConnection>(
        &self,
        conn: &mut C,
    ) -> QueryResult<Vec<UnanalyzableCode>> {
        unanalyzable_code(conn, &self.0.config().pure_functions)
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Cache {
        &self.0
    }
}
