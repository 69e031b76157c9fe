//! One memcached server: its connections, and whether it is worth asking.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use memcache::exp::Error;
use parking_lot::Mutex;

use crate::events::TARGET;

use super::{
    super::{Command, Reply, StoreError},
    OpenError, ServerName, answer,
    breaker::{Admission, Breaker},
    connection::Connection,
};

/// Connections that are kept open for the next callers. More callers at one time open more.
const IDLE_CONNECTIONS: usize = 32;

/// Something on the way may have forgotten a connection that was not used for so long.
const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// What a server that was asked with others has at the least, when they have used up the time that
/// all had: its answer may have been there for long.
const GRACE: Duration = Duration::from_millis(5);

/// What a probe reads; nobody writes it.
const PROBE: Command<'static> = Command::Get {
    key: "cachalot-probe",
};

/// Where a batch is cut in two. The whole of an exchange is written before its first answer is
/// read, so what stands behind a read must fit in the sockets' buffers: a server that cannot get
/// rid of its answers stops reading, and both ends would wait for the other.
const EXCHANGE_BYTES: usize = 128 * 1024;

/// A server, its connections and whether it is worth asking.
pub(super) struct Server {
    name: ServerName,
    addresses: Vec<SocketAddr>,
    idle: Mutex<Vec<Connection>>,
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

/// Commands that have been sent, and the leave to do so.
pub(super) struct Asked<'c> {
    pass: Admission,
    sent: Sent<'c>,
}

struct Sent<'c> {
    commands: &'c [Command<'c>],
    connection: Result<Connection, Error>,
    /// The connection was not opened for this.
    used: bool,
    deadline: Instant,
}

/// What came of an exchange.
pub(super) struct Exchange {
    /// One a command.
    pub(super) replies: Vec<Result<Reply, StoreError>>,
    /// The connection or the server failed, rather than one command.
    pub(super) broken: bool,
}

impl Server {
    /// Resolves the name and connects to nothing yet.
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
            let reason = io::Error::new(io::ErrorKind::NotFound, "it has no address");
            return Err(unresolved(reason));
        }
        // A probe may have to connect and then to wait for an answer.
        let breaker = Breaker::new(timeout * 2);
        Ok(Self {
            name,
            addresses,
            idle: Mutex::default(),
            breaker,
            timeout,
        })
    }

    pub(super) fn name(&self) -> &ServerName {
        &self.name
    }

    /// Sends the first of the commands, as many as fit, which have passed their check. `None` while
    /// the server is left alone.
    ///
    /// A connection must be there by `connected`, or a moment later if others took that long.
    pub(super) fn begin_exchange<'c>(
        &self,
        commands: &'c [Command<'c>],
        connected: Instant,
    ) -> Option<Asked<'c>> {
        let pass = self.breaker.admit()?;
        let commands = &commands[..exchange_length(commands)];
        let sent = self.send(commands, connected);
        Some(Asked { pass, sent })
    }

    /// Waits for the answers to what was asked.
    pub(super) fn finish_exchange(self: &Arc<Self>, asked: Asked<'_>) -> Exchange {
        let exchange = self.receive(asked.sent);
        self.note(asked.pass, &exchange);
        exchange
    }

    /// What is said of commands that were not sent.
    pub(super) fn circuit_open(&self) -> StoreError {
        let name = &self.name;
        StoreError::Unavailable(format!("{name} failed and is left alone for a moment"))
    }

    /// Tells the breaker how it went, and the log if that is news.
    fn note(self: &Arc<Self>, pass: Admission, exchange: &Exchange) {
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
        if self.breaker.failed(pass) {
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
                "a memcached server failed and is left alone for now"
            );
        }
        if self.breaker.is_to_be_attended() {
            self.spawn_prober();
        }
    }

    /// Finds out in a thread of its own when the server is back. It keeps nothing alive.
    fn spawn_prober(self: &Arc<Self>) {
        let server = Arc::downgrade(self);
        let spawned = thread::Builder::new()
            .name("cachalot-probe".to_owned())
            .spawn(move || {
                while let Some(pause) = server.upgrade().and_then(|s| s.breaker.next_probe()) {
                    thread::sleep(pause);
                    let Some(server) = server.upgrade() else {
                        return;
                    };
                    let sent = server.send(&[PROBE], Instant::now() + server.timeout);
                    server.note(Admission::Probe, &server.receive(sent));
                }
            });
        if spawned.is_err() {
            self.breaker.left_unattended();
        }
    }

    /// Sends the commands in one piece, on a connection that lies idle if there is one.
    fn send<'c>(&self, commands: &'c [Command<'c>], connected: Instant) -> Sent<'c> {
        let now = Instant::now();
        let deadline = now + self.timeout;
        let sent = |connection, used, deadline| Sent {
            commands,
            connection,
            used,
            deadline,
        };
        while let Some(mut connection) = self.idle_connection(now) {
            // The server may have gone since. Reads can be repeated when that shows; a write that was
            // sent cannot, so that is found out first.
            if !are_reads(commands) && !connection.is_quiet() {
                continue;
            }
            match connection.send(commands, deadline) {
                Ok(()) => return sent(Ok(connection), true, deadline),
                // Not a byte has left.
                Err((error, false)) if error.kind() != ErrorKind::WouldBlock => {}
                Err((error, _)) => return sent(Err(error.into()), true, deadline),
            }
        }
        let limit = connected
            .saturating_duration_since(Instant::now())
            .max(GRACE);
        let connection = Connection::open(&self.addresses, limit.min(self.timeout));
        let deadline = Instant::now() + self.timeout;
        let connection = connection.and_then(|mut connection| {
            let written = connection.send(commands, deadline);
            written.map(|()| connection).map_err(|(error, _)| error)
        });
        sent(connection.map_err(Error::Io), false, deadline)
    }

    fn receive(&self, sent: Sent<'_>) -> Exchange {
        let commands = sent.commands;
        let deadline = sent.deadline.max(Instant::now() + GRACE);
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
                Ok(answer) => exchange.replies.push(answer::reply(command, answer)),
                Err(Error::Io(error))
                    if sent.used
                        && exchange.replies.is_empty()
                        && are_reads(commands)
                        && has_hung_up(error.kind()) =>
                {
                    return self.receive(self.send_anew(commands, sent.deadline));
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

    /// Sends reads again, for the connection had been closed at the other end.
    fn send_anew<'c>(&self, commands: &'c [Command<'c>], deadline: Instant) -> Sent<'c> {
        // Those that lie idle were open at the same time.
        self.idle.lock().clear();
        let sent = self.send(commands, deadline);
        Sent {
            used: false,
            ..sent
        }
    }

    /// Gives the rest of the commands their error. The connection is closed: a late answer must not
    /// find a reader.
    fn fail(&self, exchange: &mut Exchange, commands: &[Command<'_>], error: Error) {
        let rest = &commands[exchange.replies.len()..];
        let bytes = rest.first().and_then(Command::value).map_or(0, <[u8]>::len);
        let (error, broken) = answer::failure(&self.name, self.timeout, error, bytes);
        exchange.broken = broken;
        let others = if broken {
            error.clone()
        } else {
            // It does not say which command the answers behind an error line belong to.
            StoreError::Unavailable(format!(
                "the answer of {} was lost when it refused an earlier command",
                self.name
            ))
        };
        exchange.replies.push(Err(error));
        exchange.replies.resize(commands.len(), Err(others));
    }

    fn idle_connection(&self, now: Instant) -> Option<Connection> {
        let mut idle = self.idle.lock();
        let connection = idle.pop()?;
        if now.saturating_duration_since(connection.used) > LONGEST_IDLE {
            // Below it lie older ones.
            idle.clear();
            return None;
        }
        Some(connection)
    }

    fn keep(&self, mut connection: Connection) {
        connection.used = Instant::now();
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_CONNECTIONS {
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

/// How many of the commands go into the next exchange: one at least.
fn exchange_length(commands: &[Command<'_>]) -> usize {
    let mut bytes = 0;
    let mut reads = false;
    let fitting = commands.iter().take_while(|command| {
        reads |= matches!(command, Command::Get { .. });
        // The server gets rid of the short answers to writes, so it goes on reading.
        let value = command.value().filter(|_| reads).map_or(0, <[u8]>::len);
        // Flags, a length and line ends make up the rest of a command.
        bytes += command.key().len() + value + 40;
        bytes <= EXCHANGE_BYTES
    });
    fitting.count().max(1)
}

#[cfg(test)]
impl Server {
    /// Makes the next probe due now, so that a test need not wait for it.
    pub(super) fn end_pause(&self) {
        self.breaker.end_pause();
    }
}
