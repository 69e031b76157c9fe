use std::{collections::BTreeSet, time::Duration};

use super::{Config, ConfigError, OnOutage, check::Setting};
use crate::{Builder, Cachalot, Error};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn with(name: &'static str, value: &str) -> Result<Config, ConfigError> {
    Config::from_vars(|asked| Ok((asked == name).then(|| value.to_owned())))
}

/// What the builder makes of a setting.
fn built(set: impl FnOnce(Builder) -> Builder) -> Result<Config, Error> {
    let cache = set(Cachalot::builder().url("memory://")).build()?;
    Ok(cache.config().clone())
}

/// What a setting says, without the store's URL.
fn said(config: &Config) -> String {
    format!("{config:?}")
}

#[test]
fn s01_nothing_set_gives_the_documented_defaults() {
    let config = Config::from_vars(|_| Ok(None)).unwrap();
    assert!(config.enabled);
    assert_eq!(config.url, "memcache://127.0.0.1:11211");
    assert_eq!(config.namespace, "cachalot");
    assert_eq!(config.ttl, Some(86_400 * SECOND));
    assert_eq!(config.store_timeout, 100 * MILLISECOND);
    assert_eq!(config.write_lease, 30 * SECOND);
    assert_eq!(config.max_value_bytes, 1_000_000);
    assert!(config.excludes("__diesel_schema_migrations"));
    assert_eq!(said(&config), said(&built(|b| b).unwrap()));
}

/// One setting: its name, a value of its variable, and the same value given to the builder.
type Both = (Setting, &'static str, fn(Builder) -> Builder);

const GOOD: &[Both] = &[
    (Setting::ENABLED, "off", |b| b.enabled(false)),
    (Setting::NAMESPACE, " shop ", |b| b.namespace(" shop ")),
    (Setting::TTL, "0", |b| b.ttl(Duration::ZERO)),
    (Setting::TTL, "7", |b| b.ttl(7 * SECOND)),
    (Setting::TTL, "10m", |b| b.ttl(600 * SECOND)),
    (Setting::TTL, "250ms", |b| b.ttl(250 * MILLISECOND)),
    (Setting::STORE_TIMEOUT, "1", |b| {
        b.store_timeout(MILLISECOND)
    }),
    (Setting::STORE_TIMEOUT, "250ms", |b| {
        b.store_timeout(250 * MILLISECOND)
    }),
    (Setting::STORE_TIMEOUT, "60s", |b| {
        b.store_timeout(60 * SECOND)
    }),
    (Setting::WRITE_LEASE, "1", |b| b.write_lease(SECOND)),
    (Setting::WRITE_LEASE, "1day", |b| {
        b.write_lease(86_400 * SECOND)
    }),
    (Setting::ON_OUTAGE, "remember", |b| {
        b.on_outage(OnOutage::Remember)
    }),
    (Setting::ON_OUTAGE, "wait:5", |b| {
        b.on_outage(OnOutage::Wait(5 * SECOND))
    }),
    (Setting::ON_OUTAGE, "wait:1ms", |b| {
        b.on_outage(OnOutage::Wait(MILLISECOND))
    }),
    (Setting::ONLY_TABLES, "public.Users, posts,", |b| {
        b.only_tables(["public.Users", " posts", ""])
    }),
    (Setting::ONLY_TABLES, "", |b| b.only_tables([""; 0])),
    (Setting::ONLY_TABLES, " , ", |b| b.only_tables([" ", " "])),
    (Setting::UNCACHEABLE_TABLES, "Users", |b| {
        b.uncacheable_tables(["Users"])
    }),
    (Setting::UNCACHEABLE_TABLES, "", |b| {
        b.uncacheable_tables([""; 0])
    }),
    (Setting::CACHE_RANDOM, "1", |b| b.cache_random(true)),
    (Setting::PURE_FUNCTIONS, "app.Slug, soundex2", |b| {
        b.pure_functions(["app.Slug", "soundex2"])
    }),
    (Setting::PURE_FUNCTIONS, "", |b| b.pure_functions([""; 0])),
    (Setting::MAX_VALUE_BYTES, "1", |b| b.max_value_bytes(1)),
    (Setting::MAX_VALUE_BYTES, "1073741824", |b| {
        b.max_value_bytes(1 << 30)
    }),
    (Setting::COMPRESS_ABOVE_BYTES, "0", |b| {
        b.compress_above_bytes(0)
    }),
    (Setting::COMPRESS_ABOVE_BYTES, "7", |b| {
        b.compress_above_bytes(7)
    }),
    (Setting::NEAR_BYTES, "7", |b| b.near_bytes(7)),
    (Setting::MAX_STALENESS, "0", |b| {
        b.max_staleness(Duration::ZERO)
    }),
    (Setting::MAX_STALENESS, "1h", |b| {
        b.max_staleness(3_600 * SECOND)
    }),
    (Setting::HERD_WAIT, "0", |b| b.herd_wait(Duration::ZERO)),
    (Setting::HERD_WAIT, "7s", |b| b.herd_wait(7 * SECOND)),
    (Setting::SECRET, "x", |b| b.secret("x")),
];

#[test]
fn s01_both_ways_to_set_a_value_mean_the_same() {
    for (setting, text, set) in GOOD {
        let variable = with(setting.variable(), text).unwrap();
        let method = built(set).unwrap();
        assert_eq!(said(&variable), said(&method), "{setting:?} {text:?}");
        assert_eq!(variable.secret, method.secret);
    }
    assert_eq!(
        with("CACHALOT_URL", " memory:// ").unwrap().url,
        "memory://"
    );
    let tested: BTreeSet<_> = GOOD.iter().map(|it| it.0.variable()).collect();
    let all = Setting::ALL.iter().map(|it| it.variable());
    let missing: Vec<_> = all.filter(|it| !tested.contains(it)).collect();
    assert_eq!(missing, ["CACHALOT_URL"]);
}

#[test]
fn s01_values_are_those_that_were_written() {
    let ttl = |text| with("CACHALOT_TIMEOUT", text).unwrap().ttl;
    assert_eq!(ttl("0"), None);
    assert_eq!(ttl(" 7 "), Some(7 * SECOND));
    assert_eq!(ttl("10m"), Some(600 * SECOND));
    let only = with("CACHALOT_ONLY_CACHABLE_TABLES", "public.Users, posts").unwrap();
    assert!(only.includes("users") && only.includes("posts") && !only.includes("tags"));
    assert!(built(|b| b.only_tables([""; 0])).unwrap().includes("tags"));
    let none = with("CACHALOT_UNCACHABLE_TABLES", "Users").unwrap();
    assert!(none.excludes("users") && !none.excludes("__diesel_schema_migrations"));
}

/// Values that a setting may not have, whoever gives them.
const BAD: &[Both] = &[
    (Setting::URL, " ", |b| b.url(" ")),
    (Setting::NAMESPACE, "", |b| b.namespace("")),
    (Setting::NAMESPACE, " \t", |b| b.namespace(" \t")),
    (Setting::STORE_TIMEOUT, "0", |b| {
        b.store_timeout(Duration::ZERO)
    }),
    (Setting::STORE_TIMEOUT, "60001", |b| {
        b.store_timeout(60_001 * MILLISECOND)
    }),
    (Setting::WRITE_LEASE, "999ms", |b| {
        b.write_lease(999 * MILLISECOND)
    }),
    (Setting::WRITE_LEASE, "86401", |b| {
        b.write_lease(86_401 * SECOND)
    }),
    (Setting::ON_OUTAGE, "wait:0", |b| {
        b.on_outage(OnOutage::Wait(Duration::ZERO))
    }),
    (Setting::ON_OUTAGE, "wait:2h", |b| {
        b.on_outage(OnOutage::Wait(7_200 * SECOND))
    }),
    (Setting::MAX_VALUE_BYTES, "0", |b| b.max_value_bytes(0)),
    (Setting::MAX_VALUE_BYTES, "1073741825", |b| {
        b.max_value_bytes((1 << 30) + 1)
    }),
    (Setting::COMPRESS_ABOVE_BYTES, "1073741825", |b| {
        b.compress_above_bytes((1 << 30) + 1)
    }),
    (Setting::MAX_STALENESS, "3600001", |b| {
        b.max_staleness(3_600_001 * MILLISECOND)
    }),
    (Setting::HERD_WAIT, "60001", |b| {
        b.herd_wait(60_001 * MILLISECOND)
    }),
    (Setting::SECRET, "", |b| b.secret("")),
    (Setting::SECRET, " ", |b| b.secret(" ")),
];

#[test]
fn s01_both_ways_refuse_the_same_values_and_name_the_setting_as_it_was_written() {
    for (setting, text, set) in BAD {
        let variable = with(setting.variable(), text).unwrap_err().to_string();
        let expected = format!("{}: expected ", setting.variable());
        assert!(variable.starts_with(&expected), "{variable}");
        let method = built(set).unwrap_err();
        if *setting == Setting::URL {
            assert!(matches!(method, Error::Open(_)), "{method}");
            continue;
        }
        let expected = format!("`{}`: expected ", setting.method());
        let method = method.to_string();
        assert!(method.starts_with(&expected), "{method}");
        let rest = |text: &str| text.split_once(": ").unwrap().1.to_owned();
        assert_eq!(rest(&variable), rest(&method), "the same words");
    }
}

#[test]
fn s01_a_text_that_is_no_value_is_an_error_that_shows_both() {
    for (name, value, expected) in [
        (
            "CACHALOT_ENABLED",
            "maybe",
            "expected `true` or `false`, got `maybe`",
        ),
        (
            "CACHALOT_CACHE_RANDOM",
            "2",
            "expected `true` or `false`, got `2`",
        ),
        (
            "CACHALOT_MAX_VALUE_BYTES",
            "1MB",
            "expected an integer, got `1MB`",
        ),
        (
            "CACHALOT_COMPRESS_ABOVE_BYTES",
            "x",
            "expected an integer, got `x`",
        ),
        ("CACHALOT_NEAR_BYTES", "-7", "expected an integer, got `-7`"),
        (
            "CACHALOT_TIMEOUT",
            "-1",
            "expected whole seconds or a duration such as `10m`, got `-1`",
        ),
        (
            "CACHALOT_WRITE_LEASE",
            "1.5",
            "expected whole seconds or a duration such as `10m`, got `1.5`",
        ),
        (
            "CACHALOT_STORE_TIMEOUT",
            "soon",
            "expected whole milliseconds or a duration such as `250ms`, got `soon`",
        ),
        (
            "CACHALOT_MAX_STALENESS",
            "",
            "expected whole milliseconds or a duration such as `250ms`, got ``",
        ),
        (
            "CACHALOT_HERD_WAIT",
            "7x",
            "expected whole milliseconds or a duration such as `250ms`, got `7x`",
        ),
        (
            "CACHALOT_ON_OUTAGE",
            "refuse",
            "expected `remember`, or `wait:` with whole seconds or a duration such as `500ms`, \
             from 1ms to 1h, got `refuse`",
        ),
        (
            "CACHALOT_ON_OUTAGE",
            "wait:",
            "expected `remember`, or `wait:` with whole seconds or a duration such as `500ms`, \
             from 1ms to 1h, got `wait:`",
        ),
    ] {
        let error = with(name, value).unwrap_err();
        assert_eq!(error.to_string(), format!("{name}: {expected}"));
    }
}

#[test]
fn the_secret_is_not_shown() {
    let config = with("CACHALOT_SECRET", "hunter2").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let error = with("CACHALOT_SECRET", " \u{a0}").unwrap_err();
    assert!(!error.to_string().contains('\u{a0}'), "{error}");
}
