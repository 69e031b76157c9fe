//! Where entries and version records live: a batch of commands in, a reply to each out.
//!
//! A store is a dumb map of hex keys to bytes with compare-and-swap. It knows nothing of tables,
//! writers or rows; the protocol is above it, so adding a store is one file and one line here.
//! [`open`] finds the store that a URL names.

use std::{fmt, io, sync::Arc, time::Duration};

pub(crate) mod auth;
mod client;
#[cfg(feature = "memcached")]
mod memcached;
mod memory;
mod url;

#[cfg(test)]
mod contract;

pub(crate) use client::StoreClient;
#[cfg(feature = "memcached")]
pub use memcached::MemcachedStore;
pub use memory::MemoryStore;
pub use url::OpenError;
pub(crate) use url::{StoreOptions, open};

/// The state of an item when it was read: a later write to the item gives it another version.
///
/// Memcached calls this the CAS value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CasVersion(pub u64);

/// How long an item lives: `None` is for ever (until the store needs the room).
pub type Ttl = Option<Duration>;

/// One thing asked of a store.
///
/// Keys are lower-case hex with an optional short ASCII prefix, at most 250 bytes; the library
/// never lets user text into one. Values are never empty. A store refuses a command that breaks
/// either rule with [`StoreError::Protocol`].
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Command<'a> {
    /// Read an item. Answered by [`Reply::Item`] or [`Reply::Missing`].
    Get {
        /// The item's key.
        key: &'a str,
    },
    /// Write an item whether or not it exists. Answered by [`Reply::Stored`].
    Set {
        /// The item's key.
        key: &'a str,
        /// The item's bytes.
        value: &'a [u8],
        /// How long it lives.
        ttl: Ttl,
    },
    /// Write an item only if there is none. Answered by [`Reply::Stored`] or [`Reply::Conflict`].
    Add {
        /// The item's key.
        key: &'a str,
        /// The item's bytes.
        value: &'a [u8],
        /// How long it lives.
        ttl: Ttl,
    },
    /// Write an item only if it is still in the state in which it was read.
    /// Answered by [`Reply::Stored`], [`Reply::Conflict`] or [`Reply::Missing`].
    CompareAndSwap {
        /// The item's key.
        key: &'a str,
        /// The item's bytes.
        value: &'a [u8],
        /// How long it lives.
        ttl: Ttl,
        /// The state that was read.
        version: CasVersion,
    },
    /// Remove an item. Answered by [`Reply::Stored`] or [`Reply::Missing`].
    Delete {
        /// The item's key.
        key: &'a str,
    },
}

impl Command<'_> {
    /// The key of the item that the command is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Get { key }
            | Self::Set { key, .. }
            | Self::Add { key, .. }
            | Self::CompareAndSwap { key, .. }
            | Self::Delete { key } => key,
        }
    }

    /// The bytes that the command writes, if it writes any.
    fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Set { value, .. }
            | Self::Add { value, .. }
            | Self::CompareAndSwap { value, .. } => Some(value),
            Self::Get { .. } | Self::Delete { .. } => None,
        }
    }

    /// What every store refuses before it does anything.
    fn check(&self, max_value_bytes: usize) -> Result<(), StoreError> {
        let key = self.key();
        // Not `all`: what looks at every byte can look at many at a time.
        let printable = key
            .bytes()
            .fold(true, |so_far, byte| so_far & byte.is_ascii_graphic());
        if key.is_empty() || key.len() > 250 || !printable {
            let length = key.len();
            return Err(StoreError::Protocol(format!(
                "a key of {length} bytes is not 1 to 250 printable ASCII characters"
            )));
        }
        match self.value().map(<[u8]>::len) {
            Some(0) => Err(StoreError::Protocol(
                "an empty value cannot be stored".to_owned(),
            )),
            Some(bytes) if bytes > max_value_bytes => Err(StoreError::TooLarge {
                bytes,
                limit: max_value_bytes,
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Command<'_> {
    /// Names the command and its key, never the bytes: those are row contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Get { .. } => "Get",
            Self::Set { .. } => "Set",
            Self::Add { .. } => "Add",
            Self::CompareAndSwap { .. } => "Swap",
            Self::Delete { .. } => "Delete",
        };
        let bytes = self.value().map(<[u8]>::len);
        f.debug_struct(name)
            .field("key", &self.key())
            .field("bytes", &bytes)
            .finish()
    }
}

/// What a store answers to one [`Command`].
#[derive(Clone)]
#[non_exhaustive]
pub enum Reply {
    /// The item's bytes, and its state for a later [`Command::CompareAndSwap`].
    Item {
        /// The bytes as they were written.
        value: Vec<u8>,
        /// The state in which they were read.
        version: CasVersion,
    },
    /// The command was carried out. A write may tell the state that the item has now, so that its
    /// writer can swap again without reading; `None` means "read it first".
    Stored(Option<CasVersion>),
    /// `Add` found an item, or `Swap` found another state.
    Conflict,
    /// There is no such item.
    Missing,
}

impl fmt::Debug for Reply {
    /// Never the bytes: those are row contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item { value, version } => f
                .debug_struct("Item")
                .field("bytes", &value.len())
                .field("version", version)
                .finish(),
            Self::Stored(version) => f.debug_tuple("Stored").field(version).finish(),
            Self::Conflict => f.write_str("Refused"),
            Self::Missing => f.write_str("Missing"),
        }
    }
}

/// Why a store did not carry out a command.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The server is down, frozen or too slow, or the connection broke. The command may or may
    /// not have been carried out, and a server that was frozen may yet carry it out when it wakes.
    #[error("the store did not answer: {0}")]
    Unavailable(String),
    /// As [`Unavailable`](Self::Unavailable), with the error of the connection as the source.
    #[error("the store did not answer: {server}")]
    Io {
        /// The server, and what it did if the source does not say.
        server: String,
        /// The error of the connection.
        source: Arc<io::Error>,
    },
    /// The value is above what the store takes, and was not stored. An older value still stands,
    /// unless it was the server that refused: memcached then drops the older value too.
    #[error("a value of {bytes} bytes is above the store's limit of {limit} bytes")]
    TooLarge {
        /// The size of the value.
        bytes: usize,
        /// The most that the store takes, as far as is known.
        limit: usize,
    },
    /// The command breaks a rule of [`Command`]'s, or the server answered something that is not
    /// an answer to it.
    #[error("the store answered with an error: {0}")]
    Protocol(String),
}

impl StoreError {
    /// Did the server not answer, whether or not the reason is known?
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Io { .. })
    }
}

/// A place for entries and version records, shared by every process that must see the same writes.
///
/// Implement it to use another server than memcached, or to wrap a store (the project's own tests
/// wrap one to stop it at chosen points).
///
/// # Contract
/// - `run` answers every command, in order: `replies.len() == commands.len()`.
/// - Commands on one key take effect in the order in which they stand in the batch.
/// - `Add` and `Swap` are atomic against every other client of the store.
/// - A store may forget any item at any time. It must never return bytes that were not written
///   under that key, nor an older value after a newer one was acknowledged.
/// - It keeps a time limit of its own: a dead or frozen server is an `Err`, soon.
/// - It never panics on what a server sends.
pub trait Store: Send + Sync + 'static {
    /// Carries out a batch of commands, in as few round trips as it can.
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>>;

    /// A name for logs and `status`, without passwords.
    fn describe(&self) -> String;
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        (**self).run(commands)
    }

    fn describe(&self) -> String {
        (**self).describe()
    }
}
