//! The memcached store: one or several servers, through the meta protocol (memcached 1.6 or later).
//!
//! Replies are parsed by `memcache::exp`, which may change with any release, so its version is pinned
//! and nothing outside this module uses it. Its own client would query the servers one after another.
//! No write is sent twice: a dead idle connection is replaced only if the kernel has accepted no byte
//! of a write. After any failure the connection is closed, so that a late reply is never read.

mod answer;
mod breaker;
mod connection;
mod lifetime;
mod placement;
mod replies;
mod request;
mod server;
mod server_name;
#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;
mod version;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    placement::place,
    server::{SentBatch, Server},
    server_name::ServerName,
};
use super::{Command, OpenError, Reply, Store, StoreError};

/// The default limit of values: a little below memcached's 1 MiB, which includes the key and the
/// item's header.
const DEFAULT_MAX_VALUE_BYTES: usize = 1_000_000;

/// A store in one or several memcached servers.
///
/// Every key is stored on one server (rendezvous hashing with BLAKE3 of the server's name and the key, or
/// what is before its colon). All processes must use the same server names; the order does not matter.
///
/// If a server fails, its circuit breaker opens: commands for its keys fail at once with
/// [`StoreError::Unavailable`]. The keys of other servers are not affected. A thread probes the server
/// after 100 ms, and again after pauses that double up to 500 ms, until it answers. So a caller waits
/// at most once for a failed server.
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
    /// Resolves host names once, now. Connections are opened on demand, so a server that is down is
    /// not an error. `timeout` limits both connecting and each exchange; the minimum is one
    /// millisecond.
    ///
    /// # Errors
    /// If `servers` is empty, a name is invalid or a host name cannot be resolved.
    pub fn connect<S: AsRef<str>>(servers: &[S], timeout: Duration) -> Result<Self, OpenError> {
        let timeout = timeout.max(Duration::from_millis(1));
        let mut names: Vec<ServerName> = Vec::with_capacity(servers.len());
        for server in servers {
            let name = server.as_ref().parse()?;
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
            max_value_bytes: DEFAULT_MAX_VALUE_BYTES,
        })
    }

    /// Rejects values above this many bytes before they are sent (default: 1,000,000).
    ///
    /// Keep it below the servers' item limit (`memcached -I`, default: 1 MiB).
    #[must_use]
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// The index of the server that stores the keys of this group.
    fn place(&self, group: &str) -> usize {
        match self.servers.len() {
            1 => 0,
            _ => place(group, self.servers.iter().map(|server| server.name())),
        }
    }
}

impl Store for MemcachedStore {
    /// Sends to all servers before it reads the first reply, so that a batch takes as long as the
    /// slowest server.
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        let mut replies = vec![unanswered(); commands.len()];
        let mut batches: Vec<ServerBatch<'_>> = self.servers.iter().map(ServerBatch::of).collect();
        for (position, command) in commands.iter().enumerate() {
            match command.check(self.max_value_bytes) {
                Ok(()) => batches[self.place(command.group())].push(position, *command),
                Err(error) => replies[position] = Err(error),
            }
        }
        let mut remaining: Vec<Remaining<'_>> =
            batches.iter().filter_map(ServerBatch::rest).collect();
        while !remaining.is_empty() {
            let connected = Instant::now() + self.timeout;
            let sent: Vec<_> = remaining
                .iter()
                .map(|rest| rest.begin_exchange(connected))
                .collect();
            let exchanged = remaining.into_iter().zip(sent);
            remaining = exchanged
                .filter_map(|(rest, sent)| rest.finish_exchange(sent, &mut replies))
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

/// The placeholder of a reply that has not arrived.
fn unanswered() -> Result<Reply, StoreError> {
    Err(StoreError::Unavailable(
        "the command was abandoned".to_owned(),
    ))
}

/// The commands of a batch that go to one server.
struct ServerBatch<'a> {
    server: &'a Arc<Server>,
    commands: Vec<Command<'a>>,
    /// Their positions in the whole batch.
    positions: Vec<usize>,
}

/// The part of a [`ServerBatch`] that is yet to be sent: the size of an exchange is limited.
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
    fn begin_exchange(&self, connected: Instant) -> Option<SentBatch<'a>> {
        self.server.begin_exchange(self.commands, connected)
    }

    /// Stores the replies at their positions, and returns what is to be sent next.
    fn finish_exchange(
        self,
        sent: Option<SentBatch<'_>>,
        replies: &mut [Result<Reply, StoreError>],
    ) -> Option<Self> {
        let exchanged = sent.map(|sent| self.server.finish_exchange(sent));
        let broken = exchanged.as_ref().is_none_or(|exchange| exchange.broken);
        let answers = exchanged.map_or_else(Vec::new, |exchange| exchange.replies);
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
            // A frozen server may still execute what it was sent. Later commands of the batch must
            // not overtake that.
            for position in rest.positions {
                replies[*position] = Err(rest.server.circuit_open());
            }
            return None;
        }
        (!rest.commands.is_empty()).then_some(rest)
    }
}
