//! What the server says, in the words of a store.

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

/// What the answer means to its command.
pub(super) fn reply(command: &Command<'_>, answer: MetaCommandResult) -> Result<Reply, StoreError> {
    let version = answer.cas.map(CasVersion);
    match (command, answer.rc) {
        (Command::Get { .. }, ReturnCode::En)
        | (Command::CompareAndSwap { .. } | Command::Delete { .. }, ReturnCode::Nf) => {
            Ok(Reply::Missing)
        }
        (Command::Get { .. }, ReturnCode::Va) => match (answer.value, version) {
            (Some(value), Some(version)) => Ok(Reply::Item { value, version }),
            _ => Err(StoreError::Protocol(
                "an item without its version".to_owned(),
            )),
        },
        // A deleted item has no state.
        (Command::Delete { .. }, ReturnCode::Hd) => Ok(Reply::Stored(None)),
        (
            Command::Set { .. } | Command::Add { .. } | Command::CompareAndSwap { .. },
            ReturnCode::Hd,
        ) => Ok(Reply::Stored(version)),
        (Command::Add { .. }, ReturnCode::Ns)
        | (Command::CompareAndSwap { .. }, ReturnCode::Ex) => Ok(Reply::Conflict),
        (_, code) => Err(StoreError::Protocol(format!(
            "{code:?} is no answer to {command:?}"
        ))),
    }
}

/// An error in our words, and whether the server or the connection is no good.
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
        Error::Server(message) | Error::Rejected(message) => (protocol(name, &message), false),
        other => (protocol(name, &other.to_string()), true),
    }
}

fn io(server: String, error: io::Error) -> StoreError {
    let source = Arc::new(error);
    StoreError::Io { server, source }
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
