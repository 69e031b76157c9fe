use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

/// A plain socket to memcached: the least that any client can take.
#[derive(Debug)]
pub struct RawSocket {
    stream: BufReader<TcpStream>,
    value: Vec<u8>,
    line: String,
}

impl RawSocket {
    /// Connects.
    ///
    /// # Panics
    /// If the server does not take the connection: a benchmark has nothing else to do then.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("memcached takes the connection");
        stream
            .set_nodelay(true)
            .expect("a TCP socket has this option");
        Self {
            stream: BufReader::with_capacity(1 << 16, stream),
            value: Vec::new(),
            line: String::new(),
        }
    }

    /// What the server says to a command of one line.
    ///
    /// # Panics
    /// If the server does not answer.
    pub fn ask(&mut self, command: &str) -> String {
        self.stream
            .get_mut()
            .write_all(format!("{command}\r\n").as_bytes())
            .expect("memcached reads");
        self.next_line();
        self.line.clone()
    }

    /// One `set`.
    ///
    /// # Panics
    /// If the server does not store it.
    pub fn set(&mut self, key: &str, value: &[u8]) {
        let mut command = format!("set {key} 0 0 {}\r\n", value.len()).into_bytes();
        command.extend_from_slice(value);
        command.extend_from_slice(b"\r\n");
        self.stream
            .get_mut()
            .write_all(&command)
            .expect("memcached reads");
        self.next_line();
        assert_eq!(self.line, "STORED");
    }

    /// One multi-get in one round trip; returns the bytes of all values together.
    ///
    /// # Panics
    /// If the server's answer makes no sense.
    pub fn get(&mut self, command: &[u8]) -> usize {
        self.stream
            .get_mut()
            .write_all(command)
            .expect("memcached reads");
        let mut total = 0;
        loop {
            self.next_line();
            if self.line == "END" {
                return total;
            }
            let length = self
                .line
                .rsplit(' ')
                .next()
                .and_then(|text| text.parse().ok());
            let length: usize = length.expect("a VALUE line ends with a length");
            self.value.resize(length + 2, 0);
            self.stream
                .read_exact(&mut self.value)
                .expect("memcached sends the value");
            total += length;
        }
    }

    fn next_line(&mut self) {
        self.line.clear();
        self.stream
            .read_line(&mut self.line)
            .expect("memcached answers");
        self.line.truncate(self.line.trim_end().len());
    }
}
