//! Parses settings from environment variables. `check` validates the values.

use std::{str::FromStr, time::Duration};

use super::{
    Config, ConfigError, OnOutage,
    check::{Invalid, Setting},
    only_tables, table_set,
};
use crate::{events::Chain, policy::DeclaredKeys, store::OpenError};
use cachalot_sql::{last_component, qualifier};

const URL: &str = "a URL such as `memcache://127.0.0.1:11211` or `memory://`";
const ON_OUTAGE: &str =
    "`defer`, `fail`, or `wait:` with whole seconds or a duration such as `500ms`, from 1ms to 1h";
const KEY_COLUMNS: &str = "columns with their tables, such as `posts.user_id,posts.slug`";
const SECONDS: &str = "whole seconds or a duration such as `10m`";
const MILLISECONDS: &str = "whole milliseconds or a duration such as `250ms`";

impl ConfigError {
    /// The error of a URL from the environment.
    pub(crate) fn of_url(error: &OpenError) -> Self {
        Invalid::new(Setting::URL, URL, format!("but {}", Chain(error))).variable()
    }
}

impl Config {
    /// Reads the `CACHALOT_*` variables through `get`. Those that are not set keep their default.
    pub(crate) fn from_vars(
        get: impl Fn(&'static str) -> Result<Option<String>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let mut read = |variable, set: &mut dyn FnMut(&mut Self, &str) -> Result<(), Problem>| {
            let Some(text) = get(variable)? else {
                return Ok(());
            };
            set(&mut config, text.as_str()).map_err(|problem| problem.of(variable))
        };
        read("CACHALOT_ENABLED", &mut |config, text| {
            config.enabled = flag(text)?;
            Ok(())
        })?;
        read("CACHALOT_URL", &mut |config, text| {
            let url = text.trim();
            if url.is_empty() {
                return Err(Problem::new(URL, "but it is empty"));
            }
            config.url = url.to_owned();
            Ok(())
        })?;
        read("CACHALOT_NAMESPACE", &mut |config, text| {
            config.namespace = text.trim().to_owned();
            Ok(())
        })?;
        read("CACHALOT_TIMEOUT", &mut |config, text| {
            let ttl = seconds(text)?;
            config.ttl = (!ttl.is_zero()).then_some(ttl);
            Ok(())
        })?;
        read("CACHALOT_STORE_TIMEOUT", &mut |config, text| {
            config.store_timeout = milliseconds(text)?;
            Ok(())
        })?;
        read("CACHALOT_WRITE_LEASE", &mut |config, text| {
            config.write_lease = seconds(text)?;
            Ok(())
        })?;
        read("CACHALOT_ON_OUTAGE", &mut |config, text| {
            config.on_outage = on_outage(text)?;
            Ok(())
        })?;
        read("CACHALOT_ONLY_CACHABLE_TABLES", &mut |config, text| {
            config.only_tables = only_tables(text.split(','));
            Ok(())
        })?;
        read("CACHALOT_UNCACHABLE_TABLES", &mut |config, text| {
            config.uncacheable_tables = table_set(text.split(','));
            Ok(())
        })?;
        read("CACHALOT_CACHE_RANDOM", &mut |config, text| {
            config.cache_random = flag(text)?;
            Ok(())
        })?;
        read("CACHALOT_PURE_FUNCTIONS", &mut |config, text| {
            config.pure_functions = table_set(text.split(','));
            Ok(())
        })?;
        read("CACHALOT_KEY_COLUMNS", &mut |config, text| {
            config.key_columns = key_columns(text)?;
            Ok(())
        })?;
        read("CACHALOT_MAX_VALUE_BYTES", &mut |config, text| {
            config.max_value_bytes = integer(text)?;
            Ok(())
        })?;
        read("CACHALOT_COMPRESS_ABOVE_BYTES", &mut |config, text| {
            let bytes = integer(text)?;
            config.compress_above = (bytes > 0).then_some(bytes);
            Ok(())
        })?;
        read("CACHALOT_NEAR_CACHE_BYTES", &mut |config, text| {
            config.near_cache_bytes = integer(text)?;
            Ok(())
        })?;
        read("CACHALOT_MAX_STALENESS", &mut |config, text| {
            config.max_staleness = milliseconds(text)?;
            Ok(())
        })?;
        read("CACHALOT_STAMPEDE_WAIT", &mut |config, text| {
            config.stampede_wait = milliseconds(text)?;
            Ok(())
        })?;
        read("CACHALOT_REPLICA_HITS", &mut |config, text| {
            config.replica_hits = flag(text)?;
            Ok(())
        })?;
        read("CACHALOT_SECRET", &mut |config, text| {
            config.secret = Some(text.to_owned());
            Ok(())
        })?;
        config.check().map_err(Invalid::variable)?;
        Ok(config)
    }

    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(|name| match std::env::var(name) {
            Ok(text) => Ok(Some(text)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Problem::new("text", "but it is not UTF-8").of(name))
            }
        })
    }
}

/// An invalid text of a variable.
struct Problem {
    expected: &'static str,
    problem: String,
}

impl Problem {
    fn new(expected: &'static str, problem: impl Into<String>) -> Self {
        Self {
            expected,
            problem: problem.into(),
        }
    }

    fn got(expected: &'static str, text: &str) -> Self {
        Self::new(expected, format!("got `{}`", text.escape_debug()))
    }

    fn of(self, variable: &'static str) -> ConfigError {
        ConfigError::Variable {
            variable,
            problem: self.problem,
            expected: self.expected,
        }
    }
}

fn flag(text: &str) -> Result<bool, Problem> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Problem::got("`true` or `false`", text)),
    }
}

/// Pairs of a table and a column with a dot between them, separated by commas.
fn key_columns(text: &str) -> Result<DeclaredKeys, Problem> {
    let mut declared = DeclaredKeys::default();
    for part in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let column = last_component(part);
        let table = qualifier(part).map(last_component);
        match table.filter(|table| !table.is_empty() && !column.is_empty()) {
            Some(table) => declared.insert(&table, &column),
            None => return Err(Problem::got(KEY_COLUMNS, part)),
        }
    }
    Ok(declared)
}

fn on_outage(text: &str) -> Result<OnOutage, Problem> {
    let trimmed = text.trim();
    match trimmed {
        "defer" => return Ok(OnOutage::Defer),
        "fail" => return Ok(OnOutage::Fail),
        _ => {}
    }
    trimmed
        .strip_prefix("wait:")
        .and_then(|limit| duration(limit, Duration::from_secs))
        .map(OnOutage::Wait)
        .ok_or_else(|| Problem::got(ON_OUTAGE, text))
}

fn seconds(text: &str) -> Result<Duration, Problem> {
    duration(text, Duration::from_secs).ok_or_else(|| Problem::got(SECONDS, text))
}

fn milliseconds(text: &str) -> Result<Duration, Problem> {
    duration(text, Duration::from_millis).ok_or_else(|| Problem::got(MILLISECONDS, text))
}

/// Parses a number in the setting's unit, or a duration with units.
fn duration(text: &str, unit: fn(u64) -> Duration) -> Option<Duration> {
    let text = text.trim();
    match text.parse() {
        Ok(number) => Some(unit(number)),
        Err(_) => humantime::parse_duration(text).ok(),
    }
}

fn integer<N: FromStr>(text: &str) -> Result<N, Problem> {
    let number = text.trim().parse();
    number.map_err(|_| Problem::got("an integer", text))
}
