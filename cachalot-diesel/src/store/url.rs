//! Opens the store that a URL names.

use std::{io, sync::Arc, time::Duration};

#[cfg(feature = "memcached")]
use super::MemcachedStore;
use super::{MemoryStore, Store};

/// Options that are not part of the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreOptions {
    /// How long connecting to a server may take, and how long an exchange may take. Default: 100 ms.
    pub(crate) timeout: Duration,
    /// The largest value that is stored, in bytes. Default: 1,000,000.
    pub(crate) max_value_bytes: usize,
    /// The limit of the in-process store, in bytes. Default: 64 MiB.
    pub(crate) memory_bytes: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(100),
            max_value_bytes: 1_000_000,
            memory_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Why a store could not be opened. Messages never contain passwords.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL has no `scheme://`. The message does not contain it, as it may be a secret.
    #[error("the store URL has no scheme: expected `memcache://host:port` or `memory://`")]
    NoScheme,
    /// The scheme is not that of a store.
    #[error("unknown store `{scheme}`: expected `memcache://host:port` or `memory://`")]
    UnknownScheme {
        /// The text before `://`.
        scheme: String,
    },
    /// The library was compiled without the store.
    #[error("`{scheme}://` needs the feature `{feature}` of cachalot-diesel")]
    MissingFeature {
        /// The text before `://`.
        scheme: &'static str,
        /// The feature to enable.
        feature: &'static str,
    },
    /// The URL has a user name or a password. The message contains neither.
    #[error(
        "a `{scheme}` store has no user name or password: remove everything up to and including `@`"
    )]
    Credentials {
        /// The text before `://`.
        scheme: &'static str,
    },
    /// The URL has a path, a query, a fragment or a host that the store does not support.
    #[error("unexpected {part} in the URL of a `{scheme}` store: expected {example}")]
    UnexpectedPart {
        /// The text before `://`.
        scheme: &'static str,
        /// The unexpected part.
        part: &'static str,
        /// A valid URL.
        example: &'static str,
    },
    /// The list of servers is empty.
    #[error("no server given: expected `memcache://host:port`")]
    NoServer,
    /// A server's host is empty.
    #[error("server without a host: expected `host:port`")]
    NoHost,
    /// A server's host is neither a name nor an address.
    #[error("invalid host `{host}`: expected a name or an address (IPv6 as in `[::1]:11211`)")]
    InvalidHost {
        /// The invalid host.
        host: String,
    },
    /// A server's port is not a number from 1 to 65535.
    #[error("invalid port `{port}` of `{host}`: expected a number from 1 to 65535")]
    InvalidPort {
        /// The server's host.
        host: String,
        /// The invalid port.
        port: String,
    },
    /// The host name could not be resolved.
    #[error("cannot resolve the host name of `{server}`")]
    Unresolved {
        /// The server, `host:port`.
        server: String,
        /// The resolver's error.
        #[source]
        reason: io::Error,
    },
}

/// Opens the store that a URL names.
///
/// | URL | store |
/// |---|---|
/// | `memcache://host[:port][,host[:port]…]` | `MemcachedStore`: memcached servers, port 11211 unless given; an IPv6 address is written `[::1]:11211` |
/// | `memory://` | [`MemoryStore`]: within this process |
///
/// # Errors
/// If the URL is none of these, or a host name cannot be resolved. A server that is down is not an
/// error: it is used as soon as it answers.
pub(crate) fn open(url: &str, options: &StoreOptions) -> Result<Arc<dyn Store>, OpenError> {
    let (scheme, rest) = url.trim().split_once("://").ok_or(OpenError::NoScheme)?;
    match scheme.to_ascii_lowercase().as_str() {
        "memcache" => open_memcached(rest, options),
        "memory" => open_memory(rest, options),
        other if is_scheme(other) => Err(OpenError::UnknownScheme {
            scheme: other.to_owned(),
        }),
        _ => Err(OpenError::NoScheme),
    }
}

#[cfg(feature = "memcached")]
fn open_memcached(rest: &str, options: &StoreOptions) -> Result<Arc<dyn Store>, OpenError> {
    let servers = authority("memcache", "`memcache://host:port,host:port`", rest)?;
    if servers.is_empty() {
        return Err(OpenError::NoServer);
    }
    let servers: Vec<&str> = servers.split(',').collect();
    let store = MemcachedStore::connect(&servers, options.timeout)?;
    Ok(Arc::new(store.max_value_bytes(options.max_value_bytes)))
}

#[cfg(not(feature = "memcached"))]
fn open_memcached(_: &str, _: &StoreOptions) -> Result<Arc<dyn Store>, OpenError> {
    Err(OpenError::MissingFeature {
        scheme: "memcache",
        feature: "memcached",
    })
}

fn open_memory(rest: &str, options: &StoreOptions) -> Result<Arc<dyn Store>, OpenError> {
    let example = "`memory://`";
    if authority("memory", example, rest)?.is_empty() {
        let store = MemoryStore::new(options.memory_bytes);
        Ok(Arc::new(store.max_value_bytes(options.max_value_bytes)))
    } else {
        Err(OpenError::UnexpectedPart {
            scheme: "memory",
            part: "host",
            example,
        })
    }
}

/// The part after `scheme://`, which may contain nothing but hosts.
fn authority<'a>(
    scheme: &'static str,
    example: &'static str,
    rest: &'a str,
) -> Result<&'a str, OpenError> {
    // First, so that no error below can contain a part of a password.
    if rest.contains('@') {
        return Err(OpenError::Credentials { scheme });
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let part = match rest.bytes().find(|byte| matches!(byte, b'/' | b'?' | b'#')) {
        None => return Ok(rest),
        Some(b'/') => "path",
        Some(b'?') => "query",
        Some(_) => "fragment",
    };
    Err(OpenError::UnexpectedPart {
        scheme,
        part,
        example,
    })
}

/// Could this be meant as a scheme? If not, it may be a secret.
fn is_scheme(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(url: &str) -> String {
        open(url, &StoreOptions::default()).unwrap().describe()
    }

    fn error(url: &str) -> String {
        match open(url, &StoreOptions::default()) {
            Ok(store) => panic!("{url} opened {}", store.describe()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_memory_url_opens_the_in_process_store() {
        assert_eq!(described("memory://"), "memory://");
        assert_eq!(described("MEMORY://"), "memory://");
        assert!(error("memory://localhost").contains("unexpected host"));
        assert!(error("memory://?size=1").contains("unexpected query"));
    }

    #[test]
    fn an_error_does_not_repeat_an_invalid_url() {
        assert!(error("redis://:hunter2@cache").starts_with("unknown store `redis`"));
        for secret in [
            "hunter2",
            "me:hunter2@host:1",
            "me:hunter2@host://x",
            "hunter2 ://",
        ] {
            let message = error(secret);
            assert!(
                message.contains("no scheme") && !message.contains("hunter2"),
                "{message}"
            );
        }
    }

    #[cfg(not(feature = "memcached"))]
    #[test]
    fn the_error_names_the_missing_feature() {
        assert!(error("memcache://127.0.0.1").contains("feature `memcached`"));
    }

    #[cfg(feature = "memcached")]
    #[test]
    fn a_memcache_url_opens_servers_that_are_down() {
        assert_eq!(
            described("memcache://127.0.0.1"),
            "memcache://127.0.0.1:11211"
        );
        assert_eq!(
            described("memcache://127.0.0.1:1, [::1],127.0.0.1:01/"),
            "memcache://127.0.0.1:1,[::1]:11211"
        );
    }

    #[cfg(feature = "memcached")]
    #[test]
    fn an_error_names_the_invalid_part_of_a_memcache_url() {
        for (url, part) in [
            ("memcache://", "no server given"),
            ("memcache:///", "no server given"),
            ("memcache://:11211", "without a host"),
            ("memcache://a:1,,b:2", "without a host"),
            (
                "memcache://127.0.0.1:port",
                "invalid port `port` of `127.0.0.1`",
            ),
            ("memcache://127.0.0.1:0", "invalid port `0`"),
            ("memcache://::1", "invalid host `::1`"),
            ("memcache://127.0.0.1/0", "unexpected path"),
            ("memcache://127.0.0.1?a=b", "unexpected query"),
            ("memcache://127.0.0.1#a", "unexpected fragment"),
            (
                "memcache://no-such-host.invalid",
                "cannot resolve the host name of `no-such-host.invalid:11211`",
            ),
        ] {
            let message = error(url);
            assert!(message.contains(part), "{url}: {message}");
        }
    }

    #[cfg(feature = "memcached")]
    #[test]
    fn a_password_in_a_url_is_rejected_and_not_repeated() {
        for url in [
            "memcache://me:hunter2@127.0.0.1",
            "memcache://a:1,hunter2@b",
            "memory://hunter2@",
        ] {
            let message = error(url);
            assert!(message.contains("no user name or password"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
