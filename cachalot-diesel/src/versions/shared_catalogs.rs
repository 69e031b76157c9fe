//! What processes share about their catalogs: a hash by database, the names of all relations, and the
//! members of families. One item per epoch.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{VersionStore, family_list::announced_list, fresh_token, records::Fetched};
use crate::{
    catalog::Catalog,
    fingerprint::Fingerprint,
    protocol::{CatalogComparison, Families, FamilyListing, Record, Token},
    store::{Command, StoreError},
};

/// If there are more names, none of them are stored: the first write to each is then a write to
/// everything.
const MAX_NAMES: usize = 20_000;
/// If families have more members, no more are listed: reads then depend on each member.
const MAX_MEMBERS: usize = 10_000;
/// The catalogs of further databases are not stored.
const MAX_DATABASES: usize = 1000;
/// How often sharing a catalog starts over because the item was lost meanwhile.
const MAX_ATTEMPTS: usize = 16;

/// What is known of the catalogs that processes have loaded under one epoch.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SharedCatalogs {
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

impl SharedCatalogs {
    /// Lists the families of a catalog. `announced` is the list's id in the epoch, which was read before
    /// the list.
    ///
    /// The list gets a new id if it grows, and also if its id is not in the epoch: the process that has
    /// extended it may not have announced it yet.
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
    /// Compares a catalog with those that other processes have loaded under the same epoch, and stores
    /// its hash. If they differ, the schema was changed without a new epoch.
    pub(crate) fn share_catalog(
        &self,
        epoch: Token,
        database: &str,
        hash: &str,
        catalog: &Catalog,
    ) -> Result<CatalogComparison, StoreError> {
        let key = self.shared_catalogs_key(epoch);
        // Read before the item, as they are written after it.
        let parts = self.epoch_records()?;
        let noted = parts.iter().flatten().any(Record::has_families);
        let announced = announced_list(&parts);
        for _ in 0..MAX_ATTEMPTS {
            let mut comparison = CatalogComparison {
                same: true,
                families: FamilyListing::Unlisted,
            };
            let mut is_first = false;
            let stored = self.client.update_json(&key, |shared| {
                let mut shared: SharedCatalogs = shared.unwrap_or_default();
                comparison.families = FamilyListing::Unlisted;
                is_first = shared.catalogs.is_empty();
                if noted && is_first {
                    // The item was lost, and with it the families of other processes, on which entries
                    // of this epoch rely.
                    comparison.same = false;
                    return Ok(None);
                }
                let known = shared.catalogs.get(database);
                let is_new = known.is_none();
                comparison.same = known.is_none_or(|known| known == hash);
                if !comparison.same || is_new && shared.catalogs.len() >= MAX_DATABASES {
                    return Ok(None);
                }
                // A new item lists no families until it is certain that it does not replace a lost one
                // on which other processes rely.
                if !is_first {
                    let mut next = shared.clone();
                    comparison.families = next.list_families(catalog, announced)?;
                    match comparison.families {
                        FamilyListing::New(_) => shared = next,
                        _ if is_new => {}
                        _ => return Ok(None),
                    }
                }
                shared.catalogs.insert(database.into(), hash.into());
                if shared.relations.len() + catalog.relations().count() <= MAX_NAMES {
                    let names = catalog.relations();
                    shared.relations.extend(names.map(|name| hash_of(name)));
                }
                Ok(Some(shared))
            })?;
            if stored && is_first {
                let parts = self.epoch_records()?;
                comparison.same = !parts.iter().flatten().any(Record::has_families);
            }
            let lists_families = !catalog.families().is_empty();
            if !(stored && is_first && comparison.same && lists_families) {
                return Ok(comparison);
            }
        }
        Err(StoreError::Protocol(format!(
            "the catalogs that processes share were lost again and again ({MAX_ATTEMPTS} attempts)"
        )))
    }

    /// The hash of the catalog that other processes have loaded under an epoch, if any.
    pub(crate) fn shared_catalog_hash(
        &self,
        epoch: Token,
        database: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut shared = self.read_shared_catalogs(epoch)?;
        Ok(shared.catalogs.remove(database))
    }

    /// Do all catalogs of the current epoch have these relations?
    pub(super) fn all_catalogs_have<'a>(
        &self,
        mut tables: impl Iterator<Item = &'a Arc<str>>,
    ) -> Result<bool, StoreError> {
        let [part, ..] = &self.epochs;
        let reply = self.client.run_one(Command::Get { key: &part.key });
        // Everything is being invalidated anyway.
        let Fetched::Idle(state) = self.fetched(part, part.depends(None), reply)? else {
            return Ok(false);
        };
        let Some(epoch) = state.iter().next() else {
            return Ok(false);
        };
        let shared = self.read_shared_catalogs(epoch)?;
        Ok(tables.all(|table| shared.relations.contains(&hash_of(table))))
    }

    /// The list of families of an epoch; `None` if it was lost.
    pub(super) fn family_list(&self, epoch: Token) -> Result<Option<SharedCatalogs>, StoreError> {
        let shared = self.read_shared_catalogs(epoch)?;
        Ok(Some(shared).filter(|shared| shared.list.is_some()))
    }

    /// Are these families in the list?
    pub(super) fn has_listed_families(
        &self,
        epoch: Token,
        catalog: &Catalog,
    ) -> Result<bool, StoreError> {
        let Some(mut listed) = self.family_list(epoch)? else {
            return Ok(false);
        };
        let list = listed.list;
        let listing = listed.list_families(catalog, list)?;
        Ok(listing == FamilyListing::Announced)
    }

    fn read_shared_catalogs(&self, epoch: Token) -> Result<SharedCatalogs, StoreError> {
        let (shared, _) = self.client.read_json(&self.shared_catalogs_key(epoch))?;
        Ok(shared.unwrap_or_default())
    }

    pub(super) fn shared_catalogs_key(&self, epoch: Token) -> String {
        let mut fingerprint = Fingerprint::new(&self.config.namespace, "catalogs");
        // Another release may interpret the same catalog differently.
        fingerprint.part(env!("CARGO_PKG_VERSION").as_bytes());
        fingerprint.part(epoch.as_bytes());
        fingerprint.finish()
    }
}

/// The hash of a name, as an [`SharedCatalogs`] lists it.
fn hash_of(relation: &str) -> u64 {
    let mut fingerprint = Fingerprint::new("", "relation");
    fingerprint.part(relation.as_bytes());
    let digest = fingerprint.to_digest();
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
