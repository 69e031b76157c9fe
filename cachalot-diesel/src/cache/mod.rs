//! The `Cachalot` handle: read through, begin and end a write, invalidate.
//!
//! Knows no Diesel trait: a read comes as a key, its dependencies and a time to live; the rows come
//! as bytes. Decisions are the protocol's, the store carries them out.

#[cfg(any(test, fuzzing))]
pub(crate) mod any_bytes;
mod auth;
mod builder;
mod catalogs;
mod entry;
mod lease;
mod life;
mod near_cache;
mod pending;
mod plan;
mod read;
mod records;
mod relations;
mod reliance;
mod single_flight;
mod stampede;
mod table_registry;
mod write;

use std::{
    fmt,
    sync::{Arc, OnceLock, atomic::AtomicU64},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub use builder::Builder;
pub(crate) use catalogs::{Calls, CatalogSnapshot};
pub(crate) use entry::Entry;
pub(crate) use life::Life;
pub(crate) use plan::{Dependency, Plan};
pub(crate) use read::{FillPermit, Lookup};
pub use records::TableStatus;
pub(crate) use relations::Origin;
pub(crate) use write::{Outcome, Write};

use crate::{
    Cacheable, Error,
    config::{Config, ConfigError},
    events,
    fingerprint::Fingerprint,
    policy::{exact, normalise},
    statement::{Events, Writes},
    stats::{Counters, Invalidation, InvalidationReason, Listeners, Stats},
    store::Store,
};
use auth::Authenticator;

/// The name of the records that stand for every table. No table can have it.
pub(crate) const EPOCH: &str = "*";
/// Into how many records the epoch is split. Each read looks at one of them, so that no server of
/// several is asked for all; whoever invalidates everything changes them all.
pub(crate) const EPOCHS: usize = 8;

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
pub struct Cachalot {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    store: Arc<dyn Store>,
    auth: Authenticator,
    catalogs: catalogs::Catalogs,
    announced: relations::Announced,
    plans: plan::Plans,
    epochs: [Dependency; EPOCHS],
    pending: pending::PendingInvalidations,
    table_registry: table_registry::TableRegistry,
    near_cache: near_cache::NearCache,
    /// How many times writes of this process have begun or ended.
    writes: AtomicU64,
    flights: single_flight::Flights,
    leases: lease::Leases,
    reliance: reliance::Reliance,
    counters: Counters,
    listeners: Listeners,
}

impl AsRef<str> for Dependency {
    fn as_ref(&self) -> &str {
        &self.table
    }
}

impl fmt::Debug for Cachalot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cachalot")
            .field("store", &self.inner.store.describe())
            .field("config", &self.inner.config)
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

    fn new(config: Config, store: Arc<dyn Store>) -> Self {
        events::describe();
        let epochs = std::array::from_fn(|part| Dependency::epoch(&config.namespace, part));
        let table_registry = table_registry::TableRegistry::new(&config.namespace);
        let inner = Inner {
            auth: Authenticator::new(config.secret.as_deref()),
            catalogs: catalogs::Catalogs::new(),
            announced: relations::Announced::new(),
            plans: plan::Plans::new(),
            epochs,
            pending: pending::PendingInvalidations::default(),
            table_registry,
            near_cache: near_cache::NearCache::new(config.near_cache_bytes, config.max_staleness),
            writes: AtomicU64::new(0),
            flights: single_flight::Flights::default(),
            leases: lease::Leases::default(),
            reliance: reliance::Reliance::default(),
            counters: Counters::default(),
            listeners: Listeners::default(),
            store,
            config,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Are the two the same cache?
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// The start of an entry's key.
    pub(crate) fn entry_fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.inner.config.namespace, "entry")
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
        self.publish_now(&Writes::Tables(tables))
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
        self.publish_now(&Writes::Everything)
    }

    fn publish_now(&self, writes: &Writes) -> Result<(), Error> {
        if writes.is_nothing() {
            return Ok(());
        }
        let origin = Origin {
            requested: true,
            ..Origin::default()
        };
        let write = self.begin(writes, origin);
        self.end(write, Outcome::Success(InvalidationReason::Requested))
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
        let mut targets = self.transitive_dependencies(&tables);
        targets.extend_from_slice(&self.inner.epochs);
        let records = self.fetch_records(&targets)?;
        let newest = targets
            .iter()
            .zip(records)
            .filter_map(|(target, record)| record?.at(target.events))
            .max();
        Ok(newest.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_millis(at))))
    }

    /// The store as its URL, or as it calls itself; without credentials.
    #[must_use]
    pub fn store_name(&self) -> String {
        self.inner.store.describe()
    }

    /// What this cache shares with other processes.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.inner.config.namespace
    }

    /// How long one exchange with the store may take.
    #[must_use]
    pub fn store_timeout(&self) -> Duration {
        self.inner.config.store_timeout
    }

    /// How long the tables of a writer that crashed stay uncached.
    #[must_use]
    pub fn write_lease(&self) -> Duration {
        self.inner.config.write_lease
    }

    /// Results above this size are not stored.
    #[must_use]
    pub fn max_value_bytes(&self) -> usize {
        self.inner.config.max_value_bytes
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
        self.inner.counters.snapshot()
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
        self.inner.listeners.add(Arc::new(listener));
    }

    pub(crate) fn dependency(&self, table: &str) -> Dependency {
        Dependency::new(&self.inner.config.namespace, Arc::from(table), Events::ALL)
    }

    fn downgrade(&self) -> Weak {
        Weak(Arc::downgrade(&self.inner))
    }
}

/// A handle that does not keep its cache alive.
struct Weak(std::sync::Weak<Inner>);

impl Weak {
    fn upgrade(&self) -> Option<Cachalot> {
        self.0.upgrade().map(|inner| Cachalot { inner })
    }
}

/// Milliseconds since 1970 by this machine's clock.
fn now_millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| {
            u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
        })
}

static INSTALLED: OnceLock<parking_lot::RwLock<Option<Cachalot>>> = OnceLock::new();

/// The cache that new connections report to.
pub(crate) fn installed() -> Option<Cachalot> {
    INSTALLED.get()?.read().clone()
}

pub(crate) fn set_installed(cache: &Cachalot) {
    cache.now_installed();
    let slot = INSTALLED.get_or_init(Default::default);
    *slot.write() = Some(cache.clone());
}
