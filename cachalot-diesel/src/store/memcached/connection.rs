//! A connection to a server: sends commands in one piece and reads the replies in order.

use std::{
    io::{Error as IoError, ErrorKind, Result as IoResult, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use memcache::exp::{Error, MetaCommandResult};

use super::{
    super::{CasVersion, Command},
    replies::{Replies, left},
    request,
    version::{Moment, Opened},
};

/// The kernel accepts this many bytes without blocking, on a connection without outstanding replies.
const SMALL_PAYLOAD_BYTES: usize = 4 * 1024;

pub(super) struct Connection {
    /// The same socket as that of `replies`.
    stream: TcpStream,
    replies: Replies,
    payload: Vec<u8>,
    /// Commands are numbered, and the server repeats the number: so a reply is never taken for that
    /// to another command.
    sent: u32,
    answered: u32,
    pub(super) used: Instant,
    opened: Moment,
    /// When the commands were sent that are answered next.
    asked: Moment,
}

impl Connection {
    /// Connects to the first of the addresses that accepts within `limit`.
    pub(super) fn open(
        addresses: &[SocketAddr],
        limit: Duration,
        opened: &Opened,
    ) -> IoResult<Self> {
        let deadline = Instant::now() + limit;
        let mut result = Err(ErrorKind::TimedOut.into());
        for address in addresses {
            let Ok(left) = left(deadline) else { break };
            result = TcpStream::connect_timeout(address, left);
            if result.is_ok() {
                break;
            }
        }
        let stream = result?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(limit))?;
        let opened = opened.next();
        Ok(Self {
            opened,
            asked: opened,
            replies: Replies::new(stream.try_clone()?, limit)?,
            stream,
            payload: Vec::new(),
            sent: 0,
            answered: 0,
            used: Instant::now(),
        })
    }

    /// Is the connection open, with no unread data?
    pub(super) fn is_quiet(&self) -> bool {
        if self.stream.set_nonblocking(true).is_err() {
            return false;
        }
        let peeked = self.stream.peek(&mut [0]);
        let quiet = peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && quiet
    }

    /// Writes the commands at that moment. With an error, `false` means that the kernel accepted no byte of them.
    pub(super) fn send(
        &mut self,
        commands: &[Command<'_>],
        asked: Moment,
        deadline: Instant,
    ) -> Result<(), (IoError, bool)> {
        self.asked = asked;
        self.payload.clear();
        for command in commands {
            request::encode(command, self.opened, self.sent, &mut self.payload);
            self.sent = self.sent.wrapping_add(1);
        }
        let mut rest = self.payload.as_slice();
        while !rest.is_empty() {
            let begun = rest.len() < self.payload.len();
            let written = if begun || self.payload.len() > SMALL_PAYLOAD_BYTES {
                left(deadline)
                    .and_then(|left| self.stream.set_write_timeout(Some(left)))
                    .and_then(|()| self.stream.write(rest))
            } else {
                self.stream.write(rest)
            };
            match written {
                Ok(0) => return Err((ErrorKind::WriteZero.into(), begun)),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err((error, begun)),
            }
        }
        // Do not keep the memory of a large batch.
        if self.payload.len() > SMALL_PAYLOAD_BYTES {
            self.payload = Vec::new();
        }
        Ok(())
    }

    /// The version of an item with this CAS number in a reply.
    pub(super) fn version(&self, number: u64) -> Option<CasVersion> {
        self.asked.version(number)
    }

    /// The reply to the first command that has none yet.
    pub(super) fn receive(&mut self, deadline: Instant) -> Result<MetaCommandResult, Error> {
        let answer = self.replies.receive(deadline)?;
        let number = self.answered;
        self.answered = number.wrapping_add(1);
        if answer.opaque.as_deref() != Some(number.to_string().as_bytes()) {
            return Err(Error::Protocol("reply to another command".to_owned()));
        }
        Ok(answer)
    }
}
