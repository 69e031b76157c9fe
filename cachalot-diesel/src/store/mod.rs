//! Stores of entries and version records: they run a batch of commands and return one reply each.
//!
//! A store is a map from hex keys to bytes, with compare-and-swap. It knows nothing of tables,
//! writers or rows, which the protocol above it handles. [`open`] opens the store that a URL names.

use std::{fmt, io, sync::Arc, time::Duration};

pub(crate) mod auth;
mod client;
#[cfg(feature = "memcached")]
mod memcached;
mod memory;
mod url;

#[cfg(any(test, feature = "store-contract"))]
pub mod contract;

pub(crate) use client::StoreClient;
#[cfg(feature = "memcached")]
pub use memcached::MemcachedStore;
#[cfg(all(test, feature = "memcached"))]
pub(crate) use memcached::test_server;
pub use memory::MemoryStore;
pub use url::OpenError;
pub(crate) use url::{StoreOptions, open};

/// The version of an item, for compare-and-swap: every write to the item changes it.
///
/// Memcached calls this the CAS value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CasVersion(pub u64);

/// The time to live of an item. `None`: it does not expire, but the store may evict it.
pub type Ttl = Option<Duration>;

/// A command to a store.
///
/// Keys are lower-case hex with an optional short ASCII prefix, at most 250 bytes; they never contain
/// user input. A key may have two parts, separated by a colon. Those with the same first part form a
/// [group](Self::group), and so does a key without a colon that equals the first part. Values are
/// never empty. A store rejects a command that breaks these rules with [`StoreError::Protocol`].
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
        /// The time to live.
        ttl: Ttl,
    },
    /// Write an item only if there is none. Answered by [`Reply::Stored`] or [`Reply::Conflict`].
    Add {
        /// The item's key.
        key: &'a str,
        /// The item's bytes.
        value: &'a [u8],
        /// The time to live.
        ttl: Ttl,
    },
    /// Write an item only if its version has not changed since it was read.
    /// Answered by [`Reply::Stored`], [`Reply::Conflict`] or [`Reply::Missing`].
    CompareAndSwap {
        /// The item's key.
        key: &'a str,
        /// The item's bytes.
        value: &'a [u8],
        /// The time to live.
        ttl: Ttl,
        /// The version that was read.
        version: CasVersion,
    },
    /// Remove an item. Answered by [`Reply::Stored`] or [`Reply::Missing`].
    Delete {
        /// The item's key.
        key: &'a str,
    },
}

impl<'a> Command<'a> {
    /// Replaces this version of an item, or adds the item if there was none. It does not expire: the
    /// loss of a version record causes needless misses.
    pub(crate) fn put(key: &'a str, value: &'a [u8], replaced: Option<CasVersion>) -> Self {
        let ttl = None;
        match replaced {
            Some(version) => Self::CompareAndSwap {
                key,
                value,
                ttl,
                version,
            },
            None => Self::Add { key, value, ttl },
        }
    }
}

impl Command<'_> {
    /// The key of the item.
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

    /// The first part of the key. Commands on keys of one group take effect in the order of the batch, so a
    /// store of several servers puts them on the same one.
    #[must_use]
    pub fn group(&self) -> &str {
        let key = self.key();
        key.split_once(':').map_or(key, |(group, _)| group)
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

    /// Checks the rules of [`Command`] and the size of the value.
    fn check(&self, max_value_bytes: usize) -> Result<(), StoreError> {
        let key = self.key();
        // Not `all`: a loop without early exit can be vectorised.
        let printable = key
            .bytes()
            .fold(true, |so_far, byte| so_far & byte.is_ascii_graphic());
        if key.is_empty() || key.len() > 250 || !printable {
            let length = key.len();
            return Err(StoreError::Protocol(format!(
                "invalid key of {length} bytes: expected 1 to 250 printable ASCII characters"
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
    /// Shows the command and its key, but not the value, which may contain rows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Get { .. } => "Get",
            Self::Set { .. } => "Set",
            Self::Add { .. } => "Add",
            Self::CompareAndSwap { .. } => "CompareAndSwap",
            Self::Delete { .. } => "Delete",
        };
        let bytes = self.value().map(<[u8]>::len);
        f.debug_struct(name)
            .field("key", &self.key())
            .field("bytes", &bytes)
            .finish()
    }
}

/// The reply of a store to one [`Command`].
#[derive(Clone)]
#[non_exhaustive]
pub enum Reply {
    /// The item, and its version for a later [`Command::CompareAndSwap`].
    Item {
        /// The item's bytes.
        value: Vec<u8>,
        /// The item's version.
        version: CasVersion,
    },
    /// The command succeeded. After a write, a store may return the item's new version, so that the
    /// next compare-and-swap needs no read.
    Stored(Option<CasVersion>),
    /// `Add` found an item, or `CompareAndSwap` found another version.
    Conflict,
    /// There is no such item.
    Missing,
}

impl Reply {
    /// The item in the reply to a `Get`, if there is one.
    pub(crate) fn into_item(self) -> Result<Option<(Vec<u8>, CasVersion)>, StoreError> {
        match self {
            Self::Item { value, version } => Ok(Some((value, version))),
            Self::Missing => Ok(None),
            Self::Stored(_) | Self::Conflict => Err(StoreError::Protocol(
                "a read was answered as a write".to_owned(),
            )),
        }
    }
}

impl fmt::Debug for Reply {
    /// Does not show the value, which may contain rows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item { value, version } => f
                .debug_struct("Item")
                .field("bytes", &value.len())
                .field("version", version)
                .finish(),
            Self::Stored(version) => f.debug_tuple("Stored").field(version).finish(),
            Self::Conflict => f.write_str("Conflict"),
            Self::Missing => f.write_str("Missing"),
        }
    }
}

/// Why a command failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The server is down, frozen or too slow, or the connection failed. The command may or may not
    /// have taken effect, and a frozen server may still execute it later.
    #[error("the store did not answer: {0}")]
    Unavailable(String),
    /// As [`Unavailable`](Self::Unavailable), with the I/O error as the source.
    #[error("the store did not answer: {server}")]
    Io {
        /// The server, with details that the source does not give.
        server: String,
        /// The I/O error.
        source: Arc<io::Error>,
    },
    /// The value exceeds the store's limit and was not stored. An older value remains, unless the
    /// server itself rejected the new one: memcached then removes the older value too.
    #[error("a value of {bytes} bytes exceeds the store's limit of {limit} bytes")]
    TooLarge {
        /// The size of the value in bytes.
        bytes: usize,
        /// The limit in bytes, as far as it is known.
        limit: usize,
    },
    /// The command breaks a rule of [`Command`], or the server's reply is an error or invalid.
    #[error("store protocol error: {0}")]
    Protocol(String),
}

impl StoreError {
    /// Is this [`Unavailable`](Self::Unavailable) or [`Io`](Self::Io)?
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Io { .. })
    }
}

/// A store of entries and version records, shared by all processes that write to the same tables.
///
/// Implement it to use a server other than memcached, or to wrap a store (the project's own tests
/// wrap one to pause it at chosen points).
///
/// # Contract
/// - `run` returns one reply per command, in order: `replies.len() == commands.len()`.
/// - Commands on keys of one [group](Command::group) take effect in the order of the batch. After one
///   that failed because a server did not answer, none does that the server has not executed behind it.
/// - `Add` and `CompareAndSwap` are atomic with respect to all clients of the store.
/// - A store may lose any item at any time. It must never return bytes that were not written under
///   that key, nor an older value after a newer one was acknowledged.
/// - It has a timeout: a dead or frozen server soon results in an `Err`.
/// - It does not panic, whatever a server sends.
pub trait Store: Send + Sync + 'static {
    /// Runs a batch of commands, in as few round trips as possible.
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
