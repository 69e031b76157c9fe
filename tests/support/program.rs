//! A program of the project that serves until it is told to end, such as an example.

use std::path::Path;

use crate::wait_until;
use crate::watchdog::{START_TIMEOUT, Service, Watched};

/// A running program. It is asked to end (SIGTERM) when this is dropped, or with the test process.
#[must_use = "the program ends when this is dropped"]
#[derive(Debug)]
pub struct Program {
    watched: Watched,
}

impl Program {
    /// Runs `path` with these variables in its environment, and waits until it has written a line
    /// that begins with `sign`. Returns the rest of that line too.
    ///
    /// # Panics
    ///
    /// If it ends before that, with what it said.
    pub fn start(path: &Path, variables: &[(&str, &str)], sign: &str) -> (Self, String) {
        let assignments: String = variables
            .iter()
            .map(|(name, value)| format!("{name}={} ", quoted(value)))
            .collect();
        let path = path.to_str().expect("the program has a UTF-8 path");
        let watched = Watched::start(&Service {
            name: "program",
            prepare: String::new(),
            serve: format!("env {assignments}{}", quoted(path)),
            signal: "TERM",
        });
        let mut said = None;
        wait_until(&format!("`{path}` says `{sign}`"), START_TIMEOUT, || {
            let log = watched.log();
            let mut lines = log.split_inclusive('\n');
            said = lines.find_map(|line| Some(line.strip_prefix(sign)?.trim().to_owned()));
            assert!(
                said.is_some() || !watched.has_exited(),
                "`{path}` has ended; it said:\n{log}"
            );
            said.is_some()
        });
        (Self { watched }, said.unwrap_or_default())
    }

    /// All that it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.watched.log()
    }
}

/// A word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
