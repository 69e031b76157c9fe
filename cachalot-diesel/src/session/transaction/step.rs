//! What a statement does to the transaction: computed before it runs, applied when its outcome is known.

use super::{Open, Transactions};
use crate::protocol::{RowWrites, WriteOutcome};
use cachalot_sql::{Analysis, Dialect, Effect, Isolation, Statement};

/// The effect of running a text, computed before it runs.
#[derive(Debug)]
pub(crate) struct Step {
    next: Transactions,
    published: RowWrites,
    /// What the text writes by itself.
    writes: RowWrites,
}

impl Step {
    /// The writes that the text may make visible.
    pub(crate) fn published(&self) -> &RowWrites {
        &self.published
    }

    /// Another statement failed while this one was running.
    pub(crate) fn on_statement_error(&mut self) {
        self.next.on_statement_error();
    }
}

impl Transactions {
    /// The effect of running this text, which writes this. The state does not change until
    /// [`finished`](Self::finished).
    pub(in crate::session) fn step(&self, analysis: &Analysis, writes: RowWrites) -> Step {
        let mut next = self.clone();
        let published = match analysis.statements.as_slice() {
            [only] => next.advance(only, &writes),
            several => {
                let mut published = RowWrites::NOTHING;
                for statement in several {
                    let writes = RowWrites::from(&statement.writes);
                    published.merge(&next.advance(statement, &writes));
                }
                published
            }
        };
        Step {
            next,
            published,
            writes,
        }
    }

    /// A text has run. `with_error`: the database reported one.
    pub(in crate::session) fn finished(
        &mut self,
        analysis: &Analysis,
        step: Step,
        outcome: WriteOutcome,
        with_error: bool,
    ) {
        let Step {
            mut next, writes, ..
        } = step;
        // The dialect may have become known while the text ran.
        next.dialect = self.dialect;
        let in_part = analysis.statements.len() > 1 || controls_transaction(analysis);
        match outcome {
            WriteOutcome::Success => *self = next,
            WriteOutcome::Failure | WriteOutcome::Unknown if in_part => {
                if with_error {
                    self.on_statement_error();
                }
                self.on_unknown_outcome(analysis, &writes, outcome);
            }
            WriteOutcome::Failure => {
                if with_error {
                    self.on_statement_error();
                }
            }
            // A statement of a transaction failed. If its writes took effect nevertheless, the commit
            // publishes them.
            WriteOutcome::Unknown => {
                if with_error && self.open.is_some() {
                    next.on_statement_error();
                    next.writes_unconfirmed(&writes);
                }
                *self = next;
            }
        }
    }

    /// While it is not known whether the transaction is open, the writes are published with the next
    /// commit even if a savepoint is rolled back to.
    fn writes_unconfirmed(&mut self, writes: &RowWrites) {
        if self.uncertain {
            let writes = self.bounded(writes).clone();
            self.unconfirmed_writes.merge(&writes);
        }
    }

    /// Transaction control, or a batch, that did not end well: it may have been carried out,
    /// wholly, in part or not at all.
    fn on_unknown_outcome(
        &mut self,
        analysis: &Analysis,
        writes: &RowWrites,
        outcome: WriteOutcome,
    ) {
        let autocommit = self.dialect != Dialect::Mysql || self.autocommit == Some(true);
        if self.open.is_none() && !self.uncertain && autocommit && !controls_transaction(analysis) {
            // Outside a transaction each statement of a batch that ran is committed, and has been
            // published with the batch.
            return;
        }
        let mut pending = self.pending();
        pending.merge(self.bounded(writes));
        // PostgreSQL ends a transaction whose COMMIT fails, whatever the reason; a COMMIT that
        // SQLite refuses because the database is busy leaves it open.
        let commit_failed_cleanly = outcome == WriteOutcome::Failure
            && self.dialect == Dialect::Postgres
            && matches!(analysis.statements.as_slice(), [one] if commits(one));
        if commit_failed_cleanly {
            self.open = None;
            self.unconfirmed_writes = RowWrites::NOTHING;
            return;
        }
        self.unconfirmed_writes = pending;
        self.uncertain = true;
        if self.open.is_none() && analysis.statements.iter().any(begins) {
            self.open = Some(Open::new(Some(Isolation::Serializable)));
        }
    }
}

fn commits(statement: &Statement) -> bool {
    statement
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::Commit { .. }))
}

fn begins(statement: &Statement) -> bool {
    statement
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::Begin { .. } | Effect::Savepoint(_)))
}

/// Does the text open, end or change a transaction?
fn controls_transaction(analysis: &Analysis) -> bool {
    analysis
        .statements
        .iter()
        .flat_map(|statement| &statement.effects)
        .any(|effect| {
            !matches!(
                effect,
                Effect::Session(_)
                    | Effect::CreateTemporary(_)
                    | Effect::CreateTrigger { .. }
                    | Effect::ChangeTables { .. }
                    | Effect::HiddenWrites
            )
        })
}
