//! Twenty seconds of torture on every database; `cargo run -p cachalot-tests --bin torture` has more.

use std::process::{Child, Command, Output, Stdio};

use cachalot_tests::{mysql, postgres};

/// Starts a torture of so many seconds, on this process's servers.
fn torture(database: &str, seconds: u8, options: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torture"));
    command
        .arg(format!("--database={database}"))
        .arg(format!("--minutes={}", f64::from(seconds) / 60.0))
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    match database {
        "postgres" => command.env("CACHALOT_TEST_POSTGRES_URL", postgres::shared().url("")),
        "mysql" => command.env("CACHALOT_TEST_MYSQL_URL", mysql::shared().url("")),
        _ => &mut command,
    };
    command.spawn().unwrap()
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{out}{err}")
}

/// Tortures all databases side by side; each must pass.
fn all_pass(seconds: u8, options: &[&str]) {
    let tortures = ["sqlite", "postgres", "mysql"].map(|name| torture(name, seconds, options));
    let outputs = tortures.map(|child| child.wait_with_output().unwrap());
    let failed: Vec<_> = outputs
        .iter()
        .filter(|output| !output.status.success())
        .map(text)
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Tortures a library from whose protocol something is left out, until that shows.
fn finds(sabotage: &str, promise: &str) {
    let option = format!("--sabotage={sabotage}");
    let output = torture("sqlite-wal", 30, &[&option])
        .wait_with_output()
        .unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(promise), "{text}");
}

#[test]
fn c12_sixteen_threads_of_four_processes_never_read_an_older_state() {
    all_pass(8, &[]);
}

#[test]
fn c13_no_read_is_stale_while_processes_are_killed() {
    all_pass(6, &["--kill"]);
}

#[test]
fn c13_no_read_is_older_than_acknowledged_while_the_store_is_killed_and_flushed() {
    all_pass(6, &["--restart", "--flush"]);
}

/// Without the exceptions of an outage: a write that cannot be announced is refused.
#[test]
fn n05_no_read_is_older_than_acknowledged_while_writes_are_refused() {
    all_pass(6, &["--client=refusing", "--restart", "--freeze"]);
}

#[test]
fn the_torture_finds_writers_that_are_not_announced() {
    finds("begin", "P2: less than a plain read");
}

#[test]
fn the_torture_finds_writers_that_are_not_published() {
    finds("write", "P1: less than was acknowledged");
}
