//! What is known of one connection: its transaction, settings, temporary tables and prepared statements.
//!
//! The tracker reports statements to it; [`Session::for_read`] returns what a read would see.

mod prepared;
mod read;
mod replication;
mod state;
mod temporary;
mod temporary_names;
mod transaction;
mod unparsed_names;

use std::{any::TypeId, collections::BTreeMap, sync::Arc};

pub(crate) use read::ReadContext;
pub(crate) use transaction::Step;

use self::{
    prepared::PreparedStatements, state::SessionState, temporary_names::TemporaryNames,
    transaction::Transactions, unparsed_names::UnparsedNames,
};
use crate::{
    protocol::{RowWrites, WriteOutcome},
    versions::Origin,
};
use cachalot_sql::{Analysis, Dialect};

/// A statement that SQLite may still be running. Until the connection is closed, reads may see the state that it
/// sees, and autocommit may commit nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unended {
    Read,
    Write,
}

/// The state of one connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    dialect: Option<Dialect>,
    transactions: Transactions,
    state: SessionState,
    temporary: TemporaryNames,
    unparsed: UnparsedNames,
    statements: PreparedStatements,
    /// A statement of the open transaction failed, so the relations that its writes name may not exist.
    names_unverified: bool,
    /// SQLite: the rows of a statement were leaked, so it may never end.
    unended: Option<Unended>,
    /// The analyses of queries whose type determines their text. There are no more than the program has
    /// such types; Diesel keeps a prepared statement for each of them.
    typed: BTreeMap<TypeId, Arc<Analysis>>,
}

impl Session {
    /// The connection is opened with this URL.
    pub(crate) fn opened(&mut self, url: &str, dialect: Option<Dialect>) {
        if let Some(dialect) = dialect {
            self.set_dialect(dialect);
        }
        self.state.opened(url, self.dialect());
    }

    /// Diesel has opened the connection.
    pub(crate) fn established(&mut self) {
        self.state.established();
    }

    /// Are texts certainly sent in UTF-8, and taken as they are?
    pub(crate) fn sends_exact_texts(&self) -> bool {
        self.state.exact_texts()
    }

    /// The connection had a transaction open before it was watched.
    pub(crate) fn set_already_open(&mut self) {
        self.transactions.set_already_open();
        self.state.may_have_changed();
    }

    /// The dialect decides how statements are parsed. Only a typed connection knows it for certain.
    pub(crate) fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = Some(dialect);
        self.transactions.set_dialect(dialect);
    }

    pub(crate) fn dialect(&self) -> Dialect {
        // Until it is known: PostgreSQL's grammar parses most texts of the other dialects. A text that it
        // cannot parse falls back to the token scan, which can only find too many tables.
        self.dialect.unwrap_or(Dialect::Postgres)
    }

    /// The URL's hash, while the connection is still on the database that the URL names.
    pub(crate) fn url(&self) -> Option<&Arc<str>> {
        self.state.url()
    }

    /// The key of the database's catalog; `None` if the connection was never probed.
    pub(crate) fn database(&self) -> Option<&Arc<str>> {
        self.state.database()
    }

    /// SQLite: may a name in a statement be that of a table of another database than those of the catalog?
    pub(crate) fn may_have_attached(&self) -> bool {
        self.dialect() == Dialect::Sqlite && self.state.may_have_attached()
    }

    /// The analysis of the queries of a type, if one has been analysed.
    pub(crate) fn typed(&self, id: TypeId) -> Option<&Arc<Analysis>> {
        self.typed.get(&id)
    }

    /// Remembers the analysis of all queries of a type.
    pub(crate) fn analysed(&mut self, id: TypeId, analysis: &Arc<Analysis>) {
        self.typed.insert(id, Arc::clone(analysis));
    }

    /// The prepared statement that a text executes, if it is known.
    pub(crate) fn executed(&self, analysis: &Analysis) -> Option<Arc<Analysis>> {
        self.statements.executed(analysis, self.dialect())
    }

    /// Did the connection certainly create temporary tables of these names?
    pub(crate) fn has_created_temporary(&self, names: &[String]) -> bool {
        self.temporary.have_created(names)
    }

    /// A text is about to run, which writes this.
    pub(crate) fn start(&mut self, analysis: &Analysis, writes: RowWrites) -> Step {
        self.temporary.before_statement(analysis);
        self.unparsed.before_statement(analysis, self.dialect());
        self.transactions.step(analysis, writes)
    }

    /// What is known of the names in a write.
    pub(crate) fn origin<'a>(&'a self, database: Option<&'a Arc<str>>) -> Origin<'a> {
        Origin {
            database,
            catalog: None,
            temporary: Some(self.temporary.names()),
            non_relations: Some(self.unparsed.non_relations()),
            names_unverified: self.names_unverified,
            requested: false,
        }
    }

    /// A text has run. `with_error`: the database reported one.
    pub(crate) fn finished(
        &mut self,
        analysis: &Analysis,
        step: Step,
        outcome: WriteOutcome,
        with_error: bool,
    ) {
        let (dialect, succeeded) = (self.dialect(), outcome == WriteOutcome::Success);
        self.transactions
            .finished(analysis, step, outcome, with_error);
        self.state.finished(analysis, dialect, succeeded);
        self.statements.finished(analysis, dialect, succeeded);
        let pending = self.transactions.is_pending();
        self.temporary.finished(analysis, succeeded, pending);
        self.names_unverified |= !succeeded;
    }

    /// A text was sent whose end was not reported: it may have succeeded.
    pub(crate) fn abandoned(&mut self, statement: Option<(Arc<Analysis>, Step)>) {
        if let Some((analysis, step)) = statement {
            let dialect = self.dialect();
            self.transactions
                .finished(&analysis, step, WriteOutcome::Unknown, false);
            self.state.finished(&analysis, dialect, false);
            self.statements.finished(&analysis, dialect, false);
            self.temporary.finished(&analysis, false, true);
        }
        self.names_unverified = true;
    }

    /// The cursor of an abandoned statement may have been leaked, so that it never ends.
    pub(crate) fn may_still_run(&mut self, writes: bool) {
        if self.dialect() == Dialect::Sqlite && self.unended != Some(Unended::Write) {
            self.unended = Some(if writes {
                Unended::Write
            } else {
                Unended::Read
            });
        }
    }

    /// May closing the connection commit what it has written?
    pub(crate) fn has_unended_write(&self) -> bool {
        self.unended == Some(Unended::Write)
    }

    /// A statement has ended whose text is not known.
    pub(crate) fn finished_unknown(&mut self, outcome: WriteOutcome, with_error: bool) {
        if with_error {
            self.transactions.on_statement_error();
        }
        self.names_unverified |= outcome != WriteOutcome::Success;
    }

    /// It is not known whether a transaction is open.
    pub(crate) fn set_uncertain(&mut self) {
        self.transactions.set_uncertain();
    }

    /// After the end of a statement: forgets what matters only while writes are not committed.
    pub(crate) fn forget_committed(&mut self) {
        if !self.transactions.is_pending() {
            self.names_unverified = false;
            self.unparsed.committed();
            self.temporary.committed();
        }
    }

    /// Code has run that may have changed settings or temporary tables.
    pub(crate) fn settings_may_have_changed(&mut self) {
        self.state.may_have_changed();
        self.temporary.unknown_code_ran();
    }

    /// Code has run that may have done anything, so it may also have ended the transaction.
    pub(crate) fn unknown_code_ran(&mut self) {
        self.settings_may_have_changed();
        self.transactions.unknown_code_ran();
    }

    /// Has the open transaction written to this table?
    pub(crate) fn wrote_to(&self, table: &str) -> bool {
        self.transactions.wrote_to(table)
    }

    /// Is a transaction open, as far as is known?
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.transactions.is_open()
    }

    /// Has the open transaction written anything?
    pub(crate) fn has_written(&self) -> bool {
        self.transactions.has_written()
    }
}
