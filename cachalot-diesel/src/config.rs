//! Settings, from the environment or the builder.

mod check;
mod env;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt, time::Duration};

use crate::policy::{DeclaredKeys, normalise};

/// An invalid setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An environment variable has an invalid value.
    #[error("{variable}: expected {expected}, {problem}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value.
        problem: String,
        /// What a valid value looks like.
        expected: &'static str,
    },
    /// A method of the builder was called with an invalid value.
    #[error("`{method}`: expected {expected}, {problem}")]
    Method {
        /// The method of [`Builder`](crate::Builder).
        method: &'static str,
        /// What is wrong with the value.
        problem: String,
        /// What a valid value looks like.
        expected: &'static str,
    },
}

/// What a write does while the store does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnOutage {
    /// The write proceeds, and its invalidation is pending in this process: it is sent within a
    /// fraction of a second after the store answers, and until then this process bypasses the cache for
    /// the tables. Other processes that reach the store may read rows from before the write until then.
    #[default]
    Defer,
    /// The write waits for the store: up to this long before the statement is sent (for a transaction,
    /// before its COMMIT, while it holds its locks), and up to this long before it returns to the
    /// caller. Then it proceeds as with `Defer`. From a millisecond to an hour.
    ///
    /// During an outage shorter than this, no process reads rows from before a write that has returned.
    /// Each waiting write blocks its thread.
    Wait(Duration),
    /// On a [`CachalotConnection`](crate::CachalotConnection) the write is refused: the statement is not
    /// sent, and a transaction is rolled back instead of committed. The caller gets Diesel's
    /// `QueryBuilderError` around an [`Error::Refused`](crate::Error::Refused). No process then reads rows
    /// from before a write that has returned, however long the outage is.
    ///
    /// If the store fails while the statement runs, the write waits until its invalidation is sent, for
    /// up to `CACHALOT_WRITE_LEASE`. So does every write on a plain connection, where Diesel's
    /// instrumentation sees statements but cannot stop them.
    Fail,
}

/// All settings. `Debug` shows neither the secret nor the URL.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) enabled: bool,
    pub(crate) url: String,
    pub(crate) namespace: String,
    /// `None`: for ever. Never zero.
    pub(crate) ttl: Option<Duration>,
    pub(crate) store_timeout: Duration,
    pub(crate) write_lease: Duration,
    pub(crate) on_outage: OnOutage,
    /// `None`: all tables. Never empty.
    pub(crate) only_tables: Option<BTreeSet<String>>,
    pub(crate) uncacheable_tables: BTreeSet<String>,
    pub(crate) cache_random: bool,
    /// Functions that the program declares pure, in lower case.
    pub(crate) pure_functions: BTreeSet<String>,
    pub(crate) key_columns: DeclaredKeys,
    pub(crate) max_value_bytes: usize,
    /// Results above this many bytes are compressed. `None`: no compression.
    pub(crate) compress_above: Option<usize>,
    /// The limit of the near cache; 0: off.
    pub(crate) near_cache_bytes: usize,
    /// How long an entry of the near cache is served without asking the store; zero: never.
    pub(crate) max_staleness: Duration,
    /// How long a miss waits for another process's query; zero: not at all.
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
            key_columns: DeclaredKeys::default(),
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
            .field("key_columns", &self.key_columns)
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
    /// Is the table (by its normalised name) uncacheable?
    pub(crate) fn excludes(&self, table: &str) -> bool {
        self.uncacheable_tables.contains(table)
    }

    /// May a statement that names this table be cached, according to `only_tables`?
    pub(crate) fn includes(&self, table: &str) -> bool {
        self.only_tables
            .as_ref()
            .is_none_or(|only| only.contains(table))
    }
}

/// An empty list sets no limit.
pub(crate) fn only_tables<S: AsRef<str>>(
    tables: impl IntoIterator<Item = S>,
) -> Option<BTreeSet<String>> {
    Some(table_set(tables)).filter(|tables| !tables.is_empty())
}

pub(crate) fn key_columns<T: AsRef<str>, C: AsRef<str>>(
    columns: impl IntoIterator<Item = (T, C)>,
) -> DeclaredKeys {
    let mut declared = DeclaredKeys::default();
    for (table, column) in columns {
        declared.insert(table.as_ref().trim(), column.as_ref().trim());
    }
    declared
}

pub(crate) fn table_set<S: AsRef<str>>(tables: impl IntoIterator<Item = S>) -> BTreeSet<String> {
    tables
        .into_iter()
        .map(|table| normalise(table.as_ref().trim()))
        .filter(|table| !table.is_empty())
        .collect()
}
