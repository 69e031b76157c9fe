//! A Diesel `Instrumentation` that reports the statements of its connection to the connection's
//! [`Session`].
//!
//! Before a statement that makes changes visible it begins a write, and it ends the write after the
//! statement. The session decides which statements those are.

mod install;
mod lend;
mod passing;
mod relay;
mod replaced;
mod rows;
mod sql;

use std::sync::Arc;

use diesel::{
    connection::{Instrumentation, InstrumentationEvent},
    result::{DatabaseErrorKind, Error},
};

pub(crate) use install::{
    Constructor, attach, cache_of, detach, hide, install_default, install_default_with,
    install_implicitly, watch_with,
};
pub(crate) use lend::{tracker, with_session};
pub(crate) use passing::Statement;
pub(crate) use relay::Relay;

use crate::{
    cache::Cache,
    planner::{CatalogSnapshot, SideEffects},
    protocol::{RowWrites, WriteOutcome},
    rows::private::Bind,
    session::{Session, Step},
    versions::{Origin, Write},
};
use cachalot_sql::{Analysis, Dialect};

/// Reports the statements of its connection.
pub(crate) struct Tracker {
    /// `None` while it is lent: the statements that run then are the library's own, and are hidden.
    session: Option<Box<Session>>,
    writes: WriteReporter,
    /// The program's own instrumentation, which still receives every event.
    inner: Option<Box<dyn Instrumentation>>,
}

/// Begins and ends a connection's writes.
struct WriteReporter {
    /// The caches that watch the connection. Reads use the last one.
    caches: Vec<Cache>,
    /// The running statement, below those that Diesel runs to prepare it.
    running: Vec<Running>,
    /// What is known of the next statement.
    next_read: Option<NextRead>,
    /// The running statement, or the last one, was put into Diesel's cache of prepared statements.
    prepared: bool,
}

/// What is known of a read before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextRead {
    /// It has been analysed, and is nothing but a read.
    Planned,
    /// The cache does not answer it.
    Uncached,
}

/// A statement between its start and its end.
struct Running {
    /// `None`: it was not analysed.
    step: Option<(Arc<Analysis>, Step)>,
    writes: Vec<(Cache, Write)>,
    statements: usize,
    /// The catalogs from which the side effects of its functions follow.
    trusted: Vec<(Cache, CatalogSnapshot)>,
}

impl std::fmt::Debug for Tracker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracker")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl Tracker {
    pub(crate) fn new(cache: Cache, inner: Option<Box<dyn Instrumentation>>) -> Self {
        Self {
            session: Some(Box::default()),
            writes: WriteReporter {
                caches: vec![cache],
                running: Vec::new(),
                next_read: None,
                prepared: false,
            },
            inner,
        }
    }

    /// The cache that answers this connection's reads.
    fn cache(&self) -> Option<&Cache> {
        self.writes.caches.last()
    }

    /// From now on reads use `cache`. The caches that watched before still receive writes.
    pub(crate) fn watch(&mut self, cache: &Cache) {
        let caches = &mut self.writes.caches;
        caches.retain(|known| !known.is(cache));
        caches.push(cache.clone());
    }

    fn set_dialect(&mut self, dialect: Dialect) {
        if let Some(session) = &mut self.session {
            session.set_dialect(dialect);
        }
    }

    /// Announces what is known of the next statement.
    pub(crate) fn expect(&mut self, next: Option<NextRead>) {
        self.writes.next_read = next;
    }

    /// What is known of the statement that is about to run.
    pub(crate) fn take_expected(&mut self) -> Option<NextRead> {
        self.writes.next_read.take()
    }

    /// Was the last statement prepared for that execution, and put into Diesel's cache?
    pub(crate) fn just_prepared(&self) -> bool {
        self.writes.prepared
    }

    /// Ends the statements whose end was not reported. To be called before a read uses the session.
    fn close_unreported(&mut self) {
        if let Some(session) = &mut self.session {
            self.writes.abandon(session);
        }
    }
}

impl WriteReporter {
    fn start(&mut self, session: &mut Session, query: &dyn diesel::connection::DebugQuery) {
        if self.next_read.take() == Some(NextRead::Planned) {
            self.start_planned(session);
            return;
        }
        // A query that cannot be displayed cannot be built either. If it runs nevertheless, `finish`
        // treats it as a write to everything.
        let analysis = sql::text(query).map(|sql| cachalot_sql::analysis(&sql, session.dialect()));
        // The event shows the binds only as they are printed.
        let running = self.prepare(session, analysis, &[]);
        self.running.push(running);
    }

    /// A read starts that has been planned.
    fn start_planned(&mut self, session: &mut Session) {
        self.abandon(session);
        self.running.push(Running {
            step: None,
            writes: Vec::new(),
            statements: 1,
            trusted: Vec::new(),
        });
    }

    /// Begins what a text writes; `None`: its text is unknown. `binds`: none, if they are not known.
    fn prepare(
        &mut self,
        session: &mut Session,
        analysis: Option<Arc<Analysis>>,
        binds: &[Bind],
    ) -> Running {
        let mut trusted = Vec::new();
        let catalogs = analysis.as_deref().map_or_else(Vec::new, |analysis| {
            self.catalogs_of_rows(session, analysis)
        });
        let by_itself = analysis.clone();
        let analysis = analysis.map(|it| self.with_side_effects(session, it, &mut trusted));
        if !analysis.as_deref().is_some_and(is_type_lookup) {
            self.abandon(session);
        }
        let step = by_itself.zip(analysis).map(|(by_itself, analysis)| {
            let writes = rows::written(session, &by_itself, &analysis, &catalogs, binds);
            let step = session.start(&analysis, writes);
            (analysis, step)
        });
        let writes = step
            .as_ref()
            .map_or_else(Vec::new, |(_, step)| self.begin(session, step.published()));
        let statements = step
            .as_ref()
            .map_or(0, |(analysis, _)| analysis.statements.len());
        Running {
            step,
            writes,
            statements,
            trusted,
        }
    }

    /// What a text does, with what the functions that it calls and the statements that it executes do.
    fn with_side_effects(
        &self,
        session: &mut Session,
        mut analysis: Arc<Analysis>,
        trusted: &mut Vec<(Cache, CatalogSnapshot)>,
    ) -> Arc<Analysis> {
        if let Some(executed) = session.executed(&analysis) {
            analysis = executed;
        }
        let side_effects: Vec<_> = self.side_effects(session, &analysis).collect();
        if !side_effects.is_empty() {
            let mut writes = cachalot_sql::Writes::Nothing;
            let mut may_end_transaction = false;
            for (cache, calls) in side_effects {
                if !calls.pure || (calls.may_end_transaction && analysis.calls_procedures()) {
                    session.settings_may_have_changed();
                }
                writes.merge(&calls.writes);
                may_end_transaction |= calls.may_end_transaction;
                trusted.extend(calls.snapshot.map(|known| (cache.clone(), known)));
            }
            analysis = Analysis::with_calls(analysis, &writes, may_end_transaction);
        }
        self.on_temporary_tables(session, &analysis, trusted)
            .unwrap_or(analysis)
    }

    /// The text's analysis where it changes only temporary tables that the connection has created. In
    /// every cache, `trusted` then holds a catalog that has no other tables of their names.
    fn on_temporary_tables(
        &self,
        session: &Session,
        analysis: &Analysis,
        trusted: &mut Vec<(Cache, CatalogSnapshot)>,
    ) -> Option<Arc<Analysis>> {
        let names = analysis.changed_tables()?;
        if analysis.writes().is_nothing() || !session.has_created_temporary(names) {
            return None;
        }
        let database = self.database(session)?;
        let mut catalogs = Vec::with_capacity(self.caches.len());
        for cache in &self.caches {
            let catalog = cache.planner().without_relations(&database, names)?;
            catalogs.push((cache.clone(), catalog));
        }
        trusted.append(&mut catalogs);
        Some(analysis.on_temporary_tables())
    }

    /// Does a text certainly do no more than its analysis says?
    fn adds_nothing(&self, session: &Session, analysis: &Analysis) -> bool {
        let mut side_effects = self.side_effects(session, analysis);
        side_effects.all(|(_, effects)| effects.is_nothing())
    }

    /// What a text does besides what its analysis says, as each cache knows it.
    fn side_effects<'c, 's>(
        &'c self,
        session: &'s Session,
        analysis: &'s Analysis,
    ) -> impl Iterator<Item = (&'c Cache, SideEffects)> {
        // Functions of SQLite are the program's own, and do not reach the tables.
        let has_effects = session.dialect() != Dialect::Sqlite;
        let caches = self.caches.iter().filter(move |_| has_effects);
        caches.map(move |cache| {
            // Another connection with this URL may have been probed.
            let known = || cache.planner().database_of(session.url()?);
            let database = session.database().cloned().or_else(known);
            let calls = cache.planner().side_effects_of(database.as_ref(), analysis);
            (cache, calls)
        })
    }

    fn finish(&mut self, session: &mut Session, error: Option<&Error>) {
        let Some(running) = self.running.pop() else {
            return;
        };
        let outcome = match error {
            None => WriteOutcome::Success,
            Some(error) if failed_cleanly(error) && self.fails_whole(session, &running) => {
                WriteOutcome::Failure
            }
            Some(_) => WriteOutcome::Unknown,
        };
        if error.is_some() {
            let outer = self.running.iter_mut().filter_map(|it| it.step.as_mut());
            outer.for_each(|(_, step)| step.on_statement_error());
        }
        match running.step {
            Some((analysis, step)) => {
                session.finished(&analysis, step, outcome, error.is_some());
                if *analysis.writes() == cachalot_sql::Writes::Everything {
                    let caches = self.caches.iter();
                    caches.for_each(|cache| cache.versions().forget_announced());
                }
            }
            None => {
                session.finished_unknown(outcome, error.is_some());
                if running.statements == 0 && error.is_none() {
                    let writes = self.begin(session, &RowWrites::EVERYTHING);
                    end(writes, WriteOutcome::Unknown);
                    session.set_uncertain();
                }
            }
        }
        session.forget_committed();
        end(running.writes, outcome);
        for (cache, known) in running.trusted {
            // A function was replaced while the statement ran, so the new one may have been called.
            if !cache.planner().is_current(&known) {
                session.unknown_code_ran();
                let write = cache.begin(&RowWrites::EVERYTHING, Origin::default());
                end(vec![(cache, write)], WriteOutcome::Unknown);
            }
        }
    }

    /// Has a statement that fails certainly changed nothing?
    fn fails_whole(&self, session: &Session, running: &Running) -> bool {
        // A statement that was not analysed is a read.
        let by_its_text = running
            .step
            .as_ref()
            .is_none_or(|(analysis, _)| analysis.fails_whole());
        let by_its_tables = || match self.database(session) {
            Some(database) => {
                let mut caches = self.caches.iter();
                caches.all(|cache| cache.planner().fails_whole(&database))
            }
            None => false,
        };
        running.statements == 1
            && by_its_text
            && (session.dialect() != Dialect::Sqlite || by_its_tables())
    }

    /// The key of the database's catalog.
    fn database(&self, session: &Session) -> Option<Arc<str>> {
        // Another connection with this URL may have been probed.
        let known = || {
            let url = session.url()?;
            self.caches
                .iter()
                .find_map(|cache| cache.planner().database_of(url))
        };
        session.database().cloned().or_else(known)
    }

    /// Ends statements whose end was not reported: they may have succeeded.
    fn abandon(&mut self, session: &mut Session) {
        while let Some(running) = self.running.pop() {
            // What was sent, not what may have been.
            if running.statements > 0 {
                session.may_still_run(!running.writes.is_empty());
            }
            session.abandoned(running.step);
            end(running.writes, WriteOutcome::Unknown);
        }
    }

    fn begin(&self, session: &Session, published: &RowWrites) -> Vec<(Cache, Write)> {
        if published.is_nothing() {
            return Vec::new();
        }
        let database = self.database(session);
        let origin = session.origin(database.as_ref());
        let begin = |cache: &Cache| (cache.clone(), cache.begin(published, origin));
        self.caches.iter().map(begin).collect()
    }
}

fn end(writes: Vec<(Cache, Write)>, outcome: WriteOutcome) {
    for (cache, write) in writes {
        // An invalidation that the store does not accept is queued and reported there.
        let _ = cache.end(write, outcome);
    }
}

/// Diesel starts a PostgreSQL statement, looks up the OIDs of its custom types, and then sends it: only
/// such a lookup may run while another statement is running.
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
        // Diesel reports these before it sends anything.
        Error::QueryBuilderError(_) | Error::SerializationError(_) | Error::InvalidCString(_) => {
            true
        }
        _ => false,
    }
}

impl Tracker {
    /// Takes note of an event. Returns whether others may: the library's own statements are hidden.
    fn report(&mut self, event: &InstrumentationEvent<'_>) -> bool {
        let Some(session) = &mut self.session else {
            return false;
        };
        let writes = &mut self.writes;
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                session.opened(url, install::dialect_of(url));
            }
            InstrumentationEvent::FinishEstablishConnection { error: None, .. } => {
                session.established();
            }
            InstrumentationEvent::StartQuery { query, .. } => {
                writes.prepared = false;
                writes.start(session, *query);
            }
            InstrumentationEvent::CacheQuery { .. } => writes.prepared = true,
            InstrumentationEvent::FinishQuery { error, .. } => writes.finish(session, *error),
            _ => {}
        }
        true
    }
}

impl Instrumentation for Tracker {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if self.report(&event)
            && let Some(inner) = &mut self.inner
        {
            inner.on_connection_event(event);
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.close_unreported();
        if let Some(session) = &self.session
            && session.has_unended_write()
        {
            let writes = self.writes.begin(session, &RowWrites::EVERYTHING);
            end(writes, WriteOutcome::Unknown);
        }
        if self.writes.caches.iter().any(Cache::was_installed) {
            replaced::tracker_dropped();
        }
    }
}
