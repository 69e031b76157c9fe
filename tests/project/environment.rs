//! A program's settings from its environment: each variable set, not set, and bad.

use std::{env, ffi::OsStr, os::unix::ffi::OsStrExt as _, process::Command};

/// What the program says of itself.
const SAYS: &str = "settings: ";

/// The program: it has only its environment to go by.
#[test]
#[ignore = "a process that the tests below start"]
fn program() {
    match cachalot_diesel::install() {
        Ok(cache) => println!("{SAYS}{cache:?}"),
        Err(error) => println!("{SAYS}{error}"),
    }
}

/// What the program says with this one variable set.
fn with(variable: &str, value: &OsStr) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([
        "--ignored",
        "--exact",
        "project::environment::program",
        "--nocapture",
    ]);
    for name in variables() {
        command.env_remove(name);
    }
    let output = command.env(variable, value).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.lines().find_map(|line| Some(line.split_once(SAYS)?.1));
    said.unwrap_or_else(|| panic!("it says nothing: {text}"))
        .to_owned()
}

/// The variables that the library reads, from its source.
pub(super) fn variables() -> Vec<&'static str> {
    let source = include_str!("../../cachalot-diesel/src/config/env.rs");
    let names = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("read(\"")?.split('"').next());
    names.collect()
}

/// A good value, what the program then says, and a bad value.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("CACHALOT_ENABLED", "off", "enabled: false", "maybe"),
    (
        "CACHALOT_URL",
        "memory://",
        "store: \"memory",
        "postgres://here",
    ),
    ("CACHALOT_NAMESPACE", "shop", "namespace: \"shop\"", " "),
    ("CACHALOT_TIMEOUT", "7", "ttl: Some(7s)", "-1"),
    ("CACHALOT_STORE_TIMEOUT", "7", "store_timeout: 7ms", "0"),
    ("CACHALOT_WRITE_LEASE", "7", "write_lease: 7s", "1.5"),
    (
        "CACHALOT_ON_OUTAGE",
        "wait:7",
        "on_outage: Wait(7s)",
        "refuse",
    ),
    (
        "CACHALOT_ONLY_CACHABLE_TABLES",
        "a, public.B",
        "only_tables: Some({\"a\", \"b\"})",
        "",
    ),
    (
        "CACHALOT_UNCACHABLE_TABLES",
        "Users",
        "uncacheable_tables: {\"users\"}",
        "",
    ),
    ("CACHALOT_CACHE_RANDOM", "1", "cache_random: true", "2"),
    (
        "CACHALOT_PURE_FUNCTIONS",
        "slug",
        "pure_functions: {\"slug\"}",
        "",
    ),
    (
        "CACHALOT_KEY_COLUMNS",
        "posts.slug",
        "key_columns: {(\"posts\", \"slug\")}",
        "slug",
    ),
    ("CACHALOT_MAX_VALUE_BYTES", "7", "max_value_bytes: 7", "1MB"),
    (
        "CACHALOT_COMPRESS_ABOVE_BYTES",
        "7",
        "compress_above: Some(7)",
        "much",
    ),
    (
        "CACHALOT_NEAR_CACHE_BYTES",
        "7",
        "near_cache_bytes: 7",
        "-7",
    ),
    (
        "CACHALOT_MAX_STALENESS",
        "7",
        "max_staleness: 7ms",
        "3600001",
    ),
    ("CACHALOT_STAMPEDE_WAIT", "7", "stampede_wait: 7ms", "7x"),
    ("CACHALOT_REPLICA_HITS", "on", "replica_hits: true", "some"),
    ("CACHALOT_SECRET", "hush", "secret: true", ""),
];

#[test]
fn s01_each_variable_is_read_and_a_bad_value_is_an_error_that_names_it() {
    let defaults = with("UNRELATED", OsStr::new("1"));
    let mut named: Vec<_> = CASES.iter().map(|case| case.0).collect();
    for (variable, good, says, bad) in CASES {
        assert!(!defaults.contains(says), "{variable}: {says} is no default");
        let said = with(variable, OsStr::new(good));
        assert!(said.contains(says), "{variable}={good}: {said}");
        // Any list of names is one, and an empty secret is none.
        if !bad.is_empty() || *variable == "CACHALOT_SECRET" {
            let said = with(variable, OsStr::new(bad));
            assert!(said.starts_with(variable), "{variable}={bad}: {said}");
        }
        let said = with(variable, OsStr::from_bytes(b"\xff"));
        assert!(
            said.starts_with(variable),
            "{variable} is not UTF-8: {said}"
        );
    }
    let mut known = variables();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known, "the variables that the library reads");
}
