//! Normalises a server's address, which placement hashes.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use url::Host;

use super::OpenError;

/// The port of a server without one in its name.
const DEFAULT_PORT: u16 = 11211;

/// The address of a memcached server, `host:port`.
///
/// Parsed from `host`, `host:port`, `[ipv6]` or `[ipv6]:port`; the default port is 11211. Two
/// spellings of one address are equal (`LocalHost` and `localhost:11211`). A host name and its
/// address are not, as machines may resolve the name differently.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ServerName(String);

impl ServerName {
    /// `host:port`, the host in lower case, an IPv6 address in brackets.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServerName {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('@') {
            return Err(OpenError::Credentials { scheme: "memcache" });
        }
        let text = text.trim();
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(OpenError::InvalidHost {
                host: text.to_owned(),
            });
        }
        // Skip the colons inside an IPv6 address.
        let after_address = match text.rfind(']') {
            Some(bracket) => bracket + 1,
            None if text.starts_with('[') => text.len(),
            None => 0,
        };
        let colon = text[after_address..]
            .find(':')
            .map(|colon| after_address + colon);
        let (host, port) = match colon {
            Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
            None => (text, None),
        };
        if host.is_empty() {
            return Err(OpenError::NoHost);
        }
        let port = match port {
            Some(port) => parse_port(port).ok_or_else(|| OpenError::InvalidPort {
                host: host.to_owned(),
                port: port.to_owned(),
            })?,
            None => DEFAULT_PORT,
        };
        let host = Host::parse(host).map_err(|_| OpenError::InvalidHost {
            host: host.to_owned(),
        })?;
        Ok(Self(format!("{host}:{port}")))
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> String {
        text.parse::<ServerName>().unwrap().to_string()
    }

    fn error(text: &str) -> OpenError {
        text.parse::<ServerName>().unwrap_err()
    }

    #[test]
    fn spellings_of_an_address_are_normalised() {
        assert_eq!(name("localhost"), "localhost:11211");
        assert_eq!(name("LocalHost:11211"), "localhost:11211");
        assert_eq!(name(" my_cache:11212 "), "my_cache:11212");
        assert_eq!(name("127.0.0.1"), "127.0.0.1:11211");
        assert_eq!(name("[::1]"), "[::1]:11211");
        assert_eq!(name("[0:0:0:0:0:0:0:1]:011211"), "[::1]:11211");
    }

    #[test]
    fn an_error_names_the_invalid_part() {
        assert!(matches!(error(""), OpenError::NoHost));
        assert!(matches!(error(":11211"), OpenError::NoHost));
        for port in ["", "0", "65536", "+1", "11211:1", "x"] {
            let error = error(&format!("cache:{port}"));
            assert!(
                matches!(&error, OpenError::InvalidPort { host, port: named }
                    if host == "cache" && named == port),
                "{error}"
            );
        }
        for host in ["a b", "a/b", "::1", "[::1", "[::g]", "[]", "1.2.3.400"] {
            assert!(
                matches!(error(host), OpenError::InvalidHost { .. }),
                "{host}"
            );
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let message = error("me:hunter2@cache:11211").to_string();
        assert!(
            !message.contains("hunter2") && !message.contains("me:"),
            "{message}"
        );
    }
}
