//! The catalogs of the databases that are read, each kept under the epoch's token that was seen
//! before it was loaded: under another it may be another.

use std::{
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
    catalog::{Catalog, Facts},
    events::{self, TARGET},
    fingerprint::Fingerprint,
    protocol::Epoch,
};

/// How many databases a handle knows the catalog of; more are loaded anew each time.
const DATABASES: usize = 256;
/// How long readers wait for one that is loading, from when it began.
const PATIENCE: Duration = Duration::from_secs(1);
/// After a catalog could not be loaded nobody tries again for so long.
const PAUSE: Duration = Duration::from_secs(1);

/// A catalog, and the epoch that it is of.
#[derive(Debug, Clone)]
pub(crate) struct CatalogSnapshot {
    pub(crate) catalog: Arc<Catalog>,
    epochs: Epoch,
    /// Every writer can learn of its families.
    families: bool,
    loaded: Instant,
    /// How many milliseconds after that somebody last looked whether the epoch is still the present one.
    checked: Arc<AtomicU64>,
}

impl CatalogSnapshot {
    /// Was it loaded within this time?
    pub(crate) fn is_younger_than(&self, age: Duration) -> bool {
        self.loaded.elapsed() < age
    }

    /// Is it so long since somebody looked whether it is outdated? It tells one caller only.
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

    /// May a family stand for its members?
    pub(super) fn has_families(&self) -> bool {
        self.families
    }

    pub(crate) fn epoch(&self) -> &Epoch {
        &self.epochs
    }
}

pub(super) struct Catalogs {
    known: Cache<Arc<str>, CatalogSnapshot>,
    /// The catalog that was loaded last, and a hash of the facts that it was made of: where those
    /// are still the same, so is the catalog, and all that was worked out from it stays.
    last: Cache<Arc<str>, (String, Arc<Catalog>)>,
    /// The database that connections by a URL see, by the URL's hash.
    urls: Cache<Arc<str>, Arc<str>>,
    /// How the newest attempts to load one went, by database.
    attempts: Mutex<HashMap<Arc<str>, Attempt>>,
    /// When a server that may lag behind was last asked for one, or could not be, by database.
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
            known: Cache::new(DATABASES),
            last: Cache::new(DATABASES),
            urls: Cache::new(DATABASES),
            attempts: Mutex::default(),
            replicas: Cache::new(DATABASES),
        }
    }

    /// The catalog that follows from these facts.
    fn catalog_of(&self, database: &Arc<str>, facts: &Facts) -> Arc<Catalog> {
        let mut fingerprint = Fingerprint::new("", "catalog");
        let hashed = fingerprint.formatted(facts);
        let hash = fingerprint.finish();
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

    /// The catalog of a database that was loaded last; perhaps before the schema was changed.
    pub(super) fn newest(&self, database: &Arc<str>) -> Option<Arc<Catalog>> {
        self.last.get(database).map(|(_, catalog)| catalog)
    }

    pub(super) fn known(&self, database: &Arc<str>) -> Option<CatalogSnapshot> {
        self.known.get(database)
    }

    /// All that are known, or were: of databases whose schema has changed since, the former.
    pub(super) fn all(&self) -> impl Iterator<Item = Arc<Catalog>> {
        self.last.iter().map(|(_, (_, catalog))| catalog)
    }

    /// How long a reader may wait for whoever is loading; `None`: not at all, nor may it try itself.
    fn patience(&self, database: &Arc<str>) -> Option<Duration> {
        match self.attempts.lock().get(database) {
            Some(Attempt::Failed(at)) if at.elapsed() < PAUSE => None,
            Some(Attempt::Began(at)) => Some(PATIENCE.saturating_sub(at.elapsed())),
            _ => Some(PATIENCE),
        }
    }
}

impl fmt::Debug for Catalogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogs")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

impl Planner {
    /// The catalog of a database. `load` is called where it is not known, by one reader at a time;
    /// others wait for it if they are `patient`, as those may be who hold no locks. A reader that is
    /// not in a position to ask brings none.
    pub(crate) fn catalog<E: fmt::Display>(
        &self,
        database: &Arc<str>,
        patient: bool,
        load: impl FnOnce() -> Result<Option<Facts>, E>,
    ) -> Result<CatalogSnapshot, BypassReason> {
        let catalogs = &self.catalogs;
        if let Some(known) = catalogs.known.get(database) {
            return Ok(known);
        }
        let patience = catalogs
            .patience(database)
            .ok_or(BypassReason::CatalogUnknown)?;
        let patience = if patient { patience } else { Duration::ZERO };
        let guard = match catalogs.known.get_value_or_guard(database, Some(patience)) {
            GuardResult::Value(known) => return Ok(known),
            GuardResult::Timeout => return Err(BypassReason::CatalogUnknown),
            GuardResult::Guard(guard) => guard,
        };
        // Whoever had the guard before may have failed.
        if catalogs.patience(database).is_none() {
            return Err(BypassReason::CatalogUnknown);
        }
        // Before it is loaded: a change of the schema meanwhile renews it.
        let epochs = self.epochs.present()?;
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
                // Before the program's own settings come in: other programs may have others.
                let shared = facts.shared_hash();
                let mut known = self.snapshot(database, facts, epochs);
                if self.share(database, &shared, &mut known)? {
                    // Refused if somebody found it outdated already.
                    let _ = guard.insert(known.clone());
                }
                Ok(known)
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

    /// The catalog of a database, for a read on a server that may lag behind. What `load` tells is used
    /// only where it is what others have found under the present epoch, on a server that does not
    /// lag; nothing in the store changes.
    pub(crate) fn agreed_catalog<E: fmt::Display>(
        &self,
        database: &Arc<str>,
        load: impl FnOnce() -> Result<Option<Facts>, E>,
    ) -> Result<CatalogSnapshot, BypassReason> {
        let catalogs = &self.catalogs;
        if let Some(known) = catalogs.known.get(database) {
            return Ok(known);
        }
        let last = catalogs.replicas.get(database);
        if last.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(BypassReason::Replica);
        }
        catalogs
            .replicas
            .insert(Arc::clone(database), Instant::now());
        // Before it is loaded: a change of the schema meanwhile renews it.
        let epochs = self.epochs.seen()?;
        let [epoch, ..] = epochs;
        let agreed = self.epochs.agreed(epoch, database);
        let agreed = agreed.map_err(|_| BypassReason::StoreUnavailable)?;
        // Without that there is no entry either.
        let agreed = agreed.ok_or(BypassReason::Replica)?;
        match load() {
            Ok(Some(facts)) if facts.shared_hash() == agreed => {
                let known = self.snapshot(database, facts, epochs);
                catalogs.known.insert(Arc::clone(database), known.clone());
                Ok(known)
            }
            Ok(_) => Err(BypassReason::Replica),
            Err(error) => {
                events::catalog_unknown(&self.counters, &error);
                Err(BypassReason::CatalogUnknown)
            }
        }
    }

    fn snapshot(&self, database: &Arc<str>, mut facts: Facts, epochs: Epoch) -> CatalogSnapshot {
        if facts.triggers_hidden {
            events::triggers_not_visible();
        }
        facts.trust(&self.config.pure_functions);
        CatalogSnapshot {
            catalog: self.catalogs.catalog_of(database, &facts),
            epochs,
            families: false,
            loaded: Instant::now(),
            checked: Arc::default(),
        }
    }

    /// Compares a catalog with what other processes found under the same epoch. Where they found
    /// another one, the schema was changed by a program that is not watched: the epoch is renewed,
    /// so that nobody goes on with the old catalog, and `false` is returned.
    fn share(
        &self,
        database: &str,
        hash: &str,
        known: &mut CatalogSnapshot,
    ) -> Result<bool, BypassReason> {
        let [epoch, ..] = known.epochs;
        let agreed = self.epochs.agrees(epoch, database, hash, &known.catalog);
        let agreed = agreed.map_err(|_| BypassReason::StoreUnavailable)?;
        if agreed.same {
            if agreed.families && !known.catalog.families().is_empty() {
                let noted = self.epochs.note_families(&known.epochs);
                known.families = noted.map_err(|_| BypassReason::StoreUnavailable)?;
            }
            return Ok(true);
        }
        tracing::info!(name: "cachalot.catalog_changed", target: TARGET, "another process knows another schema of this database: everything is invalidated");
        self.epochs
            .renew()
            .map_err(|_| BypassReason::StoreUnavailable)?;
        Ok(false)
    }

    /// Remembers which database a connection by that URL sees.
    pub(crate) fn learn_database(&self, url: &Arc<str>, database: &Arc<str>) {
        let urls = &self.catalogs.urls;
        if urls.get(url).is_none_or(|known| known != *database) {
            urls.insert(Arc::clone(url), Arc::clone(database));
        }
    }

    /// The database that connections by that URL see, if one of them was asked.
    pub(crate) fn database_of(&self, url: &Arc<str>) -> Option<Arc<str>> {
        self.catalogs.urls.get(url)
    }

    /// The catalog of a database is that of an epoch which is no more.
    pub(crate) fn forget_catalog(&self, database: &Arc<str>, known: &CatalogSnapshot) {
        self.catalogs
            .known
            .remove_if(database, |other| other.epochs == known.epochs);
    }

    /// Does a statement that breaks a constraint of that database certainly change nothing?
    pub(crate) fn fails_whole(&self, database: &Arc<str>) -> bool {
        let known = self.catalogs.known.get(database);
        known.is_some_and(|known| known.catalog.fails_whole() && self.is_current(&known))
    }

    /// Is the catalog's epoch the present one?
    pub(crate) fn is_current(&self, known: &CatalogSnapshot) -> bool {
        self.epochs.is_current(&known.epochs)
    }

    /// The catalog of a database that was loaded last; perhaps before the schema was changed.
    pub(crate) fn newest_catalog(&self, database: &Arc<str>) -> Option<Arc<Catalog>> {
        self.catalogs.newest(database)
    }
}
