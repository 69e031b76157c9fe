//! `cachalot watch`.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::atomic::{AtomicBool, Ordering},
};

use cachalot_tests::memcached;
use serde_json::Value;

use super::runner::{Runner, text};

/// A running `cachalot watch --json`.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    /// Returns after the event `watching`.
    fn start(command: &Runner, arguments: &[&str]) -> Self {
        let always = ["watch", "--json", "--interval", "0.05"];
        let mut child = command.start(&[&always, arguments].concat());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut this = Self { child, lines };
        let first = this.line();
        assert_eq!(first["event"], "watching", "{first}");
        assert_eq!(first["namespace"], command.namespace.as_str());
        this
    }

    fn line(&mut self) -> Value {
        let line = self.lines.next().expect("it goes on").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// The next event of this kind, skipping `traffic`.
    fn next(&mut self, event: &str) -> Value {
        loop {
            let line = self.line();
            match line["event"].as_str() {
                Some(found) if found == event => return line,
                Some("traffic") => {}
                _ => panic!("waiting for {event}: {line}"),
            }
        }
    }

    /// The next `traffic` for which `expected` holds.
    fn traffic_until(&mut self, expected: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.line();
            assert_eq!(line["event"], "traffic", "{line}");
            if expected(&line) {
                return line;
            }
        }
    }

    fn interrupt(mut self) -> (Value, Option<i32>) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
        assert!(sent.unwrap().success());
        let last = self.next("ended");
        assert!(self.lines.next().is_none());
        (last, self.child.wait().unwrap().code())
    }
}

#[test]
fn a06_watch_shows_invalidations_until_it_is_interrupted() {
    let command = Runner::new();
    let library = command.library();
    library.invalidate(["users"]).unwrap();
    let mut watching = Watching::start(&command, &[]);

    library.invalidate(["users"]).unwrap();
    let line = watching.next("invalidation");
    assert_eq!(line["table"], "users");
    assert!(
        line["at"].is_string() && line["noticed"].is_string(),
        "{line}"
    );
    library.invalidate(["posts"]).unwrap();
    assert_eq!(watching.next("invalidation")["table"], "posts", "a new one");
    library.invalidate_all().unwrap();
    assert_eq!(watching.next("invalidation")["table"], "*");

    let (last, code) = watching.interrupt();
    assert_eq!((&last["invalidations"], code), (&Value::from(3), Some(0)));
}

#[test]
fn a06_watch_of_some_tables_shows_these_and_everything() {
    let command = Runner::new();
    let library = command.library();
    let mut watching = Watching::start(&command, &["Public.Posts"]);
    library.invalidate(["users"]).unwrap();
    library.invalidate(["posts"]).unwrap();
    assert_eq!(watching.next("invalidation")["table"], "posts");
    library.invalidate_all().unwrap();
    assert_eq!(watching.next("invalidation")["table"], "*");
    assert_eq!(watching.interrupt().1, Some(0));
}

#[test]
fn a06_watch_shows_the_servers_traffic_without_its_own() {
    let server = memcached::start(&[]);
    let command = Runner::at(server.url());
    command.library().invalidate(["users"]).unwrap();
    let output = command.run(&["watch", "--json", "--interval", "0.05", "--for", "0.5"]);
    let lines = text(&output.stdout);
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone())
        .collect();
    assert_eq!(
        events,
        ["watching", "ended"],
        "nobody else is there: {lines}"
    );
    assert_eq!(output.status.code(), Some(0));

    let mut watching = Watching::start(&command, &[]);
    let mut wire = server.wire();
    wire.set("there", b"1");
    for (key, hit_rate) in [("there", 1.0), ("not-there", 0.0)] {
        let line = while_reading(&server, key, || {
            watching.traffic_until(|line| line["hit_rate"] == hit_rate)
        });
        assert!(line["reads_per_second"].as_f64().unwrap() > 0.0, "{line}");
        assert_eq!(line["evictions"], 0);
    }
    assert_eq!(watching.interrupt().1, Some(0));
}

/// Runs `work` while another thread reads a key repeatedly.
fn while_reading<T>(server: &memcached::Server, key: &str, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut wire = server.wire();
            while !done.load(Ordering::Relaxed) {
                wire.get(key);
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}

#[test]
fn a06_watch_survives_an_outage_of_the_store() {
    let server = memcached::start(&[]);
    let command = Runner::at(server.url());
    let mut watching = Watching::start(&command, &["users"]);
    server.stop();
    assert!(watching.next("unreachable")["error"].is_string());
    server.start();
    watching.next("reachable");
    command.library().invalidate(["users"]).unwrap();
    assert_eq!(watching.next("invalidation")["table"], "users");
    assert_eq!(watching.interrupt().1, Some(0));
}

#[test]
fn a06_watch_ends_when_its_output_is_closed() {
    let command = Runner::new();
    let mut watching = Watching::start(&command, &[]);
    drop(watching.lines);
    command.library().invalidate(["users"]).unwrap();
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a06_watch_has_human_readable_output() {
    let command = Runner::new();
    let output = command.run(&["watch", "--for", "0.01"]);
    let shown = text(&output.stdout);
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].contains("watching 0 tables"), "{shown}");
    assert!(
        lines[lines.len() - 1].ends_with("0 invalidations seen"),
        "{shown}"
    );
}
