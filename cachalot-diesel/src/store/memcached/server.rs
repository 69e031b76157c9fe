//! One memcached server: commands to operations of the meta protocol, its answers to replies.

use std::{fmt, sync::Arc, thread, time::Duration};

use memcache::exp::{
    Delete, Error, Get, GetResult, GetStatus, Meta, MetaClient, MutationResult, MutationStatus, Op,
    OpResult, Set, Ttl,
};

use crate::events::TARGET;

use super::{
    super::{Command, ItemVersion, Reply, StoreError},
    OpenError, ServerName,
    breaker::{Breaker, Pass},
    lifetime::lifetime,
};

/// Connections that are kept open for the next callers. More callers at one time open more.
const IDLE_CONNECTIONS: usize = 32;

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
    client: MetaClient,
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

impl Server {
    /// Resolves the name and connects to nothing yet.
    pub(super) fn new(name: ServerName, timeout: Duration) -> Result<Self, OpenError> {
        // One client a server: the crate's own choice of a server hashes the servers' names with
        // std's `DefaultHasher`, even when it is given another hash for the keys.
        let client = MetaClient::builder()
            .connect_timeout(Some(timeout))
            .io_timeout(Some(timeout))
            .max_idle(IDLE_CONNECTIONS)
            .connect(name.as_str())
            .map_err(|error| OpenError::Unresolved {
                server: name.to_string(),
                reason: error.to_string(),
            })?;
        // A probe may have to connect and then to wait for an answer.
        let breaker = Breaker::new(timeout * 2);
        Ok(Self {
            name,
            client,
            breaker,
            timeout,
        })
    }

    pub(super) fn name(&self) -> &ServerName {
        &self.name
    }

    /// Carries out commands that have passed their check, in order.
    pub(super) fn run(
        self: &Arc<Self>,
        commands: &[Command<'_>],
    ) -> Vec<Result<Reply, StoreError>> {
        let mut replies = Vec::with_capacity(commands.len());
        while let Some(rest) = commands
            .get(replies.len()..)
            .filter(|rest| !rest.is_empty())
        {
            let Some(pass) = self.breaker.admit() else {
                break;
            };
            let exchange = self.exchange(&rest[..exchange_length(rest)]);
            self.note(pass, &exchange);
            replies.extend(exchange.replies);
            if exchange.broken {
                // A server that wakes may yet carry out what it was sent. Whatever stands behind
                // it in the batch must not overtake it.
                break;
            }
        }
        replies.resize_with(commands.len(), || {
            let name = &self.name;
            Err(StoreError::Unavailable(format!(
                "{name} failed and is left alone for a moment"
            )))
        });
        replies
    }

    /// Tells the breaker how it went, and the log if that is news.
    fn note(self: &Arc<Self>, pass: Pass, exchange: &Exchange) {
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
            self.attend();
        }
    }

    /// Finds out in a thread of its own when the server is back. It keeps nothing alive.
    fn attend(self: &Arc<Self>) {
        let server = Arc::downgrade(self);
        let spawned = thread::Builder::new()
            .name("cachalot-probe".to_owned())
            .spawn(move || {
                while let Some(pause) = server.upgrade().and_then(|s| s.breaker.next_probe()) {
                    thread::sleep(pause);
                    let Some(server) = server.upgrade() else {
                        return;
                    };
                    server.note(Pass::Probe, &server.exchange(&[PROBE]));
                }
            });
        if spawned.is_err() {
            self.breaker.left_unattended();
        }
    }

    /// Sends the commands in one piece and reads the answers.
    fn exchange(&self, commands: &[Command<'_>]) -> Exchange {
        let answers = match self.client.run_batch(commands.iter().map(operation)) {
            Ok(answers) => answers,
            // Nothing was sent: the crate itself objects to a command.
            Err(error) => {
                let (error, broken) = self.failure(error, 0);
                let replies = commands.iter().map(|_| Err(error.clone())).collect();
                return Exchange { replies, broken };
            }
        };
        let mut exchange = Exchange {
            replies: Vec::with_capacity(commands.len()),
            broken: false,
        };
        let mut refused = false;
        for (command, answer) in commands.iter().zip(answers) {
            let reply = match answer {
                Ok(answer) => reply(command, answer),
                // The crate stops reading at the first error line and gives that error to every
                // command behind it, though it was the answer to the first one only.
                Err(_) if refused => Err(StoreError::Unavailable(format!(
                    "the answer of {} was lost when it refused an earlier command",
                    self.name
                ))),
                Err(error) => {
                    let bytes = command.value().map_or(0, <[u8]>::len);
                    let (error, broken) = self.failure(error, bytes);
                    exchange.broken |= broken;
                    refused = !broken;
                    Err(error)
                }
            };
            exchange.replies.push(reply);
        }
        exchange
    }

    /// An error in our words, and whether the server or the connection is no good.
    fn failure(&self, error: Error, bytes: usize) -> (StoreError, bool) {
        let name = &self.name;
        let timeout = self.timeout;
        match error {
            Error::Ambiguous { source, .. } => self.failure(*source, bytes),
            Error::Timeout { .. } => (
                StoreError::Unavailable(format!("{name} gave no answer in {timeout:?}")),
                true,
            ),
            Error::Io(error) => (StoreError::Unavailable(format!("{name}: {error}")), true),
            Error::Protocol(message) => (protocol(name, &message), true),
            // The server does not tell its limit, only that it is below this.
            Error::Server(message) if message.starts_with("object too large") => (
                StoreError::TooLarge {
                    bytes,
                    limit: bytes.saturating_sub(1),
                },
                false,
            ),
            Error::Rejected(message) if message == "ERROR" => (
                protocol(
                    name,
                    "it does not know the meta protocol, use memcached 1.6 or later",
                ),
                true,
            ),
            other => (protocol(name, &other.to_string()), false),
        }
    }
}

struct Exchange {
    /// One a command.
    replies: Vec<Result<Reply, StoreError>>,
    /// The connection or the server failed, rather than one command.
    broken: bool,
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

fn operation(command: &Command<'_>) -> Op {
    match *command {
        Command::Get { key } => Get::new(key).meta(Meta::NONE.cas()).into(),
        Command::Set { key, value, ttl } => write(key, value, ttl).into(),
        Command::Add { key, value, ttl } => write(key, value, ttl).add().into(),
        Command::Swap {
            key,
            value,
            ttl,
            version,
        } => write(key, value, ttl).compare_cas(version.0).into(),
        Command::Delete { key } => Delete::new(key).into(),
    }
}

fn write(key: &str, value: &[u8], ttl: Option<Duration>) -> Set {
    Set::new(key, value)
        .ttl(ttl.map_or(Ttl::NEVER, lifetime))
        .return_cas()
}

fn reply(command: &Command<'_>, answer: OpResult) -> Result<Reply, StoreError> {
    match answer {
        OpResult::Get(answer) => item(answer),
        OpResult::Mutation(answer) => outcome(command, &answer),
        _ => Err(StoreError::Protocol(
            "an answer to another command".to_owned(),
        )),
    }
}

fn item(answer: GetResult) -> Result<Reply, StoreError> {
    match (answer.status, answer.value, answer.item.cas) {
        (GetStatus::Hit, Some(value), Some(version)) => Ok(Reply::Item {
            value,
            version: ItemVersion(version),
        }),
        // `Pending` is the empty mark of a client that takes leases; it holds nothing of ours.
        (GetStatus::Miss | GetStatus::Pending, ..) => Ok(Reply::Missing),
        _ => Err(StoreError::Protocol(
            "an item without its value or version".to_owned(),
        )),
    }
}

fn outcome(command: &Command<'_>, answer: &MutationResult) -> Result<Reply, StoreError> {
    match (command, answer.status) {
        // A deleted item has no state.
        (Command::Delete { .. }, MutationStatus::Applied) => Ok(Reply::Stored(None)),
        (_, MutationStatus::Applied) => Ok(Reply::Stored(answer.cas.map(ItemVersion))),
        (Command::Add { .. }, MutationStatus::AlreadyExists)
        | (Command::Swap { .. }, MutationStatus::CasMismatch) => Ok(Reply::Refused),
        (Command::Swap { .. } | Command::Delete { .. }, MutationStatus::NotFound) => {
            Ok(Reply::Missing)
        }
        (_, status) => Err(StoreError::Protocol(format!(
            "{status:?} is no answer to {command:?}"
        ))),
    }
}

/// What the server said, cut to a length that fits in a log and without control characters.
fn protocol(name: &ServerName, message: &str) -> StoreError {
    let message: String = message
        .chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect();
    StoreError::Protocol(format!("{name}: {message}"))
}

#[cfg(test)]
impl Server {
    /// Makes the next probe due now, so that a test need not wait for it.
    pub(super) fn end_pause(&self) {
        self.breaker.end_pause();
    }
}
