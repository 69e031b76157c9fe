//! From a URL to the store that it names.

use std::{io, sync::Arc, time::Duration};

#[cfg(feature = "memcached")]
use super::MemcachedStore;
use super::{MemoryStore, Store};

/// What a URL leaves open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreOptions {
    /// How long a server may take to accept a connection, and to answer. 100 ms unless set.
    pub(crate) timeout: Duration,
    /// The largest value that is stored, in bytes. 1,000,000 unless set.
    pub(crate) max_value_bytes: usize,
    /// How many bytes the store in this process may hold. 64 MiB unless set.
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

/// Why a store could not be opened. No message repeats a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The text has no `scheme://`. It is not repeated: it may be anything.
    #[error("the store URL has no scheme; write `memcache://host:port` or `memory://`")]
    NoScheme,
    /// No store goes by this name.
    #[error("`{scheme}` is not a store; write `memcache://host:port` or `memory://`")]
    UnknownScheme {
        /// The text before `://`.
        scheme: String,
    },
    /// The store exists, but was left out when the library was compiled.
    #[error(
        "`{scheme}://` needs the feature `{feature}` of cachalot-diesel; turn it on in Cargo.toml"
    )]
    MissingFeature {
        /// The text before `://`.
        scheme: &'static str,
        /// The feature to turn on.
        feature: &'static str,
    },
    /// There is a user name or a password. Neither is repeated here.
    #[error("a `{scheme}` store takes no user name or password; remove all up to the `@`")]
    Credentials {
        /// The text before `://`.
        scheme: &'static str,
    },
    /// The URL has a path, a query, a fragment or a host where the store has no use for one.
    #[error("the URL of a `{scheme}` store takes no {part}; write {example}")]
    Superfluous {
        /// The text before `://`.
        scheme: &'static str,
        /// What is too much.
        part: &'static str,
        /// A URL of the right shape.
        example: &'static str,
    },
    /// No server is named.
    #[error("no server is named; write `memcache://host:port`")]
    NoServer,
    /// There is nothing where a server's host should be.
    #[error("a server has no host; write `host:port`")]
    NoHost,
    /// A server's host is neither a name nor an address.
    #[error("`{host}` is not a host name or address; write an IPv6 address as `[::1]:11211`")]
    BadHost {
        /// The host as it was written.
        host: String,
    },
    /// A server's port is not a number from 1 to 65535.
    #[error("`{port}` is not a port for `{host}`; give a number from 1 to 65535")]
    BadPort {
        /// The host that it was written after.
        host: String,
        /// The port as it was written.
        port: String,
    },
    /// A host name stands for no address.
    #[error("the address of `{server}` is not known; check the host name")]
    Unresolved {
        /// The server, `host:port`.
        server: String,
        /// What the resolver said.
        #[source]
        reason: io::Error,
    },
}

/// Opens the store that a URL names.
///
/// | URL | store |
/// |---|---|
/// | `memcache://host[:port][,host[:port]…]` | `MemcachedStore`: memcached servers, port 11211 unless given; an IPv6 address is written `[::1]:11211` |
/// | `memory://` | [`MemoryStore`]: this process only |
///
/// # Errors
/// When the URL is none of these, or a host name does not resolve. A server that is down is no
/// error: it is used as soon as it is there.
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
        Err(OpenError::Superfluous {
            scheme: "memory",
            part: "host",
            example,
        })
    }
}

/// What stands between `scheme://` and the end, which must not hold anything but hosts.
fn authority<'a>(
    scheme: &'static str,
    example: &'static str,
    rest: &'a str,
) -> Result<&'a str, OpenError> {
    // First, so that nothing below can repeat a part of a password.
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
    Err(OpenError::Superfluous {
        scheme,
        part,
        example,
    })
}

/// Whether the text could be meant as a scheme, and so holds no secret.
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
    fn memory_opens_a_store_in_this_process() {
        assert_eq!(described("memory://"), "memory://");
        assert_eq!(described("MEMORY://"), "memory://");
        assert!(error("memory://localhost").contains("takes no host"));
        assert!(error("memory://?size=1").contains("takes no query"));
    }

    #[test]
    fn what_is_no_store_url_is_named_without_repeating_it() {
        assert!(error("redis://:hunter2@cache").starts_with("`redis` is not a store"));
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
    fn memcache_without_its_feature_names_the_feature() {
        assert!(error("memcache://127.0.0.1").contains("feature `memcached`"));
    }

    #[cfg(feature = "memcached")]
    #[test]
    fn memcache_opens_the_servers_in_the_list_though_they_are_down() {
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
    fn a_memcache_url_that_cannot_be_used_says_which_part_is_wrong() {
        for (url, part) in [
            ("memcache://", "no server is named"),
            ("memcache:///", "no server is named"),
            ("memcache://:11211", "no host"),
            ("memcache://a:1,,b:2", "no host"),
            (
                "memcache://127.0.0.1:port",
                "`port` is not a port for `127.0.0.1`",
            ),
            ("memcache://127.0.0.1:0", "`0` is not a port"),
            ("memcache://::1", "`::1` is not a host name"),
            ("memcache://127.0.0.1/0", "takes no path"),
            ("memcache://127.0.0.1?a=b", "takes no query"),
            ("memcache://127.0.0.1#a", "takes no fragment"),
            (
                "memcache://no-such-host.invalid",
                "`no-such-host.invalid:11211` is not known",
            ),
        ] {
            let message = error(url);
            assert!(message.contains(part), "{url}: {message}");
        }
    }

    #[cfg(feature = "memcached")]
    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
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
