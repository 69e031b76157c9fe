//! Settings, from the environment or the builder.

mod env;

use std::{collections::BTreeSet, fmt, time::Duration};

use crate::policy::normalise;

/// Why a setting was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An environment variable has a value that cannot be read.
    #[error("{variable}: {problem}; expected {expected}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value.
        problem: String,
        /// What a right value looks like.
        expected: &'static str,
    },
}

/// All settings. `Debug` shows neither the secret nor anything of the URL but scheme and hosts.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) enabled: bool,
    pub(crate) url: String,
    pub(crate) namespace: String,
    /// `None` = for ever.
    pub(crate) ttl: Option<Duration>,
    pub(crate) store_timeout: Duration,
    pub(crate) write_lease: Duration,
    pub(crate) only_tables: Option<BTreeSet<String>>,
    pub(crate) uncacheable_tables: BTreeSet<String>,
    pub(crate) cache_random: bool,
    pub(crate) max_value_bytes: usize,
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
            only_tables: None,
            uncacheable_tables: BTreeSet::from(["__diesel_schema_migrations".to_owned()]),
            cache_random: false,
            max_value_bytes: 1_000_000,
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
            .field("only_tables", &self.only_tables)
            .field("uncacheable_tables", &self.uncacheable_tables)
            .field("cache_random", &self.cache_random)
            .field("max_value_bytes", &self.max_value_bytes)
            .field("secret", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

impl Config {
    /// May rows of this table (as statements are compared: last component, lower case) be kept?
    pub(crate) fn takes(&self, table: &str) -> bool {
        !self.uncacheable_tables.contains(table)
            && self
                .only_tables
                .as_ref()
                .is_none_or(|only| only.contains(table))
    }
}

pub(crate) fn table_set<S: AsRef<str>>(tables: impl IntoIterator<Item = S>) -> BTreeSet<String> {
    tables
        .into_iter()
        .map(|table| normalise(table.as_ref().trim()))
        .filter(|table| !table.is_empty())
        .collect()
}
