//! A schedule through one random schema: after each write, every read is compared with a plain one.

use std::{collections::HashMap, fmt::Write as _};

use cachalot_diesel::Cachalot;
use cachalot_tests::memcached;
use diesel::{QueryResult, connection::SimpleConnection as _};
use fastrand::Rng;

use super::client::{Client, run};
use super::connection_type::Typed;
use super::dialect::{BEGINS, discard};
use super::reads::{self, Read, Rows};
use super::schema::{LONE, Schema};
use super::spy_store::SpyStore;
use super::world::World;
use super::{Conn, DATABASE, typed, writes};

/// Two processes that share a store, and a database that they change.
pub(crate) struct Schedule {
    seed: u64,
    rng: Rng,
    schema: Schema,
    reads: Vec<Read>,
    open: Option<Open>,
    processes: [Client; 2],
    /// Changes the schema unseen.
    outsider: Conn,
    /// The second process's.
    cache: Cachalot,
    /// Every change of the schema, and the other statements since the last.
    made: Vec<String>,
    since: Vec<String>,
    /// What each read gave after the last step.
    last: HashMap<String, Rows>,
    pub(crate) counts: Counts,
    /// Goes last.
    world: World,
}

/// An open transaction.
struct Open {
    owner: usize,
    /// By Diesel, or in SQL.
    by_diesel: bool,
    /// What the schema was when it began, and at each savepoint.
    levels: Vec<Schema>,
    /// Others would wait for its locks.
    locks: bool,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writers {
    /// Connections that the cache watches.
    Watched,
    /// One that it does not: what a difference has to come of.
    Unwatched,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) schemas: usize,
    /// Compared reads.
    pub(crate) reads: usize,
    pub(crate) hits: usize,
    /// Of these, reads of the table that nothing has to do with, after a write to others, by
    /// connections that are cached.
    pub(crate) lone_reads: usize,
    pub(crate) lone_hits: usize,
    pub(crate) writes: usize,
    pub(crate) failed_writes: usize,
    pub(crate) changes: usize,
    pub(crate) failed_changes: usize,
    pub(crate) commits: usize,
    pub(crate) rollbacks: usize,
    /// Reads whose rows a statement changed that names nothing of them.
    pub(crate) behind: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        let Self {
            schemas,
            reads,
            hits,
            lone_reads,
            lone_hits,
            writes,
            failed_writes,
            changes,
            failed_changes,
            commits,
            rollbacks,
            behind,
        } = other;
        self.behind += behind;
        self.schemas += schemas;
        self.reads += reads;
        self.hits += hits;
        self.lone_reads += lone_reads;
        self.lone_hits += lone_hits;
        self.writes += writes;
        self.failed_writes += failed_writes;
        self.changes += changes;
        self.failed_changes += failed_changes;
        self.commits += commits;
        self.rollbacks += rollbacks;
    }
}

/// What the last step was, as far as the table counts that nothing has to do with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Touched {
    /// A statement that names what it writes.
    Others,
    Anything,
}

impl Schedule {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (world, cache) = if rng.bool() {
            let world = World::at(memcached::shared().url());
            let other = world.other_process();
            (world, other)
        } else {
            let store = SpyStore::memory();
            let world = World::with("memory://".to_owned(), |it| it.store(store.clone()));
            let other = Cachalot::builder().namespace(&world.namespace).store(store);
            (world, other.build().unwrap())
        };
        let mut outsider = world.outsider();
        let (schema, sql) = Schema::random(&mut rng);
        let mut counts = Counts {
            schemas: 1,
            ..Counts::default()
        };
        let mut made = Vec::new();
        for statement in sql {
            let result = outsider.batch_execute(&statement);
            counts.changes += 1;
            counts.failed_changes += usize::from(result.is_err());
            made.push(told(&statement, &result));
        }
        let processes = [&world.cache, &cache].map(|cache| match rng.bool() {
            true => Client::Typed(Typed::on(&world.database, cache)),
            false => Client::Plain(world.connect(cache)),
        });
        let reads = reads::of(&schema, &mut rng);
        let mut this = Self {
            seed,
            rng,
            schema,
            reads,
            open: None,
            processes,
            outsider,
            cache,
            made,
            since: Vec::new(),
            last: HashMap::new(),
            counts,
            world,
        };
        for table in this.schema.tables.clone() {
            for _ in 0..8 {
                let sql = writes::row_of("INSERT", &table, &mut this.rng);
                let result = this.outsider.batch_execute(&sql);
                this.since.push(told(&sql, &result));
            }
        }
        this
    }

    /// Does something, and compares every read.
    ///
    /// # Errors
    /// A difference, and how to come to it again.
    pub(crate) fn step(&mut self, writers: Writers) -> Result<(), String> {
        let touched = self.act(writers);
        let undisturbed = touched == Touched::Others && self.open.is_none();
        for read in self.reads.clone() {
            let first = self.rng.usize(..2);
            let both = self.open.is_some() || self.rng.u8(..4) == 0;
            self.compare(&read, first, undisturbed)?;
            if both {
                self.compare(&read, 1 - first, undisturbed)?;
            }
        }
        Ok(())
    }

    fn act(&mut self, writers: Writers) -> Touched {
        let owner = self.open.as_ref().map(|open| open.owner);
        let who = owner.unwrap_or_else(|| self.rng.usize(..2));
        match (self.rng.u8(..100), &self.open) {
            (0..70, _) if writers == Writers::Watched => return self.write(who),
            (0..70, _) => {
                let sql = writes::random(&self.schema, &mut self.rng);
                let result = self.outsider.batch_execute(&sql);
                self.since
                    .push(format!("unwatched: {}", told(&sql, &result)));
            }
            // MariaDB would commit.
            (70..74, Some(_)) if DATABASE != "mysql" => self.change(who),
            (78.., None) if writers == Writers::Watched => self.begin(who),
            (70..80, Some(open)) if open.levels.len() < 3 => self.nest(who),
            (_, Some(_)) => {
                let commit = self.rng.bool();
                self.end(who, commit);
            }
            _ => self.change(who),
        }
        Touched::Anything
    }

    fn write(&mut self, who: usize) -> Touched {
        let conn = &mut self.processes[who];
        let (text, result) = if self.rng.u8(..6) == 0 {
            let (text, result) = typed::write(conn, &mut self.rng);
            (text, result.map(drop))
        } else {
            let sql = writes::random(&self.schema, &mut self.rng);
            run(conn, &sql, &mut self.rng)
        };
        self.counts.writes += 1;
        self.counts.failed_writes += usize::from(result.is_err());
        self.since.push(format!("{who}: {}", told(&text, &result)));
        if let Some(open) = &mut self.open {
            open.locks |= text.contains("TRUNCATE") || text.contains("REFRESH");
        }
        // PostgreSQL goes on only after that; the others may.
        if result.is_err() && self.open.is_some() && (DATABASE == "postgres" || self.rng.bool()) {
            self.end(who, false);
        }
        let calls = self.schema.calls.iter();
        let called = calls.filter_map(|call| call.split('?').next());
        let anything = text.contains(LONE)
            || self.schema.sweeping
            || called.into_iter().any(|call| text.contains(call));
        if anything {
            Touched::Anything
        } else {
            Touched::Others
        }
    }

    /// Changes the schema: through a watched connection, or through another, which tells it.
    fn change(&mut self, who: usize) {
        let before = self.schema.clone();
        let sql = self.schema.change(&mut self.rng);
        let unseen = self.open.is_none() && self.rng.u8(..5) == 0;
        let result = if unseen {
            self.outsider.batch_execute(&sql)
        } else {
            self.processes[who].batch(&sql)
        };
        if unseen {
            let cache = if self.rng.bool() {
                &self.world.cache
            } else {
                &self.cache
            };
            cache.invalidate_all().unwrap();
        }
        self.counts.changes += 1;
        self.counts.failed_changes += usize::from(result.is_err());
        let by = if unseen {
            "untrackable".to_owned()
        } else {
            who.to_string()
        };
        self.made.push(format!("{by}: {}", told(&sql, &result)));
        self.since.clear();
        if let Some(open) = &mut self.open {
            open.locks = true;
        }
        // A part of it may have been done: the reads of both are errors or rows all the same.
        if result.is_err() {
            self.schema = before;
        }
        if result.is_err() && self.open.is_some() {
            self.end(who, false);
        }
        self.reads = reads::of(&self.schema, &mut self.rng);
    }

    fn begin(&mut self, owner: usize) {
        let by_diesel = self.rng.bool();
        let conn = &mut self.processes[owner];
        let text = if by_diesel {
            conn.begin().unwrap();
            "begin, by Diesel"
        } else {
            let begin = BEGINS[self.rng.usize(..BEGINS.len())];
            conn.batch(begin).unwrap();
            begin
        };
        self.since.push(format!("{owner}: {text}"));
        self.open = Some(Open {
            owner,
            by_diesel,
            levels: vec![self.schema.clone()],
            locks: false,
        });
    }

    fn nest(&mut self, owner: usize) {
        let Some(open) = &mut self.open else { return };
        let conn = &mut self.processes[owner];
        let savepoint = format!("SAVEPOINT s{}", open.levels.len());
        let result = if open.by_diesel {
            conn.begin()
        } else {
            conn.batch(&savepoint)
        };
        self.since
            .push(format!("{owner}: {}", told(&savepoint, &result)));
        if result.is_ok() {
            open.levels.push(self.schema.clone());
        }
    }

    /// Ends the innermost level.
    fn end(&mut self, owner: usize, commit: bool) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        let Some(before) = open.levels.pop() else {
            return;
        };
        let conn = &mut self.processes[owner];
        let depth = open.levels.len();
        let sql = match (commit, depth) {
            (true, 0) => "COMMIT".to_owned(),
            (false, 0) => "ROLLBACK".to_owned(),
            (true, _) => format!("RELEASE SAVEPOINT s{depth}"),
            (false, _) => format!("ROLLBACK TO SAVEPOINT s{depth}"),
        };
        let result = match (open.by_diesel, commit) {
            (true, true) => conn.commit(),
            (true, false) => conn.roll_back(),
            (false, _) => conn.batch(&sql),
        };
        self.since.push(format!("{owner}: {}", told(&sql, &result)));
        // What a deferred constraint refuses is undone, by SQLite only when it is told to.
        if result.is_err() && depth == 0 {
            let _ = match open.by_diesel {
                true => conn.roll_back(),
                false => conn.batch("ROLLBACK"),
            };
        }
        if !commit || result.is_err() {
            self.schema = before;
            self.reads = reads::of(&self.schema, &mut self.rng);
        }
        if depth > 0 {
            self.open = Some(open);
        } else if commit {
            self.counts.commits += 1;
        } else {
            self.counts.rollbacks += 1;
        }
    }

    fn compare(&mut self, read: &Read, who: usize, undisturbed: bool) -> Result<(), String> {
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.locks && open.owner != who)
        {
            return Ok(());
        }
        let process = &mut self.processes[who];
        let plain = read.plain(process);
        // After an error PostgreSQL answers nothing more in the transaction.
        let ended = plain.is_err() && DATABASE == "postgres";
        if ended && self.open.as_ref().is_some_and(|open| open.owner == who) {
            self.end(who, false);
            return Ok(());
        }
        let cache = [&self.world.cache, &self.cache][who];
        let bypasses = || cache.stats().bypasses.values().sum::<u64>();
        let before = bypasses();
        let (cached, sent) = process.sent(|conn| read.cached(conn));
        let hit = usize::from(sent == 0);
        let looked_up = bypasses() == before;
        self.counts.reads += 1;
        self.counts.hits += hit;
        if undisturbed {
            if read.is_of(LONE) && looked_up {
                self.counts.lone_reads += 1;
                self.counts.lone_hits += hit;
            }
            self.note_change(read, &plain);
        }
        if cached == plain {
            return Ok(());
        }
        let read = read.text();
        let how = if hit == 1 { "a hit" } else { "no hit" };
        let mut report = format!(
            "process {who} was given other rows than the database has, by {how}\n\
             read: {read}\nplain: {plain:?}\ncached: {cached:?}\n\
             seed: {}, step: {} (CACHALOT_DIFFERENTIAL_SEED={} begins with it)\n",
            self.seed, self.counts.reads, self.seed,
        );
        let _ = writeln!(report, "schema:\n  {}", self.made.join("\n  "));
        let _ = writeln!(report, "since then:\n  {}", self.since.join("\n  "));
        Err(report)
    }
}

impl Schedule {
    /// Counts what the last statement changed without naming it.
    fn note_change(&mut self, read: &Read, rows: &Rows) {
        let before = self.last.insert(read.text(), rows.clone());
        let named = |statement: &String| read.relation().is_none_or(|it| names(statement, it));
        if before.is_some_and(|before| before != *rows) && !self.since.last().is_none_or(named) {
            self.counts.behind += 1;
        }
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        // Its locks would be waited for.
        while let Some(owner) = self.open.as_ref().map(|open| open.owner) {
            self.end(owner, false);
        }
        discard(&mut self.outsider, &self.world.database, &self.schema);
    }
}

/// Does a statement name it?
fn names(statement: &str, relation: &str) -> bool {
    let statement = statement.to_lowercase();
    let mut words = statement.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == relation)
}

fn told<T>(sql: &str, result: &QueryResult<T>) -> String {
    match result {
        Ok(_) => sql.to_owned(),
        Err(error) => format!("{sql} -- {error}"),
    }
}
