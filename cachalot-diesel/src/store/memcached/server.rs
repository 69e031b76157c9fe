//! One memcached server: its connections and its circuit breaker.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::{Duration, Instant},
};

use memcache::exp::Error;
use parking_lot::Mutex;

use crate::{background, events::TARGET};

use super::{
    super::{Command, Reply, StoreError},
    OpenError, ServerName, answer,
    breaker::{Admission, Breaker},
    connection::Connection,
    version::Opened,
};

/// How many idle connections are kept. This does not limit concurrent connections.
const MAX_IDLE_CONNECTIONS: usize = 32;

/// Idle connections are closed after this: a firewall may have dropped their state.
const MAX_IDLE_TIME: Duration = Duration::from_secs(60);

/// The least time that each server of a batch gets, even if the others have used up the timeout: its
/// reply may have arrived long ago.
const MIN_TIMEOUT: Duration = Duration::from_millis(5);

/// The command of a probe. The item does not exist.
const PROBE: Command<'static> = Command::Get {
    key: "cachalot-probe",
};

/// The limit at which a batch is split into several exchanges. An exchange is written completely
/// before its first reply is read, so what follows a read must fit in the sockets' buffers: a server
/// that cannot send its replies stops reading, which would be a deadlock.
const MAX_EXCHANGE_BYTES: usize = 128 * 1024;

/// A server, its connections and its circuit breaker.
pub(super) struct Server {
    name: ServerName,
    addresses: Vec<SocketAddr>,
    idle: Mutex<Vec<Connection>>,
    opened: Opened,
    breaker: Breaker,
    timeout: Duration,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

/// Commands that have been sent, and the permission to do so.
pub(super) struct SentBatch<'c> {
    admission: Admission,
    sent: Sent<'c>,
}

struct Sent<'c> {
    commands: &'c [Command<'c>],
    connection: Result<Connection, Error>,
    /// The connection was idle, not opened for these commands.
    reused: bool,
    deadline: Instant,
}

/// The result of an exchange.
pub(super) struct Exchange {
    /// One per command.
    pub(super) replies: Vec<Result<Reply, StoreError>>,
    /// The connection or the server failed, rather than one command.
    pub(super) broken: bool,
}

impl Server {
    /// Resolves the name. Does not connect yet.
    pub(super) fn new(name: ServerName, timeout: Duration) -> Result<Self, OpenError> {
        let unresolved = |reason: io::Error| OpenError::Unresolved {
            server: name.to_string(),
            reason,
        };
        let addresses: Vec<_> = name
            .as_str()
            .to_socket_addrs()
            .map_err(unresolved)?
            .collect();
        if addresses.is_empty() {
            let reason = io::Error::new(io::ErrorKind::NotFound, "no address found");
            return Err(unresolved(reason));
        }
        // A probe may have to connect and then wait for a reply.
        let breaker = Breaker::new(timeout * 2);
        Ok(Self {
            name,
            addresses,
            idle: Mutex::default(),
            opened: Opened::default(),
            breaker,
            timeout,
        })
    }

    pub(super) fn name(&self) -> &ServerName {
        &self.name
    }

    /// Sends as many of the commands as fit into one exchange. They must have passed their check.
    /// `None` while the breaker is open.
    ///
    /// `connected` is the deadline for connecting, extended by [`MIN_TIMEOUT`] if it has passed.
    pub(super) fn begin_exchange<'c>(
        &self,
        commands: &'c [Command<'c>],
        connected: Instant,
    ) -> Option<SentBatch<'c>> {
        let admission = self.breaker.admit()?;
        let commands = &commands[..exchange_length(commands)];
        let sent = self.send(commands, connected);
        Some(SentBatch { admission, sent })
    }

    /// Waits for the replies.
    pub(super) fn finish_exchange(self: &Arc<Self>, batch: SentBatch<'_>) -> Exchange {
        let exchange = self.receive(batch.sent);
        self.note(batch.admission, &exchange);
        exchange
    }

    /// The error of commands that were not sent.
    pub(super) fn circuit_open(&self) -> StoreError {
        let name = &self.name;
        StoreError::Unavailable(format!("the circuit breaker of {name} is open"))
    }

    /// Reports the result to the breaker, and changes of its state to the log.
    fn note(self: &Arc<Self>, admission: Admission, exchange: &Exchange) {
        let server = self.name.as_str();
        if !exchange.broken {
            if self.breaker.succeeded() {
                tracing::info!(
                    name: "cachalot.server_back",
                    target: TARGET,
                    server,
                    "the memcached server answers again"
                );
            }
            return;
        }
        if self.breaker.failed(admission) {
            let error = exchange
                .replies
                .iter()
                .find_map(|reply| reply.as_ref().err());
            let error = error.map(ToString::to_string).unwrap_or_default();
            tracing::warn!(
                name: "cachalot.server_failed",
                target: TARGET,
                server,
                error,
                "a memcached server failed; not using it until it answers again"
            );
        }
        if self.breaker.needs_prober() {
            self.spawn_prober();
        }
    }

    /// Starts a thread that probes the server until it answers or the store is dropped.
    fn spawn_prober(self: &Arc<Self>) {
        let Some(pause) = self.breaker.next_probe() else {
            return;
        };
        let probe = |server: &Arc<Self>| {
            let sent = server.send(&[PROBE], Instant::now() + server.timeout);
            server.note(Admission::Probe, &server.receive(sent));
            server.breaker.next_probe()
        };
        if !background::repeat("cachalot-probe", self, pause, probe) {
            self.breaker.prober_failed();
        }
    }

    /// Sends the commands, on an idle connection if there is one.
    fn send<'c>(&self, commands: &'c [Command<'c>], connected: Instant) -> Sent<'c> {
        let now = Instant::now();
        let deadline = now + self.timeout;
        let sent = |connection, reused, deadline| Sent {
            commands,
            connection,
            reused,
            deadline,
        };
        while let Some(mut connection) = self.idle_connection(now) {
            // The server may have closed the connection. Reads can be resent, writes cannot, so check
            // before sending a write.
            if !are_reads(commands) && !connection.is_quiet() {
                continue;
            }
            match connection.send(commands, self.opened.now(), deadline) {
                Ok(()) => return sent(Ok(connection), true, deadline),
                // No byte was sent.
                Err((error, false)) if error.kind() != ErrorKind::WouldBlock => {}
                Err((error, _)) => return sent(Err(error.into()), true, deadline),
            }
        }
        let limit = connected
            .saturating_duration_since(Instant::now())
            .max(MIN_TIMEOUT);
        let connection = Connection::open(&self.addresses, limit.min(self.timeout), &self.opened);
        let deadline = Instant::now() + self.timeout;
        let connection = connection.and_then(|mut connection| {
            let written = connection.send(commands, self.opened.now(), deadline);
            written.map(|()| connection).map_err(|(error, _)| error)
        });
        sent(connection.map_err(Error::Io), false, deadline)
    }

    fn receive(&self, sent: Sent<'_>) -> Exchange {
        let commands = sent.commands;
        let deadline = sent.deadline.max(Instant::now() + MIN_TIMEOUT);
        let mut exchange = Exchange {
            replies: Vec::with_capacity(commands.len()),
            broken: false,
        };
        let mut connection = match sent.connection {
            Ok(connection) => connection,
            Err(error) => {
                self.fail(&mut exchange, commands, error);
                return exchange;
            }
        };
        for command in commands {
            match connection.receive(deadline) {
                Ok(answer) => {
                    let version = answer.cas.and_then(|it| connection.version(it));
                    exchange
                        .replies
                        .push(answer::reply(command, answer, version));
                }
                Err(Error::Io(error))
                    if sent.reused
                        && exchange.replies.is_empty()
                        && are_reads(commands)
                        && has_hung_up(error.kind()) =>
                {
                    return self.receive(self.resend(commands, sent.deadline));
                }
                Err(error) => {
                    self.fail(&mut exchange, commands, error);
                    return exchange;
                }
            }
        }
        self.keep(connection);
        exchange
    }

    /// Resends reads after the server had closed the connection.
    fn resend<'c>(&self, commands: &'c [Command<'c>], deadline: Instant) -> Sent<'c> {
        // The other idle connections are as old.
        self.idle.lock().clear();
        let sent = self.send(commands, deadline);
        Sent {
            reused: false,
            ..sent
        }
    }

    /// Sets the error of the remaining commands. The connection is closed, so that a late reply is
    /// never read.
    fn fail(&self, exchange: &mut Exchange, commands: &[Command<'_>], error: Error) {
        let rest = &commands[exchange.replies.len()..];
        let bytes = rest.first().and_then(Command::value).map_or(0, <[u8]>::len);
        let (error, broken) = answer::failure(&self.name, self.timeout, error, bytes);
        exchange.broken = broken;
        let others = if broken {
            error.clone()
        } else {
            // After an error line it is unclear which command a reply belongs to.
            StoreError::Unavailable(format!(
                "{} rejected an earlier command of the batch, so the reply was lost",
                self.name
            ))
        };
        exchange.replies.push(Err(error));
        exchange.replies.resize(commands.len(), Err(others));
    }

    fn idle_connection(&self, now: Instant) -> Option<Connection> {
        let mut idle = self.idle.lock();
        let connection = idle.pop()?;
        if now.saturating_duration_since(connection.used) > MAX_IDLE_TIME {
            // The rest are older.
            idle.clear();
            return None;
        }
        Some(connection)
    }

    fn keep(&self, mut connection: Connection) {
        connection.used = Instant::now();
        let mut idle = self.idle.lock();
        if idle.len() < MAX_IDLE_CONNECTIONS {
            idle.push(connection);
        }
    }
}

fn are_reads(commands: &[Command<'_>]) -> bool {
    commands
        .iter()
        .all(|command| matches!(command, Command::Get { .. }))
}

fn has_hung_up(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}

/// How many of the commands go into the next exchange: at least one.
fn exchange_length(commands: &[Command<'_>]) -> usize {
    let mut bytes = 0;
    let mut reads = false;
    let fitting = commands.iter().take_while(|command| {
        reads |= matches!(command, Command::Get { .. });
        // Replies to writes are short and fit into the buffers, so the server keeps reading.
        let value = command.value().filter(|_| reads).map_or(0, <[u8]>::len);
        // 40: the flags, length and line ends of a command.
        bytes += command.key().len() + value + 40;
        bytes <= MAX_EXCHANGE_BYTES
    });
    fitting.count().max(1)
}

#[cfg(test)]
impl Server {
    /// Lets the next caller probe now.
    pub(super) fn end_pause(&self) {
        self.breaker.end_pause();
    }
}
