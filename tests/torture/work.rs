//! What a thread of a worker does: reads, and now and then a write of one kind or another.

use std::{io, thread, time::Duration};

use cachalot_diesel::{BypassReason, Cachalot, CachedDsl as _, Outcome};
use diesel::{
    connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _},
    prelude::*,
    result::Error,
    sql_types::{BigInt, Nullable},
};
use fastrand::Rng;

use super::schema::{authors, counters, posts};
use super::{Conn, db, dialect};
use crate::{
    client::Client,
    message::{Answer, COUNTERS, Ending, Line, Message, PAIR, ROWS, Saw, Seen},
    store,
};

/// Of a hundred steps so many write; and so many read inside a transaction.
const WRITES: u8 = 12;
const INSIDE: u8 = 8;
/// How often a writer asks whether the store has heard of it: seldom enough to leave the others the
/// processor.
const DELIVERY_TICK: Duration = Duration::from_millis(20);

/// Why a step ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    Database(Error),
    /// The run is over, or the referee is gone.
    Halt,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Halt
    }
}

/// All counters at 0.
#[allow(dead_code, reason = "once for a database")]
pub(crate) fn prepare(url: &str) {
    let conn = &mut db::establish(url);
    let ids = || (1..).take(ROWS);
    let author = (authors::id.eq(1), authors::name.eq("a"));
    let counters: Vec<_> = ids()
        .map(|id| (counters::id.eq(id), counters::value.eq(0)))
        .collect();
    let posts: Vec<_> = ids()
        .map(|id| {
            (
                posts::id.eq(id),
                posts::author_id.eq(1),
                posts::title.eq("t"),
                posts::votes.eq(0),
            )
        })
        .collect();
    diesel::insert_into(authors::table)
        .values(author)
        .execute(conn)
        .expect("an author");
    diesel::insert_into(counters::table)
        .values(counters)
        .execute(conn)
        .expect("counters");
    diesel::insert_into(posts::table)
        .values(posts)
        .execute(conn)
        .expect("posts");
}

/// The value of every counter in the database.
#[allow(dead_code, reason = "once for a database")]
pub(crate) fn values(url: &str) -> Vec<i64> {
    let conn = &mut db::establish(url);
    let counters = Look::Table(0).run(Source::Database(conn));
    let mut values = counters.expect("the counters");
    let posts = Look::Table(1).run(Source::Database(conn));
    values.extend(posts.expect("the posts"));
    values
}

/// Works as one thread.
pub(crate) fn work(url: &str, cache: Cachalot, line: Line, seed: u64) {
    Hand::new(url, cache, line, seed).work();
}

/// A read.
#[derive(Debug, Clone, Copy)]
enum Look {
    One(usize),
    Table(usize),
    Join,
    Sum,
}

type Plain = <Conn as Client>::Plain;

/// Where a read goes.
enum Source<'c> {
    Cache(&'c mut Conn),
    Database(&'c mut Plain),
}

macro_rules! load {
    ($query:expr, $source:expr) => {
        match $source {
            Source::Cache(conn) if Conn::TYPED => $query.load(conn),
            Source::Cache(conn) => $query.cached(conn).load(),
            Source::Database(conn) => $query.load(conn),
        }
    };
}

impl Look {
    fn any(rng: &mut Rng) -> Self {
        match rng.u8(..10) {
            0..=4 => Self::One(rng.usize(..COUNTERS)),
            5 | 6 => Self::Table(rng.usize(..2)),
            7 | 8 => Self::Join,
            _ => Self::Sum,
        }
    }

    fn run(self, source: Source<'_>) -> QueryResult<Vec<i64>> {
        let join = || counters::table.inner_join(posts::table.on(posts::id.eq(counters::id)));
        match self {
            Self::One(counter) if counter < ROWS => {
                load!(
                    counters::table.find(id(counter)).select(counters::value),
                    source
                )
            }
            Self::One(counter) => {
                load!(posts::table.find(id(counter)).select(posts::votes), source)
            }
            Self::Table(0) => {
                load!(
                    counters::table.order(counters::id).select(counters::value),
                    source
                )
            }
            Self::Table(_) => {
                load!(posts::table.order(posts::id).select(posts::votes), source)
            }
            Self::Join => {
                let query = join()
                    .order(counters::id)
                    .select((counters::value, posts::votes));
                let rows: Vec<(i64, i64)> = load!(query, source)?;
                Ok(rows
                    .into_iter()
                    .flat_map(|(value, votes)| [value, votes])
                    .collect())
            }
            Self::Sum => {
                let sum = diesel::dsl::sql::<Nullable<BigInt>>(dialect::SUM);
                let rows: Vec<Option<i64>> = load!(join().select(sum), source)?;
                Ok(rows.into_iter().flatten().collect())
            }
        }
    }

    /// The counters whose sum each of the values is.
    fn covers(self) -> Vec<Vec<usize>> {
        match self {
            Self::One(counter) => vec![vec![counter]],
            Self::Table(table) => (0..ROWS).map(|row| vec![table * ROWS + row]).collect(),
            Self::Join => (0..ROWS)
                .flat_map(|row| [vec![row], vec![ROWS + row]])
                .collect(),
            Self::Sum => vec![(0..COUNTERS).collect()],
        }
    }
}

/// The id of a counter's row.
fn id(counter: usize) -> i32 {
    i32::try_from(counter % ROWS).expect("a small number") + 1
}

/// The ways to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One statement.
    Lone,
    /// `conn.transaction`.
    Transaction,
    RolledBack,
    /// With nested ones, of which some are rolled back.
    Savepoints,
    /// Of an isolation of its own.
    Isolated,
    /// BEGIN and COMMIT as text.
    Raw,
    RawRolledBack,
    /// A statement that fails, alone and in a savepoint.
    Failing,
    FailingInside,
    /// Errors inside a transaction are not heeded.
    Heedless,
    /// Several statements in one text.
    Batch,
    /// What only this database has.
    Special,
}

const KINDS: [Kind; 16] = [
    Kind::Lone,
    Kind::Lone,
    Kind::Lone,
    Kind::Transaction,
    Kind::Transaction,
    Kind::Transaction,
    Kind::RolledBack,
    Kind::Savepoints,
    Kind::Isolated,
    Kind::Raw,
    Kind::RawRolledBack,
    Kind::Failing,
    Kind::FailingInside,
    Kind::Heedless,
    Kind::Batch,
    Kind::Special,
];

/// What a write did, if it was not stopped by an error.
enum Done {
    All,
    Nothing,
    /// It cannot be told.
    Perhaps,
}

/// A thread's connections and its line to the referee.
struct Hand {
    conn: Conn,
    desk: Desk,
    cache: Cachalot,
    url: String,
    /// Asks what the cache still owes; opened when it is needed.
    clerk: Option<Conn>,
}

/// A thread without its main connection, which a transaction may hold.
pub(crate) struct Desk {
    pub(crate) rng: Rng,
    line: Line,
    outsider: Plain,
    /// What the open transaction has added to each counter.
    own: [i64; COUNTERS],
    /// What the open transaction has added is not known, so its reads prove nothing.
    mute: bool,
}

impl Hand {
    fn new(url: &str, cache: Cachalot, line: Line, seed: u64) -> Self {
        Self {
            conn: connect(url, &cache),
            desk: Desk {
                rng: Rng::with_seed(seed),
                line,
                outsider: plain(url),
                own: [0; COUNTERS],
                mute: false,
            },
            cache,
            url: url.to_owned(),
            clerk: None,
        }
    }

    /// Works until the referee says stop, or is gone.
    fn work(mut self) {
        while self.step().is_ok() {}
    }

    fn step(&mut self) -> Result<(), Failure> {
        match self.desk.rng.u8(..100) {
            number if number < WRITES => self.write(),
            number if number < WRITES + INSIDE => {
                self.desk.ask()?;
                let read = self.read_inside();
                self.recover(&read)
            }
            _ => {
                self.desk.ask()?;
                let read = self.desk.look(&mut self.conn, false);
                self.recover(&read)
            }
        }
    }

    fn read_inside(&mut self) -> Result<(), Failure> {
        let Self { conn, desk, .. } = self;
        let looks = 1 + desk.rng.u8(..4);
        let kind = desk.rng.u8(..);
        let body = |conn: &mut Conn| {
            for _ in 0..looks {
                desk.look_inside(conn)?;
            }
            Ok(())
        };
        match kind % 4 {
            0 => conn.transaction(body),
            _ => dialect::isolated(conn, kind / 4, body),
        }
    }

    /// A new connection if the old one is of no more use.
    fn recover(&mut self, result: &Result<(), Failure>) -> Result<(), Failure> {
        if matches!(result, Err(Failure::Halt)) {
            return Err(Failure::Halt);
        }
        let broken = AnsiTransactionManager::is_broken_transaction_manager(&mut self.conn);
        if broken || result.is_err() && dialect::FAILED_READ_HANGS {
            self.reconnect();
        }
        Ok(())
    }

    fn reconnect(&mut self) {
        self.conn = connect(&self.url, &self.cache);
    }

    fn write(&mut self) -> Result<(), Failure> {
        let kind = self.desk.rng.choice(KINDS).unwrap_or(Kind::Lone);
        let picks = self.desk.picks(kind);
        self.desk.begin(&picks)?;
        let failures = store::failures();
        let mut ending = self.run(kind, &picks)?;
        self.desk.own = [0; COUNTERS];
        self.desk.mute = false;
        if store::failures() > failures {
            ending.cut_off = true;
            if !self.delivered()? {
                ending.kept.clear();
            }
        }
        Ok(self.desk.line.send(&Message::End(ending))?)
    }

    fn run(&mut self, kind: Kind, picks: &[usize]) -> Result<Ending, Failure> {
        let raw = matches!(
            kind,
            Kind::Raw | Kind::RawRolledBack | Kind::Heedless | Kind::Special
        );
        let done = match kind.run(&mut self.conn, &mut self.desk, picks) {
            Ok(done) => done,
            Err(Failure::Halt) => return Err(Failure::Halt),
            Err(Failure::Database(_)) => {
                let broken = AnsiTransactionManager::is_broken_transaction_manager(&mut self.conn)
                    || raw && self.conn.batch_execute("ROLLBACK").is_err();
                let hangs = kind == Kind::Isolated && dialect::FAILED_READ_HANGS;
                if broken || hangs {
                    self.reconnect();
                }
                if broken { Done::Perhaps } else { Done::Nothing }
            }
        };
        if kind == Kind::Special && dialect::restore(&mut self.conn).is_err() {
            self.reconnect();
        }
        let (kept, undone) = match done {
            Done::All => (picks.to_vec(), Vec::new()),
            Done::Nothing => (Vec::new(), picks.to_vec()),
            Done::Perhaps => Default::default(),
        };
        Ok(Ending {
            kept,
            undone,
            cut_off: false,
        })
    }

    /// Waits until the cache owes the store nothing; false if the run ends before.
    fn delivered(&mut self) -> Result<bool, Failure> {
        let clerk = self
            .clerk
            .get_or_insert_with(|| connect(&self.url, &self.cache));
        loop {
            let query = counters::table.inner_join(posts::table.on(posts::id.eq(counters::id)));
            let explained = query.select(counters::id).cached(clerk).explain();
            let owed = Outcome::Bypass(BypassReason::StoreUnavailable);
            if explained.is_ok_and(|explanation| explanation.outcome != owed) {
                return Ok(true);
            }
            if self.desk.ask().is_err() {
                return Ok(false);
            }
            thread::sleep(DELIVERY_TICK);
        }
    }
}

impl Kind {
    fn run(self, conn: &mut Conn, desk: &mut Desk, picks: &[usize]) -> Result<Done, Failure> {
        match self {
            Self::Lone => {
                bump(conn, desk, picks[0])?;
            }
            Self::Transaction => conn.transaction(|conn| bump_all(conn, desk, picks))?,
            Self::RolledBack => {
                let result = conn.transaction(|conn| {
                    bump_all(conn, desk, picks)?;
                    Err::<(), _>(Failure::Database(Error::RollbackTransaction))
                });
                return match result {
                    Err(Failure::Database(Error::RollbackTransaction)) => Ok(Done::Nothing),
                    other => other.map(|()| Done::Perhaps),
                };
            }
            Self::Savepoints => conn.transaction(|conn| {
                undone(conn, desk)?;
                conn.transaction(|conn| {
                    undone(conn, desk)?;
                    bump_all(conn, desk, picks)
                })?;
                undone(conn, desk)
            })?,
            Self::Isolated => {
                let kind = desk.rng.u8(..);
                dialect::isolated(conn, kind, |conn| bump_all(conn, desk, picks))?;
            }
            Self::Raw => {
                begin(conn, desk)?;
                for &pick in picks {
                    bump_raw(conn, desk, pick)?;
                    desk.look_inside(conn)?;
                }
                conn.batch_execute("COMMIT")?;
            }
            Self::RawRolledBack => {
                begin(conn, desk)?;
                bump_all(conn, desk, picks)?;
                conn.batch_execute("ROLLBACK")?;
                return Ok(Done::Nothing);
            }
            Self::Failing => {
                fail(conn, desk)?;
            }
            Self::FailingInside => conn.transaction(|conn| {
                let failed = conn.transaction(|conn| {
                    conn.batch_execute(dialect::FAILING[0])
                        .map_err(Failure::from)
                });
                assert!(failed.is_err(), "a row was inserted twice");
                bump_all(conn, desk, picks)
            })?,
            Self::Heedless => return heedless(conn, desk, picks),
            Self::Batch => {
                let text: Vec<_> = picks.iter().map(|&pick| increment(pick)).collect();
                return match conn.batch_execute(&text.join("; ")) {
                    Ok(()) => Ok(Done::All),
                    Err(_) if dialect::BATCH_IS_WHOLE => Ok(Done::Nothing),
                    Err(_) => Ok(Done::Perhaps),
                };
            }
            Self::Special => dialect::special(conn, desk, picks)?,
        }
        Ok(Done::All)
    }
}

impl Desk {
    fn receive(&mut self) -> Result<(), Failure> {
        let answer: Answer = self.line.receive()?;
        if answer.stop {
            Err(Failure::Halt)
        } else {
            Ok(())
        }
    }

    fn ask(&mut self) -> Result<(), Failure> {
        self.line.send(&Message::Ask)?;
        self.receive()
    }

    fn begin(&mut self, picks: &[usize]) -> Result<(), Failure> {
        let increments = picks.to_vec();
        self.line.send(&Message::Begin { increments })?;
        self.receive()
    }

    /// The counters to increment: one, two, or the pair.
    fn picks(&mut self, kind: Kind) -> Vec<usize> {
        let table = ROWS * usize::from(self.rng.u8(..10) < 3);
        let row = self.rng.usize(..ROWS - 1);
        // These two may be carried out in part.
        let whole = !matches!(kind, Kind::Batch | Kind::Heedless);
        match (kind, self.rng.u8(..6)) {
            (Kind::Failing, _) => Vec::new(),
            (Kind::Lone, _) | (_, 0 | 1) => vec![table + row],
            (_, number) if !whole || number < 5 => {
                vec![table + row, table + (row + 1) % (ROWS - 1)]
            }
            _ if self.rng.bool() => PAIR.to_vec(),
            _ => PAIR.iter().rev().copied().collect(),
        }
    }

    /// Reads inside a transaction.
    pub(crate) fn look_inside(&mut self, conn: &mut Conn) -> Result<(), Failure> {
        self.look(conn, true)
    }

    /// A cached read, with a plain one before it or not.
    fn look(&mut self, conn: &mut Conn, inside: bool) -> Result<(), Failure> {
        let look = Look::any(&mut self.rng);
        let plain = match self.rng.u8(..4) {
            0 => Some(look.run(Source::Database(conn.plain()))?),
            // It may see more than an open transaction does.
            1 if !inside => look.run(Source::Database(&mut self.outsider)).ok(),
            _ => None,
        };
        let values = look.run(Source::Cache(conn))?;
        if self.mute {
            return Ok(());
        }
        let covers = look.covers();
        assert_eq!(values.len(), covers.len(), "values of {look:?}");
        let pair = matches!(look, Look::Join).then(|| (values[2 * ROWS - 2], values[2 * ROWS - 1]));
        let seen = covers.into_iter().zip(values).enumerate();
        let saw = Saw {
            read: format!(
                "{look:?}{}",
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

/// Increments with a read after each, or not.
fn bump_all(conn: &mut Conn, desk: &mut Desk, picks: &[usize]) -> Result<(), Failure> {
    for &pick in picks {
        bump(conn, desk, pick)?;
        if desk.rng.bool() {
            desk.look_inside(conn)?;
        }
    }
    Ok(())
}

fn bump(conn: &mut Conn, desk: &mut Desk, counter: usize) -> QueryResult<()> {
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
    desk.own[counter] += 1;
    Ok(())
}

pub(crate) fn bump_raw(conn: &mut Conn, desk: &mut Desk, counter: usize) -> QueryResult<()> {
    conn.batch_execute(&increment(counter))?;
    desk.own[counter] += 1;
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
fn undone(conn: &mut Conn, desk: &mut Desk) -> Result<(), Failure> {
    let before = desk.own;
    let counter = desk.rng.usize(..COUNTERS);
    let result = conn.transaction(|conn| {
        bump(conn, desk, counter)?;
        desk.look_inside(conn)?;
        Err::<(), _>(Failure::Database(Error::RollbackTransaction))
    });
    desk.own = before;
    match result {
        Err(Failure::Database(Error::RollbackTransaction)) => desk.look_inside(conn),
        other => other,
    }
}

fn begin(conn: &mut Conn, desk: &mut Desk) -> Result<(), Failure> {
    let begin = desk.rng.choice(dialect::BEGINS).copied().unwrap_or("BEGIN");
    Ok(conn.batch_execute(begin)?)
}

/// A statement that fails, and changes nothing.
fn fail(conn: &mut Conn, desk: &mut Desk) -> Result<(), Failure> {
    let failing = desk
        .rng
        .choice(dialect::FAILING)
        .copied()
        .unwrap_or_default();
    let result = conn.batch_execute(failing);
    assert!(result.is_err(), "a row was inserted twice");
    Ok(())
}

/// A transaction that goes on after errors, whatever the database has made of it by then.
fn heedless(conn: &mut Conn, desk: &mut Desk, picks: &[usize]) -> Result<Done, Failure> {
    begin(conn, desk)?;
    let mut failed = false;
    for &pick in picks {
        failed |= bump(conn, desk, pick).is_err();
        if desk.rng.u8(..3) == 0 {
            fail(conn, desk)?;
            failed = true;
        }
        desk.mute = failed;
        failed |= desk.look_inside(conn).is_err();
        desk.mute = failed;
    }
    let ends = if desk.rng.bool() {
        "COMMIT"
    } else {
        "ROLLBACK"
    };
    let ended = conn.batch_execute(ends);
    if failed && ended.is_err() {
        // A COMMIT that SQLite's readers are in the way of leaves the transaction open, and what
        // follows would go on in it. An error may have ended it before: then there is none.
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

/// A connection that does not wait long for locks.
fn plain(url: &str) -> Plain {
    let mut conn = db::establish(url);
    conn.batch_execute(dialect::SETUP)
        .expect("the settings of a connection");
    conn
}

fn connect(url: &str, cache: &Cachalot) -> Conn {
    Conn::open(plain(url), cache)
}
