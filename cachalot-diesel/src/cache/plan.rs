use std::{sync::Arc, time::Duration};

use quick_cache::{Equivalent, sync::Cache};

use super::Cachalot;
use crate::{
    bypass::BypassReason,
    config::Config,
    fingerprint::Fingerprint,
    policy,
    statement::{self, Dialect, Uncacheable},
};

/// How many distinct texts a handle remembers the plan of.
const PLANS: usize = 4096;
/// Texts above this are planned anew each time.
const MAX_TEXT: usize = 64 * 1024;

/// A table that a read depends on, and the key of its version record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) table: Arc<str>,
    pub(crate) key: Arc<str>,
}

impl Dependency {
    pub(super) fn new(namespace: &str, table: Arc<str>) -> Self {
        let mut fingerprint = Fingerprint::new(namespace, "record");
        fingerprint.part(table.as_bytes());
        Self {
            key: fingerprint.finish().into(),
            table,
        }
    }
}

/// What is to be known of a text before it is run, worked out once.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// In the order of the tables' names, each once.
    pub(crate) dependencies: Vec<Dependency>,
    /// How long its entries live; `None` is for ever.
    pub(crate) ttl: Option<Duration>,
    /// Why it is not cached.
    pub(crate) bypass: Option<BypassReason>,
}

pub(super) struct Plans(Cache<Text, Arc<Plan>>);

#[derive(PartialEq, Eq, Hash)]
struct Text(Dialect, Box<str>);

#[derive(PartialEq, Eq, Hash)]
struct TextRef<'a>(Dialect, &'a str);

impl Equivalent<Text> for TextRef<'_> {
    fn equivalent(&self, text: &Text) -> bool {
        self.0 == text.0 && *self.1 == *text.1
    }
}

impl Plans {
    pub(super) fn new() -> Self {
        Self(Cache::new(PLANS))
    }
}

impl Cachalot {
    /// The plan of a text.
    pub(crate) fn plan(&self, sql: &str, dialect: Dialect) -> Arc<Plan> {
        if let Some(plan) = self.inner.plans.0.get(&TextRef(dialect, sql)) {
            return plan;
        }
        let analysis = statement::analysis(sql, dialect);
        let reads: Vec<Arc<str>> = analysis.reads().to_vec();
        let plan = Arc::new(self.work_out(reads, analysis.uncacheable()));
        if sql.len() <= MAX_TEXT {
            self.inner
                .plans
                .0
                .insert(Text(dialect, sql.into()), Arc::clone(&plan));
        }
        plan
    }

    fn work_out(&self, reads: Vec<Arc<str>>, uncacheable: Option<&Uncacheable>) -> Plan {
        let config = self.config();
        let mut bypass = uncacheable.and_then(|reason| bypass_of(reason, config));
        let mut ttl = config.ttl;
        let tables = with_policies(reads);
        for table in &tables {
            let policy = policy::for_table(table);
            if let Some(own) = policy.and_then(|policy| policy.ttl) {
                ttl = shorter(ttl, own);
            }
            if bypass.is_none()
                && (!config.takes(table) || policy.is_some_and(|policy| policy.uncacheable))
            {
                bypass = Some(BypassReason::ExcludedTable(table.to_string()));
            }
        }
        let dependencies = tables.iter().map(|table| self.dependency(table)).collect();
        Plan {
            dependencies,
            ttl,
            bypass,
        }
    }

    /// The plan's dependencies and those that the query names itself.
    pub(crate) fn with_extra(&self, plan: &Plan, extra: &[String]) -> Vec<Dependency> {
        let mut dependencies = plan.dependencies.clone();
        for table in with_policies(
            extra
                .iter()
                .map(|table| Arc::from(table.as_str()))
                .collect(),
        ) {
            if !dependencies.iter().any(|known| known.table == table) {
                dependencies.push(self.dependency(&table));
            }
        }
        dependencies.sort_by(|a, b| a.table.cmp(&b.table));
        dependencies
    }
}

/// The tables and all that their models depend on, sorted, each once.
fn with_policies(mut tables: Vec<Arc<str>>) -> Vec<Arc<str>> {
    let mut next = 0;
    while let Some(table) = tables.get(next).cloned() {
        next += 1;
        for other in policy::for_table(&table)
            .into_iter()
            .flat_map(|policy| &policy.depends_on)
        {
            if !tables.iter().any(|known| **known == **other) {
                tables.push(Arc::from(&**other));
            }
        }
    }
    tables.sort();
    tables.dedup();
    tables
}

/// The shorter of two lives; `None` and zero are for ever.
fn shorter(ttl: Option<Duration>, own: Duration) -> Option<Duration> {
    match ttl {
        _ if own.is_zero() => ttl,
        Some(ttl) => Some(ttl.min(own)),
        None => Some(own),
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
        _ => BypassReason::NotUnderstood,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_life_wins_and_zero_is_for_ever() {
        let second = Duration::from_secs(1);
        assert_eq!(shorter(None, second), Some(second));
        assert_eq!(shorter(Some(second * 2), second), Some(second));
        assert_eq!(shorter(Some(second), Duration::ZERO), Some(second));
        assert_eq!(shorter(None, Duration::ZERO), None);
    }

    #[test]
    fn a_plan_is_worked_out_once_for_each_text() {
        let cache = Cachalot::builder().url("memory://").build().unwrap();
        let sql = "SELECT id FROM users";
        let first = cache.plan(sql, Dialect::Sqlite);
        assert!(Arc::ptr_eq(&first, &cache.plan(sql, Dialect::Sqlite)));
        assert_eq!(&*first.dependencies[0].table, "users");
    }
}
