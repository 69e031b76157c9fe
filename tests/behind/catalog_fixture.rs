//! Tables of a test's own, and how a write behind Diesel's back has to show in what is read of them.

use std::time::{Duration, SystemTime};

use cachalot_diesel::{CachedDsl as _, Explanation};
use cachalot_tests::wait_until;
use diesel::{connection::SimpleConnection, dsl::sql, prelude::*, sql_types::Text};

use super::Conn;
use super::world::{Reader, World};

/// A world with tables that an unwatched client made before anybody read.
///
/// Reads are SQL texts that give one column of text.
pub(crate) struct CatalogFixture {
    /// Its connection reads through the cache.
    pub(crate) world: World,
    /// Writes in another process.
    pub(crate) writer: Reader,
    /// Tells what the database itself shows.
    pub(crate) outsider: Conn,
}

impl CatalogFixture {
    /// A world with this `schema`, and what it fills its tables with.
    pub(crate) fn new(schema: &str) -> Self {
        let world = World::new();
        let mut outsider = world.outsider();
        run(&mut outsider, schema);
        let writer = world.connect(&world.other_process());
        Self {
            world,
            writer,
            outsider,
        }
    }

    /// What the `write` of another process changes in the database, the next cached read asks for
    /// once and sees; what it does not touch is `kept`.
    #[track_caller]
    pub(crate) fn writes(&mut self, write: &str, changed: &[&str], kept: &[&str]) {
        self.does(write, |conn| run(conn, write), changed, kept);
    }

    /// [`writes`](Self::writes), by Diesel.
    #[track_caller]
    pub(crate) fn does(
        &mut self,
        what: &str,
        write: impl FnOnce(&mut Conn),
        changed: &[&str],
        kept: &[&str],
    ) {
        let reads = || changed.iter().chain(kept).copied();
        for read in reads() {
            self.warm(read);
        }
        let before: Vec<_> = reads().map(|read| self.shown(read)).collect();
        write(&mut self.writer.conn);
        for (place, (read, before)) in reads().zip(before).enumerate() {
            let shown = self.shown(read);
            let changes = place < changed.len();
            assert_eq!(shown != before, changes, "the database: {what}: {read}");
            let (rows, sent) = self.cached(read);
            assert_eq!(rows, shown, "the cache: {what}: {read}");
            assert_eq!(sent, usize::from(changes), "statements: {what}: {read}");
            assert_eq!(
                self.cached(read),
                (shown, 0),
                "cached again: {what}: {read}"
            );
        }
    }

    /// [`writes`](Self::writes), where it matters only that the change is seen.
    #[track_caller]
    pub(crate) fn changes(&mut self, write: &str, changed: &[&str]) {
        self.writes(write, changed, &[]);
    }

    /// A write that the read does not depend on.
    #[track_caller]
    pub(crate) fn keeps(&mut self, write: &str, kept: &[&str]) {
        self.writes(write, &[], kept);
    }

    /// What the `write` changes is seen, by a hit or by asking each time.
    #[track_caller]
    pub(crate) fn follows(&mut self, write: &str, reads: &[&str]) {
        for read in reads {
            let before = self.shown(read);
            assert_eq!(self.cached(read).0, before, "before: {read}");
            assert_eq!(self.cached(read).0, before, "before, again: {read}");
        }
        let before: Vec<_> = reads.iter().map(|read| self.shown(read)).collect();
        run(&mut self.writer.conn, write);
        for (read, before) in reads.iter().zip(before) {
            let after = self.shown(read);
            assert_ne!(after, before, "the database: {write}: {read}");
            assert_eq!(self.cached(read).0, after, "after: {write}: {read}");
            assert_eq!(self.cached(read).0, after, "after, again: {write}: {read}");
        }
    }

    /// The tables that a cached read depends on, exactly.
    #[track_caller]
    pub(crate) fn depends(&mut self, read: &str, tables: &[&str]) {
        assert_eq!(self.explain(read).tables, tables, "{read}");
    }

    /// What a cached read would do.
    #[track_caller]
    pub(crate) fn explain(&mut self, read: &str) -> Explanation {
        sql::<Text>(read)
            .cached(&mut self.world.conn)
            .explain()
            .unwrap()
    }

    /// The write of another process gives these names a new time of their last invalidation, and those
    /// none.
    #[track_caller]
    pub(crate) fn dates(&mut self, write: &str, dated: &[&str], undated: &[&str]) {
        let before = SystemTime::now() - Duration::from_millis(1);
        run(&mut self.writer.conn, write);
        let after = SystemTime::now();
        let last = |name: &str| {
            let last = self.world.cache.last_invalidation([name]).unwrap();
            last.filter(|at| *at >= before)
        };
        for name in dated {
            assert!(last(name).is_some(), "{write}: {name} has no date");
        }
        for name in undated {
            assert_eq!(last(name), None, "{write}: {name}");
        }
        // The next write is dated later.
        wait_until("the clock moves on", Duration::from_secs(10), || {
            after.elapsed().is_ok_and(|since| since.as_millis() > 2)
        });
    }

    /// The rows of a cached read, and the number of its statements.
    #[track_caller]
    pub(crate) fn cached(&mut self, read: &str) -> (Vec<String>, usize) {
        self.world.sent(|conn| cached(conn, read))
    }

    /// Reads until it is a hit: at once, or after one statement.
    #[track_caller]
    pub(crate) fn warm(&mut self, read: &str) {
        let (rows, _) = self.cached(read);
        let again = self.cached(read);
        assert_eq!(again, (rows, 0), "{read}: {}", self.explain(read));
    }

    /// The rows as an unwatched connection sees them.
    #[track_caller]
    pub(crate) fn shown(&mut self, read: &str) -> Vec<String> {
        shown(&mut self.outsider, read)
    }
}

/// Runs one or several statements.
#[track_caller]
pub(crate) fn run(conn: &mut Conn, statements: &str) {
    if let Err(error) = conn.batch_execute(statements) {
        panic!("{statements}: {error}");
    }
}

/// The rows of a cached read.
#[track_caller]
pub(crate) fn cached(conn: &mut Conn, read: &str) -> Vec<String> {
    match sql::<Text>(read).cached(conn).load() {
        Ok(rows) => rows,
        Err(error) => panic!("{read}: {error}"),
    }
}

/// The rows of a plain read.
#[track_caller]
pub(crate) fn shown(conn: &mut Conn, read: &str) -> Vec<String> {
    match sql::<Text>(read).load(conn) {
        Ok(rows) => rows,
        Err(error) => panic!("{read}: {error}"),
    }
}
