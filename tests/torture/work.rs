//! What a thread of a worker does: it reads, and in some steps writes.

mod read;
mod report;
mod write;

use std::{io, thread, time::Duration};

use cachalot_diesel::{BypassReason, Cachalot, CachedDsl as _, Outcome};
use diesel::{
    connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _},
    prelude::*,
    result::Error,
};

use self::read::{AUTHORS, Read, Source, author_id, author_of, id};
pub(crate) use self::report::Reporter;
pub(crate) use self::write::bump_raw;
use self::write::{Done, Write};
use super::schema::{authors, counters, posts};
use super::{Conn, db, dialect};
use crate::{
    client::Client,
    message::{COUNTERS, Ending, Line, ROWS},
    store,
};

type Plain = <Conn as Client>::Plain;

/// The steps of a hundred that write, and those that read inside a transaction.
const WRITES: u8 = 12;
const INSIDE: u8 = 8;
/// How often a writer asks whether its invalidation is still pending: seldom, to leave the others the
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
    let authors: Vec<_> = (0..AUTHORS)
        .map(|author| (authors::id.eq(author_id(author)), authors::name.eq("a")))
        .collect();
    let counters: Vec<_> = ids()
        .map(|id| (counters::id.eq(id), counters::value.eq(0)))
        .collect();
    let posts: Vec<_> = (ROWS..COUNTERS)
        .map(|counter| {
            (
                posts::id.eq(id(counter)),
                posts::author_id.eq(author_id(author_of(counter))),
                posts::title.eq("t"),
                posts::votes.eq(0),
            )
        })
        .collect();
    diesel::insert_into(authors::table)
        .values(authors)
        .execute(conn)
        .expect("authors");
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
    let counters = Read::Table(0).run(Source::Database(conn));
    let mut values = counters.expect("the counters");
    let posts = Read::Table(1).run(Source::Database(conn));
    values.extend(posts.expect("the posts"));
    values
}

/// Works as one thread.
pub(crate) fn work(url: &str, cache: Cachalot, line: Line, seed: u64) {
    WorkerThread::new(url, cache, line, seed).work();
}

/// A thread's connections and its line to the referee.
struct WorkerThread {
    conn: Conn,
    reporter: Reporter,
    cache: Cachalot,
    url: String,
    /// Asks for pending invalidations; opened when it is needed.
    explainer: Option<Conn>,
}

impl WorkerThread {
    fn new(url: &str, cache: Cachalot, line: Line, seed: u64) -> Self {
        Self {
            conn: connect(url, &cache),
            reporter: Reporter::new(line, plain(url), seed),
            cache,
            url: url.to_owned(),
            explainer: None,
        }
    }

    /// Works until the referee says stop, or its connection is lost.
    fn work(mut self) {
        while self.step().is_ok() {}
    }

    fn step(&mut self) -> Result<(), Failure> {
        match self.reporter.rng.u8(..100) {
            number if number < WRITES => self.write(),
            number if number < WRITES + INSIDE => {
                self.reporter.ask()?;
                let read = self.read_inside();
                self.recover(&read)
            }
            _ => {
                self.reporter.ask()?;
                let read = self.reporter.read(&mut self.conn);
                self.recover(&read)
            }
        }
    }

    fn read_inside(&mut self) -> Result<(), Failure> {
        let Self { conn, reporter, .. } = self;
        let reads = 1 + reporter.rng.u8(..4);
        let kind = reporter.rng.u8(..);
        let body = |conn: &mut Conn| {
            for _ in 0..reads {
                reporter.read_inside(conn)?;
            }
            Ok(())
        };
        match kind % 4 {
            0 => conn.transaction(body),
            _ => dialect::isolated(conn, kind / 4, body),
        }
    }

    /// Opens a new connection if the old one cannot be used any more.
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
        let write = Write::any(&mut self.reporter.rng);
        let picks = write.picks(&mut self.reporter.rng);
        self.reporter.begin(&picks)?;
        let failures = store::failures();
        let mut ending = self.run(write, &picks)?;
        self.reporter.forget_transaction();
        if store::failures() > failures {
            ending.cut_off = true;
            if !self.delivered()? {
                ending.kept.clear();
            }
        }
        self.reporter.end(ending)
    }

    fn run(&mut self, write: Write, picks: &[usize]) -> Result<Ending, Failure> {
        let raw = matches!(
            write,
            Write::Raw | Write::RawRolledBack | Write::IgnoringErrors | Write::Special
        );
        let done = match write.run(&mut self.conn, &mut self.reporter, picks) {
            Ok(done) => done,
            Err(Failure::Halt) => return Err(Failure::Halt),
            Err(Failure::Database(_)) => {
                let broken = AnsiTransactionManager::is_broken_transaction_manager(&mut self.conn)
                    || raw && self.conn.batch_execute("ROLLBACK").is_err();
                let hangs = write == Write::Isolated && dialect::FAILED_READ_HANGS;
                if broken || hangs {
                    self.reconnect();
                }
                if broken { Done::Perhaps } else { Done::Nothing }
            }
        };
        if write == Write::Special && dialect::restore(&mut self.conn).is_err() {
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

    /// Waits until no invalidation is pending; false if the run ends before.
    fn delivered(&mut self) -> Result<bool, Failure> {
        let explainer = self
            .explainer
            .get_or_insert_with(|| connect(&self.url, &self.cache));
        loop {
            let query = counters::table.inner_join(posts::table.on(posts::id.eq(counters::id)));
            let explained = query.select(counters::id).cached(explainer).explain();
            let pending = Outcome::Bypass(BypassReason::StoreUnavailable);
            if explained.is_ok_and(|explanation| explanation.outcome != pending) {
                return Ok(true);
            }
            if self.reporter.ask().is_err() {
                return Ok(false);
            }
            thread::sleep(DELIVERY_TICK);
        }
    }
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
