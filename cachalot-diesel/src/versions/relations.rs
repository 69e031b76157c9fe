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

use super::{VersionStore, fresh_token, lists::announced_list, records::Fetched};
use crate::{
    catalog::Catalog,
    fingerprint::Fingerprint,
    protocol::{Agreed, Events, Families, FamilyListing, Record, Token},
    store::{CasVersion, Command, Reply, StoreError},
};

/// How many names a handle remembers as announced; others are announced again.
const MAX_ANNOUNCED: usize = 4096;
/// Beyond so many names the store is not told them: a first write to each is then wide.
const MAX_NAMES: usize = 20_000;
/// Beyond so many members of families no more are listed: reads then look at each.
const MAX_MEMBERS: usize = 10_000;
/// Beyond so many databases the store is not told of more.
const MAX_DATABASES: usize = 1000;
/// How often the item is read again when another process was faster.
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
    pub(crate) non_relations: Option<&'a BTreeSet<Arc<str>>>,
    /// An explicit invalidation of these tables and no others.
    pub(crate) requested: bool,
    /// The write may succeed although it names relations that do not exist.
    pub(crate) names_unverified: bool,
}

impl Origin<'_> {
    pub(super) fn announcement(&self, table: &Arc<str>) -> Announcement {
        let database = self.database.cloned().unwrap_or_else(|| Arc::from(""));
        (database, Arc::clone(table))
    }

    /// Is this the name of something that no catalog contains?
    fn is_outside_catalogs(&self, table: &str) -> bool {
        let sets = [self.temporary, self.non_relations].into_iter().flatten();
        sets.into_iter().any(|names| names.contains(table))
    }
}

/// What the processes found that loaded catalogs under one epoch.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Agreement {
    /// A hash of the catalog, by database.
    catalogs: BTreeMap<String, String>,
    /// Hashes of the names of all their relations.
    relations: BTreeSet<u64>,
    /// Hashes of the names of the members of all their families, by the parents' names.
    #[serde(default)]
    families: BTreeMap<String, BTreeSet<u64>>,
    /// The id that the list of families got when it last grew.
    #[serde(default)]
    list: Option<Token>,
}

impl Agreement {
    /// Lists the families of a catalog. `announced` is the list's id in the epoch, as it was read before
    /// the list.
    ///
    /// The list gets a new id not only if it grows: the process that let it grow before may not have put
    /// that id into the epoch yet.
    fn list_families(
        &mut self,
        catalog: &Catalog,
        announced: Option<Token>,
    ) -> Result<FamilyListing, StoreError> {
        let numbers = |members: &BTreeSet<Arc<str>>| -> BTreeSet<u64> {
            members.iter().map(|name| hash_of(name)).collect()
        };
        let mut new = false;
        for (parent, members) in catalog.families() {
            let (listed, members) = (self.families.get(&**parent), numbers(members));
            if !listed.is_some_and(|listed| members.is_subset(listed)) {
                new = true;
                let listed = self.families.entry(parent.to_string()).or_default();
                listed.extend(members);
            }
        }
        let all: usize = self.families.values().map(BTreeSet::len).sum();
        if catalog.families().is_empty() || all > MAX_MEMBERS {
            return Ok(FamilyListing::Unlisted);
        }
        if !new && self.list.is_some() && self.list == announced {
            return Ok(FamilyListing::Announced);
        }
        let list = fresh_token()?;
        self.list = Some(list);
        Ok(FamilyListing::New(list))
    }

    pub(super) fn families_of(&self, relation: &str) -> Families {
        let number = hash_of(relation);
        let families = self.families.iter();
        let families = families.filter(|(_, members)| members.contains(&number));
        families.map(|(parent, _)| parent.as_str().into()).collect()
    }
}

impl VersionStore {
    /// Is the relation in this process's catalog of the origin's database, or has it been announced?
    /// `None` if this process does not know.
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

    /// Tells the others which catalog was found under an epoch. If it is not the same, the schema was
    /// changed without a renewal of the epoch.
    pub(crate) fn agrees(
        &self,
        epoch: Token,
        database: &str,
        hash: &str,
        catalog: &Catalog,
    ) -> Result<Agreed, StoreError> {
        let key = self.agreement_key(epoch);
        // Before the item is read, as they are put after it.
        let parts = self.epoch_records()?;
        let noted = parts.iter().flatten().any(Record::has_families);
        let announced = announced_list(&parts);
        for _ in 0..MAX_CAS_ATTEMPTS {
            let (mut agreement, version) = self.agreement(&key)?;
            let mut agreed = Agreed {
                same: true,
                families: FamilyListing::Unlisted,
            };
            if noted && agreement.catalogs.is_empty() {
                // It was lost, and with it the families of others, on which entries of this epoch rely.
                agreed.same = false;
                return Ok(agreed);
            }
            let known = agreement.catalogs.get(database);
            let is_new = known.is_none();
            agreed.same = known.is_none_or(|known| known == hash);
            if !agreed.same || is_new && agreement.catalogs.len() >= MAX_DATABASES {
                return Ok(agreed);
            }
            // A new item lists no families until it is certain that it is not in the place of one that was
            // lost, and that other processes rely on.
            let is_first = agreement.catalogs.is_empty();
            if !is_first {
                let mut next = agreement.clone();
                agreed.families = next.list_families(catalog, announced)?;
                match agreed.families {
                    FamilyListing::New(_) => agreement = next,
                    _ if is_new => {}
                    _ => return Ok(agreed),
                }
            }
            agreement.catalogs.insert(database.into(), hash.into());
            if agreement.relations.len() + catalog.relations().count() <= MAX_NAMES {
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
            let stored = matches!(self.client.run_one(put)?, Reply::Stored(_));
            if stored && is_first {
                let parts = self.epoch_records()?;
                agreed.same = !parts.iter().flatten().any(Record::has_families);
            }
            if stored && !(is_first && agreed.same && !catalog.families().is_empty()) {
                return Ok(agreed);
            }
        }
        Err(StoreError::Protocol(format!(
            "every compare-and-swap of the catalog agreement failed ({MAX_CAS_ATTEMPTS} attempts)"
        )))
    }

    /// The hash of the catalog that was found under an epoch, if somebody told it.
    pub(crate) fn agreed(
        &self,
        epoch: Token,
        database: &str,
    ) -> Result<Option<String>, StoreError> {
        let (mut agreement, _) = self.agreement(&self.agreement_key(epoch))?;
        Ok(agreement.catalogs.remove(database))
    }

    /// Do all catalogs of the present epoch have these relations?
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

    /// The list of families of an epoch; `None` if it was lost.
    pub(super) fn family_list(&self, epoch: Token) -> Result<Option<Agreement>, StoreError> {
        let (agreement, _) = self.agreement(&self.agreement_key(epoch))?;
        Ok(Some(agreement).filter(|agreement| agreement.list.is_some()))
    }

    /// Are these families in the list?
    pub(super) fn has_listed(&self, epoch: Token, catalog: &Catalog) -> Result<bool, StoreError> {
        let Some(mut listed) = self.family_list(epoch)? else {
            return Ok(false);
        };
        let list = listed.list;
        let listing = listed.list_families(catalog, list)?;
        Ok(listing == FamilyListing::Announced)
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

    pub(super) fn agreement_key(&self, epoch: Token) -> String {
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
