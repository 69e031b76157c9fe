//! What a thread tells the referee, and what it asks it.

use fastrand::Rng;

use super::super::Conn;
use super::read::{Read, Source};
use super::{Failure, Plain};
use crate::{
    client::Client as _,
    message::{Answer, COUNTERS, Ending, Line, Message, ROWS, Saw, Seen},
};

/// What a thread has besides its main connection, which a transaction may borrow.
pub(crate) struct Reporter {
    pub(crate) rng: Rng,
    line: Line,
    outsider: Plain,
    /// What the open transaction has added to each counter.
    pub(super) own: [i64; COUNTERS],
    /// What the open transaction has added is not known, so its reads are not reported.
    pub(super) mute: bool,
}

impl Reporter {
    pub(super) fn new(line: Line, outsider: Plain, seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            line,
            outsider,
            own: [0; COUNTERS],
            mute: false,
        }
    }

    fn receive(&mut self) -> Result<(), Failure> {
        let answer: Answer = self.line.receive()?;
        if answer.stop {
            Err(Failure::Halt)
        } else {
            Ok(())
        }
    }

    pub(super) fn ask(&mut self) -> Result<(), Failure> {
        self.line.send(&Message::Ask)?;
        self.receive()
    }

    pub(super) fn begin(&mut self, picks: &[usize]) -> Result<(), Failure> {
        let increments = picks.to_vec();
        self.line.send(&Message::Begin { increments })?;
        self.receive()
    }

    pub(super) fn end(&mut self, ending: Ending) -> Result<(), Failure> {
        Ok(self.line.send(&Message::End(ending))?)
    }

    /// No transaction is open any more.
    pub(super) fn forget_transaction(&mut self) {
        self.own = [0; COUNTERS];
        self.mute = false;
    }

    /// Reads outside a transaction.
    pub(super) fn read(&mut self, conn: &mut Conn) -> Result<(), Failure> {
        self.read_and_tell(conn, false)
    }

    /// Reads inside a transaction.
    pub(crate) fn read_inside(&mut self, conn: &mut Conn) -> Result<(), Failure> {
        self.read_and_tell(conn, true)
    }

    /// A cached read, in some cases after a plain one.
    fn read_and_tell(&mut self, conn: &mut Conn, inside: bool) -> Result<(), Failure> {
        let read = Read::any(&mut self.rng);
        let plain = match self.rng.u8(..4) {
            0 => Some(read.run(Source::Database(conn.plain()))?),
            // It may see more than an open transaction does.
            1 if !inside => read.run(Source::Database(&mut self.outsider)).ok(),
            _ => None,
        };
        let values = read.run(Source::Cache(conn))?;
        if self.mute {
            return Ok(());
        }
        let covers = read.covers();
        assert_eq!(values.len(), covers.len(), "values of {read:?}");
        let pair = matches!(read, Read::Join).then(|| (values[2 * ROWS - 2], values[2 * ROWS - 1]));
        let seen = covers.into_iter().zip(values).enumerate();
        let saw = Saw {
            read: format!(
                "{read:?}{}",
                if inside { " inside a transaction" } else { "" }
            ),
            values: seen
                .map(|(place, (of, value))| Seen {
                    of,
                    value,
                    plain: plain.as_ref().and_then(|plain| plain.get(place).copied()),
                })
                .collect(),
            own: if self.own == [0; COUNTERS] {
                Vec::new()
            } else {
                self.own.to_vec()
            },
            pair,
        };
        Ok(self.line.send(&Message::Saw(saw))?)
    }
}
