//! The columns of a database that the program declares as keys, beside those of primary and foreign keys.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Catalog, Facts,
    tracked::{Class, Tracked, TrackedColumns},
};
use crate::policy::DeclaredKeys;
use cachalot_sql::{
    Columns,
    catalog::{column, relation_name},
};

/// The declared columns that a database has, by table and column, and whether values of their type can be compared.
#[derive(Debug, Default, Clone)]
pub(crate) struct FoundKeys(BTreeMap<(Arc<str>, Arc<str>), bool>);

impl FoundKeys {
    /// Takes note of a column, and tracks it if its type has a class.
    pub(crate) fn add(
        &mut self,
        table: &str,
        name: &str,
        class: Option<Class>,
        tracked: &mut TrackedColumns,
    ) {
        let name_in_sql = match column(name) {
            Columns::Named(names) => names.into_iter().next(),
            Columns::All => None,
        };
        let comparable = class.is_some() && name_in_sql.is_some();
        let of_all = self.0.entry((relation_name(table), relation_name(name)));
        *of_all.or_insert(true) &= comparable;
        if let (Some(class), Some(name)) = (class, name_in_sql) {
            let unique = false;
            tracked.entry(name).or_insert(Tracked { class, unique });
        }
    }
    /// The declared columns by which reads and writes are not told apart, each with the reason.
    pub(crate) fn problems<'a>(
        facts: &'a Facts,
        catalog: &'a Catalog,
        declared: &'a DeclaredKeys,
    ) -> impl Iterator<Item = (String, &'static str)> + 'a {
        declared.iter().filter_map(move |(table, column)| {
            let problem = facts.declared.problem(table, column, facts, catalog)?;
            Some((format!("{table}.{column}"), problem))
        })
    }

    fn problem(
        &self,
        table: &Arc<str>,
        column: &Arc<str>,
        facts: &Facts,
        catalog: &Catalog,
    ) -> Option<&'static str> {
        if catalog.tracked_of(table).contains_key(column) {
            return None;
        }
        let mut tables = facts.relations.iter();
        Some(match self.0.get(&(Arc::clone(table), Arc::clone(column))) {
            _ if !tables.any(|it| it.name == *table) => "the database has no such table",
            None => {
                "the table has no such column, or it is a view, a partitioned table or generated"
            }
            Some(false) => {
                "equal values of its type or collation can differ in their bytes; `docs/what-a-write-invalidates.md` \
                     has the types that can be compared"
            }
            Some(true) => {
                "partitions, inheritance, a row-level security policy, a trigger that sets it, or triggers that \
                     the account cannot see prevent it"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use cachalot_sql::Dialect;

    use super::*;

    #[test]
    fn k08_a_declared_key_that_is_not_tracked_has_a_reason() {
        let mut declared = DeclaredKeys::default();
        for name in ["good", "inexact", "missing"] {
            declared.insert("posts", name);
        }
        declared.insert("nowhere", "id");
        let mut facts = Facts::with_tables(Dialect::Postgres, &["posts"]);
        let mut tracked = TrackedColumns::new();
        let class = Some(Class::signed(32));
        facts.declared.add("posts", "Good", class, &mut tracked);
        facts.declared.add("posts", "inexact", None, &mut tracked);
        facts.relations[0].tracked = tracked;
        let catalog = Catalog::new(&facts);
        let problems: Vec<_> = FoundKeys::problems(&facts, &catalog, &declared).collect();
        let names: Vec<_> = problems.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["nowhere.id", "posts.inexact", "posts.missing"]);
        assert!(problems[0].1.contains("table") && problems[1].1.contains("type"));
    }
}
