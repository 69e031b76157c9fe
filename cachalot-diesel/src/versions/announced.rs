//! Which relations the catalogs have, and which a write is the first to name.
//!
//! A program without the library may create a relation that shares rows with others: a partition, an
//! inheritance child, a view, a table with a trigger. Catalogs loaded before do not have it, so a
//! write that names it would invalidate too little. Such a write invalidates everything, once: that
//! changes the epoch, and every process reloads the catalog.

use std::{collections::BTreeSet, sync::Arc};

use quick_cache::sync::Cache;

use super::VersionStore;
use crate::catalog::Catalog;

/// How many names a handle remembers as announced; others are announced again.
const MAX_ANNOUNCED: usize = 4096;

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

/// Where a write comes from, which determines what the names in it mean.
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
}
