use std::time::Duration;

use super::{Config, ConfigError, OnOutage, table_set};
use crate::store::OpenError;

const URL: &str = "a URL such as memcache://127.0.0.1:11211 or memory://";

impl ConfigError {
    /// The store's URL came from the environment, and opens no store.
    pub(crate) fn of_url(error: &OpenError) -> Self {
        Problem::new(error.to_string(), URL).of("CACHALOT_URL")
    }
}

impl Config {
    /// Reads every `CACHALOT_*` variable through `get`; what is not set keeps its default.
    pub(crate) fn from_vars(
        get: impl Fn(&'static str) -> Result<Option<String>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let mut read = |name, set: &mut dyn FnMut(&mut Self, &str) -> Result<(), Problem>| {
            let Some(text) = get(name)? else {
                return Ok(());
            };
            set(&mut config, &text).map_err(|problem| problem.of(name))
        };
        read("CACHALOT_ENABLED", &mut |config, text| {
            config.enabled = flag(text)?;
            Ok(())
        })?;
        read("CACHALOT_URL", &mut |config, text| {
            config.url = filled(text, URL)?;
            Ok(())
        })?;
        read("CACHALOT_NAMESPACE", &mut |config, text| {
            config.namespace = filled(text, "a name that is not empty")?;
            Ok(())
        })?;
        read("CACHALOT_TIMEOUT", &mut |config, text| {
            let seconds = whole(text, "whole seconds, 0 = for ever")?;
            config.ttl = (seconds > 0).then(|| Duration::from_secs(seconds));
            Ok(())
        })?;
        read("CACHALOT_STORE_TIMEOUT", &mut |config, text| {
            let expected = "whole milliseconds from 1 to 60000";
            config.store_timeout = Duration::from_millis(within(text, 1, 60_000, expected)?);
            Ok(())
        })?;
        read("CACHALOT_WRITE_LEASE", &mut |config, text| {
            let expected = "whole seconds from 1 to 86400";
            config.write_lease = Duration::from_secs(within(text, 1, 86_400, expected)?);
            Ok(())
        })?;
        read("CACHALOT_ON_OUTAGE", &mut |config, text| {
            config.on_outage = on_outage(text)?;
            Ok(())
        })?;
        read("CACHALOT_ONLY_CACHABLE_TABLES", &mut |config, text| {
            let only = table_set(text.split(','));
            config.only_tables = (!only.is_empty()).then_some(only);
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
        read("CACHALOT_MAX_VALUE_BYTES", &mut |config, text| {
            let expected = "whole bytes from 1 to 1073741824";
            let bytes = within(text, 1, 1 << 30, expected)?;
            config.max_value_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            Ok(())
        })?;
        read("CACHALOT_COMPRESS_ABOVE_BYTES", &mut |config, text| {
            let bytes = within(text, 0, 1 << 30, "whole bytes to 1073741824, 0 = never")?;
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            config.compress_above = (bytes > 0).then_some(bytes);
            Ok(())
        })?;
        read("CACHALOT_NEAR_BYTES", &mut |config, text| {
            let bytes = whole(text, "whole bytes, 0 = off")?;
            config.near_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            Ok(())
        })?;
        read("CACHALOT_MAX_STALENESS", &mut |config, text| {
            let expected = "whole milliseconds to 3600000, 0 = none";
            config.max_staleness = Duration::from_millis(within(text, 0, 3_600_000, expected)?);
            Ok(())
        })?;
        read("CACHALOT_HERD_WAIT", &mut |config, text| {
            let expected = "whole milliseconds to 60000, 0 = off";
            config.herd_wait = Duration::from_millis(within(text, 0, 60_000, expected)?);
            Ok(())
        })?;
        read("CACHALOT_SECRET", &mut |config, text| {
            // Not `filled`: its message would show the value.
            if text.is_empty() {
                return Err(Problem::new(
                    "is empty".to_owned(),
                    "a secret, or no variable at all",
                ));
            }
            config.secret = Some(text.to_owned());
            Ok(())
        })?;
        Ok(config)
    }

    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(|name| match std::env::var(name) {
            Ok(text) => Ok(Some(text)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Problem::new("is not UTF-8".to_owned(), "text").of(name))
            }
        })
    }
}

struct Problem {
    problem: String,
    expected: &'static str,
}

impl Problem {
    fn new(problem: String, expected: &'static str) -> Self {
        Self { problem, expected }
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
        _ => Err(Problem::new(
            format!("{text:?} is neither true nor false"),
            "true or false",
        )),
    }
}

fn on_outage(text: &str) -> Result<OnOutage, Problem> {
    let expected = "remember, or wait:SECONDS with whole seconds from 1 to 3600";
    let text = text.trim();
    if text == "remember" {
        return Ok(OnOutage::Remember);
    }
    let Some(seconds) = text.strip_prefix("wait:") else {
        return Err(Problem::new(format!("{text:?} is neither"), expected));
    };
    let seconds = within(seconds, 1, 3_600, expected)?;
    Ok(OnOutage::Wait(Duration::from_secs(seconds)))
}

fn whole(text: &str, expected: &'static str) -> Result<u64, Problem> {
    text.trim()
        .parse()
        .map_err(|error| Problem::new(format!("{text:?} is no whole number ({error})"), expected))
}

fn within(text: &str, least: u64, most: u64, expected: &'static str) -> Result<u64, Problem> {
    let number = whole(text, expected)?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(Problem::new(format!("{number} is out of range"), expected))
    }
}

fn filled(text: &str, expected: &'static str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::new("is empty".to_owned(), expected));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> Result<Config, ConfigError> {
        Config::from_vars(|asked| Ok((asked == name).then(|| value.to_owned())))
    }

    #[test]
    fn s01_nothing_set_gives_the_documented_defaults() {
        let config = Config::from_vars(|_| Ok(None)).unwrap();
        assert!(config.enabled);
        assert_eq!(config.url, "memcache://127.0.0.1:11211");
        assert_eq!(config.namespace, "cachalot");
        assert_eq!(config.ttl, Some(Duration::from_secs(86_400)));
        assert_eq!(config.store_timeout, Duration::from_millis(100));
        assert_eq!(config.write_lease, Duration::from_secs(30));
        assert_eq!(config.max_value_bytes, 1_000_000);
        assert!(config.excludes("__diesel_schema_migrations"));
    }

    #[test]
    fn s01_every_variable_is_read() {
        assert!(!with("CACHALOT_ENABLED", "off").unwrap().enabled);
        assert_eq!(with("CACHALOT_URL", "memory://").unwrap().url, "memory://");
        assert_eq!(
            with("CACHALOT_NAMESPACE", "shop").unwrap().namespace,
            "shop"
        );
        assert_eq!(with("CACHALOT_TIMEOUT", "0").unwrap().ttl, None);
        assert_eq!(
            with("CACHALOT_STORE_TIMEOUT", "7").unwrap().store_timeout,
            Duration::from_millis(7)
        );
        assert_eq!(
            with("CACHALOT_WRITE_LEASE", "5").unwrap().write_lease,
            Duration::from_secs(5)
        );
        for (text, on_outage) in [
            ("remember", OnOutage::Remember),
            ("wait:5", OnOutage::Wait(Duration::from_secs(5))),
        ] {
            let config = with("CACHALOT_ON_OUTAGE", text).unwrap();
            assert_eq!(config.on_outage, on_outage);
        }
        let only = with("CACHALOT_ONLY_CACHABLE_TABLES", "public.Users, posts").unwrap();
        assert!(only.includes("users") && only.includes("posts") && !only.includes("tags"));
        assert!(
            with("CACHALOT_UNCACHABLE_TABLES", "Users")
                .unwrap()
                .excludes("users")
        );
        let pure = with("CACHALOT_PURE_FUNCTIONS", "app.Slug, soundex2").unwrap();
        assert_eq!(
            pure.pure_functions.into_iter().collect::<Vec<_>>(),
            ["slug", "soundex2"]
        );
        assert!(with("CACHALOT_CACHE_RANDOM", "1").unwrap().cache_random);
        assert_eq!(
            with("CACHALOT_MAX_VALUE_BYTES", "9")
                .unwrap()
                .max_value_bytes,
            9
        );
        assert_eq!(
            with("CACHALOT_SECRET", "x").unwrap().secret.as_deref(),
            Some("x")
        );
    }

    #[test]
    fn s01_a_bad_value_is_an_error_that_names_the_variable() {
        for (name, value) in [
            ("CACHALOT_ENABLED", "maybe"),
            ("CACHALOT_URL", " "),
            ("CACHALOT_NAMESPACE", ""),
            ("CACHALOT_TIMEOUT", "-1"),
            ("CACHALOT_STORE_TIMEOUT", "0"),
            ("CACHALOT_WRITE_LEASE", "1.5"),
            ("CACHALOT_ON_OUTAGE", "refuse"),
            ("CACHALOT_ON_OUTAGE", "wait:"),
            ("CACHALOT_ON_OUTAGE", "wait:0"),
            ("CACHALOT_CACHE_RANDOM", "2"),
            ("CACHALOT_MAX_VALUE_BYTES", "1MB"),
            ("CACHALOT_SECRET", ""),
        ] {
            let error = with(name, value).unwrap_err();
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let config = with("CACHALOT_SECRET", "hunter2").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
