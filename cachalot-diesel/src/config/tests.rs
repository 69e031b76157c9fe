use std::{cell::RefCell, collections::BTreeSet, time::Duration};

use super::{Config, ConfigError, OnOutage};
use crate::{Builder, Cachalot, Error};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn with(name: &'static str, value: &str) -> Result<Config, ConfigError> {
    Config::from_vars(|asked| Ok((asked == name).then(|| value.to_owned())))
}

/// The configuration that the builder makes.
fn built(set: impl FnOnce(Builder) -> Builder) -> Result<Config, Error> {
    let cache = set(Cachalot::builder().url("memory://")).build()?;
    Ok(cache.inner().config().clone())
}

/// All settings but the URL and the secret.
fn shown(config: &Config) -> String {
    format!("{config:?}")
}

#[test]
fn s01_settings_have_the_documented_defaults() {
    let config = Config::from_vars(|_| Ok(None)).unwrap();
    assert!(config.enabled);
    assert_eq!(config.url, "memcache://127.0.0.1:11211");
    assert_eq!(config.namespace, "cachalot");
    assert_eq!(config.ttl, Some(86_400 * SECOND));
    assert_eq!(config.store_timeout, 100 * MILLISECOND);
    assert_eq!(config.write_lease, 30 * SECOND);
    assert_eq!(config.max_value_bytes, 1_000_000);
    assert!(config.excludes("__diesel_schema_migrations"));
    assert_eq!(shown(&config), shown(&built(|b| b).unwrap()));
}

/// A setting's method and variable, a text for the variable, and a call with the same value.
type Both = (
    &'static str,
    &'static str,
    &'static str,
    fn(Builder) -> Builder,
);

const GOOD: &[Both] = &[
    ("enabled", "CACHALOT_ENABLED", "off", |b| b.enabled(false)),
    ("namespace", "CACHALOT_NAMESPACE", " shop ", |b| {
        b.namespace(" shop ")
    }),
    ("ttl", "CACHALOT_TIMEOUT", "0", |b| b.ttl(Duration::ZERO)),
    ("ttl", "CACHALOT_TIMEOUT", "7", |b| b.ttl(7 * SECOND)),
    ("ttl", "CACHALOT_TIMEOUT", "10m", |b| b.ttl(600 * SECOND)),
    ("ttl", "CACHALOT_TIMEOUT", "250ms", |b| {
        b.ttl(250 * MILLISECOND)
    }),
    ("store_timeout", "CACHALOT_STORE_TIMEOUT", "1", |b| {
        b.store_timeout(MILLISECOND)
    }),
    ("store_timeout", "CACHALOT_STORE_TIMEOUT", "250ms", |b| {
        b.store_timeout(250 * MILLISECOND)
    }),
    ("store_timeout", "CACHALOT_STORE_TIMEOUT", "60s", |b| {
        b.store_timeout(60 * SECOND)
    }),
    ("write_lease", "CACHALOT_WRITE_LEASE", "1", |b| {
        b.write_lease(SECOND)
    }),
    ("write_lease", "CACHALOT_WRITE_LEASE", "1day", |b| {
        b.write_lease(86_400 * SECOND)
    }),
    ("on_outage", "CACHALOT_ON_OUTAGE", "defer", |b| {
        b.on_outage(OnOutage::Defer)
    }),
    ("on_outage", "CACHALOT_ON_OUTAGE", "fail", |b| {
        b.on_outage(OnOutage::Fail)
    }),
    ("on_outage", "CACHALOT_ON_OUTAGE", "wait:5", |b| {
        b.on_outage(OnOutage::Wait(5 * SECOND))
    }),
    ("on_outage", "CACHALOT_ON_OUTAGE", "wait:1ms", |b| {
        b.on_outage(OnOutage::Wait(MILLISECOND))
    }),
    (
        "only_tables",
        "CACHALOT_ONLY_CACHABLE_TABLES",
        "public.Users, posts,",
        |b| b.only_tables(["public.Users", " posts", ""]),
    ),
    ("only_tables", "CACHALOT_ONLY_CACHABLE_TABLES", "", |b| {
        b.only_tables([""; 0])
    }),
    ("only_tables", "CACHALOT_ONLY_CACHABLE_TABLES", " , ", |b| {
        b.only_tables([" ", " "])
    }),
    (
        "uncacheable_tables",
        "CACHALOT_UNCACHABLE_TABLES",
        "Users",
        |b| b.uncacheable_tables(["Users"]),
    ),
    (
        "uncacheable_tables",
        "CACHALOT_UNCACHABLE_TABLES",
        "",
        |b| b.uncacheable_tables([""; 0]),
    ),
    ("replica_hits", "CACHALOT_REPLICA_HITS", "on", |b| {
        b.replica_hits(true)
    }),
    ("cache_random", "CACHALOT_CACHE_RANDOM", "1", |b| {
        b.cache_random(true)
    }),
    (
        "pure_functions",
        "CACHALOT_PURE_FUNCTIONS",
        "app.Slug, soundex2",
        |b| b.pure_functions(["app.Slug", "soundex2"]),
    ),
    ("pure_functions", "CACHALOT_PURE_FUNCTIONS", "", |b| {
        b.pure_functions([""; 0])
    }),
    (
        "key_columns",
        "CACHALOT_KEY_COLUMNS",
        "posts.user_id, public.\"Posts\".Slug,users.\"e.mail\"",
        |b| b.key_columns([("Posts", "user_id"), ("posts", "slug"), ("users", "e.mail")]),
    ),
    ("key_columns", "CACHALOT_KEY_COLUMNS", "", |b| {
        b.key_columns([("", ""); 0])
    }),
    ("max_value_bytes", "CACHALOT_MAX_VALUE_BYTES", "1", |b| {
        b.max_value_bytes(1)
    }),
    (
        "max_value_bytes",
        "CACHALOT_MAX_VALUE_BYTES",
        "1073741824",
        |b| b.max_value_bytes(1 << 30),
    ),
    (
        "compress_above_bytes",
        "CACHALOT_COMPRESS_ABOVE_BYTES",
        "0",
        |b| b.compress_above_bytes(0),
    ),
    (
        "compress_above_bytes",
        "CACHALOT_COMPRESS_ABOVE_BYTES",
        "7",
        |b| b.compress_above_bytes(7),
    ),
    ("near_cache_bytes", "CACHALOT_NEAR_CACHE_BYTES", "7", |b| {
        b.near_cache_bytes(7)
    }),
    ("max_staleness", "CACHALOT_MAX_STALENESS", "0", |b| {
        b.max_staleness(Duration::ZERO)
    }),
    ("max_staleness", "CACHALOT_MAX_STALENESS", "1h", |b| {
        b.max_staleness(3_600 * SECOND)
    }),
    ("stampede_wait", "CACHALOT_STAMPEDE_WAIT", "0", |b| {
        b.stampede_wait(Duration::ZERO)
    }),
    ("stampede_wait", "CACHALOT_STAMPEDE_WAIT", "7s", |b| {
        b.stampede_wait(7 * SECOND)
    }),
    ("secret", "CACHALOT_SECRET", "x", |b| b.secret("x")),
];

#[test]
fn s01_variables_and_methods_set_the_same_values() {
    for (_, name, text, set) in GOOD {
        let variable = with(name, text).unwrap();
        let method = built(set).unwrap();
        assert_eq!(shown(&variable), shown(&method), "{name} {text:?}");
        assert_eq!(variable.secret, method.secret);
    }
    assert_eq!(
        with("CACHALOT_URL", " memory:// ").unwrap().url,
        "memory://"
    );
    let tested: BTreeSet<_> = GOOD.iter().map(|it| it.1).collect();
    let read = RefCell::new(BTreeSet::new());
    let none = Config::from_vars(|name| {
        read.borrow_mut().insert(name);
        Ok(None)
    });
    assert!(none.is_ok());
    let read = read.into_inner();
    let missing: Vec<_> = read.difference(&tested).collect();
    assert_eq!(missing, [&"CACHALOT_URL"]);
}

#[test]
fn s01_variables_are_parsed() {
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

/// Invalid values of settings.
const BAD: &[Both] = &[
    ("url", "CACHALOT_URL", " ", |b| b.url(" ")),
    ("namespace", "CACHALOT_NAMESPACE", "", |b| b.namespace("")),
    ("namespace", "CACHALOT_NAMESPACE", " \t", |b| {
        b.namespace(" \t")
    }),
    ("store_timeout", "CACHALOT_STORE_TIMEOUT", "0", |b| {
        b.store_timeout(Duration::ZERO)
    }),
    ("store_timeout", "CACHALOT_STORE_TIMEOUT", "60001", |b| {
        b.store_timeout(60_001 * MILLISECOND)
    }),
    ("write_lease", "CACHALOT_WRITE_LEASE", "999ms", |b| {
        b.write_lease(999 * MILLISECOND)
    }),
    ("write_lease", "CACHALOT_WRITE_LEASE", "86401", |b| {
        b.write_lease(86_401 * SECOND)
    }),
    ("on_outage", "CACHALOT_ON_OUTAGE", "wait:0", |b| {
        b.on_outage(OnOutage::Wait(Duration::ZERO))
    }),
    ("on_outage", "CACHALOT_ON_OUTAGE", "wait:2h", |b| {
        b.on_outage(OnOutage::Wait(7_200 * SECOND))
    }),
    ("max_value_bytes", "CACHALOT_MAX_VALUE_BYTES", "0", |b| {
        b.max_value_bytes(0)
    }),
    (
        "max_value_bytes",
        "CACHALOT_MAX_VALUE_BYTES",
        "1073741825",
        |b| b.max_value_bytes((1 << 30) + 1),
    ),
    (
        "compress_above_bytes",
        "CACHALOT_COMPRESS_ABOVE_BYTES",
        "1073741825",
        |b| b.compress_above_bytes((1 << 30) + 1),
    ),
    ("max_staleness", "CACHALOT_MAX_STALENESS", "3600001", |b| {
        b.max_staleness(3_600_001 * MILLISECOND)
    }),
    ("stampede_wait", "CACHALOT_STAMPEDE_WAIT", "60001", |b| {
        b.stampede_wait(60_001 * MILLISECOND)
    }),
    ("secret", "CACHALOT_SECRET", "", |b| b.secret("")),
    ("secret", "CACHALOT_SECRET", " ", |b| b.secret(" ")),
];

#[test]
fn s01_variables_and_methods_reject_the_same_values() {
    for (method_name, name, text, set) in BAD {
        let variable = with(name, text).unwrap_err().to_string();
        let expected = format!("{name}: expected ");
        assert!(variable.starts_with(&expected), "{variable}");
        let method = built(set).unwrap_err();
        if *method_name == "url" {
            assert!(matches!(method, Error::Open(_)), "{method}");
            continue;
        }
        let expected = format!("`{method_name}`: expected ");
        let method = method.to_string();
        assert!(method.starts_with(&expected), "{method}");
        let rest = |text: &str| text.split_once(": ").unwrap().1.to_owned();
        assert_eq!(rest(&variable), rest(&method), "the same words");
    }
}

#[test]
fn s01_an_error_shows_the_variable_and_its_value() {
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
        (
            "CACHALOT_NEAR_CACHE_BYTES",
            "-7",
            "expected an integer, got `-7`",
        ),
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
            "CACHALOT_STAMPEDE_WAIT",
            "7x",
            "expected whole milliseconds or a duration such as `250ms`, got `7x`",
        ),
        (
            "CACHALOT_ON_OUTAGE",
            "refuse",
            "expected `defer`, `fail`, or `wait:` with whole seconds or a duration such as `500ms`, \
             from 1ms to 1h, got `refuse`",
        ),
        (
            "CACHALOT_ON_OUTAGE",
            "wait:",
            "expected `defer`, `fail`, or `wait:` with whole seconds or a duration such as `500ms`, \
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
