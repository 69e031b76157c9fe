//! Servers that end with the test process.
//!
//! Destructors do not run on `exit`, on a signal or for statics, so each server is the child of a small
//! shell script that holds the read end of a pipe. The write end is this process's: when the kernel
//! closes it, the script ends the server and removes its folder.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use crate::{unique, wait_until};

/// How long the slowest server may take to set up its data and start on a busy machine.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Below the range from which systems take the local ports of outgoing connections. So no connection
/// can sit on the port of a server that is stopped for a while, least of all one that tries to reach it.
const PORTS: Range<u16> = 15_000..32_000;

/// A server to run. `prepare` and `serve` are shell words, run in the server's folder, which they
/// may call `$FOLDER`. Put `$UNPRIVILEGED` before a program that must not run as root.
#[derive(Debug)]
pub(crate) struct Service {
    /// Names the folder.
    pub(crate) name: &'static str,
    /// Runs before the server; may be empty.
    pub(crate) prepare: String,
    /// The server, which must stay in the foreground.
    pub(crate) serve: String,
    /// The signal after which the server ends at once and leaves nothing behind.
    pub(crate) signal: &'static str,
}

/// A running server. Dropping it ends the server and removes its folder.
#[derive(Debug)]
pub(crate) struct Watched {
    folder: PathBuf,
    watchdog: Child,
}

impl Watched {
    /// Starts `service`; returns when its process runs, or has failed to, which
    /// [`has_exited`](Self::has_exited) tells.
    pub(crate) fn start(service: &Service) -> Self {
        let name = unique::name(&format!("cachalot_{}", service.name));
        let folder = env::temp_dir().join(name);
        let (owner, unprivileged) = nobody().map_or_else(Default::default, |(user, group)| {
            let drop_to = format!("setpriv --reuid={user} --regid={group} --clear-groups --");
            (format!("{user}:{group}"), drop_to)
        });
        let watchdog = Command::new("sh")
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .env("FOLDER", &folder)
            .env("OWNER", owner)
            .env("UNPRIVILEGED", unprivileged)
            .env("PREPARE", if service.prepare.is_empty() { ":" } else { &service.prepare })
            .env("SERVE", &service.serve)
            .env("SIGNAL", service.signal)
            .stdin(Stdio::piped())
            // Whoever reads the tests' output must not wait for the watchdog.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at the terminal is for the tests; the watchdog notices them end.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run `sh`: {error}"));
        let mut watched = Self { folder, watchdog };
        wait_until(&format!("{} runs", service.name), START_TIMEOUT, || {
            watched.ended_early(service.name);
            watched.pid().is_some() || watched.folder.join("exited").exists()
        });
        watched
    }

    /// Where the server keeps its files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The server's process id; none if it could not even be prepared.
    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("pid"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Whether the server has ended by itself, or its folder is gone.
    pub(crate) fn has_exited(&self) -> bool {
        self.pid().is_none() || self.folder.join("exited").exists()
    }

    /// What the server said.
    pub(crate) fn log(&self) -> String {
        fs::read(self.folder.join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Sends the server a signal by its name, such as `STOP`.
    ///
    /// # Panics
    ///
    /// If the server does not run.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self
            .pid()
            .filter(|_| !self.has_exited())
            .expect("the server has ended");
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -s {signal} {pid}")])
            .status()
            .is_ok_and(|status| status.success());
        assert!(sent, "signal {signal} cannot be sent to process {pid}");
    }

    fn ended_early(&mut self, name: &str) {
        if let Ok(Some(status)) = self.watchdog.try_wait() {
            panic!(
                "the folder for {name} cannot be made at {}: {status}",
                self.folder.display()
            );
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Starts a server that `service` describes for a port, on ports of its own choice until one is
/// truly free, and returns it once `is_ready`.
///
/// # Panics
///
/// If the server ends for another reason than its port, with what it said.
pub(crate) fn start_on_free_port(
    service: impl Fn(u16) -> Service,
    is_ready: impl Fn(&Watched, u16) -> bool,
) -> (Watched, u16) {
    for _ in 0..10 {
        let port = free_port();
        if let Some(watched) = try_start(&service(port), port, &is_ready) {
            return (watched, port);
        }
    }
    panic!("ten loopback ports in a row were free and then taken");
}

/// A loopback port that was free a moment ago. Another process may still be faster: a server that
/// finds its port taken is started again on another.
fn free_port() -> u16 {
    let span = u64::from(PORTS.end - PORTS.start);
    let random = RandomState::new();
    (0u64..1000)
        .map(|attempt| random.hash_one(attempt) % span)
        .filter_map(|offset| u16::try_from(offset).ok())
        .map(|offset| PORTS.start + offset)
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .expect("no free loopback port below 32000; see what listens there: ss -ltn")
}

/// Starts a server on `port`; none if the port is taken.
pub(crate) fn try_start(
    service: &Service,
    port: u16,
    is_ready: impl Fn(&Watched, u16) -> bool,
) -> Option<Watched> {
    let watched = Watched::start(service);
    let name = service.name;
    wait_until(&format!("{name} is ready"), START_TIMEOUT, || {
        watched.has_exited() || is_ready(&watched, port)
    });
    if !watched.has_exited() {
        return Some(watched);
    }
    let log = watched.log();
    assert!(
        log.to_lowercase().contains("address already in use"),
        "{name} does not start; it said:\n{log}"
    );
    None
}

/// The user and group to whom root hands a server, for servers refuse to run as root; none for others.
fn nobody() -> Option<(u32, u32)> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    is_root.then(|| (id("-u"), id("-g")))
}

fn id(which: &str) -> u32 {
    Command::new("id")
        .args([which, "nobody"])
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok())
        .expect("root runs the tests, and there is no user `nobody` to run the servers")
}
