//! Which writes become visible when: a pure state machine over the statements.
//!
//! Diesel sends its own `BEGIN`, `SAVEPOINT` and `COMMIT` as statements too, so the statements' text is
//! all that is needed.

mod open;
mod step;

use open::{Level, Open};
pub(crate) use step::Step;

use crate::protocol::{RowWrites, Writes};
use cachalot_sql::{Dialect, Effect, Isolation, IsolationScope, SessionChange, Statement};

/// What a read on the connection would see now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Snapshot {
    /// What is committed: outside a transaction.
    Committed,
    /// What is committed and the transaction's own writes.
    CommittedAndOwn,
    /// Possibly an older state, with the transaction's own writes.
    Old,
    /// Possibly rows that are never committed.
    Dirty,
}

/// The open transaction of a connection, if there is one.
#[derive(Debug, Clone)]
pub(super) struct Transactions {
    dialect: Dialect,
    open: Option<Open>,
    /// The session's isolation level, if known; from the probe, or from `SET SESSION`.
    session_isolation: Option<Isolation>,
    /// For the next transaction only.
    next_isolation: Option<Isolation>,
    /// MySQL: code ran that may have set one for the next transaction, which no probe reports.
    next_unknown: bool,
    /// MySQL: statements outside a transaction are committed at once. `None`: not known yet.
    autocommit: Option<bool>,
    /// It is not known whether a transaction is open: every write is published with its statement
    /// *and* with the next commit. Publishing too much is safe, too little is not.
    uncertain: bool,
    /// Only this connection can see which tables a write reaches, so it may reach any.
    writes_unbounded: bool,
    /// The session has temporary tables or views.
    temporary: bool,
    /// Writes of statements that ran while it was not certain that they were committed.
    unconfirmed_writes: RowWrites,
}

impl Default for Transactions {
    fn default() -> Self {
        Self {
            dialect: Dialect::Postgres,
            open: None,
            session_isolation: None,
            next_isolation: None,
            next_unknown: false,
            autocommit: None,
            uncertain: false,
            writes_unbounded: false,
            temporary: false,
            unconfirmed_writes: RowWrites::NOTHING,
        }
    }
}

impl Transactions {
    pub(super) fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// The connection was in a transaction before it was watched.
    pub(super) fn set_already_open(&mut self) {
        let mut open = Open::new(Some(Isolation::Serializable));
        open.wrote(&RowWrites::EVERYTHING);
        self.open = Some(open);
        self.uncertain = true;
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Is it not known whether a transaction is open?
    pub(super) fn is_uncertain(&self) -> bool {
        self.uncertain
    }

    /// What the server reports about whether a transaction is open.
    pub(super) fn found(&mut self, open: Option<bool>) {
        // All that it may have committed was published when it ended.
        if self.uncertain && open == Some(false) {
            self.close();
        }
    }

    /// What the probe found.
    pub(super) fn probed(&mut self, isolation: Option<Isolation>, autocommit: bool) {
        self.session_isolation = isolation;
        if self.autocommit.is_some() {
            return;
        }
        self.autocommit = Some(autocommit);
        if autocommit && !self.uncertain {
            self.unconfirmed_writes = RowWrites::NOTHING;
        }
        // A transaction that began before the probe has the session's isolation level.
        if let Some(open) = &mut self.open
            && !open.isolation_hidden
        {
            open.isolation = open.isolation.or(isolation);
        }
    }

    /// A setting was given a value that the statement does not show.
    fn setting_changed(&mut self, name: &str) {
        match name {
            "autocommit" => self.autocommit = None,
            // A COMMIT may begin the next transaction, or may have.
            "completion_type" => {
                self.autocommit = None;
                self.uncertain = true;
            }
            "transaction_isolation" | "tx_isolation" | "default_transaction_isolation" => {
                self.session_isolation = None;
                self.next_isolation = None;
                if let Some(open) = &mut self.open {
                    open.isolation = None;
                }
            }
            _ => {}
        }
    }

    /// From now on any write may reach anything.
    pub(super) fn set_writes_unbounded(&mut self) {
        self.writes_unbounded = true;
    }

    /// The session has no temporary tables, views or triggers, unless a rollback brings one back.
    pub(super) fn has_nothing_temporary(&mut self) {
        let settled = self.open.is_none() && !self.uncertain && self.autocommit == Some(true);
        if settled {
            self.writes_unbounded = false;
            self.temporary = false;
        }
    }

    pub(super) fn set_uncertain(&mut self) {
        self.uncertain = true;
    }

    /// Code ran that may have begun or ended transactions: what was open may be committed, and later
    /// statements may be committed at once or not. Returns what may have become visible.
    pub(super) fn unknown_code_ran(&mut self) -> RowWrites {
        if self.dialect != Dialect::Mysql {
            return RowWrites::NOTHING;
        }
        self.setting_changed("autocommit");
        self.setting_changed("transaction_isolation");
        self.next_unknown = true;
        self.set_uncertain();
        self.pending()
    }

    /// A statement failed. In a transaction PostgreSQL then accepts only its end; the others may have
    /// rolled it back (a deadlock, `ON CONFLICT ROLLBACK`), and commit later statements at once.
    pub(super) fn on_statement_error(&mut self) {
        match &mut self.open {
            Some(open) if self.dialect == Dialect::Postgres => open.failed = true,
            Some(_) => self.set_uncertain(),
            None => {}
        }
    }

    /// Applies one statement with these writes; returns what it makes visible.
    fn advance(&mut self, statement: &Statement, writes: &RowWrites) -> RowWrites {
        let mut visible = RowWrites::NOTHING;
        for effect in &statement.effects {
            visible.merge(&self.apply(effect));
        }
        visible.merge(&self.wrote(writes));
        visible
    }

    fn wrote(&mut self, writes: &RowWrites) -> RowWrites {
        if writes.is_nothing() {
            return RowWrites::NOTHING;
        }
        let writes = self.bounded(writes);
        let mut visible = RowWrites::NOTHING;
        match &mut self.open {
            Some(open) => open.wrote(writes),
            None if self.autocommit == Some(false) => {
                let mut open = Open::new(self.session_isolation);
                open.wrote(writes);
                self.open = Some(open);
            }
            None => visible.merge(writes),
        }
        // Until the connection is probed, a MySQL server may run with autocommit off.
        let maybe_pending =
            self.dialect == Dialect::Mysql && self.autocommit.is_none() && self.open.is_none();
        if self.uncertain || maybe_pending {
            self.unconfirmed_writes.merge(writes);
            visible.merge(writes);
        }
        visible
    }

    /// What a statement with these writes may have written.
    fn bounded<'a>(&self, writes: &'a RowWrites) -> &'a RowWrites {
        static EVERYTHING: RowWrites = RowWrites::EVERYTHING;
        if self.writes_unbounded && !writes.is_nothing() {
            &EVERYTHING
        } else {
            writes
        }
    }

    fn apply(&mut self, effect: &Effect) -> RowWrites {
        match effect {
            Effect::Begin { isolation } => {
                // MySQL commits an open transaction, and PostgreSQL continues it. SQLite refuses, so if
                // it does not, none was open.
                if self.open.is_some() && self.dialect == Dialect::Postgres {
                    return RowWrites::NOTHING;
                }
                let visible = self.commit();
                let isolation = isolation.or(self.next_isolation.take());
                let unknown = std::mem::take(&mut self.next_unknown) && isolation.is_none();
                let usual = self.session_isolation.filter(|_| !unknown);
                self.open = Some(Open {
                    isolation_hidden: unknown,
                    ..Open::new(isolation.or(usual))
                });
                visible
            }
            Effect::Commit { chain } => {
                let isolation = self.open.as_ref().and_then(|open| open.isolation);
                let visible = self.commit();
                if *chain {
                    self.open = Some(Open::new(isolation));
                }
                visible
            }
            Effect::Rollback { chain } => {
                let isolation = self.open.as_ref().and_then(|open| open.isolation);
                self.close();
                if *chain {
                    self.open = Some(Open::new(isolation));
                }
                RowWrites::NOTHING
            }
            Effect::Savepoint(name) => {
                if self.open.is_none() && self.dialect == Dialect::Sqlite {
                    let opened = Open {
                        by_savepoint: true,
                        ..Open::new(self.session_isolation)
                    };
                    self.open = Some(opened);
                }
                if let Some(open) = &mut self.open {
                    open.levels.push(Level {
                        savepoint: name.clone(),
                        writes: RowWrites::NOTHING,
                    });
                }
                RowWrites::NOTHING
            }
            Effect::Release(name) => match &mut self.open {
                Some(open) if open.by_savepoint && open.find(name) == Some(1) => self.commit(),
                Some(open) => {
                    open.release(name);
                    // Perhaps none was open, and the savepoint had opened it.
                    if self.uncertain && self.dialect == Dialect::Sqlite {
                        self.pending()
                    } else {
                        RowWrites::NOTHING
                    }
                }
                None => RowWrites::NOTHING,
            },
            Effect::RollbackTo(name) => {
                // While uncertain, what was rolled back stays among what the commit publishes.
                if let Some(open) = &mut self.open {
                    open.roll_back_to(name);
                }
                RowWrites::NOTHING
            }
            Effect::SetIsolation { isolation, scope } => {
                match (scope, &mut self.open) {
                    (IsolationScope::Session, _) => self.session_isolation = Some(*isolation),
                    (IsolationScope::Transaction, Some(open)) => open.isolation = Some(*isolation),
                    (IsolationScope::Transaction, None) => self.next_isolation = Some(*isolation),
                }
                RowWrites::NOTHING
            }
            Effect::Autocommit(on) => match self.autocommit.replace(*on) {
                _ if !on => RowWrites::NOTHING,
                Some(false) => self.commit(),
                // It commits nothing where it was on.
                _ => self.perhaps_commit(),
            },
            // What was prepared is published by its COMMIT PREPARED, which invalidates everything.
            Effect::PrepareTransaction => {
                self.close();
                RowWrites::NOTHING
            }
            Effect::Session(SessionChange::Settings(names)) => {
                for name in names {
                    self.setting_changed(name);
                }
                RowWrites::NOTHING
            }
            Effect::Session(SessionChange::All) => {
                self.setting_changed("transaction_isolation");
                RowWrites::NOTHING
            }
            Effect::CreateTemporary(_) => {
                self.temporary = true;
                RowWrites::NOTHING
            }
            // A trigger on a temporary table is a temporary one, whatever it is called.
            Effect::CreateTrigger { temporary } => {
                self.writes_unbounded |= *temporary || self.temporary;
                RowWrites::NOTHING
            }
            Effect::HiddenWrites => {
                self.set_writes_unbounded();
                RowWrites::NOTHING
            }
            Effect::FinishPrepared { .. } | Effect::Session(_) | Effect::ChangeTables { .. } => {
                RowWrites::NOTHING
            }
            Effect::ImplicitCommit => self.perhaps_commit(),
            Effect::MayControlTransaction => self.unknown_code_ran(),
        }
    }

    /// The transaction, if there is one, may have been committed: later writes are published at once
    /// and with the next commit.
    fn perhaps_commit(&mut self) -> RowWrites {
        if self.open.is_none() && !self.uncertain {
            return self.commit();
        }
        self.set_uncertain();
        self.pending()
    }

    fn commit(&mut self) -> RowWrites {
        let visible = self.pending();
        self.close();
        visible
    }

    /// What the next commit makes visible.
    fn pending(&self) -> RowWrites {
        let mut all = RowWrites::NOTHING;
        self.pending_parts().for_each(|writes| all.merge(writes));
        all
    }

    fn pending_parts(&self) -> impl Iterator<Item = &RowWrites> {
        let levels = self.open.iter().flat_map(|open| &open.levels);
        let of_levels = levels.map(|level| &level.writes);
        of_levels.chain([&self.unconfirmed_writes])
    }

    fn close(&mut self) {
        self.open = None;
        self.unconfirmed_writes = RowWrites::NOTHING;
        self.uncertain = false;
    }

    /// What a read would see now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let isolation = match &self.open {
            Some(open) => open.isolation,
            None => self.next_isolation.or(self.session_isolation),
        };
        if isolation == Some(Isolation::ReadUncommitted) && self.dialect != Dialect::Postgres {
            return Snapshot::Dirty;
        }
        let in_transaction =
            self.open.is_some() || self.autocommit == Some(false) || self.uncertain;
        if !in_transaction {
            return Snapshot::Committed;
        }
        match isolation {
            _ if self.open.as_ref().is_some_and(|open| open.failed) => Snapshot::Old,
            // PostgreSQL treats READ UNCOMMITTED as READ COMMITTED.
            Some(Isolation::ReadCommitted | Isolation::ReadUncommitted) if !self.uncertain => {
                Snapshot::CommittedAndOwn
            }
            _ => Snapshot::Old,
        }
    }

    /// Has the open transaction written anything?
    pub(super) fn has_written(&self) -> bool {
        self.pending_parts().any(|writes| !writes.is_nothing())
    }

    /// May a later COMMIT make visible what has already run?
    pub(super) fn is_pending(&self) -> bool {
        self.open.is_some() || self.uncertain || self.has_written()
    }

    /// Has the open transaction written to this table?
    pub(super) fn wrote_to(&self, table: &str) -> bool {
        self.pending_parts().any(|part| match &part.writes {
            Writes::Nothing => false,
            Writes::Everything => true,
            Writes::Tables(tables) => tables.contains_key(table),
        })
    }
}

#[cfg(test)]
mod tests;
