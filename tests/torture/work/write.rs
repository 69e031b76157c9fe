//! The writes: one statement, transactions of every kind, and those that fail or are rolled back.

use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};
use fastrand::Rng;

use super::super::schema::{counters, posts};
use super::super::{Conn, dialect};
use super::Failure;
use super::read::id;
use super::report::Reporter;
use crate::message::{COUNTERS, PAIR, ROWS};

/// The ways to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// One statement.
    Lone,
    /// `conn.transaction`.
    Transaction,
    RolledBack,
    /// With nested ones, of which some are rolled back.
    Savepoints,
    /// With an isolation level.
    Isolated,
    /// BEGIN and COMMIT as text.
    Raw,
    RawRolledBack,
    /// A statement that fails, alone and in a savepoint.
    Failing,
    FailingInside,
    /// Errors inside a transaction are ignored.
    IgnoringErrors,
    /// Several statements in one text.
    Batch,
    /// What only this database has.
    Special,
}

const WRITES_BY_FREQUENCY: [Write; 16] = [
    Write::Lone,
    Write::Lone,
    Write::Lone,
    Write::Transaction,
    Write::Transaction,
    Write::Transaction,
    Write::RolledBack,
    Write::Savepoints,
    Write::Isolated,
    Write::Raw,
    Write::RawRolledBack,
    Write::Failing,
    Write::FailingInside,
    Write::IgnoringErrors,
    Write::Batch,
    Write::Special,
];

/// What a write did, if it was not stopped by an error.
pub(super) enum Done {
    All,
    Nothing,
    /// It cannot be told.
    Perhaps,
}

impl Write {
    pub(super) fn any(rng: &mut Rng) -> Self {
        rng.choice(WRITES_BY_FREQUENCY).unwrap_or(Self::Lone)
    }

    /// The counters to increment: one, two, or the pair.
    pub(super) fn picks(self, rng: &mut Rng) -> Vec<usize> {
        let table = ROWS * usize::from(rng.u8(..10) < 3);
        let row = rng.usize(..ROWS - 1);
        // These two may be carried out in part.
        let whole = !matches!(self, Self::Batch | Self::IgnoringErrors);
        match (self, rng.u8(..6)) {
            (Self::Failing, _) => Vec::new(),
            (Self::Lone, _) | (_, 0 | 1) => vec![table + row],
            (_, number) if !whole || number < 5 => {
                vec![table + row, table + (row + 1) % (ROWS - 1)]
            }
            _ if rng.bool() => PAIR.to_vec(),
            _ => PAIR.iter().rev().copied().collect(),
        }
    }

    pub(super) fn run(
        self,
        conn: &mut Conn,
        reporter: &mut Reporter,
        picks: &[usize],
    ) -> Result<Done, Failure> {
        match self {
            Self::Lone => {
                bump(conn, reporter, picks[0])?;
            }
            Self::Transaction => conn.transaction(|conn| bump_all(conn, reporter, picks))?,
            Self::RolledBack => {
                let result = conn.transaction(|conn| {
                    bump_all(conn, reporter, picks)?;
                    Err::<(), _>(Failure::Database(Error::RollbackTransaction))
                });
                return match result {
                    Err(Failure::Database(Error::RollbackTransaction)) => Ok(Done::Nothing),
                    other => other.map(|()| Done::Perhaps),
                };
            }
            Self::Savepoints => conn.transaction(|conn| {
                undone(conn, reporter)?;
                conn.transaction(|conn| {
                    undone(conn, reporter)?;
                    bump_all(conn, reporter, picks)
                })?;
                undone(conn, reporter)
            })?,
            Self::Isolated => {
                let kind = reporter.rng.u8(..);
                dialect::isolated(conn, kind, |conn| bump_all(conn, reporter, picks))?;
            }
            Self::Raw => {
                begin(conn, reporter)?;
                for &pick in picks {
                    bump_raw(conn, reporter, pick)?;
                    reporter.read_inside(conn)?;
                }
                conn.batch_execute("COMMIT")?;
            }
            Self::RawRolledBack => {
                begin(conn, reporter)?;
                bump_all(conn, reporter, picks)?;
                conn.batch_execute("ROLLBACK")?;
                return Ok(Done::Nothing);
            }
            Self::Failing => {
                fail(conn, reporter)?;
            }
            Self::FailingInside => conn.transaction(|conn| {
                let failed = conn.transaction(|conn| {
                    conn.batch_execute(dialect::FAILING[0])
                        .map_err(Failure::from)
                });
                assert!(failed.is_err(), "a row was inserted twice");
                bump_all(conn, reporter, picks)
            })?,
            Self::IgnoringErrors => return ignoring_errors(conn, reporter, picks),
            Self::Batch => {
                let text: Vec<_> = picks.iter().map(|&pick| increment(pick)).collect();
                return match conn.batch_execute(&text.join("; ")) {
                    Ok(()) => Ok(Done::All),
                    Err(_) if dialect::BATCH_IS_WHOLE => Ok(Done::Nothing),
                    Err(_) => Ok(Done::Perhaps),
                };
            }
            Self::Special => dialect::special(conn, reporter, picks)?,
        }
        Ok(Done::All)
    }
}

/// Increments, some of them followed by a read.
fn bump_all(conn: &mut Conn, reporter: &mut Reporter, picks: &[usize]) -> Result<(), Failure> {
    for &pick in picks {
        bump(conn, reporter, pick)?;
        if reporter.rng.bool() {
            reporter.read_inside(conn)?;
        }
    }
    Ok(())
}

fn bump(conn: &mut Conn, reporter: &mut Reporter, counter: usize) -> QueryResult<()> {
    let changed = if counter < ROWS {
        let value = counters::value.eq(counters::value + 1);
        diesel::update(counters::table.find(id(counter)))
            .set(value)
            .execute(conn)?
    } else {
        let votes = posts::votes.eq(posts::votes + 1);
        diesel::update(posts::table.find(id(counter)))
            .set(votes)
            .execute(conn)?
    };
    assert_eq!(changed, 1, "rows of counter {counter}");
    reporter.own[counter] += 1;
    Ok(())
}

pub(crate) fn bump_raw(
    conn: &mut Conn,
    reporter: &mut Reporter,
    counter: usize,
) -> QueryResult<()> {
    conn.batch_execute(&increment(counter))?;
    reporter.own[counter] += 1;
    Ok(())
}

fn increment(counter: usize) -> String {
    let (table, column) = if counter < ROWS {
        ("counters", "value")
    } else {
        ("posts", "votes")
    };
    format!(
        "UPDATE {table} SET {column} = {column} + 1 WHERE id = {}",
        id(counter)
    )
}

/// Increments something in a savepoint that is rolled back.
fn undone(conn: &mut Conn, reporter: &mut Reporter) -> Result<(), Failure> {
    let before = reporter.own;
    let counter = reporter.rng.usize(..COUNTERS);
    let result = conn.transaction(|conn| {
        bump(conn, reporter, counter)?;
        reporter.read_inside(conn)?;
        Err::<(), _>(Failure::Database(Error::RollbackTransaction))
    });
    reporter.own = before;
    match result {
        Err(Failure::Database(Error::RollbackTransaction)) => reporter.read_inside(conn),
        other => other,
    }
}

fn begin(conn: &mut Conn, reporter: &mut Reporter) -> Result<(), Failure> {
    let begin = reporter
        .rng
        .choice(dialect::BEGINS)
        .copied()
        .unwrap_or("BEGIN");
    Ok(conn.batch_execute(begin)?)
}

/// A statement that fails, and changes nothing.
fn fail(conn: &mut Conn, reporter: &mut Reporter) -> Result<(), Failure> {
    let failing = reporter
        .rng
        .choice(dialect::FAILING)
        .copied()
        .unwrap_or_default();
    let result = conn.batch_execute(failing);
    assert!(result.is_err(), "a row was inserted twice");
    Ok(())
}

/// A transaction that goes on after errors, whether the database has ended it or not.
fn ignoring_errors(
    conn: &mut Conn,
    reporter: &mut Reporter,
    picks: &[usize],
) -> Result<Done, Failure> {
    begin(conn, reporter)?;
    let mut failed = false;
    for &pick in picks {
        failed |= bump(conn, reporter, pick).is_err();
        if reporter.rng.u8(..3) == 0 {
            fail(conn, reporter)?;
            failed = true;
        }
        reporter.mute = failed;
        failed |= reporter.read_inside(conn).is_err();
        reporter.mute = failed;
    }
    let ends = if reporter.rng.bool() {
        "COMMIT"
    } else {
        "ROLLBACK"
    };
    let ended = conn.batch_execute(ends);
    if failed && ended.is_err() {
        // In SQLite a COMMIT that readers block leaves the transaction open, and later statements
        // would belong to it. If an error has ended it before, this fails.
        let _ = conn.batch_execute("ROLLBACK");
    }
    Ok(match (failed, ended) {
        (true, Ok(())) if dialect::ERROR_ABORTS => Done::Nothing,
        (true, _) => Done::Perhaps,
        (false, Ok(())) if ends == "COMMIT" => Done::All,
        (false, Ok(())) => Done::Nothing,
        (false, Err(error)) => return Err(error.into()),
    })
}
