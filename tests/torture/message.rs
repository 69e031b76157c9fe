//! What workers tell the referee and hear from it: one line of JSON each, over a loopback socket.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How many counters each of the two tables has.
pub(crate) const ROWS: usize = 3;
/// All counters: those of `counters`, then those of `posts`.
pub(crate) const COUNTERS: usize = 2 * ROWS;
/// A counter of each table; the two are only incremented together, in one transaction.
pub(crate) const PAIR: [usize; 2] = [ROWS - 1, COUNTERS - 1];

/// A worker's message. `Ask` and `Begin` are answered, the others are not.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// What is acknowledged? The next `Saw` is measured against the answer.
    Ask,
    /// These counters are about to be incremented by one each. An `Ask` too.
    Begin { increments: Vec<usize> },
    /// How the increments of the last `Begin` ended.
    End(Ending),
    /// What a cached read showed.
    Saw(Saw),
    /// What a process's cache has done so far.
    Stats(Counts),
}

/// What became of increments: those in neither list may have been made or not.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ending {
    pub(crate) kept: Vec<usize>,
    pub(crate) undone: Vec<usize>,
    /// The store did not take all that the writer had to say, so that it spoke later.
    pub(crate) cut_off: bool,
}

/// One cached read.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Saw {
    /// For people.
    pub(crate) read: String,
    pub(crate) values: Vec<Seen>,
    /// What the reader's own open transaction has added to each counter; empty outside of one.
    pub(crate) own: Vec<i64>,
    /// The two counters of the pair, if the read showed both.
    pub(crate) pair: Option<(i64, i64)>,
}

/// One value of a cached read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The counters whose sum it is.
    pub(crate) of: Vec<usize>,
    pub(crate) value: i64,
    /// The same from the database, just before.
    pub(crate) plain: Option<i64>,
}

/// The counters of a cache's `Stats`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) store_errors: u64,
    pub(crate) bypasses: BTreeMap<String, u64>,
}

/// The referee's answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The acknowledged value of every counter.
    pub(crate) acknowledged: Vec<i64>,
    /// Finish.
    pub(crate) stop: bool,
}

/// One end of the socket.
#[derive(Debug)]
pub(crate) struct Line(BufReader<TcpStream>);

impl Line {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::new(TcpStream::connect(address)?)
    }

    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.0.get_mut().write_all(&line)
    }

    /// The next line; an error once the other end is gone.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}
