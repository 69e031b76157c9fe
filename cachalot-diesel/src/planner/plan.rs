use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use quick_cache::sync::Cache;

use super::{CatalogSnapshot, Planner, read_keys::ReadKeys};
use crate::{
    bypass::BypassReason,
    catalog::{Catalog, Refusal, Resolved},
    config::Config,
    fingerprint::Digest,
    policy,
    protocol::{ByFamily, Changes, Dependency, DependencyKind, Key, Records, Writes},
};
use cachalot_sql::{Analysis, Columns, Dialect, Uncacheable, catalog::Named};

/// How many distinct texts a handle caches the plan of.
const MAX_PLANS: usize = 4096;
/// Plans of longer texts (in bytes) are not cached.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// What the library knows of a text under one catalog.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Ordered by table name, each table once.
    pub(crate) dependencies: Vec<Dependency>,
    /// What is looked up instead, if there are families among them.
    by_family: Option<ByFamily>,
    /// Of which tables it sees only certain rows.
    pub(crate) keys: ReadKeys,
    /// Settings of the session that affect the rows.
    pub(crate) settings: BTreeSet<String>,
    /// SQLite: the functions that it calls, itself or through views and generated columns. The
    /// connection may have redefined them.
    pub(crate) functions: BTreeSet<String>,
    /// How long its entries live; `None` is for ever.
    pub(crate) ttl: Option<Duration>,
    /// Why it is not cached.
    pub(crate) bypass: Option<BypassReason>,
    /// The routines that it calls change neither rows nor the session.
    pub(crate) pure: bool,
    /// What the routines and relations that it uses write.
    pub(crate) writes: Writes,
    /// What it calls may begin or end transactions, if it is a procedure.
    pub(crate) may_end_transaction: bool,
    /// MySQL: the rows depend on the current date if a bind is a time.
    pub(crate) date_dependent_with_times: bool,
    /// It names a relation that the catalog does not have, which may be newer than the catalog.
    pub(crate) unknown_relation: bool,
}

impl Plan {
    /// The version records that decide whether an entry is valid. `keys`: the rows that this execution sees.
    pub(crate) fn records<'a>(
        &'a self,
        known: &'a CatalogSnapshot,
        keys: &'a [(Arc<str>, Key)],
    ) -> Records<'a> {
        let by_family = self.by_family.as_ref().filter(|_| known.has_families());
        Records {
            epoch: known.epoch(),
            all: &self.dependencies,
            dependencies: by_family.map_or(&self.dependencies, |it| &it.dependencies),
            members: by_family.map_or(&[], |it| &it.members),
            keys,
        }
    }
}

/// Plans by the catalog's number and the hash of the text.
pub(super) struct Plans(Cache<(u64, Digest), Arc<Plan>>);

impl Plans {
    pub(super) fn new() -> Self {
        Self(Cache::new(MAX_PLANS))
    }
}

impl Planner {
    /// Why a statement is not cached, whatever the catalog. `None` if it depends on the catalog.
    pub(crate) fn refuses(&self, analysis: &Analysis) -> Option<BypassReason> {
        let calls = analysis.unknown_functions().next().is_some();
        match analysis.uncacheable_by(|_| true, |_| true) {
            // A function may read a table.
            Some(Uncacheable::NoTable) if calls => None,
            Some(reason) => bypass_of(reason, &self.config),
            None => None,
        }
    }

    /// The plan of a text, and whether it had to be computed.
    pub(crate) fn plan(&self, analysis: &Analysis, catalog: &Catalog) -> (Arc<Plan>, bool) {
        let text = analysis.text();
        let key = (catalog.id(), *text.hash());
        if let Some(plan) = self.plans.0.get(&key) {
            return (plan, false);
        }
        let plan = Arc::new(self.compute(analysis, catalog));
        // An unknown relation may exist next time.
        if text.sql().len() <= MAX_TEXT_BYTES && !plan.unknown_relation {
            self.plans.0.insert(key, Arc::clone(&plan));
        }
        (plan, true)
    }

    fn compute(&self, analysis: &Analysis, catalog: &Catalog) -> Plan {
        let config = &*self.config;
        let sql = analysis.text().sql();
        let functions = catalog.calls_of(analysis, sql);
        let reads = analysis.reads().iter();
        let used = reads.map(|table| (Arc::clone(table), analysis.columns(table)));
        let resolved = resolve_with_policies(used.collect(), &functions, catalog, sql);
        let pure = |name: &str| config.pure_functions.contains(name) || catalog.is_pure(name);
        let mut bypass = match analysis.uncacheable_by(pure, |name| catalog.has(name)) {
            Some(Uncacheable::NoTable) if !resolved.tables.is_empty() => None,
            Some(reason) => bypass_of(reason, config),
            None => None,
        };
        let volatile = resolved.functions.iter().find(|name| !pure(name));
        let is_pure = volatile.is_none() && resolved.writes.is_nothing();
        let volatile = volatile.map(|name| BypassReason::VolatileFunction(name.to_string()));
        bypass = bypass.or(volatile);
        let dates = catalog.date_dependence(analysis, &resolved);
        if dates.always {
            bypass.get_or_insert_with(|| BypassReason::VolatileFunction("time".to_owned()));
        }
        if !resolved.writes.is_nothing() {
            bypass.get_or_insert(BypassReason::NotSelect);
        }
        let mut named = match analysis.text().dialect() {
            Dialect::Sqlite => Named::in_sqlite(sql),
            _ => Named::default(),
        };
        named.extend(&resolved.named);
        bypass = bypass.or_else(|| {
            let mut collations = named.collations.iter();
            let own = collations.find(|name| !config.pure_functions.contains(*name))?;
            Some(BypassReason::CustomCollation(own.clone()))
        });
        bypass = bypass.or_else(|| refusal(resolved.refused.as_ref()?, config));
        bypass = bypass.or_else(|| self.excluded(&resolved));
        bypass = bypass.or_else(|| {
            let mut named = analysis.reads().iter();
            named.find(|table| !config.includes(table)).map(excluded)
        });
        let (ttl, uncacheable) = apply_policies(&resolved, config.ttl);
        let dependencies = self.dependencies(&resolved);
        Plan {
            by_family: self.by_family(&dependencies, &resolved.reads, catalog),
            dependencies,
            keys: ReadKeys::of(analysis, catalog, &resolved),
            settings: resolved.settings,
            functions: named.functions,
            pure: is_pure,
            writes: resolved.writes,
            may_end_transaction: resolved.may_end_transaction,
            ttl,
            bypass: bypass.or(uncacheable),
            // A name that may be a relation of the server needs no newer catalog: the read is not cached.
            date_dependent_with_times: dates.with_times,
            unknown_relation: analysis.parsed
                && !analysis.reads().iter().all(|table| {
                    catalog.has(table) || analysis.ambiguous_relations().any(|name| name == table)
                }),
        }
    }

    fn dependencies(&self, resolved: &Resolved) -> Vec<Dependency> {
        let namespace = &self.config.namespace;
        let tables = resolved.tables.iter();
        tables
            .map(|(table, changes)| Dependency::new(namespace, Arc::clone(table), changes.clone()))
            .collect()
    }

    /// The same dependencies by family, as far as whole families are read.
    fn by_family(
        &self,
        dependencies: &[Dependency],
        reads: &BTreeSet<Arc<str>>,
        catalog: &Catalog,
    ) -> Option<ByFamily> {
        let families = catalog.families_among(reads);
        let (members, mut rest): (Vec<_>, Vec<_>) =
            dependencies.iter().cloned().partition(|dependency| {
                let mut families = families.iter();
                families.any(|(_, members)| members.contains(&dependency.table))
            });
        let namespace = &self.config.namespace;
        let family = |parent| Dependency::family(namespace, parent);
        rest.extend(families.iter().map(|(parent, _)| family(parent)));
        let members = members.into_iter().map(|member| {
            let families = catalog.families_of(&member.table);
            (member, families)
        });
        (!families.is_empty()).then(|| ByFamily {
            dependencies: rest,
            members: members.collect(),
        })
    }

    /// The plan of a query that names further tables to depend on.
    pub(crate) fn with_extra_dependencies(
        &self,
        plan: &Plan,
        extra: &[String],
        catalog: &Catalog,
    ) -> Arc<Plan> {
        let extra = extra.iter().map(|table| table.as_str().into());
        let resolved = resolve_with_policies(wholly(extra), &BTreeSet::new(), catalog, "");
        let mut dependencies = plan.dependencies.clone();
        for more in self.dependencies(&resolved) {
            match dependencies.iter_mut().find(|it| it.table == more.table) {
                Some(known) => known.changes.merge(&more.changes),
                None => dependencies.push(more),
            }
        }
        dependencies.sort_by(|a, b| a.table.cmp(&b.table));
        // All relations that matter for families, including those of the plan.
        let by_family = plan.by_family.iter();
        let reads = by_family
            .flat_map(|it| &it.dependencies)
            .filter(|dependency| dependency.kind == DependencyKind::Family)
            .map(|family| Arc::clone(&family.table))
            .chain(resolved.reads.iter().cloned())
            .collect();
        let (ttl, uncacheable) = apply_policies(&resolved, plan.ttl);
        let refused = || {
            self.excluded(&resolved)
                .or_else(|| refusal(resolved.refused.as_ref()?, &self.config))
        };
        Arc::new(Plan {
            by_family: self.by_family(&dependencies, &reads, catalog),
            dependencies,
            keys: plan.keys.without(&resolved),
            settings: plan.settings.union(&resolved.settings).cloned().collect(),
            functions: plan.functions.clone(),
            ttl,
            bypass: plan.bypass.clone().or_else(refused).or(uncacheable),
            pure: plan.pure,
            writes: plan.writes.clone(),
            may_end_transaction: plan.may_end_transaction,
            date_dependent_with_times: plan.date_dependent_with_times,
            unknown_relation: plan.unknown_relation,
        })
    }

    /// The excluded table among the dependencies, if any: its writes are not announced.
    fn excluded(&self, resolved: &Resolved) -> Option<BypassReason> {
        let mut tables = resolved.tables.keys();
        let table = tables.find(|table| self.config.excludes(table))?;
        Some(excluded(table))
    }

    /// All that the rows of these tables depend on, according to the catalogs loaded so far.
    pub(crate) fn transitive_dependencies(&self, tables: &[Arc<str>]) -> Vec<Dependency> {
        let named = tables.iter().map(|table| (Arc::clone(table), Changes::ALL));
        let mut all: BTreeMap<Arc<str>, Changes> = named.collect();
        for catalog in self.catalogs.all() {
            let tables = wholly(tables.iter().cloned());
            let resolved = resolve_with_policies(tables, &BTreeSet::new(), &catalog, "");
            for (table, changes) in resolved.tables {
                all.entry(table).or_default().merge(&changes);
            }
        }
        let namespace = &self.config.namespace;
        all.into_iter()
            .map(|(table, changes)| Dependency::new(namespace, table, changes))
            .collect()
    }
}

/// Applies the policies of the models of all tables that are read: the time to live, and whether
/// results may be cached.
fn apply_policies(
    resolved: &Resolved,
    mut ttl: Option<Duration>,
) -> (Option<Duration>, Option<BypassReason>) {
    let mut uncacheable = None;
    for table in &resolved.reads {
        let Some(policy) = policy::for_table(table) else {
            continue;
        };
        ttl = policy.ttl.map_or(ttl, |own| shorter_ttl(ttl, own));
        if policy.uncacheable {
            uncacheable.get_or_insert_with(|| excluded(table));
        }
    }
    (ttl, uncacheable)
}

fn excluded(table: &Arc<str>) -> BypassReason {
    BypassReason::ExcludedTable(table.to_string())
}

/// All columns of these tables.
fn wholly(tables: impl Iterator<Item = Arc<str>>) -> BTreeMap<Arc<str>, Columns> {
    tables.map(|table| (table, Columns::All)).collect()
}

/// Resolves these columns of tables and these functions, including the `depends_on` of the models of all tables that
/// are read.
fn resolve_with_policies(
    mut tables: BTreeMap<Arc<str>, Columns>,
    functions: &BTreeSet<Arc<str>>,
    catalog: &Catalog,
    sql: &str,
) -> Resolved {
    loop {
        let mut resolved = catalog.resolve(&tables, functions, sql);
        let policies = resolved.reads.iter();
        let policies = policies.filter_map(|table| policy::for_table(table));
        let named = policies.flat_map(|policy| &policy.depends_on);
        let named: Vec<Arc<str>> = named.map(|table| Arc::from(&**table)).collect();
        let is_missing = |table: &&Arc<str>| tables.get(*table) != Some(&Columns::All);
        let missing: Vec<Arc<str>> = named.iter().filter(is_missing).cloned().collect();
        if missing.is_empty() {
            // As if a view named them.
            resolved.indirect.extend(named);
            return resolved;
        }
        tables.extend(wholly(missing.into_iter()));
    }
}

/// The shorter time to live; `None` and zero are for ever.
fn shorter_ttl(ttl: Option<Duration>, own: Duration) -> Option<Duration> {
    match ttl {
        _ if own.is_zero() => ttl,
        Some(ttl) => Some(ttl.min(own)),
        None => Some(own),
    }
}

fn refusal(refused: &Refusal, config: &Config) -> Option<BypassReason> {
    match refused {
        Refusal::Text(reason) => bypass_of(reason, config),
        Refusal::Untrackable(table) => Some(BypassReason::Untrackable(table.to_string())),
        Refusal::TriggersNotVisible => Some(BypassReason::TriggersNotVisible),
    }
}

fn bypass_of(reason: &Uncacheable, config: &Config) -> Option<BypassReason> {
    Some(match reason {
        Uncacheable::RandomOrder if config.cache_random => return None,
        Uncacheable::RandomOrder => BypassReason::RandomOrder,
        Uncacheable::NotSelect => BypassReason::NotSelect,
        Uncacheable::SeveralStatements => BypassReason::SeveralStatements,
        Uncacheable::RowLock => BypassReason::RowLock,
        Uncacheable::VolatileFunction(name) => BypassReason::VolatileFunction(name.to_string()),
        Uncacheable::TableSample => BypassReason::TableSample,
        Uncacheable::SystemCatalog(table) => BypassReason::SystemCatalog(table.to_string()),
        Uncacheable::NoTable => BypassReason::NoTable,
        Uncacheable::Session => BypassReason::SessionChange,
        _ => BypassReason::Unparsed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Facts;

    #[test]
    fn the_shortest_time_to_live_wins_and_zero_is_for_ever() {
        let second = Duration::from_secs(1);
        assert_eq!(shorter_ttl(None, second), Some(second));
        assert_eq!(shorter_ttl(Some(second * 2), second), Some(second));
        assert_eq!(shorter_ttl(Some(second), Duration::ZERO), Some(second));
        assert_eq!(shorter_ttl(None, Duration::ZERO), None);
    }

    #[test]
    fn a_plan_is_computed_once_for_each_text_and_catalog() {
        let planner = Planner::without_store();
        let facts = Facts::with_tables(Dialect::Sqlite, &["users"]);
        let catalog = Catalog::new(&facts);
        let sql = "SELECT id FROM users";
        let analysis = cachalot_sql::analysis(sql, Dialect::Sqlite);
        let (first, fresh) = planner.plan(&analysis, &catalog);
        assert!(fresh && !first.unknown_relation);
        let (again, fresh) = planner.plan(&analysis, &catalog);
        assert!(!fresh && Arc::ptr_eq(&first, &again));
        assert_eq!(&*first.dependencies[0].table, "users");
        let other = Catalog::new(&facts);
        assert!(planner.plan(&analysis, &other).1);
    }

    #[test]
    fn the_plan_of_a_text_with_an_unknown_relation_is_not_cached() {
        let planner = Planner::without_store();
        let catalog = Catalog::new(&Facts::new(Dialect::Sqlite));
        let sql = "SELECT id FROM users";
        let analysis = cachalot_sql::analysis(sql, Dialect::Sqlite);
        for _ in 0..2 {
            let (plan, fresh) = planner.plan(&analysis, &catalog);
            assert!(fresh && plan.unknown_relation);
        }
    }
}
