//! Which relations the processes of a namespace know, and which a write is the first to name.
//!
//! A program without the library may create a relation that shares rows with others: a partition, an
//! inheritance child, a view, a table with a trigger. Catalogs loaded before do not have it, so a
//! write that names it would invalidate too little. Such a write invalidates everything, once: that
//! changes the epoch, and every process reloads the catalog.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use super::{VersionStore, records::Fetched};
use crate::{
    catalog::Catalog,
    fingerprint::Fingerprint,
    protocol::{Events, Token},
    store::{CasVersion, Command, Reply, StoreError},
};

/// How many names a handle remembers as announced. Others are announced again.
const MAX_ANNOUNCED: usize = 4096;
/// How many relations an [`Agreement`] lists. The first write to any other invalidates everything.
const MAX_LISTED_RELATIONS: usize = 20_000;
/// How many databases an [`Agreement`] lists.
const MAX_LISTED_DATABASES: usize = 1000;
const MAX_CAS_ATTEMPTS: usize = 16;

/// A database (empty while unknown) and the name of a relation.
pub(super) type Announcement = (Arc<str>, Arc<str>);

/// Relations that have been announced: every catalog loaded from now on has them, or does not cover
/// them.
pub(super) struct Announced(Cache<Announcement, ()>);

impl Announced {
    pub(super) fn new() -> Self {
        Self(Cache::new(MAX_ANNOUNCED))
    }
}

/// Where a write comes from. It decides what the names in the write mean.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Origin<'a> {
    /// The connection's database, if known.
    pub(crate) database: Option<&'a Arc<str>>,
    /// The newest catalog of that database in this process.
    pub(crate) catalog: Option<&'a Catalog>,
    /// The session's temporary tables.
    pub(crate) temporary: Option<&'a BTreeSet<Arc<str>>>,
    /// Names that are not those of relations.
    pub(crate) others: Option<&'a BTreeSet<Arc<str>>>,
    /// An explicit invalidation of these tables and no others.
    pub(crate) requested: bool,
    /// The write may succeed although it names relations that do not exist.
    pub(crate) doubtful: bool,
}

impl Origin<'_> {
    pub(super) fn announcement(&self, table: &Arc<str>) -> Announcement {
        let database = self.database.cloned().unwrap_or_else(|| Arc::from(""));
        (database, Arc::clone(table))
    }

    /// Is this the name of something that no catalog contains?
    fn is_outside_catalogs(&self, table: &str) -> bool {
        let sets = [self.temporary, self.others].into_iter().flatten();
        sets.into_iter().any(|names| names.contains(table))
    }
}

/// The catalogs that processes have loaded in one epoch.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agreement {
    /// A hash of the catalog, by database.
    catalogs: BTreeMap<String, String>,
    /// Hashes of the names of all their relations.
    relations: BTreeSet<u64>,
}

impl VersionStore {
    /// Is the relation in this process's catalog of the origin's database, or has it been announced?
    /// `None` if this process cannot tell.
    pub(super) fn knows(&self, origin: Origin<'_>, table: &Arc<str>) -> Option<bool> {
        let announced = &self.announced.0;
        if origin.is_outside_catalogs(table) || announced.get(&origin.announcement(table)).is_some()
        {
            return Some(true);
        }
        Some(origin.catalog?.has(table))
    }

    pub(super) fn announced(&self, relations: Vec<Announcement>) {
        for relation in relations {
            self.announced.0.insert(relation, ());
        }
    }

    /// Announced relations may have been dropped: the next write announces them again.
    pub(crate) fn forget_announced(&self) {
        self.announced.0.clear();
    }

    /// Publishes the hash of the catalog loaded in an epoch. `false` if another process loaded a
    /// different one: the schema has changed, but the epoch has not.
    pub(crate) fn agrees(
        &self,
        epoch: Token,
        database: &str,
        hash: &str,
        catalog: &Catalog,
    ) -> Result<bool, StoreError> {
        let key = self.agreement_key(epoch);
        for _ in 0..MAX_CAS_ATTEMPTS {
            let (mut agreement, version) = self.agreement(&key)?;
            match agreement.catalogs.get(database) {
                Some(known) => return Ok(known == hash),
                None if agreement.catalogs.len() >= MAX_LISTED_DATABASES => return Ok(true),
                None => {}
            }
            let known = agreement.catalogs.insert(database.into(), hash.into());
            debug_assert!(known.is_none());
            if agreement.relations.len() + catalog.relations().count() <= MAX_LISTED_RELATIONS {
                let names = catalog.relations();
                agreement.relations.extend(names.map(|name| hash_of(name)));
            }
            // Maps of strings and numbers always serialise.
            let json = serde_json::to_vec(&agreement).unwrap_or_default();
            let value = &*self.client.auth.sign_record(&key, json);
            let (key, ttl) = (&*key, None);
            let put = match version {
                Some(version) => Command::CompareAndSwap {
                    key,
                    value,
                    ttl,
                    version,
                },
                None => Command::Add { key, value, ttl },
            };
            if matches!(self.client.run_one(put)?, Reply::Stored(_)) {
                return Ok(true);
            }
        }
        Err(StoreError::Protocol(format!(
            "every compare-and-swap of the catalog agreement failed ({MAX_CAS_ATTEMPTS} attempts)"
        )))
    }

    /// Do all catalogs of the current epoch have these relations?
    pub(super) fn are_listed<'a>(
        &self,
        mut tables: impl Iterator<Item = &'a Arc<str>>,
    ) -> Result<bool, StoreError> {
        let [part, ..] = &self.epochs;
        let reply = self.client.run_one(Command::Get { key: &part.key });
        // Everything is being invalidated anyway.
        let Fetched::Calm(state) = self.fetched(&part.key, reply)? else {
            return Ok(false);
        };
        let Some(epoch) = state.of(Events::ALL).next() else {
            return Ok(false);
        };
        let (agreement, _) = self.agreement(&self.agreement_key(epoch))?;
        Ok(tables.all(|table| agreement.relations.contains(&hash_of(table))))
    }

    fn agreement(&self, key: &str) -> Result<(Agreement, Option<CasVersion>), StoreError> {
        match self.client.run_one(Command::Get { key })? {
            Reply::Item { value, version } => {
                let json = self.client.auth.verify_record(key, &value);
                let agreement = json.and_then(|json| serde_json::from_slice(json).ok());
                Ok((agreement.unwrap_or_default(), Some(version)))
            }
            Reply::Missing => Ok((Agreement::default(), None)),
            _ => Err(StoreError::Protocol(
                "a read was answered as a write".to_owned(),
            )),
        }
    }

    fn agreement_key(&self, epoch: Token) -> String {
        let mut fingerprint = Fingerprint::new(&self.config.namespace, "catalogs");
        // Another release may interpret the same catalog differently.
        fingerprint.part(env!("CARGO_PKG_VERSION").as_bytes());
        fingerprint.part(epoch.as_bytes());
        fingerprint.finish()
    }
}

/// The hash of a name, as an [`Agreement`] lists it.
fn hash_of(relation: &str) -> u64 {
    let mut fingerprint = Fingerprint::new("", "relation");
    fingerprint.part(relation.as_bytes());
    let digest = fingerprint.to_digest();
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
