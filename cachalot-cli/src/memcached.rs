//! Reads memcached's version and statistics, which the library does not need, in memcached's text
//! protocol.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use cachalot_diesel::Cachalot;

/// Memcached does not send longer lines.
const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// Longer than that of the library, as the command is interactive.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The servers of a cache, each as `host:port`. None if the store is in-process.
pub(crate) fn servers(cache: &Cachalot) -> Vec<String> {
    let store = cache.store_name();
    let servers = store.strip_prefix("memcache://").unwrap_or_default();
    let servers = servers.split(',').filter(|server| !server.is_empty());
    servers.map(str::to_owned).collect()
}

/// A connection to one server.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(server: &str) -> io::Result<Self> {
        let mut failure = io::ErrorKind::NotFound.into();
        for address in server.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(TIMEOUT))?;
                    stream.set_write_timeout(Some(TIMEOUT))?;
                    stream.set_nodelay(true)?;
                    return Ok(Self(BufReader::new(stream)));
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    pub(crate) fn version(&mut self) -> io::Result<String> {
        self.send("version")?;
        let line = self.line()?;
        match line.strip_prefix("VERSION ") {
            Some(version) => Ok(version.to_owned()),
            None => Err(unexpected(&line)),
        }
    }

    /// `stats`, `stats settings` or `stats items`.
    pub(crate) fn statistics(&mut self, command: &str) -> io::Result<Statistics> {
        self.send(command)?;
        let mut statistics = BTreeMap::new();
        loop {
            let line = self.line()?;
            if line == "END" {
                return Ok(Statistics(statistics));
            }
            let rest = line
                .strip_prefix("STAT ")
                .ok_or_else(|| unexpected(&line))?;
            let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
            statistics.insert(name.to_owned(), value.to_owned());
        }
    }

    fn send(&mut self, command: &str) -> io::Result<()> {
        let stream = self.0.get_mut();
        stream.write_all(format!("{command}\r\n").as_bytes())
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if (&mut self.0).take(MAX_LINE_BYTES).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

fn unexpected(line: &str) -> io::Error {
    let shown: String = line.chars().take(80).flat_map(char::escape_debug).collect();
    io::Error::other(format!("unexpected reply from memcached: {shown}"))
}

/// Statistics and settings by their memcached names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statistics(BTreeMap<String, String>);

impl Statistics {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// A statistic of `stats items` for each slab class that has it, with the class's number.
    pub(crate) fn by_class(&self, name: &str) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().filter_map(move |(key, value)| {
            let (class, ending) = key.strip_prefix("items:")?.split_once(':')?;
            (ending == name).then(|| Some((class, value.parse().ok()?)))?
        })
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let pairs = pairs.iter();
        Self(
            pairs
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statistic_is_found_in_each_slab_class() {
        let items = Statistics::of(&[
            ("items:1:age", "7"),
            ("items:1:age_hot", "9"),
            ("items:12:age", "3"),
            ("items:12:number", "1"),
        ]);
        let ages: Vec<_> = items.by_class("age").collect();
        assert_eq!(ages, [("12", 3), ("1", 7)]);
    }
}
