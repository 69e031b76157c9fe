//! The catalogs of the databases that are read, each kept under the epoch's token that was seen
//! before it was loaded: under another it may be another.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use quick_cache::sync::{Cache, GuardResult};

use super::{Cachalot, EPOCHS};
use crate::{
    bypass::BypassReason,
    catalog::{Catalog, Facts},
    events::TARGET,
    fingerprint::Fingerprint,
    protocol::Token,
    statement::{Analysis, Writes},
    store::Command,
};

/// How many databases a handle knows the catalog of; more are loaded anew each time.
const DATABASES: usize = 256;
/// How long a reader waits for another that is loading.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a catalog could not be loaded nobody tries again for so long.
const PAUSE: Duration = Duration::from_secs(1);

/// A catalog, and the epoch that it is of.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) catalog: Arc<Catalog>,
    epochs: [Token; EPOCHS],
}

impl Known {
    /// The token of one part of the epoch.
    pub(super) fn epoch(&self, part: usize) -> Option<Token> {
        self.epochs.get(part).copied()
    }
}

pub(super) struct Catalogs {
    known: Cache<Arc<str>, Known>,
    /// The catalog that was loaded last, and a hash of the facts that it was made of: where those
    /// are still the same, so is the catalog, and all that was worked out from it stays.
    last: Cache<Arc<str>, (String, Arc<Catalog>)>,
    failed: Mutex<Option<Instant>>,
}

impl Catalogs {
    pub(super) fn new() -> Self {
        Self {
            known: Cache::new(DATABASES),
            last: Cache::new(DATABASES),
            failed: Mutex::default(),
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

    fn failed_lately(&self) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_some_and(|at| at.elapsed() < PAUSE)
    }
}

impl fmt::Debug for Catalogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogs")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

impl Cachalot {
    /// The catalog of a database. `load` is called where it is not known, by one reader at a time;
    /// others wait for it if they are `patient`, as those may be who hold no locks. A reader that is
    /// not in a position to ask brings none.
    pub(crate) fn catalog<E: fmt::Display>(
        &self,
        database: &Arc<str>,
        patient: bool,
        load: impl FnOnce() -> Result<Option<Facts>, E>,
    ) -> Result<Known, BypassReason> {
        let catalogs = &self.inner.catalogs;
        if let Some(known) = catalogs.known.get(database) {
            return Ok(known);
        }
        if catalogs.failed_lately() {
            return Err(BypassReason::CatalogUnknown);
        }
        let patience = if patient { PATIENCE } else { Duration::ZERO };
        let guard = match catalogs.known.get_value_or_guard(database, Some(patience)) {
            GuardResult::Value(known) => return Ok(known),
            GuardResult::Timeout => return Err(BypassReason::CatalogUnknown),
            GuardResult::Guard(guard) => guard,
        };
        // Before it is loaded: a change of the schema meanwhile renews it.
        let epochs = self.present_epochs()?;
        match load() {
            Ok(None) => Err(BypassReason::CatalogUnknown),
            Ok(Some(facts)) => {
                let catalog = catalogs.catalog_of(database, &facts);
                let known = Known { catalog, epochs };
                // Refused if somebody found it outdated already.
                let _ = guard.insert(known.clone());
                Ok(known)
            }
            Err(error) => {
                tracing::warn!(name: "cachalot.catalog_unknown", target: TARGET, %error, "the database's catalog could not be read: its reads are not cached");
                let mut failed = catalogs
                    .failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *failed = Some(Instant::now());
                Err(BypassReason::CatalogUnknown)
            }
        }
    }

    /// The catalog of a database is that of an epoch which is no more.
    pub(crate) fn forget_catalog(&self, database: &Arc<str>, known: &Known) {
        self.inner
            .catalogs
            .known
            .remove_if(database, |other| other.epochs == known.epochs);
    }

    fn present_epochs(&self) -> Result<[Token; EPOCHS], BypassReason> {
        let epochs = &self.inner.epochs;
        let commands = epochs
            .each_ref()
            .map(|part| Command::Get { key: &part.key });
        let mut tokens = Vec::with_capacity(EPOCHS);
        for (part, reply) in epochs.iter().zip(self.run(&commands)) {
            let state = self
                .fetched(&part.key, reply)
                .and_then(|fetched| self.state_of(part, fetched, true));
            match state {
                Ok(Some(state)) => tokens.extend(state.of(part.events)),
                Ok(None) => return Err(BypassReason::WriterInFlight),
                Err(_) => return Err(BypassReason::StoreUnavailable),
            }
        }
        tokens
            .try_into()
            .map_err(|_| BypassReason::StoreUnavailable)
    }

    /// What calls of functions do that the analysis knows nothing of, on a connection to that
    /// database. Without its catalog: anything.
    pub(crate) fn done_by_calls(&self, database: Option<&Arc<str>>, analysis: &Analysis) -> Calls {
        let trusted = &self.config().pure_functions;
        let functions = analysis.unknown_functions();
        let suspects: Vec<_> = functions
            .iter()
            .filter(|function| !trusted.contains(&***function))
            .collect();
        if suspects.is_empty() {
            return Calls::default();
        }
        match database.and_then(|database| self.inner.catalogs.last.get(database)) {
            Some((_, catalog)) if catalog.left_out(analysis).is_empty() => Calls {
                pure: suspects.iter().all(|function| catalog.is_pure(function)),
                writes: catalog.writes_of(suspects),
            },
            _ => Calls {
                pure: false,
                writes: Writes::Everything,
            },
        }
    }
}

/// What calls of functions do.
#[derive(Debug)]
pub(crate) struct Calls {
    /// They certainly change nothing, neither rows nor the session.
    pub(crate) pure: bool,
    pub(crate) writes: Writes,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            pure: true,
            writes: Writes::Nothing,
        }
    }
}

impl Calls {
    pub(crate) fn add(&mut self, other: &Self) {
        self.pure &= other.pure;
        self.writes.merge(&other.writes);
    }
}
