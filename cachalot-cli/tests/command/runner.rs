//! Runs the command with its own memcached and namespace.

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use cachalot_diesel::Cachalot;
use cachalot_tests::{memcached, unique};

pub(crate) struct Runner {
    pub(crate) namespace: String,
    pub(crate) url: String,
    /// An environment variable and its value.
    pub(crate) setting: Option<(&'static str, &'static str)>,
}

impl Runner {
    pub(crate) fn new() -> Self {
        Self::at(memcached::shared().url())
    }

    pub(crate) fn at(url: String) -> Self {
        Self {
            namespace: unique::name("cli"),
            url,
            setting: None,
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.start(arguments);
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_cachalot"))
            .args(arguments)
            .env_remove("DATABASE_URL")
            .env("CACHALOT_URL", &self.url)
            .env("CACHALOT_NAMESPACE", &self.namespace)
            // A busy machine must not look like an outage.
            .env("CACHALOT_STORE_TIMEOUT", "5000")
            .envs(self.setting)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A program that uses the library.
    pub(crate) fn library(&self) -> Cachalot {
        Cachalot::builder()
            .url(&self.url)
            .namespace(&self.namespace)
            .store_timeout(Duration::from_secs(5))
            .build()
            .unwrap()
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn json(output: &Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
