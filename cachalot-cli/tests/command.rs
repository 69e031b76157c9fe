//! The command as its users run it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

use cachalot_diesel::statement::Dialect;
use cachalot_tests::{corpus, folder, memcached, unique};

/// Runs the command with a memcached and a namespace of its own.
struct Cachalot {
    namespace: String,
    url: String,
}

impl Cachalot {
    fn new() -> Self {
        Self {
            namespace: unique::name("cli"),
            url: memcached::shared().url(),
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cachalot"))
            .args(arguments)
            .env("CACHALOT_URL", &self.url)
            .env("CACHALOT_NAMESPACE", &self.namespace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    fn library(&self) -> cachalot_diesel::Cachalot {
        cachalot_diesel::Cachalot::builder()
            .url(&self.url)
            .namespace(&self.namespace)
            .build()
            .unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a06_invalidate_reaches_the_programs_that_share_the_store() {
    let command = Cachalot::new();
    let library = command.library();
    assert_eq!(library.last_invalidation(["users"]).unwrap(), None);

    let output = command.run(&["invalidate", "public.Users", "posts", "--json"]);
    assert_eq!(json(&output)["invalidated"][0], "public.Users");
    assert!(library.last_invalidation(["users"]).unwrap().is_some());
    assert_eq!(library.last_invalidation(["tags"]).unwrap(), None);

    let output = command.run(&["invalidate", "--all"]);
    assert_eq!(text(&output.stdout), "invalidated everything\n");
    assert!(
        library.last_invalidation(["tags"]).unwrap().is_some(),
        "everything is tags too"
    );
}

#[test]
fn a06_status_lists_the_tables_and_when_they_changed() {
    let command = Cachalot::new();
    command.library().invalidate(["users"]).unwrap();

    let status = json(&command.run(&["status", "--json"]));
    assert_eq!(status["reachable"], true);
    assert_eq!(status["namespace"], command.namespace.as_str());
    let tables = status["tables"].as_array().unwrap();
    let users = tables
        .iter()
        .find(|table| table["table"] == "users")
        .unwrap();
    assert!(
        users["last_invalidation"].is_string() && users["version"].is_string(),
        "{users}"
    );
    assert_eq!(users["writers_in_flight"], 0);

    let output = command.run(&["status", "users"]);
    assert!(
        text(&output.stdout).contains("users"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn a06_analyze_answers_each_line_with_a_line_of_json() {
    let command = Cachalot::new();
    let input = "SELECT * FROM \"Users\"\n\nUPDATE posts SET title = $1\nDROP TABLE x\n";
    let output = command.run_with(&["analyze", "--dialect", "postgres"], input);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = [
        r#"{"kind":"select","reads":["users"],"writes":[],"parsed":true,"cacheable":true,"reason":null}"#,
        r#"{"kind":"update","reads":[],"writes":["posts"],"parsed":true,"cacheable":false,"reason":"not a plain select"}"#,
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(
            *line,
            serde_json::from_str::<serde_json::Value>(expected).unwrap()
        );
    }
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["writes"][0], "*");
}

#[test]
fn a06_what_could_not_be_done_ends_with_1() {
    let mut command = Cachalot::new();
    command.url = "memcache://127.0.0.1:1".to_owned();
    for arguments in [["status", "--json"], ["invalidate", "users"]] {
        let output = command.run(&arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    let output = command.run(&["analyze", "--dialect", "sqlite", "/no/such/file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/no/such/file"));
}

#[test]
fn a06_misuse_ends_with_2() {
    let mut command = Cachalot::new();
    for arguments in [
        ["invalidate"].as_slice(),
        &["invalidate", "--all", "users"],
        &["invalidate", " "],
        &["analyze", "--dialect", "oracle"],
        &["analyse"],
    ] {
        let output = command.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    command.url = "redis://127.0.0.1".to_owned();
    let output = command.run(&["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("redis"),
        "{}",
        text(&output.stderr)
    );
}

/// Each statement of the corpus that stands on a line of its own, through the command.
#[test]
fn a06_analyze_prints_what_the_corpus_says() {
    let command = Cachalot::new();
    for dialect in Dialect::ALL {
        let mut cases = corpus::cases(dialect);
        cases.retain(|case| !case.sql.contains('\n') && case.findings.len() == 1);
        assert!(cases.len() > 500, "{dialect}: {} cases", cases.len());
        let file = folder::shared().join(unique::name("corpus"));
        let lines: String = cases.iter().map(|case| case.sql.clone() + "\n").collect();
        fs::write(&file, lines).unwrap();
        let file = file.to_str().unwrap();
        let output = command.run(&["analyze", "--dialect", dialect.as_str(), file]);
        let printed = text(&output.stdout);
        assert_eq!(printed.lines().count(), cases.len(), "{dialect}");

        for (case, line) in cases.iter().zip(printed.lines()) {
            let report: serde_json::Value = serde_json::from_str(line).unwrap();
            // A name with spaces looks like several in the corpus.
            let names = |key: &str| -> BTreeSet<String> {
                let names = report[key].as_array().unwrap().iter();
                let names = names.flat_map(|name| name.as_str().unwrap().split(' '));
                names.map(str::to_owned).collect()
            };
            let written = case.said("writes").into_iter().map(without_events);
            assert_eq!(names("reads"), case.said("reads"), "{case:?}");
            assert_eq!(names("writes"), written.collect(), "{case:?}");
            assert_eq!(report["cacheable"], case.is_cacheable(), "{case:?}");
            let kind = case.findings[0].split(" | ").next();
            assert_eq!(report["kind"].as_str(), kind, "{case:?}");
        }
    }
}

/// `users:iud` is `users`.
fn without_events(table: String) -> String {
    match table.rsplit_once(':') {
        Some((name, _)) => name.to_owned(),
        None => table,
    }
}
