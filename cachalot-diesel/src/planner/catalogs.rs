//! The catalog snapshots of the databases that are read. Each is valid for the epoch that was read
//! before it was loaded.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use quick_cache::sync::{Cache, GuardResult};

use super::Planner;
use crate::{
    bypass::BypassReason,
    catalog::{Catalog, Facts, declared::FoundKeys},
    events::{self, TARGET},
    fingerprint::Fingerprint,
    protocol::{Epoch, FamilyListing, KeyNames},
};

/// How many databases a handle caches the catalog of.
const MAX_DATABASES: usize = 256;
/// How long readers wait for another that is loading the catalog, from when it began.
const MAX_LOAD_WAIT: Duration = Duration::from_secs(1);
/// How long to wait before a failed load of a catalog is tried again.
const LOAD_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Every read has one.
pub(crate) type CatalogSnapshot = Arc<Snapshot>;

/// A catalog, and the epoch that it is valid for.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) catalog: Arc<Catalog>,
    epoch: Epoch,
    /// How the columns are called by which reads and writes are told apart.
    pub(crate) key_names: KeyNames,
    /// Every writer finds its families, so reads may depend on them.
    families: bool,
    loaded: Instant,
    /// When the epoch was last checked, in milliseconds after `loaded`.
    checked: AtomicU64,
}

impl Snapshot {
    /// Was it loaded less than `age` ago?
    pub(crate) fn is_younger_than(&self, age: Duration) -> bool {
        self.loaded.elapsed() < age
    }

    /// Was the epoch last checked `interval` or longer ago? If so, returns `true` to one caller only,
    /// which has to check it.
    pub(crate) fn is_due(&self, interval: Duration) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = millis(self.loaded.elapsed());
        let last = self.checked.load(Ordering::Relaxed);
        now.saturating_sub(last) >= millis(interval)
            && self
                .checked
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// May reads depend on families instead of their members?
    pub(super) fn has_families(&self) -> bool {
        self.families
    }

    pub(crate) fn epoch(&self) -> &Epoch {
        &self.epoch
    }
}

pub(super) struct Catalogs {
    /// Snapshots that were not found outdated.
    snapshots: Cache<Arc<str>, CatalogSnapshot>,
    /// The catalog that was loaded last, and the hash of its facts. If these are unchanged, the
    /// catalog is reused, and the plans computed from it stay valid.
    last: Cache<Arc<str>, (Arc<str>, Arc<Catalog>)>,
    /// The database that a URL leads to, by the URL's hash.
    urls: Cache<Arc<str>, Arc<str>>,
    /// The last attempt to load a catalog, by database.
    attempts: Mutex<HashMap<Arc<str>, Attempt>>,
    /// When the catalog was last requested from a server that may lag behind, by database.
    replicas: Cache<Arc<str>, Instant>,
}

/// An attempt to load a catalog.
#[derive(Debug, Clone, Copy)]
enum Attempt {
    Began(Instant),
    Failed(Instant),
}

impl Catalogs {
    pub(super) fn new() -> Self {
        Self {
            snapshots: Cache::new(MAX_DATABASES),
            last: Cache::new(MAX_DATABASES),
            urls: Cache::new(MAX_DATABASES),
            attempts: Mutex::default(),
            replicas: Cache::new(MAX_DATABASES),
        }
    }

    /// The catalog of these facts: the last one if they are unchanged.
    fn catalog_of(&self, database: &Arc<str>, facts: &Facts) -> Arc<Catalog> {
        let mut fingerprint = Fingerprint::new("", "catalog");
        let hashed = fingerprint.formatted(facts);
        let hash: Arc<str> = fingerprint.finish().into();
        if let Some((last, catalog)) = self.last.get(database)
            && hashed.is_ok()
            && last == hash
        {
            return catalog;
        }
        let catalog = Arc::new(Catalog::new(facts));
        self.last
            .insert(Arc::clone(database), (hash, Arc::clone(&catalog)));
        catalog
    }

    /// The catalog that was loaded last. It may be outdated.
    pub(super) fn newest(&self, database: &Arc<str>) -> Option<Arc<Catalog>> {
        self.last.get(database).map(|(_, catalog)| catalog)
    }

    pub(super) fn snapshot(&self, database: &Arc<str>) -> Option<CatalogSnapshot> {
        self.snapshots.get(database)
    }

    /// The catalogs that were loaded last. They may be outdated.
    pub(super) fn all(&self) -> impl Iterator<Item = Arc<Catalog>> {
        self.last.iter().map(|(_, (_, catalog))| catalog)
    }

    /// How long a reader may wait for one that is loading. `None`: loading has just failed, so the
    /// reader should neither wait nor try.
    fn remaining_wait(&self, database: &Arc<str>) -> Option<Duration> {
        match self.attempts.lock().get(database) {
            Some(Attempt::Failed(at)) if at.elapsed() < LOAD_RETRY_PAUSE => None,
            Some(Attempt::Began(at)) => Some(MAX_LOAD_WAIT.saturating_sub(at.elapsed())),
            _ => Some(MAX_LOAD_WAIT),
        }
    }
}

impl fmt::Debug for Catalogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogs")
            .field("snapshots", &self.snapshots.len())
            .finish_non_exhaustive()
    }
}

impl Planner {
    /// The catalog of a database. If it is unknown, one reader at a time calls `load`. The others
    /// wait if they `may_wait`, that is, if they hold no locks. `load` returns `None` if the reader
    /// cannot query the catalog.
    pub(crate) fn catalog<E: fmt::Display>(
        &self,
        database: &Arc<str>,
        may_wait: bool,
        load: impl FnOnce() -> Result<Option<Facts>, E>,
    ) -> Result<CatalogSnapshot, BypassReason> {
        let catalogs = &self.catalogs;
        if let Some(snapshot) = catalogs.snapshots.get(database) {
            return Ok(snapshot);
        }
        let remaining_wait = catalogs
            .remaining_wait(database)
            .ok_or(BypassReason::CatalogUnknown)?;
        let remaining_wait = if may_wait {
            remaining_wait
        } else {
            Duration::ZERO
        };
        let guard = match catalogs
            .snapshots
            .get_value_or_guard(database, Some(remaining_wait))
        {
            GuardResult::Value(snapshot) => return Ok(snapshot),
            GuardResult::Timeout => return Err(BypassReason::CatalogUnknown),
            GuardResult::Guard(guard) => guard,
        };
        // The reader that had the guard before may have failed.
        if catalogs.remaining_wait(database).is_none() {
            return Err(BypassReason::CatalogUnknown);
        }
        // Before loading: a concurrent change of the schema changes the epoch.
        let epoch = self.epochs.current()?;
        let attempt = Attempt::Began(Instant::now());
        catalogs
            .attempts
            .lock()
            .insert(Arc::clone(database), attempt);
        let loaded = load();
        catalogs.attempts.lock().remove(database);
        match loaded {
            Ok(None) => Err(BypassReason::CatalogUnknown),
            Ok(Some(facts)) => {
                // Without this program's own settings, as other programs may have different ones.
                let shared = facts.shared_hash();
                let mut snapshot = self.snapshot(database, facts, epoch);
                let same = self.share(database, &shared, &mut snapshot)?;
                let snapshot = Arc::new(snapshot);
                if same {
                    // Refused if another reader has found it outdated already.
                    let _ = guard.insert(Arc::clone(&snapshot));
                }
                Ok(snapshot)
            }
            Err(error) => {
                events::catalog_unknown(&self.counters, &error);
                let attempt = Attempt::Failed(Instant::now());
                catalogs
                    .attempts
                    .lock()
                    .insert(Arc::clone(database), attempt);
                Err(BypassReason::CatalogUnknown)
            }
        }
    }

    /// The catalog of a database, for a read on a server that may lag behind. The result of `load` is
    /// used only if other processes have loaded the same catalog under the current epoch from a server
    /// that does not lag. Nothing in the store changes.
    pub(crate) fn catalog_for_replica<E: fmt::Display>(
        &self,
        database: &Arc<str>,
        load: impl FnOnce() -> Result<Option<Facts>, E>,
    ) -> Result<CatalogSnapshot, BypassReason> {
        let catalogs = &self.catalogs;
        if let Some(known) = catalogs.snapshots.get(database) {
            return Ok(known);
        }
        let last = catalogs.replicas.get(database);
        if last.is_some_and(|at| at.elapsed() < LOAD_RETRY_PAUSE) {
            return Err(BypassReason::Replica);
        }
        catalogs
            .replicas
            .insert(Arc::clone(database), Instant::now());
        // Before loading: a concurrent change of the schema changes the epoch.
        let epochs = self.epochs.peek()?;
        let [epoch, ..] = epochs;
        let agreed = self
            .epochs
            .shared_catalog_hash(epoch, &self.shared_name(database));
        let agreed = agreed.map_err(|_| BypassReason::StoreUnavailable)?;
        // Without such a catalog there are no entries either.
        let agreed = agreed.ok_or(BypassReason::Replica)?;
        match load() {
            Ok(Some(facts)) if facts.shared_hash() == agreed => {
                let known = Arc::new(self.snapshot(database, facts, epochs));
                catalogs
                    .snapshots
                    .insert(Arc::clone(database), Arc::clone(&known));
                Ok(known)
            }
            Ok(_) => Err(BypassReason::Replica),
            Err(error) => {
                events::catalog_unknown(&self.counters, &error);
                Err(BypassReason::CatalogUnknown)
            }
        }
    }

    fn snapshot(&self, database: &Arc<str>, mut facts: Facts, epoch: Epoch) -> Snapshot {
        if facts.triggers_hidden {
            events::triggers_not_visible();
        }
        facts.trust(&self.config.pure_functions);
        let catalog = self.catalogs.catalog_of(database, &facts);
        for (column, problem) in FoundKeys::problems(&facts, &catalog, &self.declared_keys) {
            events::unusable_key(&column, problem);
        }
        Snapshot {
            catalog,
            key_names: KeyNames::of(&epoch),
            epoch,
            families: false,
            loaded: Instant::now(),
            checked: AtomicU64::default(),
        }
    }

    /// What its catalog is called in the store. Those of programs that declare other keys differ.
    pub(super) fn shared_name<'a>(&self, database: &'a str) -> Cow<'a, str> {
        if self.declared_keys.is_empty() {
            return database.into();
        }
        format!("{database} keys {:?}", self.declared_keys).into()
    }

    /// Compares a catalog with those that other processes have loaded under the same epoch. If they
    /// differ, the schema was changed by a program that is not watched. The epoch is then changed, so that
    /// no process continues with the old catalog, and the result is `false`.
    fn share(
        &self,
        database: &str,
        hash: &str,
        known: &mut Snapshot,
    ) -> Result<bool, BypassReason> {
        let [epoch, ..] = known.epoch;
        let agreed =
            self.epochs
                .share_catalog(epoch, &self.shared_name(database), hash, &known.catalog);
        let agreed = agreed.map_err(|_| BypassReason::StoreUnavailable)?;
        if agreed.same {
            let announced = match agreed.families {
                FamilyListing::Unlisted => Ok(false),
                FamilyListing::Announced => Ok(true),
                FamilyListing::New(list) => {
                    self.epochs
                        .announce_list(&known.epoch, list, &known.catalog)
                }
            };
            known.families = announced.map_err(|_| BypassReason::StoreUnavailable)?;
            return Ok(true);
        }
        tracing::info!(name: "cachalot.catalog_changed", target: TARGET, "another process has loaded a different schema of this database: invalidating everything");
        self.epochs
            .renew()
            .map_err(|_| BypassReason::StoreUnavailable)?;
        Ok(false)
    }

    /// Remembers which database a URL leads to.
    pub(crate) fn learn_database(&self, url: &Arc<str>, database: &Arc<str>) {
        let urls = &self.catalogs.urls;
        if urls.get(url).is_none_or(|known| known != *database) {
            urls.insert(Arc::clone(url), Arc::clone(database));
        }
    }

    /// The database that a URL leads to, if known.
    pub(crate) fn database_of(&self, url: &Arc<str>) -> Option<Arc<str>> {
        self.catalogs.urls.get(url)
    }

    /// Drops a snapshot whose epoch has changed.
    pub(crate) fn forget_catalog(&self, database: &Arc<str>, snapshot: &CatalogSnapshot) {
        self.catalogs
            .snapshots
            .remove_if(database, |other| other.epoch == snapshot.epoch);
    }

    /// Does a statement that violates a constraint of that database certainly change nothing?
    pub(crate) fn fails_whole(&self, database: &Arc<str>) -> bool {
        let snapshot = self.catalogs.snapshots.get(database);
        snapshot
            .is_some_and(|snapshot| snapshot.catalog.fails_whole() && self.is_current(&snapshot))
    }

    /// The catalog of that database, if it is current and has none of these relations.
    pub(crate) fn without_relations(
        &self,
        database: &Arc<str>,
        names: &[String],
    ) -> Option<CatalogSnapshot> {
        let snapshot = self.catalogs.snapshot(database)?;
        let has_any = names.iter().any(|name| snapshot.catalog.has(name));
        (!has_any && self.is_current(&snapshot)).then_some(snapshot)
    }

    /// Is the snapshot's epoch the current one?
    pub(crate) fn is_current(&self, snapshot: &CatalogSnapshot) -> bool {
        self.epochs.is_current(&snapshot.epoch)
    }

    /// The catalog that was loaded last. It may be outdated.
    pub(crate) fn newest_catalog(&self, database: &Arc<str>) -> Option<Arc<Catalog>> {
        self.catalogs.newest(database)
    }
}
