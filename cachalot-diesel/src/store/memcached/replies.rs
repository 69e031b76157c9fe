//! The replies on a connection, each before a deadline.
//!
//! A signal does not end the wait. On a socket with a time limit a system call is interrupted by every signal with a
//! handler, and when the process goes on after a stop: `man 7 signal`.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Result as IoResult},
    net::TcpStream,
    time::{Duration, Instant},
};

use memcache::exp::{Error, MetaCommandResult, MetaResponse, ReturnCode, parse_meta_result};

/// How much longer than the deadline a read may wait. The socket's time limit is then right for most exchanges and
/// need not be set again, which is a system call.
const DEADLINE_SLACK: Duration = Duration::from_millis(1);

/// The server does not send longer lines.
const MAX_LINE_BYTES: usize = 8 * 1024;

pub(super) struct Replies {
    reader: BufReader<TcpStream>,
    /// The socket's time limit.
    limit: Duration,
}

impl Replies {
    /// `limit`: the usual time to a deadline.
    pub(super) fn new(stream: TcpStream, limit: Duration) -> IoResult<Self> {
        stream.set_read_timeout(Some(limit))?;
        let reader = BufReader::new(stream);
        Ok(Self { reader, limit })
    }

    /// The next reply.
    pub(super) fn receive(&mut self, deadline: Instant) -> Result<MetaCommandResult, Error> {
        let line = self.line(deadline)?;
        let mut answer = parse_meta_result(MetaResponse::parse_header(&line)?)?;
        if answer.rc == ReturnCode::Va {
            let length = value_length(&line)?;
            answer.value = Some(self.value(length, deadline)?);
        }
        Ok(answer)
    }

    /// A line without its end.
    fn line(&mut self, deadline: Instant) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        loop {
            self.read(deadline, |reader| reader.fill_buf().map(<[u8]>::len))?;
            let buffer = self.reader.buffer();
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            line.extend_from_slice(&buffer[..length]);
            self.reader.consume(length);
            if end.is_some() {
                let text = line.strip_suffix(b"\r\n").map(<[u8]>::len);
                line.truncate(text.unwrap_or(line.len() - 1));
                return Ok(line);
            }
            if line.len() > MAX_LINE_BYTES {
                return Err(Error::Protocol("a reply without an end".to_owned()));
            }
        }
    }

    fn value(&mut self, length: usize, deadline: Instant) -> Result<Vec<u8>, Error> {
        let mut value = vec![0; length + 2];
        let mut filled = 0;
        while filled < value.len() {
            filled += self.read(deadline, |reader| reader.read(&mut value[filled..]))?;
        }
        if !value.ends_with(b"\r\n") {
            return Err(Error::Protocol("a value without its end".to_owned()));
        }
        value.truncate(length);
        Ok(value)
    }

    /// Reads at least one byte. `from` returns how many there are.
    fn read(
        &mut self,
        deadline: Instant,
        mut from: impl FnMut(&mut BufReader<TcpStream>) -> IoResult<usize>,
    ) -> Result<usize, Error> {
        loop {
            // What has arrived in time counts, even if the deadline passes while it is read.
            if self.reader.buffer().is_empty() {
                self.limit_wait(deadline)?;
            }
            match from(&mut self.reader) {
                Ok(0) => return Err(Error::Io(ErrorKind::UnexpectedEof.into())),
                Ok(read) => return Ok(read),
                // The deadline decides.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
                    ) => {}
                Err(error) => return Err(Error::Io(error)),
            }
        }
    }

    /// Sets the socket's time limit to the time left, unless it is nearly that.
    fn limit_wait(&mut self, deadline: Instant) -> IoResult<()> {
        let left = left(deadline)?;
        if self.limit > left + DEADLINE_SLACK || self.limit < left / 2 {
            self.reader.get_ref().set_read_timeout(Some(left))?;
            self.limit = left;
        }
        Ok(())
    }
}

/// The time left until the deadline; an error if it has passed.
pub(super) fn left(deadline: Instant) -> IoResult<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// The length in `VA 12 c7`, which has been checked.
fn value_length(line: &[u8]) -> Result<usize, Error> {
    let mut words = line
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let length = words.nth(1).and_then(|word| std::str::from_utf8(word).ok());
    length
        .and_then(|length| length.parse().ok())
        .ok_or_else(|| Error::Protocol("a value without a length".to_owned()))
}
