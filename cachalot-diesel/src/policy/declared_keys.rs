//! The key columns that a program declares, beside those of primary and foreign keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use cachalot_sql::catalog::relation_name;

/// By table, the columns that are declared; all names are normalised.
#[derive(Default, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredKeys(BTreeMap<Arc<str>, BTreeSet<Arc<str>>>);

impl fmt::Debug for DeclaredKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl DeclaredKeys {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn insert(&mut self, table: &str, column: &str) {
        let columns = self.0.entry(relation_name(table)).or_default();
        columns.insert(relation_name(column));
    }

    /// By the names of the database.
    #[cfg_attr(
        not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
        allow(dead_code, reason = "the backends load the columns")
    )]
    pub(crate) fn contains(&self, table: &str, column: &str) -> bool {
        let columns = self.0.get(&relation_name(table));
        columns.is_some_and(|columns| columns.contains(&relation_name(column)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        let tables = self.0.iter();
        tables.flat_map(|(table, columns)| columns.iter().map(move |column| (table, column)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k10_names_are_compared_as_normalised() {
        let mut declared = DeclaredKeys::default();
        declared.insert("Posts", "User_ID");
        assert!(declared.contains("posts", "user_id") && declared.contains("POSTS", "USER_ID"));
        assert!(!declared.contains("posts", "id") && !declared.contains("users", "user_id"));
    }
}
