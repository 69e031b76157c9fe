//! Statements that pass through a [`CachalotConnection`](crate::CachalotConnection), which reports them itself:
//! it knows their analysis, and can refuse them.

use std::sync::Arc;

use diesel::{connection::Instrumentation, result::Error};

use super::{Running, Tracker, end};
use crate::{
    Error as CacheError,
    cache::Cache,
    protocol::{RowWrites, WriteOutcome},
    rows::private::Bind,
};
use cachalot_sql::{Analysis, Effect};

/// A statement as it is about to be sent.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    /// `None`: its text is unknown.
    pub(crate) analysis: Option<Arc<Analysis>>,
    /// Those of a statement that writes.
    pub(crate) binds: Vec<Bind>,
}

impl Tracker {
    /// A statement is about to be sent.
    ///
    /// # Errors
    /// [`Error::Refused`](CacheError::Refused): with [`OnOutage::Fail`](crate::OnOutage::Fail), the store does
    /// not take the announcement of what the statement makes visible. It must not be sent.
    pub(crate) fn start(&mut self, statement: Statement) -> Result<(), CacheError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let Statement { analysis, binds } = statement;
        if let Some(analysis) = &analysis
            && analysis.only_reads()
            && self.writes.adds_nothing(session, analysis)
        {
            self.writes.start_planned(session);
            return Ok(());
        }
        let running = self.writes.prepare(session, analysis, &binds);
        let unannounced = running
            .writes
            .iter()
            .any(|(cache, write)| cache.fails_on_outage() && !write.is_announced());
        let rolls_back = running.step.as_ref().is_some_and(|(it, _)| rolls_back(it));
        if unannounced && !rolls_back {
            end(running.writes, WriteOutcome::Failure);
            return Err(CacheError::Refused);
        }
        self.writes.running.push(running);
        Ok(())
    }

    /// A read that has been planned is about to be sent.
    pub(crate) fn start_planned(&mut self) {
        if let Some(session) = &mut self.session {
            self.writes.start_planned(session);
        }
    }

    /// The statement that was started last has ended.
    pub(crate) fn finish(&mut self, error: Option<&Error>) {
        if let Some(session) = &mut self.session {
            self.writes.finish(session, error);
        }
    }

    /// Did Diesel prepare the statement for this execution, and put it into its cache?
    pub(crate) fn set_just_prepared(&mut self, prepared: bool) {
        self.writes.prepared = prepared;
    }

    /// The session may be another when the program has used the connection by itself.
    pub(crate) fn may_change_session(&mut self) {
        if let Some(session) = &mut self.session {
            session.settings_may_have_changed();
        }
    }

    /// The caches that hear of its writes, if there is more than one.
    pub(crate) fn several_caches(&self) -> Vec<Cache> {
        match self.writes.caches.as_slice() {
            [_] => Vec::new(),
            several => several.to_vec(),
        }
    }

    /// The program's own instrumentation, for a connection that is no longer inside another.
    pub(crate) fn set_own(&mut self, own: Option<Box<dyn Instrumentation>>) {
        self.inner = own;
    }

    /// Statements may run that are not reported, until the next that is.
    pub(crate) fn start_unseen(&mut self) {
        if let Some(session) = &mut self.session {
            let running = self.writes.prepare(session, None, &[]);
            let writes = self.writes.begin(session, &RowWrites::EVERYTHING);
            self.writes.running.push(Running { writes, ..running });
            session.unknown_code_ran();
            session.set_uncertain();
        }
    }

    /// Does the connection have an open transaction, as far as is known?
    pub(crate) fn is_in_transaction(&self) -> bool {
        let session = self.session.as_deref();
        session.is_some_and(crate::session::Session::is_in_transaction)
    }

    /// The connection was used in ways that were not reported: anything may have been written.
    pub(crate) fn lost_sight(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        self.writes.abandon(session);
        session.unknown_code_ran();
        session.set_uncertain();
        let everything = self.writes.begin(session, &RowWrites::EVERYTHING);
        end(everything, WriteOutcome::Unknown);
    }
}

/// Does the text nothing but roll back?
fn rolls_back(analysis: &Analysis) -> bool {
    let effects = || analysis.statements.iter().map(|it| it.effects.as_slice());
    !analysis.statements.is_empty()
        && effects()
            .all(|effects| matches!(effects, [Effect::Rollback { .. } | Effect::RollbackTo(_)]))
}
