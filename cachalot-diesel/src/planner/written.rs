//! The rows that a statement changes, as far as it tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{CatalogSnapshot, KeyValues, Planner, catalogs::Snapshot};
use crate::{
    catalog::Catalog,
    protocol::{Bucket, Changes, Writes},
};
use cachalot_sql::Analysis;

/// By table, the buckets of the columns whose values are known.
pub(crate) type WrittenRows = BTreeMap<Arc<str>, BTreeMap<Box<str>, BTreeSet<Bucket>>>;

impl Planner {
    /// The catalog by which the rows of writes to that database are told apart, if there is one. It may be outdated:
    /// then reads with a newer one take the rows for unknown.
    pub(crate) fn catalog_of_writes(&self, database: &Arc<str>) -> Option<CatalogSnapshot> {
        self.catalogs.snapshot(database)
    }
}

impl Snapshot {
    /// Adds what is known of the rows that a statement changes, before and after. It must do no more than its analysis
    /// says.
    pub(crate) fn add_written_rows(
        &self,
        analysis: &Analysis,
        values: &KeyValues<'_>,
        rows: &mut WrittenRows,
    ) {
        let Writes::Tables(tables) = analysis.writes() else {
            return;
        };
        // A table of another schema may have triggers that this catalog does not.
        if self.catalog.skipped_schemas(analysis).is_some() {
            return;
        }
        for (table, changes) in tables {
            let known = self.written_to(table, changes, analysis, values);
            rows.entry(Arc::clone(table)).or_default().extend(known);
        }
    }

    fn written_to(
        &self,
        table: &str,
        changes: &Changes,
        analysis: &Analysis,
        values: &KeyValues<'_>,
    ) -> BTreeMap<Box<str>, BTreeSet<Bucket>> {
        let Some(keys) = analysis.keys(table) else {
            return BTreeMap::new();
        };
        let catalog: &Catalog = &self.catalog;
        let tracked = catalog.tracked_in_writes(table, changes).iter();
        let known = tracked.filter_map(|(name, tracked)| {
            let column = self.key_names.column(name);
            let buckets = values.written_buckets(&column, tracked.class, keys.get(name)?)?;
            Some((column, buckets))
        });
        known.collect()
    }
}
