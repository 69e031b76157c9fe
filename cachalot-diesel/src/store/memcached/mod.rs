//! Items in one or several memcached servers, through the meta protocol (memcached 1.6 or later).
//!
//! The wire's answers are read by `memcache::exp`, which may change with any release: its version is
//! exact and nothing outside this module sees it. Its own client asks several servers one after the
//! other. No write is sent twice: a connection that has lain idle and turns out to be dead is
//! replaced only while not one byte of a write was taken by the kernel. A connection that failed in
//! any way is closed, so a late answer has no reader.

mod answer;
mod breaker;
mod connection;
mod lifetime;
mod placement;
mod request;
mod server;
mod server_name;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    placement::place,
    server::{Asked, Server},
    server_name::ServerName,
};
use super::{Command, OpenError, Reply, Store, StoreError};

/// The value limit unless another is set: a little below memcached's own 1 MiB, which counts the
/// key and the item's header too.
const MAX_VALUE_BYTES: usize = 1_000_000;

/// A store in one or several memcached servers.
///
/// Every key has one server (rendezvous hashing over BLAKE3 of the server's name and the key), so
/// every process must name the servers alike; their order does not matter.
///
/// A server that fails is left alone: its keys answer [`StoreError::Unavailable`] at once, and those
/// of the other servers are not touched. A thread tries it after 100 ms, and again after pauses that
/// double up to half a second, until it answers; it ends then, or with the store. So whoever asks
/// for a key waits for a failing server once at the most.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
/// use cachalot_diesel::MemcachedStore;
///
/// let servers = ["10.0.0.1:11211", "10.0.0.2:11211"];
/// let store = MemcachedStore::connect(&servers, Duration::from_millis(100))?;
/// # Ok::<(), cachalot_diesel::OpenError>(())
/// ```
#[derive(Debug)]
pub struct MemcachedStore {
    servers: Vec<Arc<Server>>,
    timeout: Duration,
    max_value_bytes: usize,
}

impl MemcachedStore {
    /// A store in these servers, each `host`, `host:port` or `[ipv6]:port`.
    ///
    /// Host names are looked up now and never again; connections are opened when they are needed,
    /// so a server that is down now is no error. `timeout` limits the opening of a connection, and
    /// an exchange on it, each; one below a millisecond counts as one.
    ///
    /// # Errors
    /// When no server is named, a name cannot be read or a host name does not resolve.
    pub fn connect<S: AsRef<str>>(servers: &[S], timeout: Duration) -> Result<Self, OpenError> {
        let timeout = timeout.max(Duration::from_millis(1));
        let mut names: Vec<ServerName> = Vec::with_capacity(servers.len());
        for server in servers {
            let name = server.as_ref().parse()?;
            // A server that is named twice is one server.
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err(OpenError::NoServer);
        }
        let servers: Result<Vec<_>, OpenError> = names
            .into_iter()
            .map(|name| Server::new(name, timeout).map(Arc::new))
            .collect();
        Ok(Self {
            servers: servers?,
            timeout,
            max_value_bytes: MAX_VALUE_BYTES,
        })
    }

    /// Refuses values above this many bytes before they are sent (1,000,000 unless set).
    ///
    /// Keep it below the servers' item limit (`memcached -I`, 1 MiB unless set).
    #[must_use]
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// Which server the item lives on.
    fn place(&self, key: &str) -> usize {
        match self.servers.len() {
            1 => 0,
            _ => place(key, self.servers.iter().map(|server| server.name())),
        }
    }
}

impl Store for MemcachedStore {
    /// All servers are asked before the first is listened to, so that the slowest is all that a
    /// batch waits for.
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        let mut replies = vec![unanswered(); commands.len()];
        let mut shares: Vec<ServerBatch<'_>> = self.servers.iter().map(ServerBatch::of).collect();
        for (position, command) in commands.iter().enumerate() {
            match command.check(self.max_value_bytes) {
                Ok(()) => shares[self.place(command.key())].push(position, *command),
                Err(error) => replies[position] = Err(error),
            }
        }
        let mut open: Vec<Remaining<'_>> = shares.iter().filter_map(ServerBatch::rest).collect();
        while !open.is_empty() {
            let connected = Instant::now() + self.timeout;
            let asked: Vec<_> = open
                .iter()
                .map(|rest| rest.begin_exchange(connected))
                .collect();
            let heard = open.into_iter().zip(asked);
            open = heard
                .filter_map(|(rest, asked)| rest.finish_exchange(asked, &mut replies))
                .collect();
        }
        replies
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self
            .servers
            .iter()
            .map(|server| server.name().as_str())
            .collect();
        format!("memcache://{}", names.join(","))
    }
}

/// What stands in a reply's place until the reply is there.
fn unanswered() -> Result<Reply, StoreError> {
    Err(StoreError::Unavailable(
        "the command was given up".to_owned(),
    ))
}

/// What one server has to do of a batch.
struct ServerBatch<'a> {
    server: &'a Arc<Server>,
    commands: Vec<Command<'a>>,
    /// Where each of them stands in the batch.
    positions: Vec<usize>,
}

/// What is left of a share: a server takes only so much at a time.
struct Remaining<'a> {
    server: &'a Arc<Server>,
    commands: &'a [Command<'a>],
    positions: &'a [usize],
}

impl<'a> ServerBatch<'a> {
    fn of(server: &'a Arc<Server>) -> Self {
        Self {
            server,
            commands: Vec::new(),
            positions: Vec::new(),
        }
    }

    fn push(&mut self, position: usize, command: Command<'a>) {
        self.commands.push(command);
        self.positions.push(position);
    }

    fn rest(&self) -> Option<Remaining<'_>> {
        (!self.commands.is_empty()).then_some(Remaining {
            server: self.server,
            commands: &self.commands,
            positions: &self.positions,
        })
    }
}

impl<'a> Remaining<'a> {
    fn begin_exchange(&self, connected: Instant) -> Option<Asked<'a>> {
        self.server.begin_exchange(self.commands, connected)
    }

    /// Puts the answers into their places, and returns what is to be asked next.
    fn finish_exchange(
        self,
        asked: Option<Asked<'_>>,
        replies: &mut [Result<Reply, StoreError>],
    ) -> Option<Self> {
        let heard = asked.map(|asked| self.server.finish_exchange(asked));
        let broken = heard.as_ref().is_none_or(|exchange| exchange.broken);
        let answers = heard.map_or_else(Vec::new, |exchange| exchange.replies);
        let count = answers.len();
        for (position, answer) in self.positions.iter().zip(answers) {
            replies[*position] = answer;
        }
        let rest = Self {
            server: self.server,
            commands: &self.commands[count..],
            positions: &self.positions[count..],
        };
        if broken {
            // A server that wakes may yet carry out what it was sent. Whatever stands behind it in
            // the batch must not overtake it.
            for position in rest.positions {
                replies[*position] = Err(rest.server.circuit_open());
            }
            return None;
        }
        (!rest.commands.is_empty()).then_some(rest)
    }
}
