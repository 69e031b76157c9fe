//! Compares what is read through the cache after each write with what the database shows.

use std::fmt::{self, Write as _};

use cachalot_diesel::Cachalot;
use diesel::connection::SimpleConnection as _;

use super::{
    blog, catalog_fixture,
    connection_type::Typed,
    connections::Conn,
    statement::{Read, Rows, Sql, Write},
    statements,
    world::{Reader, World},
};

/// Changes of the rows that the others compare; at its end they are as they were before, more or less.
pub(super) type Script = Vec<Write>;

/// A script by its forms: with values bound, and in the text.
pub(super) struct Scripts {
    bound: Vec<Script>,
    literal: Vec<Script>,
}

impl Scripts {
    /// Statements by `; `, with values in braces.
    pub(super) fn of(texts: &[&str]) -> Self {
        let all = |form: fn(&str) -> Sql| {
            let scripts = texts.iter().map(|script| {
                let statements = script.split("; ");
                statements.map(|text| form(text).into()).collect()
            });
            scripts.collect()
        };
        Self {
            bound: all(Sql::bound),
            literal: all(Sql::literal),
        }
    }

    /// Attempts to do these: whether something comes of them does not matter.
    pub(super) fn attempts(texts: &[&str]) -> Self {
        let mut all = Self::of(texts);
        for script in all.bound.iter_mut().chain(&mut all.literal) {
            let attempts = script.drain(..).map(Write::attempt);
            *script = attempts.collect();
        }
        all
    }
}

/// Who writes.
#[derive(Clone, Copy, Debug)]
enum Writer {
    /// A connection that caches, in the process of the first reader.
    Same,
    /// One of another process.
    Other,
    /// A connection of Diesel's own, which a cache watches.
    Plain,
    /// A connection that no cache knows of: what a difference has to come of.
    Unwatched,
}

/// The reads that are compared, of whom, and what differed.
pub(super) struct Comparison {
    /// Reads by plain calls of Diesel, in a process.
    reader: Typed,
    /// Reads by `.cached(conn)`, in another.
    cached: Reader,
    other: Typed,
    plain: Reader,
    outsider: Conn,
    reads: Vec<Read>,
    /// What each read shows now.
    shown: Vec<Rows>,
    /// After the last write, a reader each in turn begins.
    steps: usize,
    counts: Counts,
    differences: Vec<String>,
    /// Writes that failed, or that no read showed.
    failures: Vec<String>,
    /// Goes last.
    _world: World,
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    writes: usize,
    reads: usize,
    hits: usize,
    /// Reads whose rows the last write left as they were, and the hits among them.
    kept: usize,
    kept_hits: usize,
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Comparison").field(&self.counts).finish()
    }
}

impl Comparison {
    /// On the rows of the blog.
    pub(super) fn of_blog(reads: Vec<Read>) -> Self {
        let mut world = World::new();
        blog::fill(&mut world.conn);
        catalog_fixture::run(&mut world.outsider(), statements::GENERATES_FROM_70);
        Self::new(world, reads)
    }

    /// On tables that an unwatched client makes.
    pub(super) fn of_schema(schema: &str, reads: Vec<Read>) -> Self {
        let world = World::new();
        catalog_fixture::run(&mut world.outsider(), schema);
        Self::new(world, reads)
    }

    /// The other process has a near cache.
    pub(super) fn new(world: World, reads: Vec<Read>) -> Self {
        let cache = world.other_process_with(|builder| builder.near_cache_bytes(1 << 20));
        Self::with(world, &cache, reads)
    }

    /// With this cache of the other process.
    pub(super) fn with(world: World, cache: &Cachalot, reads: Vec<Read>) -> Self {
        let mut this = Self {
            reader: Typed::of(&world),
            other: Typed::on(&world.database, cache),
            cached: world.connect(cache),
            plain: world.connect(cache),
            outsider: world.outsider(),
            reads: Vec::new(),
            shown: Vec::new(),
            steps: 0,
            counts: Counts::default(),
            differences: Vec::new(),
            failures: Vec::new(),
            _world: world,
        };
        this.reads_instead(reads);
        this
    }

    /// Compares other reads from now on.
    pub(super) fn reads_instead(&mut self, reads: Vec<Read>) {
        self.reads = reads;
        self.shown.clear();
        // Each read by each process, as processes that know of other keys do not share entries.
        self.look("at first");
        self.look("at first");
        let hits = self.counts.hits;
        self.look("at first");
        let hits = self.counts.hits - hits;
        let answered = self.shown.iter().filter(|rows| rows.is_ok()).count();
        // A first execution on MariaDB may have other types, and is not kept.
        assert!(hits * 10 >= answered * 9, "{hits} hits of {answered} reads");
    }

    /// Runs each script in each form by a connection that caches, and some by a plain one; compares after each
    /// statement.
    #[track_caller]
    pub(super) fn run(&mut self, scripts: &Scripts) {
        self.run_by_type(scripts);
        for script in scripts.literal.chunks(3) {
            self.run_by(Writer::Plain, &script[..1]);
        }
    }

    /// The same by connections that cache alone.
    #[track_caller]
    pub(super) fn run_by_type(&mut self, scripts: &Scripts) {
        self.run_by(Writer::Same, &scripts.bound);
        self.run_by(Writer::Other, &scripts.literal);
    }

    /// The same, for what Diesel builds.
    #[track_caller]
    pub(super) fn run_built(&mut self, scripts: &[Script]) {
        self.run_by(Writer::Same, scripts);
        self.run_by(Writer::Other, scripts);
        self.run_by(Writer::Plain, scripts);
    }

    /// The same, by the process of the first reader and by another in turn.
    #[track_caller]
    pub(super) fn run_built_by_type(&mut self, scripts: &[Script]) {
        let writer = match self.steps.is_multiple_of(4) {
            true => Writer::Other,
            false => Writer::Same,
        };
        self.run_by(writer, scripts);
    }

    /// Changes a setting of all sessions.
    #[track_caller]
    pub(super) fn set(&mut self, settings: &str) {
        for conn in [&mut self.reader.conn, &mut self.other.conn] {
            conn.batch_execute(settings).unwrap();
        }
        for conn in [
            &mut self.cached.conn,
            &mut self.plain.conn,
            &mut self.outsider,
        ] {
            conn.batch_execute(settings).unwrap();
        }
    }

    /// Changes rows by a connection that caches, and compares nothing yet.
    #[track_caller]
    pub(super) fn restore(&mut self, rows: &str) {
        let result = self.other.conn.batch_execute(rows);
        assert!(result.is_ok(), "{rows}: {result:?}");
    }

    /// What no cache is told of.
    #[track_caller]
    pub(super) fn run_unwatched(&mut self, scripts: &Scripts) {
        self.run_by(Writer::Unwatched, &scripts.literal);
    }

    #[track_caller]
    fn run_by(&mut self, writer: Writer, scripts: &[Script]) {
        for write in scripts.iter().flatten() {
            let result = match writer {
                Writer::Same => (write.by_type)(&mut self.reader.conn),
                Writer::Other => (write.by_type)(&mut self.other.conn),
                Writer::Plain => (write.plain)(&mut self.plain.conn),
                Writer::Unwatched => (write.plain)(&mut self.outsider),
            };
            self.counts.writes += 1;
            let name = &write.name;
            let changed = self.look(&format!("{writer:?}: {name}"));
            if !write.is_attempt && (result.is_err() || !changed) {
                let result = result.map(|rows| format!("no read shows it, of {rows} rows"));
                self.failures.push(format!("{name}: {result:?}"));
            }
        }
    }

    /// Compares all reads. Has one changed?
    fn look(&mut self, after: &str) -> bool {
        self.steps += 1;
        let before = std::mem::take(&mut self.shown);
        for (place, read) in self.reads.iter().enumerate() {
            let plain = (read.plain)(&mut self.outsider);
            let ((rows, sent), by) = if (place + self.steps).is_multiple_of(2) {
                (self.reader.sent(&read.by_type), "type")
            } else {
                (self.cached.sent(&read.cached), "cached")
            };
            self.counts.reads += 1;
            let hit = usize::from(sent == 0);
            self.counts.hits += hit;
            if before.get(place) == Some(&plain) {
                self.counts.kept += 1;
                self.counts.kept_hits += hit;
            }
            if rows != plain {
                let how = if sent == 0 { "a hit" } else { "no hit" };
                self.differences.push(format!(
                    "after {after}\n  {by} reads {}\n  {how}: {rows:?}\n  the database: {plain:?}",
                    read.name,
                ));
            }
            self.shown.push(plain);
        }
        before.len() != self.shown.len() || before != self.shown
    }

    /// Nothing differed.
    #[track_caller]
    pub(super) fn finish(self) {
        let mut report = String::new();
        for difference in self.differences.iter().take(20) {
            let _ = writeln!(report, "{difference}");
        }
        let count = self.differences.len();
        assert_eq!(count, 0, "{count} of {self:?} differ:\n{report}");
        let failures = self.failures.join("\n");
        assert!(failures.is_empty(), "writes that show nothing:\n{failures}");
    }

    /// What differed.
    pub(super) fn into_differences(self) -> Vec<String> {
        self.differences
    }
}
