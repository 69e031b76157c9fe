//! What a read on the connection would see.

use std::{collections::BTreeSet, sync::Arc};

use super::{Session, replication, transaction::Snapshot};
use crate::{
    bypass::BypassReason,
    cache::Cache,
    connection::{CacheConnection, ServerRole},
    events,
    fingerprint::Digest,
};

/// Which rows a read would see, and in which state.
#[derive(Debug, Clone)]
pub(crate) struct ReadContext {
    /// The hash of everything that determines which rows are read.
    pub(crate) identity: Digest,
    /// The key of the database's catalog.
    pub(crate) database: Arc<str>,
    /// The read sees what is committed and the writes of the open transaction, which may hold locks.
    pub(crate) in_transaction: bool,
    /// The server may lag behind: a read may use entries and must not store any.
    pub(crate) replica: bool,
    /// Texts are sent in UTF-8, and taken as they are.
    pub(crate) exact_texts: bool,
}

impl Session {
    /// The context of a read, if it sees the same rows as every connection with the same identity.
    /// Probes the connection if necessary.
    pub(crate) fn for_read<C: CacheConnection>(
        &mut self,
        conn: &mut C,
        cache: &Cache,
    ) -> Result<ReadContext, BypassReason> {
        if self.unended.is_some() {
            return Err(BypassReason::OldSnapshot);
        }
        if !replication::is_role_current(conn, cache, &mut self.state) {
            self.state.forget();
        }
        if self.state.identity().is_none() {
            self.probe(conn, cache)?;
        }
        let state = &self.state;
        if state.role == ServerRole::Replica {
            return Err(BypassReason::Replica);
        }
        if state.has_temporary_tables() {
            return Err(BypassReason::TemporaryTable);
        }
        let in_transaction = match self.transactions.snapshot() {
            Snapshot::Committed => false,
            Snapshot::CommittedAndOwn => true,
            Snapshot::Old => return Err(BypassReason::OldSnapshot),
            Snapshot::Dirty => return Err(BypassReason::ReadUncommitted),
        };
        let (Some(identity), Some(database)) = (state.identity(), state.database()) else {
            return Err(BypassReason::UnknownSession);
        };
        Ok(ReadContext {
            identity,
            database: Arc::clone(database),
            in_transaction,
            replica: state.role == ServerRole::LinkedReplica,
            exact_texts: state.exact_texts(),
        })
    }

    fn probe<C: CacheConnection>(
        &mut self,
        conn: &mut C,
        cache: &Cache,
    ) -> Result<(), BypassReason> {
        if self.transactions.is_uncertain() {
            self.transactions.found(conn.in_transaction());
        }
        let mut probe = match conn.probe(&self.state.question()) {
            Ok(answer) => answer.0,
            Err(error) => {
                events::session_unknown(&error);
                return Err(BypassReason::UnknownSession);
            }
        };
        replication::link_to_primary(conn, cache, &mut probe);
        self.transactions.probed(probe.isolation, probe.autocommit);
        self.state.probed(&probe);
        if let (Some(url), Some(database)) = (self.url(), self.database()) {
            cache.planner().learn_database(url, database);
        }
        if probe.hidden_writes {
            self.transactions.set_writes_unbounded();
        } else if !self.state.has_temporary_tables() {
            self.transactions.has_nothing_temporary();
        }
        Ok(())
    }

    /// Makes the probe query these settings too. Returns whether the last probe did.
    pub(crate) fn knows_settings(&mut self, settings: &BTreeSet<String>) -> bool {
        self.state.asks_for(settings)
    }

    /// SQLite: the functions that the program has defined on this connection.
    pub(crate) fn functions(&self) -> &BTreeSet<String> {
        self.state.functions()
    }
}
