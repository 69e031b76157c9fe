//! Converts memcached's replies and errors to those of a store.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
    time::Duration,
};

use memcache::exp::{Error, MetaCommandResult, ReturnCode};

use super::{
    super::{CasVersion, Command, Reply, StoreError},
    ServerName,
};

/// Converts the reply to a command, and the version in it.
pub(super) fn reply(
    command: &Command<'_>,
    answer: MetaCommandResult,
    version: Option<CasVersion>,
) -> Result<Reply, StoreError> {
    match (command, answer.rc) {
        (Command::Get { .. }, ReturnCode::En)
        | (Command::CompareAndSwap { .. } | Command::Delete { .. }, ReturnCode::Nf) => {
            Ok(Reply::Missing)
        }
        (Command::Get { .. }, ReturnCode::Va) => match (answer.value, version) {
            (Some(value), Some(version)) => Ok(Reply::Item { value, version }),
            _ => Err(StoreError::Protocol("an item without a version".to_owned())),
        },
        // A deleted item has no version.
        (Command::Delete { .. }, ReturnCode::Hd) => Ok(Reply::Stored(None)),
        (
            Command::Set { .. } | Command::Add { .. } | Command::CompareAndSwap { .. },
            ReturnCode::Hd,
        ) => Ok(Reply::Stored(version)),
        (Command::Add { .. }, ReturnCode::Ns)
        | (Command::CompareAndSwap { .. }, ReturnCode::Ex) => Ok(Reply::Conflict),
        (_, code) => Err(StoreError::Protocol(format!(
            "unexpected reply {code:?} to {command:?}"
        ))),
    }
}

/// Converts an error. Also returns whether the connection or the server failed, rather than the
/// command.
pub(super) fn failure(
    name: &ServerName,
    timeout: Duration,
    error: Error,
    bytes: usize,
) -> (StoreError, bool) {
    match error {
        // A socket's own time limit shows as the one or the other.
        Error::Io(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            let server = format!("{name} gave no answer in {timeout:?}");
            (io(server, ErrorKind::TimedOut.into()), true)
        }
        Error::Io(error) => (io(name.to_string(), error), true),
        // The server does not say its limit.
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
                "the server does not support the meta protocol; use memcached 1.6 or later",
            ),
            true,
        ),
        Error::Server(message) | Error::Rejected(message) => (protocol(name, &message), false),
        other => (protocol(name, &other.to_string()), true),
    }
}

fn io(server: String, error: io::Error) -> StoreError {
    let source = Arc::new(error);
    StoreError::Io { server, source }
}

/// The server's message, truncated and with control characters escaped.
fn protocol(name: &ServerName, message: &str) -> StoreError {
    let message: String = message
        .chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect();
    StoreError::Protocol(format!("{name}: {message}"))
}
