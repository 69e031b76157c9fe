//! memcached's text protocol, as much as tests need to look behind the library's back.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::wait_until;

/// Longer than any answer takes, shorter than a test run's patience.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to a memcached. Every method panics if the server does not answer as it should.
#[derive(Debug)]
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address)
            .unwrap_or_else(|error| panic!("memcached at {address} does not answer: {error}"))
    }

    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Every key the server holds, sorted. A key that was just set or deleted may take a moment to
    /// show: the server's own crawler makes the list.
    pub fn keys(&mut self) -> Vec<String> {
        let address = self.0.get_ref().peer_addr().expect("an address");
        let mut keys = Vec::new();
        // The crawler may be busy, and a young server's may forget to answer.
        wait_until("memcached lists its keys", TIMEOUT * 6, || {
            Self::crawl(address).map(|list| keys = list).is_ok()
        });
        keys.sort();
        keys
    }

    fn crawl(address: SocketAddr) -> io::Result<Vec<String>> {
        let mut wire = Self::try_connect(address)?;
        wire.0.get_ref().set_read_timeout(Some(TIMEOUT / 10))?;
        let lines = wire.lines("lru_crawler metadump all", "END")?;
        let key = |line: &String| Some(line.strip_prefix("key=")?.split(' ').next()?.to_owned());
        Ok(lines.iter().filter_map(key).collect())
    }

    /// The value of `key`.
    pub fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        let mut value = None;
        let first = self.ask(&format!("get {key}")).expect("a value");
        if let Some(header) = first.strip_prefix("VALUE ") {
            let length = header
                .split(' ')
                .nth(2)
                .and_then(|length| length.parse().ok());
            let mut bytes = vec![0; length.expect("the length of a value")];
            self.0.read_exact(&mut bytes).expect("a value");
            value = Some(bytes);
            assert_eq!(self.line().expect("the end of the value"), "");
            assert_eq!(self.line().expect("the end of the answer"), "END");
        } else {
            assert_eq!(first, "END");
        }
        value
    }

    /// For how many seconds `key` will still be there, -1 for ever; none if it is not.
    pub fn seconds_left(&mut self, key: &str) -> Option<i64> {
        let answer = self.ask(&format!("mg {key} t")).expect("a time to live");
        answer.strip_prefix("HD t")?.parse().ok()
    }

    /// Stores `value` for ever, and without flags.
    pub fn set(&mut self, key: &str, value: &[u8]) {
        let mut command = format!("set {key} 0 0 {}\r\n", value.len()).into_bytes();
        command.extend_from_slice(value);
        self.send(&command).expect("memcached takes a value");
        assert_eq!(self.line().expect("an answer to set"), "STORED");
    }

    /// Stores more items of `bytes` bytes each than a server of a megabyte or two has room for.
    pub fn fill(&mut self, bytes: usize) {
        let value = "x".repeat(bytes);
        for number in 0..3_000_000 / (bytes + 50) {
            let command = format!("set filler-{bytes}-{number} 0 0 {bytes} noreply\r\n{value}");
            self.send(command.as_bytes())
                .expect("memcached takes a value");
        }
        assert!(
            self.ask("version")
                .expect("a version")
                .starts_with("VERSION")
        );
    }

    /// Removes `key`; whether it was there.
    pub fn delete(&mut self, key: &str) -> bool {
        self.ask(&format!("delete {key}"))
            .expect("an answer to delete")
            == "DELETED"
    }

    /// Removes everything.
    pub fn flush(&mut self) {
        assert_eq!(self.ask("flush_all").expect("an answer to flush_all"), "OK");
    }

    /// One of the server's numbers, such as `get_hits` or `cmd_meta`.
    pub fn statistic(&mut self, name: &str) -> u64 {
        self.try_statistic(name)
            .expect("memcached's statistics")
            .unwrap_or_else(|| panic!("memcached has no number `{name}`"))
    }

    pub(crate) fn try_statistic(&mut self, name: &str) -> io::Result<Option<u64>> {
        let lines = self.lines("stats", "END")?;
        let number = lines
            .iter()
            .find_map(|line| {
                line.strip_prefix("STAT ")?
                    .strip_prefix(name)?
                    .strip_prefix(' ')
            })
            .and_then(|number| number.parse().ok());
        Ok(number)
    }

    fn ask(&mut self, command: &str) -> io::Result<String> {
        self.send(command.as_bytes())?;
        self.line()
    }

    fn lines(&mut self, command: &str, end: &str) -> io::Result<Vec<String>> {
        self.send(command.as_bytes())?;
        let mut lines = Vec::new();
        loop {
            match self.line()? {
                line if line == end => return Ok(lines),
                line => lines.push(line),
            }
        }
    }

    fn send(&mut self, command: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(&[command, b"\r\n"].concat())
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
