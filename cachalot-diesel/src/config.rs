//! Settings, from the environment or the builder.

mod check;
mod env;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt, time::Duration};

use crate::policy::normalise;

/// Why a setting was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An environment variable has a value that cannot be read.
    #[error("{variable}: expected {expected}, {problem}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value.
        problem: String,
        /// What a right value looks like.
        expected: &'static str,
    },
    /// A method of the builder was given a value that the setting cannot have.
    #[error("`{method}`: expected {expected}, {problem}")]
    Method {
        /// The method of [`Builder`](crate::Builder).
        method: &'static str,
        /// What is wrong with the value.
        problem: String,
        /// What a right value looks like.
        expected: &'static str,
    },
}

/// What a write does while the store does not answer.
///
/// A write cannot be refused: the library watches a connection through Diesel's `Instrumentation`,
/// which sees every statement and can stop none, and once COMMIT is sent only the database can say
/// no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnOutage {
    /// The write goes on. The invalidation is kept in this process, its tables bypass the cache
    /// here, and it is delivered within a fraction of a second after the store answers. Until then
    /// other processes that do reach the store may be given rows from before the write.
    #[default]
    Defer,
    /// The write waits for the store, up to this long before it is sent (a transaction: before its
    /// COMMIT, so its locks are held meanwhile) and up to this long after, before it returns to its
    /// caller. Then it goes on as with `Defer`. From a
    /// millisecond to an hour.
    ///
    /// While an outage is shorter than this, no process is given rows from before a write that has
    /// returned. It takes one caller's thread for each write that waits.
    Wait(Duration),
}

/// All settings. `Debug` shows neither the secret nor anything of the URL but scheme and hosts.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) enabled: bool,
    pub(crate) url: String,
    pub(crate) namespace: String,
    /// `None` = for ever; never zero.
    pub(crate) ttl: Option<Duration>,
    pub(crate) store_timeout: Duration,
    pub(crate) write_lease: Duration,
    pub(crate) on_outage: OnOutage,
    /// `None`: all; never empty.
    pub(crate) only_tables: Option<BTreeSet<String>>,
    pub(crate) uncacheable_tables: BTreeSet<String>,
    pub(crate) cache_random: bool,
    /// Functions that the program vouches for, in lower case.
    pub(crate) pure_functions: BTreeSet<String>,
    pub(crate) max_value_bytes: usize,
    /// Rows above this size are compressed; `None`: none are.
    pub(crate) compress_above: Option<usize>,
    /// What entries kept in the process may take; 0: none are kept.
    pub(crate) near_cache_bytes: usize,
    /// For how long such an entry is served without asking the store; zero: never.
    pub(crate) max_staleness: Duration,
    /// How long a cold reader waits for one of another process; zero: not at all.
    pub(crate) stampede_wait: Duration,
    /// Standbys are known by their primary's name.
    pub(crate) replica_hits: bool,
    pub(crate) secret: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            url: "memcache://127.0.0.1:11211".to_owned(),
            namespace: "cachalot".to_owned(),
            ttl: Some(Duration::from_secs(86_400)),
            store_timeout: Duration::from_millis(100),
            write_lease: Duration::from_secs(30),
            on_outage: OnOutage::default(),
            only_tables: None,
            uncacheable_tables: BTreeSet::from(["__diesel_schema_migrations".to_owned()]),
            cache_random: false,
            pure_functions: BTreeSet::new(),
            max_value_bytes: 1_000_000,
            compress_above: Some(16_384),
            near_cache_bytes: 0,
            max_staleness: Duration::ZERO,
            stampede_wait: Duration::ZERO,
            replica_hits: false,
            secret: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("enabled", &self.enabled)
            .field("namespace", &self.namespace)
            .field("ttl", &self.ttl)
            .field("store_timeout", &self.store_timeout)
            .field("write_lease", &self.write_lease)
            .field("on_outage", &self.on_outage)
            .field("only_tables", &self.only_tables)
            .field("uncacheable_tables", &self.uncacheable_tables)
            .field("cache_random", &self.cache_random)
            .field("pure_functions", &self.pure_functions)
            .field("max_value_bytes", &self.max_value_bytes)
            .field("compress_above", &self.compress_above)
            .field("near_cache_bytes", &self.near_cache_bytes)
            .field("max_staleness", &self.max_staleness)
            .field("stampede_wait", &self.stampede_wait)
            .field("replica_hits", &self.replica_hits)
            .field("secret", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Must no rows of this table be kept, whoever names it? Tables as statements are compared: last
    /// component, lower case.
    pub(crate) fn excludes(&self, table: &str) -> bool {
        self.uncacheable_tables.contains(table)
    }

    /// May a statement that names this table be cached?
    pub(crate) fn includes(&self, table: &str) -> bool {
        self.only_tables
            .as_ref()
            .is_none_or(|only| only.contains(table))
    }
}

/// No table at all is no restriction: there would be nothing to cache.
pub(crate) fn only_tables<S: AsRef<str>>(
    tables: impl IntoIterator<Item = S>,
) -> Option<BTreeSet<String>> {
    Some(table_set(tables)).filter(|tables| !tables.is_empty())
}

pub(crate) fn table_set<S: AsRef<str>>(tables: impl IntoIterator<Item = S>) -> BTreeSet<String> {
    tables
        .into_iter()
        .map(|table| normalise(table.as_ref().trim()))
        .filter(|table| !table.is_empty())
        .collect()
}
