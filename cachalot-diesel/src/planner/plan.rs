use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use quick_cache::sync::Cache;

use super::Planner;
use crate::{
    bypass::BypassReason,
    catalog::{Catalog, Refusal, Resolved},
    config::Config,
    fingerprint::Digest,
    policy,
    protocol::{Dependency, Events, Writes},
    statement::{Analysis, Dialect, Named, Uncacheable},
};

/// How many distinct texts a handle remembers the plan of.
const PLANS: usize = 4096;
/// Texts above this are planned anew each time, as they are analysed.
const MAX_TEXT: usize = 64 * 1024;

/// What is to be known of a text before it is run, worked out once for each catalog.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In the order of the tables' names, each once.
    pub(crate) dependencies: Vec<Dependency>,
    /// Settings of the session that decide the rows.
    pub(crate) settings: BTreeSet<String>,
    /// SQLite: what it calls, itself or through what defines its tables: a connection may have others
    /// of these names.
    pub(crate) functions: BTreeSet<String>,
    /// How long its entries live; `None` is for ever.
    pub(crate) ttl: Option<Duration>,
    /// Why it is not cached.
    pub(crate) bypass: Option<BypassReason>,
    /// What it calls changes nothing, neither rows nor the session.
    pub(crate) pure: bool,
    /// What is written by what it calls, and by what it reads.
    pub(crate) writes: Writes,
    /// What it calls may begin or end transactions, if it is a procedure.
    pub(crate) moves: bool,
    /// MySQL: the rows move with the date if a bind is a time.
    pub(crate) times_move: bool,
    /// It names a relation that the catalog does not have: one that is newer, perhaps.
    pub(crate) unknown_relation: bool,
}

/// Plans by the catalog's number and the hash of the text.
pub(super) struct Plans(Cache<(u64, Digest), Arc<Plan>>);

impl Plans {
    pub(super) fn new() -> Self {
        Self(Cache::new(PLANS))
    }
}

impl Planner {
    /// Why a statement is not cached whatever the catalog says; `None` if that decides.
    pub(crate) fn refuses(&self, analysis: &Analysis) -> Option<BypassReason> {
        let calls = !analysis.unknown_functions().is_empty();
        match analysis.uncacheable_by(|_| true, |_| true) {
            // A function may read one.
            Some(Uncacheable::NoTable) if calls => None,
            Some(reason) => bypass_of(reason, &self.config),
            None => None,
        }
    }

    /// The plan of a text, and whether it had to be worked out.
    pub(crate) fn plan(&self, analysis: &Analysis, catalog: &Catalog) -> (Arc<Plan>, bool) {
        let text = analysis.text();
        let key = (catalog.id(), *text.hash());
        if let Some(plan) = self.plans.0.get(&key) {
            return (plan, false);
        }
        let plan = Arc::new(self.compute(analysis, catalog));
        // A relation that is not there yet may be there the next time.
        if text.sql().len() <= MAX_TEXT && !plan.unknown_relation {
            self.plans.0.insert(key, Arc::clone(&plan));
        }
        (plan, true)
    }

    fn compute(&self, analysis: &Analysis, catalog: &Catalog) -> Plan {
        let config = &*self.config;
        let sql = analysis.text().sql();
        let functions = catalog.calls_of(analysis, sql);
        let resolved = with_policies(analysis.reads(), &functions, catalog, sql);
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
        let moves = catalog.moves_with_date(analysis, &resolved);
        if moves.always {
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
        let (ttl, uncacheable) = by_models(&resolved, config.ttl);
        Plan {
            dependencies: self.dependencies(&resolved),
            settings: resolved.settings,
            functions: named.functions,
            pure: is_pure,
            writes: resolved.writes,
            moves: resolved.moves,
            ttl,
            bypass: bypass.or(uncacheable),
            // One that looks like the server's needs no newer catalog: it is not cached.
            times_move: moves.with_times,
            unknown_relation: analysis.parsed
                && !analysis.reads().iter().all(|table| {
                    catalog.has(table) || analysis.suspects().any(|name| name == table)
                }),
        }
    }

    fn dependencies(&self, resolved: &Resolved) -> Vec<Dependency> {
        let namespace = &self.config.namespace;
        let tables = resolved.tables.iter();
        tables
            .map(|(table, events)| Dependency::new(namespace, Arc::clone(table), *events))
            .collect()
    }

    /// The plan of a query that names further tables to depend on.
    pub(crate) fn extra(&self, plan: &Plan, extra: &[String], catalog: &Catalog) -> Arc<Plan> {
        let extra: Vec<Arc<str>> = extra.iter().map(|table| table.as_str().into()).collect();
        let resolved = with_policies(&extra, &BTreeSet::new(), catalog, "");
        let mut dependencies = plan.dependencies.clone();
        for more in self.dependencies(&resolved) {
            match dependencies.iter_mut().find(|it| it.table == more.table) {
                Some(known) => known.events = known.events.or(more.events),
                None => dependencies.push(more),
            }
        }
        dependencies.sort_by(|a, b| a.table.cmp(&b.table));
        let (ttl, uncacheable) = by_models(&resolved, plan.ttl);
        let refused = || {
            self.excluded(&resolved)
                .or_else(|| refusal(resolved.refused.as_ref()?, &self.config))
        };
        Arc::new(Plan {
            dependencies,
            settings: plan.settings.union(&resolved.settings).cloned().collect(),
            functions: plan.functions.clone(),
            ttl,
            bypass: plan.bypass.clone().or_else(refused).or(uncacheable),
            pure: plan.pure,
            writes: plan.writes.clone(),
            moves: plan.moves,
            times_move: plan.times_move,
            unknown_relation: plan.unknown_relation,
        })
    }

    /// Why nothing that depends on this is cached: nobody says when an excluded table is written.
    fn excluded(&self, resolved: &Resolved) -> Option<BypassReason> {
        let mut tables = resolved.tables.keys();
        let table = tables.find(|table| self.config.excludes(table))?;
        Some(excluded(table))
    }

    /// On what the rows of these tables depend, as far as the catalogs tell that this cache has read.
    pub(crate) fn transitive_dependencies(&self, tables: &[Arc<str>]) -> Vec<Dependency> {
        let named = tables.iter().map(|table| (Arc::clone(table), Events::ALL));
        let mut all: BTreeMap<Arc<str>, Events> = named.collect();
        for catalog in self.catalogs.all() {
            let resolved = with_policies(tables, &BTreeSet::new(), &catalog, "");
            for (table, events) in resolved.tables {
                let known = all.entry(table).or_default();
                *known = known.or(events);
            }
        }
        let namespace = &self.config.namespace;
        all.into_iter()
            .map(|(table, events)| Dependency::new(namespace, table, events))
            .collect()
    }
}

/// What the models of the tables that are read say: how long a result may live that otherwise lives so
/// long, and whether it may be kept at all.
fn by_models(
    resolved: &Resolved,
    mut ttl: Option<Duration>,
) -> (Option<Duration>, Option<BypassReason>) {
    let mut uncacheable = None;
    for table in &resolved.reads {
        let Some(policy) = policy::for_table(table) else {
            continue;
        };
        ttl = policy.ttl.map_or(ttl, |own| shorter(ttl, own));
        if policy.uncacheable {
            uncacheable.get_or_insert_with(|| excluded(table));
        }
    }
    (ttl, uncacheable)
}

fn excluded(table: &Arc<str>) -> BypassReason {
    BypassReason::ExcludedTable(table.to_string())
}

/// What these tables and functions depend on, and what the models of all tables that are read name
/// besides.
fn with_policies(
    tables: &[Arc<str>],
    functions: &BTreeSet<Arc<str>>,
    catalog: &Catalog,
    sql: &str,
) -> Resolved {
    let mut tables: BTreeSet<Arc<str>> = tables.iter().cloned().collect();
    loop {
        let resolved = catalog.resolve(&tables, functions, sql);
        let named = resolved
            .reads
            .iter()
            .filter_map(|table| policy::for_table(table))
            .flat_map(|policy| &policy.depends_on);
        let missing: Vec<Arc<str>> = named
            .map(|table| Arc::from(&**table))
            .filter(|table| !resolved.reads.contains(table))
            .collect();
        if missing.is_empty() {
            return resolved;
        }
        tables.extend(missing);
    }
}

/// The shorter of two lives; `None` and zero are for ever.
fn shorter(ttl: Option<Duration>, own: Duration) -> Option<Duration> {
    match ttl {
        _ if own.is_zero() => ttl,
        Some(ttl) => Some(ttl.min(own)),
        None => Some(own),
    }
}

fn refusal(refused: &Refusal, config: &Config) -> Option<BypassReason> {
    match refused {
        Refusal::Text(reason) => bypass_of(reason, config),
        Refusal::Unseen(table) => Some(BypassReason::Untrackable(table.to_string())),
        Refusal::Blind => Some(BypassReason::TriggersNotVisible),
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
    use crate::{catalog::Facts, statement};

    #[test]
    fn the_shortest_life_wins_and_zero_is_for_ever() {
        let second = Duration::from_secs(1);
        assert_eq!(shorter(None, second), Some(second));
        assert_eq!(shorter(Some(second * 2), second), Some(second));
        assert_eq!(shorter(Some(second), Duration::ZERO), Some(second));
        assert_eq!(shorter(None, Duration::ZERO), None);
    }

    #[test]
    fn a_plan_is_worked_out_once_for_each_text_and_catalog() {
        let planner = Planner::without_store();
        let facts = Facts::with_tables(Dialect::Sqlite, &["users"]);
        let catalog = Catalog::new(&facts);
        let sql = "SELECT id FROM users";
        let analysis = statement::analysis(sql, Dialect::Sqlite);
        let (first, fresh) = planner.plan(&analysis, &catalog);
        assert!(fresh && !first.unknown_relation);
        let (again, fresh) = planner.plan(&analysis, &catalog);
        assert!(!fresh && Arc::ptr_eq(&first, &again));
        assert_eq!(&*first.dependencies[0].table, "users");
        let other = Catalog::new(&facts);
        assert!(planner.plan(&analysis, &other).1);
    }

    #[test]
    fn the_plan_of_a_text_that_names_what_is_not_there_is_not_remembered() {
        let planner = Planner::without_store();
        let catalog = Catalog::new(&Facts::new(Dialect::Sqlite));
        let sql = "SELECT id FROM users";
        let analysis = statement::analysis(sql, Dialect::Sqlite);
        for _ in 0..2 {
            let (plan, fresh) = planner.plan(&analysis, &catalog);
            assert!(fresh && plan.unknown_relation);
        }
    }
}
