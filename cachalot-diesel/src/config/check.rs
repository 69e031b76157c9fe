//! Checks the values of settings, from the environment or the builder.

use std::{fmt, ops::RangeInclusive, time::Duration};

use super::{Config, ConfigError, OnOutage};

/// The names of a setting: the builder's method and the environment variable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    method: &'static str,
    variable: &'static str,
}

/// The settings for which some values of the right type are invalid.
impl Setting {
    pub(super) const URL: Self = Self::new("url", "CACHALOT_URL");
    pub(super) const NAMESPACE: Self = Self::new("namespace", "CACHALOT_NAMESPACE");
    pub(super) const STORE_TIMEOUT: Self = Self::new("store_timeout", "CACHALOT_STORE_TIMEOUT");
    pub(super) const WRITE_LEASE: Self = Self::new("write_lease", "CACHALOT_WRITE_LEASE");
    pub(super) const ON_OUTAGE: Self = Self::new("on_outage", "CACHALOT_ON_OUTAGE");
    pub(super) const KEY_COLUMNS: Self = Self::new("key_columns", "CACHALOT_KEY_COLUMNS");
    pub(super) const MAX_VALUE_BYTES: Self =
        Self::new("max_value_bytes", "CACHALOT_MAX_VALUE_BYTES");
    pub(super) const COMPRESS_ABOVE_BYTES: Self =
        Self::new("compress_above_bytes", "CACHALOT_COMPRESS_ABOVE_BYTES");
    pub(super) const MAX_STALENESS: Self = Self::new("max_staleness", "CACHALOT_MAX_STALENESS");
    pub(super) const STAMPEDE_WAIT: Self = Self::new("stampede_wait", "CACHALOT_STAMPEDE_WAIT");
    pub(super) const SECRET: Self = Self::new("secret", "CACHALOT_SECRET");

    const fn new(method: &'static str, variable: &'static str) -> Self {
        Self { method, variable }
    }
}

/// An invalid value of a setting.
#[derive(Debug)]
pub(super) struct Invalid {
    pub(super) setting: Setting,
    pub(super) expected: &'static str,
    pub(super) problem: String,
}

impl Invalid {
    pub(super) fn new(
        setting: Setting,
        expected: &'static str,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            setting,
            expected,
            problem: problem.into(),
        }
    }

    pub(super) fn got(setting: Setting, expected: &'static str, value: impl fmt::Display) -> Self {
        Self::new(setting, expected, format!("got `{value}`"))
    }

    /// As an error of the environment variable.
    pub(super) fn variable(self) -> ConfigError {
        ConfigError::Variable {
            variable: self.setting.variable,
            problem: self.problem,
            expected: self.expected,
        }
    }

    /// As an error of the builder's method.
    fn method(self) -> ConfigError {
        ConfigError::Method {
            method: self.setting.method,
            problem: self.problem,
            expected: self.expected,
        }
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const GIB: usize = 1 << 30;

impl Config {
    /// Rejects invalid values. The error names the builder's method.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        self.check().map_err(Invalid::method)
    }

    /// Rejects invalid values. The URL is checked when the store is opened.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        check_not_blank(Setting::NAMESPACE, "a name", &self.namespace)?;
        check_duration(
            Setting::STORE_TIMEOUT,
            "a duration from 1ms to 60s",
            self.store_timeout,
            MILLISECOND..=60 * SECOND,
        )?;
        check_duration(
            Setting::WRITE_LEASE,
            "a duration from 1s to 1day",
            self.write_lease,
            SECOND..=DAY,
        )?;
        if let OnOutage::Wait(limit) = self.on_outage {
            check_duration(
                Setting::ON_OUTAGE,
                "a wait from 1ms to 1h",
                limit,
                MILLISECOND..=HOUR,
            )?;
        }
        let mut keys = self.key_columns.iter();
        if keys.any(|(table, column)| table.is_empty() || column.is_empty()) {
            let expected = "the name of a table and of a column";
            return Err(Invalid::new(
                Setting::KEY_COLUMNS,
                expected,
                "but one is empty",
            ));
        }
        check_bytes(
            Setting::MAX_VALUE_BYTES,
            "an integer from 1 to 1073741824",
            self.max_value_bytes,
            1..=GIB,
        )?;
        check_bytes(
            Setting::COMPRESS_ABOVE_BYTES,
            "an integer from 0 (never) to 1073741824",
            self.compress_above.unwrap_or_default(),
            0..=GIB,
        )?;
        check_duration(
            Setting::MAX_STALENESS,
            "a duration from 0 (none) to 1h",
            self.max_staleness,
            Duration::ZERO..=HOUR,
        )?;
        check_duration(
            Setting::STAMPEDE_WAIT,
            "a duration from 0 (off) to 60s",
            self.stampede_wait,
            Duration::ZERO..=60 * SECOND,
        )?;
        if let Some(secret) = &self.secret {
            check_not_blank(Setting::SECRET, "a secret that is not blank", secret)?;
        }
        Ok(())
    }
}

/// The error does not contain the text: it may be the secret.
fn check_not_blank(setting: Setting, expected: &'static str, text: &str) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::new(setting, expected, "but it is empty"));
    }
    Ok(())
}

fn check_duration(
    setting: Setting,
    expected: &'static str,
    length: Duration,
    range: RangeInclusive<Duration>,
) -> Result<(), Invalid> {
    if range.contains(&length) {
        return Ok(());
    }
    let length = humantime::format_duration(length);
    Err(Invalid::got(setting, expected, length))
}

fn check_bytes(
    setting: Setting,
    expected: &'static str,
    bytes: usize,
    range: RangeInclusive<usize>,
) -> Result<(), Invalid> {
    if range.contains(&bytes) {
        return Ok(());
    }
    Err(Invalid::got(setting, expected, bytes))
}
