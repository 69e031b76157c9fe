//! A memcached process for one test.

use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use super::super::contract::eventually;

/// A running memcached, killed when it goes out of scope.
pub(crate) struct TestServer {
    port: u16,
    process: Child,
    options: Vec<String>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with_options(&[])
    }

    /// `options`: as on the command line.
    pub(crate) fn with_options(options: &[&str]) -> Self {
        let options = options
            .iter()
            .map(|option| (*option).to_owned())
            .collect::<Vec<_>>();
        // Another process may take the port before the server does.
        for _ in 0..20 {
            let port = free_port();
            if let Some(process) = launch(port, &options) {
                return Self {
                    port,
                    process,
                    options,
                };
            }
        }
        panic!("memcached found no free port in 20 tries");
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server. Its port then refuses connections.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Restarts the server, empty, on the same port.
    pub(crate) fn restart(&mut self) {
        self.process = eventually("the old port is free", || launch(self.port, &self.options));
    }

    /// Freezes the server: the kernel accepts connections, but there is no reply.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        // Threads stop some time after the signal was sent.
        eventually("every thread has stopped", || {
            self.has_stopped().then_some(())
        });
    }

    /// Linux only: whether the state of every thread is `T`.
    fn has_stopped(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        threads.into_iter().all(|thread| {
            let stat = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
            stat.rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('T'))
        })
    }

    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        let status = Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .unwrap();
        assert!(status.success(), "kill -s {signal}: {status}");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port on which nothing is listening.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A memcached that answers on the port, or `None` if the port is taken.
fn launch(port: u16, options: &[String]) -> Option<Child> {
    let mut process = Command::new("memcached")
        .args(["-u", "nobody", "-l", "127.0.0.1", "-p", &port.to_string()])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => panic!("memcached is missing: apt-get install memcached"),
            _ => panic!("memcached: {error}"),
        });
    let running = eventually("memcached listens or gives up", || {
        if process.try_wait().unwrap().is_some() {
            return Some(false);
        }
        // Another server may be listening there.
        ask(port, "stats")
            .is_ok_and(|pid| pid == format!("STAT pid {}", process.id()))
            .then_some(true)
    });
    running.then_some(process)
}

/// Sends a line directly to the server and returns the first line of the reply.
pub(crate) fn ask(port: u16, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "{line}\r\n")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer.trim_end().to_owned())
}
