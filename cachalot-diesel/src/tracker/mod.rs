//! The door for writes: a Diesel `Instrumentation` that sees every statement of its connection.
//!
//! Before a statement that makes changes visible it begins a write, after it ends the write; which
//! statements those are is decided in [`transaction`]. It also keeps what a read has to know of the
//! connection: uncommitted writes, isolation, the session.

mod guessed;
mod install;
mod prepared;
mod replaced;
mod session;
mod sql;
mod temporary;
mod temporary_names;
mod transaction;

use std::{any::TypeId, collections::HashMap, sync::Arc};

use diesel::{
    connection::{Instrumentation, InstrumentationEvent},
    result::{DatabaseErrorKind, Error},
};

pub(crate) use install::{Constructor, attach, install_default, install_default_with, set_tracker};
pub(crate) use replaced::misses_writes;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use session::TemporaryTables;
pub(crate) use session::{Probe, ServerRole, SessionState};
#[cfg(feature = "mysql")]
pub(crate) use temporary::Counted;
pub(crate) use transaction::{Snapshot, Transactions};

use crate::{
    cache::Cache,
    planner::{CatalogSnapshot, SideEffects},
    protocol::WriteOutcome,
    statement::{self, Analysis, Dialect},
    versions::{Origin, Write},
};

/// Sits in a connection's instrumentation and reports its writes.
pub(crate) struct Tracker {
    /// Every cache that was told to watch the connection; reads use the last.
    caches: Vec<Cache>,
    /// The user's own, which goes on seeing every event.
    inner: Option<Box<dyn Instrumentation>>,
    dialect: Option<Dialect>,
    pub(crate) transactions: Transactions,
    pub(crate) session: SessionState,
    temporary: temporary_names::TemporaryNames,
    guessed: guessed::Guessed,
    statements: prepared::PreparedStatements,
    /// A statement failed that the open transaction contains: that it names a relation does not say
    /// that there is one.
    doubtful: bool,
    /// The analyses of queries whose type says what their text is. No more than the program has such
    /// types; Diesel keeps a prepared statement for each of them.
    pub(crate) typed: HashMap<TypeId, Arc<Analysis>>,
    /// The statement that runs, below those that Diesel asks on the way to it.
    running: Vec<Running>,
    /// Statements of our own, which nobody needs to see.
    silent: bool,
    /// The next statement is a read that has been analysed already.
    known_read: bool,
    /// The running statement, or the last one, was put into Diesel's cache of prepared statements.
    prepared: bool,
}

/// A statement between its start and its end.
struct Running {
    analysis: Option<Arc<Analysis>>,
    writes: Vec<(Cache, Write)>,
    statements: usize,
    /// What its functions do was found in these catalogs.
    trusted: Vec<(Cache, CatalogSnapshot)>,
}

impl std::fmt::Debug for Tracker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracker")
            .field("transactions", &self.transactions)
            .finish_non_exhaustive()
    }
}

impl Tracker {
    pub(crate) fn new(cache: Cache, inner: Option<Box<dyn Instrumentation>>) -> Self {
        Self {
            caches: vec![cache],
            inner,
            dialect: None,
            transactions: Transactions::default(),
            session: SessionState::default(),
            temporary: temporary_names::TemporaryNames::default(),
            guessed: guessed::Guessed::default(),
            statements: prepared::PreparedStatements::default(),
            doubtful: false,
            typed: HashMap::new(),
            running: Vec::new(),
            silent: false,
            known_read: false,
            prepared: false,
        }
    }

    /// The cache that answers this connection's reads.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.caches.last()
    }

    /// From now on reads use `cache`; those that watched before go on hearing of writes.
    pub(crate) fn watch(&mut self, cache: &Cache) {
        self.caches.retain(|known| !known.is(cache));
        self.caches.push(cache.clone());
    }

    /// The dialect decides how statements are read; only a typed connection knows it for certain.
    pub(crate) fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = Some(dialect);
        self.transactions.set_dialect(dialect);
    }

    /// Hides the statements that run until `silence(false)` from everybody.
    pub(crate) fn silence(&mut self, silent: bool) {
        self.silent = silent;
    }

    /// Tells that the next statement is a plain read, so that it is not analysed again.
    pub(crate) fn expect_read(&mut self, expected: bool) {
        self.known_read = expected;
    }

    /// Was the statement that ran last prepared for that run, to be kept prepared?
    pub(crate) fn just_prepared(&self) -> bool {
        self.prepared
    }

    fn start(&mut self, query: &dyn diesel::connection::DebugQuery) {
        if std::mem::take(&mut self.known_read) {
            self.abandon();
            self.running.push(Running {
                analysis: None,
                writes: Vec::new(),
                statements: 1,
                trusted: Vec::new(),
            });
            return;
        }
        let dialect = self.dialect();
        // A query that cannot be shown cannot be built either; if it runs all the same, `finish`
        // takes it for a write to everything.
        let mut trusted = Vec::new();
        let analysis = sql::text(query).map(|sql| {
            let mut analysis = statement::analysis(&sql, dialect);
            if let Some(executed) = self.statements.executed(&analysis, dialect) {
                analysis = executed;
            }
            let behind = self.behind(&analysis, dialect);
            if behind.is_empty() {
                return analysis;
            }
            let mut writes = statement::Writes::Nothing;
            let mut moves = false;
            for (cache, calls) in behind {
                if !calls.pure || (calls.may_end_transaction && analysis.calls_procedures()) {
                    self.session.may_have_changed();
                    self.temporary.code_ran();
                }
                writes.merge(&calls.writes);
                moves |= calls.may_end_transaction;
                trusted.extend(calls.snapshot.map(|known| (cache, known)));
            }
            Analysis::with_calls(analysis, &writes, moves)
        });
        let analysis = analysis.map(|it| self.on_temporary_tables(&it, &mut trusted).unwrap_or(it));
        if !analysis.as_deref().is_some_and(is_type_lookup) {
            self.abandon();
        }
        let published = match &analysis {
            Some(analysis) => {
                self.temporary.starts(analysis);
                self.guessed.starts(analysis, dialect);
                self.transactions.publishes(analysis)
            }
            None => statement::Writes::Nothing,
        };
        let writes = self.begin(&published);
        let statements = analysis
            .as_ref()
            .map_or(0, |analysis| analysis.statements.len());
        self.running.push(Running {
            analysis,
            writes,
            statements,
            trusted,
        });
    }

    /// The text's analysis where it changes only temporary tables that the connection has created. In
    /// every cache, `trusted` then holds a catalog that has no other tables of their names.
    fn on_temporary_tables(
        &self,
        analysis: &Analysis,
        trusted: &mut Vec<(Cache, CatalogSnapshot)>,
    ) -> Option<Arc<Analysis>> {
        let names = analysis.changed_tables()?;
        if analysis.writes().is_nothing() || !self.temporary.have_created(names) {
            return None;
        }
        let database = self.database()?;
        let mut catalogs = Vec::with_capacity(self.caches.len());
        for cache in &self.caches {
            let catalog = cache.planner().without_relations(&database, names)?;
            catalogs.push((cache.clone(), catalog));
        }
        trusted.append(&mut catalogs);
        Some(analysis.on_temporary_tables())
    }

    /// What a text does besides what its analysis says, as each cache knows it.
    fn behind(&self, analysis: &Analysis, dialect: Dialect) -> Vec<(Cache, SideEffects)> {
        // Functions of SQLite are the program's own, and do not reach the tables.
        if dialect == Dialect::Sqlite {
            return Vec::new();
        }
        let session = &self.session;
        let caches = self.caches.iter();
        caches
            .map(|cache| {
                // Others may have asked where a connection by this URL leads.
                let known = || cache.planner().database_of(session.url()?);
                let database = session.database().cloned().or_else(known);
                let calls = cache.planner().side_effects_of(database.as_ref(), analysis);
                (cache.clone(), calls)
            })
            .collect()
    }

    fn finish(&mut self, error: Option<&Error>) {
        let Some(running) = self.running.pop() else {
            return;
        };
        let outcome = match error {
            None => Ending::Succeeded,
            Some(error) if failed_cleanly(error) && self.fails_whole(&running) => Ending::Failed,
            Some(_) => Ending::Unknown,
        };
        if error.is_some() {
            self.transactions.on_statement_error();
        }
        match running.analysis {
            Some(analysis) => {
                self.transactions.finished(&analysis, outcome);
                let (dialect, well) = (self.dialect(), outcome == Ending::Succeeded);
                self.session.finished(&analysis, dialect, well);
                self.statements.finished(&analysis, dialect, well);
                let pending = self.transactions.is_pending();
                self.temporary.finished(&analysis, well, pending);
                if *analysis.writes() == statement::Writes::Everything {
                    let caches = self.caches.iter();
                    caches.for_each(|cache| cache.versions().forget_announced());
                }
            }
            None if running.statements == 0 && outcome != Ending::Failed && error.is_none() => {
                let writes = self.begin(&statement::Writes::Everything);
                end(writes, Ending::Unknown);
                self.transactions.lost_track();
            }
            None => {}
        }
        self.doubtful |= outcome != Ending::Succeeded;
        if !self.transactions.is_pending() {
            self.doubtful = false;
            self.guessed.committed();
            self.temporary.committed();
        }
        end(running.writes, outcome);
        for (cache, known) in running.trusted {
            // A function was replaced while the statement ran: it may have been the new one.
            if !cache.planner().is_current(&known) {
                self.session.may_have_changed();
                self.temporary.code_ran();
                self.transactions.code_ran();
                let write = cache.begin(&statement::Writes::Everything, Origin::default());
                end(vec![(cache, write)], Ending::Unknown);
            }
        }
    }

    /// Has a statement that fails certainly changed nothing?
    fn fails_whole(&self, running: &Running) -> bool {
        // What was not analysed is a read.
        let by_its_text = running.analysis.as_ref().is_none_or(|it| it.fails_whole());
        let by_its_tables = || match self.database() {
            Some(database) => {
                let mut caches = self.caches.iter();
                caches.all(|cache| cache.planner().fails_whole(&database))
            }
            None => false,
        };
        running.statements == 1
            && by_its_text
            && (self.dialect() != Dialect::Sqlite || by_its_tables())
    }

    /// What the catalog of the database is known by that the connection sees.
    fn database(&self) -> Option<Arc<str>> {
        let session = &self.session;
        // Others may have asked where a connection by this URL leads.
        let known = || {
            let url = session.url()?;
            self.caches
                .iter()
                .find_map(|cache| cache.planner().database_of(url))
        };
        session.database().cloned().or_else(known)
    }

    /// Statements whose end was never told: they may have succeeded.
    fn abandon(&mut self) {
        while let Some(running) = self.running.pop() {
            if let Some(analysis) = running.analysis {
                self.transactions.finished(&analysis, Ending::Unknown);
                let dialect = self.dialect();
                self.session.finished(&analysis, dialect, false);
                self.statements.finished(&analysis, dialect, false);
                self.temporary.finished(&analysis, false, true);
            }
            self.doubtful = true;
            end(running.writes, Ending::Unknown);
        }
    }

    /// To be called before a read looks at the state.
    pub(crate) fn close_unreported(&mut self) {
        self.abandon();
    }

    fn begin(&self, published: &statement::Writes) -> Vec<(Cache, Write)> {
        if published.is_nothing() {
            return Vec::new();
        }
        let database = self.database();
        let origin = Origin {
            database: database.as_ref(),
            catalog: None,
            temporary: Some(self.temporary.names()),
            others: Some(self.guessed.others()),
            doubtful: self.doubtful,
            requested: false,
        };
        let begin = |cache: &Cache| (cache.clone(), cache.begin(published, origin));
        self.caches.iter().map(begin).collect()
    }

    fn dialect(&self) -> Dialect {
        // Until a typed connection told: PostgreSQL's grammar reads most of the others' texts, and
        // what it refuses falls back to the tokenizer, which can only take too much for a table.
        self.dialect.unwrap_or(Dialect::Postgres)
    }
}

/// How a statement ended, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Succeeded,
    /// It certainly changed nothing.
    Failed,
    Unknown,
}

fn end(writes: Vec<(Cache, Write)>, ending: Ending) {
    let outcome = match ending {
        Ending::Succeeded => WriteOutcome::Success,
        Ending::Unknown => WriteOutcome::Unknown,
        Ending::Failed => WriteOutcome::Failure,
    };
    for (cache, write) in writes {
        // What could not be delivered is remembered and reported there.
        let _ = cache.end(write, outcome);
    }
}

/// Diesel starts a PostgreSQL statement, looks the numbers of its custom types up, and then sends
/// it: only such a question may come while another statement runs.
fn is_type_lookup(analysis: &Analysis) -> bool {
    analysis.writes().is_nothing() && analysis.reads().iter().any(|table| **table == *"pg_type")
}

/// Errors that a database only reports for a statement that it has undone.
fn failed_cleanly(error: &Error) -> bool {
    match error {
        Error::DatabaseError(kind, _) => matches!(
            kind,
            DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::ReadOnlyTransaction
                | DatabaseErrorKind::SerializationFailure
        ),
        // Refused before anything was sent.
        Error::QueryBuilderError(_) | Error::SerializationError(_) | Error::InvalidCString(_) => {
            true
        }
        _ => false,
    }
}

impl Instrumentation for Tracker {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if self.silent {
            return;
        }
        match &event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                if let Some(dialect) = install::dialect_of(url) {
                    self.set_dialect(dialect);
                }
                self.session
                    .opened(url, self.dialect.unwrap_or(Dialect::Postgres));
            }
            InstrumentationEvent::StartQuery { query, .. } => {
                self.prepared = false;
                self.start(*query);
            }
            InstrumentationEvent::CacheQuery { .. } => self.prepared = true,
            InstrumentationEvent::FinishQuery { error, .. } => self.finish(*error),
            _ => {}
        }
        if let Some(inner) = &mut self.inner {
            inner.on_connection_event(event);
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.abandon();
        if self.caches.iter().any(Cache::was_installed) {
            replaced::tracker_dropped();
        }
    }
}
