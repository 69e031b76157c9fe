//! What is known of a connection from its last probe, and when it has to be probed again.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use super::temporary::Temporary;
use crate::{
    connection::ReplicationState,
    connection::{
        Probe, ProbeQuestion, ServerRole, TemporaryTables, never_affects_rows, settings_of_url,
    },
    fingerprint::{Digest, Fingerprint},
};
use cachalot_sql::{Analysis, Dialect, Effect, Kind, SessionChange, Writes};

/// What is known of the rows that a connection sees.
#[derive(Debug, Default)]
pub(super) struct SessionState {
    /// The hash of the last probe; `None` means probe again.
    identity: Option<Digest>,
    /// The hash of the database that the last probe reported.
    database: Option<Arc<str>>,
    /// The hash of the URL that the connection was opened with.
    url: Option<Arc<str>>,
    /// It may be on another database than the URL names.
    database_changed: bool,
    /// Settings that the probe has to query besides the usual ones, named by statements or the URL.
    named: BTreeSet<String>,
    /// Something was changed in the transaction, and is undone or may be undone at its end.
    changed: bool,
    temporary: Temporary,
    functions: BTreeSet<String>,
    /// It sends texts in UTF-8, as far as is known.
    exact_texts: bool,
    /// SQLite: further databases may have been attached, whose tables the catalog does not have.
    may_have_attached: bool,
    pub(super) role: ServerRole,
    replication: Option<ReplicationState>,
    /// The name of the server in the last probe.
    server: Option<String>,
    /// When the server's role was last checked.
    checked: Option<Instant>,
}

impl SessionState {
    /// The hash of everything that determines which rows are read; `None` if a probe is needed.
    pub(super) fn identity(&self) -> Option<Digest> {
        self.identity
    }

    /// The next read probes.
    pub(super) fn forget(&mut self) {
        self.identity = None;
    }

    /// Was the server's role last checked `interval` or longer ago? If so, the caller has to check it.
    pub(super) fn is_due(&mut self, interval: Duration) -> bool {
        let due = self.checked.is_some_and(|at| at.elapsed() >= interval);
        if due {
            self.checked = Some(Instant::now());
        }
        due
    }

    pub(super) fn replication(&self) -> Option<&ReplicationState> {
        self.replication.as_ref()
    }

    /// The name of the primary that the server follows, if known.
    pub(super) fn followed(&self) -> Option<&str> {
        self.server
            .as_deref()
            .filter(|_| self.role == ServerRole::LinkedReplica && self.replication.is_some())
    }

    /// May the connection have temporary tables?
    pub(super) fn has_temporary_tables(&self) -> bool {
        self.temporary.is_present()
    }

    /// SQLite: functions that the program has defined on this connection.
    pub(super) fn functions(&self) -> &BTreeSet<String> {
        &self.functions
    }

    /// Makes the probe query these settings too. Returns whether no new probe is needed.
    pub(super) fn asks_for(&mut self, settings: &BTreeSet<String>) -> bool {
        let known = self.named.len();
        self.named.extend(settings.iter().cloned());
        if self.named.len() > known {
            self.identity = None;
        }
        self.identity.is_some()
    }

    /// What the probe has to query besides the usual.
    pub(super) fn question(&self) -> ProbeQuestion {
        ProbeQuestion {
            settings: self.named.iter().cloned().collect(),
            tables: self.temporary.made(),
        }
    }

    /// The connection is opened with this URL.
    pub(super) fn opened(&mut self, url: &str, dialect: Dialect) {
        self.url = Some(hash("url", &[url.to_owned()]).finish().into());
        if dialect == Dialect::Postgres {
            self.named.extend(settings_of_url(url));
        }
    }

    /// Diesel has opened the connection, and has set its encoding.
    pub(super) fn established(&mut self) {
        self.exact_texts = true;
    }

    /// Are texts certainly sent in UTF-8, and taken as they are?
    pub(super) fn exact_texts(&self) -> bool {
        self.exact_texts
    }

    /// SQLite: may a name in a statement be that of a table of another database than those of the catalog?
    pub(super) fn may_have_attached(&self) -> bool {
        self.may_have_attached
    }

    /// The hash of the connection's URL, while it is still on the database that the URL names.
    pub(super) fn url(&self) -> Option<&Arc<str>> {
        self.url.as_ref().filter(|_| !self.database_changed)
    }

    /// The key of the database's catalog; `None` if the connection was never probed.
    pub(super) fn database(&self) -> Option<&Arc<str>> {
        self.database.as_ref()
    }

    pub(super) fn probed(&mut self, probe: &Probe) {
        self.identity = Some(hash("session", &probe.identity).to_digest());
        self.database = Some(hash("database", &probe.database).finish().into());
        self.role = probe.role;
        self.replication.clone_from(&probe.replication);
        self.server = probe.database.first().cloned();
        self.checked = Some(Instant::now());
        self.functions.clone_from(&probe.functions);
        self.exact_texts = probe.exact_texts;
        self.may_have_attached = false;
        match &probe.temporary {
            TemporaryTables::Listed(present) => self.temporary.listed(*present),
            TemporaryTables::Counted(found) => self.temporary.counted(found),
        }
    }

    /// Something runs that may change settings, so they have to be queried again.
    pub(super) fn may_have_changed(&mut self) {
        self.ask_again();
        self.may_have_attached = true;
        self.temporary.unknown_code_ran();
    }

    /// The next read probes, and so does the first after the transaction.
    fn ask_again(&mut self) {
        self.identity = None;
        self.exact_texts = false;
        self.changed = true;
    }

    /// A text has run, successfully or not.
    pub(super) fn finished(&mut self, analysis: &Analysis, dialect: Dialect, succeeded: bool) {
        // DDL can change what a name means, and a routine can change any setting.
        if *analysis.writes() == Writes::Everything {
            self.ask_again();
            self.may_have_attached = true;
        }
        let mut made = 0;
        for effect in analysis
            .statements
            .iter()
            .flat_map(|statement| &statement.effects)
        {
            match effect {
                Effect::Session(change) => self.changed_by(change, dialect),
                Effect::CreateTemporary(_) => made += 1,
                // `SET LOCAL` ends with its transaction, and a rolled-back `SET` is undone.
                Effect::Commit { .. }
                | Effect::Rollback { .. }
                | Effect::RollbackTo(_)
                | Effect::PrepareTransaction
                    if self.changed =>
                {
                    self.identity = None;
                    self.exact_texts = false;
                    self.changed = matches!(effect, Effect::RollbackTo(_));
                }
                _ => {}
            }
        }
        self.temporary_tables(analysis, dialect, succeeded);
        if made > 0 {
            self.ask_again();
            let sql = analysis.text().sql();
            self.temporary.created(sql, made, succeeded);
        }
    }

    /// A text has run that may have changed temporary tables.
    fn temporary_tables(&mut self, analysis: &Analysis, dialect: Dialect, succeeded: bool) {
        let only_rows = |kind: &Kind| {
            let rows = [Kind::Select, Kind::Insert, Kind::Update, Kind::Delete];
            // MySQL keeps them beyond a transaction.
            rows.contains(kind) || (dialect == Dialect::Mysql && *kind == Kind::Transaction)
        };
        let kinds = || analysis.statements.iter().map(|statement| &statement.kind);
        if kinds().all(only_rows) {
            return;
        }
        if self.temporary.is_present() {
            self.ask_again();
        }
        if dialect == Dialect::Mysql {
            self.temporary
                .created_permanent(analysis.text().sql(), succeeded);
            let sql = analysis.text().sql().to_ascii_lowercase();
            if sql.contains("rename") {
                self.temporary.renamed();
            }
            if sql.contains("flush") {
                self.temporary.count_lost();
            }
            if !analysis.parsed {
                self.temporary.unknown_code_ran();
            }
        }
    }

    fn changed_by(&mut self, change: &SessionChange, dialect: Dialect) {
        match change {
            SessionChange::Settings(names) => {
                if names.iter().any(|name| name == "database") {
                    self.database = None;
                    self.database_changed = true;
                    self.temporary.schema_changed();
                }
                let relevant = || {
                    names
                        .iter()
                        .filter(|name| !never_affects_rows(name, dialect))
                };
                if relevant().next().is_none() {
                    return;
                }
                self.named.extend(relevant().cloned());
                self.may_have_attached |= names.iter().any(|name| name == "attach");
            }
            SessionChange::All => {}
            // The probe queries the new value, as if it had been set before the connection was watched.
            _ => {
                self.may_have_attached = true;
                self.temporary.unknown_code_ran();
            }
        }
        self.ask_again();
    }
}

fn hash(kind: &str, parts: &[String]) -> Fingerprint {
    let mut fingerprint = Fingerprint::new("", kind);
    for part in parts {
        fingerprint.part(part.as_bytes());
    }
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that was probed, and on which this ran.
    fn after(sql: &str, dialect: Dialect) -> SessionState {
        let mut session = SessionState::default();
        session.probed(&Probe::default());
        session.finished(&cachalot_sql::analysis(sql, dialect), dialect, true);
        session
    }

    #[test]
    fn only_settings_that_affect_rows_are_queried_again() {
        for (dialect, irrelevant, relevant) in [
            (
                Dialect::Postgres,
                "SET statement_timeout = 1",
                "SET search_path = a",
            ),
            (
                Dialect::Mysql,
                "SET lock_wait_timeout = 1",
                "SET time_zone = 'UTC'",
            ),
            (
                Dialect::Sqlite,
                "PRAGMA busy_timeout = 1",
                "PRAGMA case_sensitive_like = 1",
            ),
        ] {
            assert!(
                after(irrelevant, dialect).identity().is_some(),
                "{irrelevant}"
            );
            assert!(after(relevant, dialect).identity().is_none(), "{relevant}");
        }
    }

    #[test]
    fn k08_texts_are_exact_from_the_opening_until_a_setting_may_have_changed() {
        for (dialect, harmless, change) in [
            (
                Dialect::Postgres,
                "SET statement_timeout = 1",
                "SET client_encoding = 'LATIN1'",
            ),
            (
                Dialect::Mysql,
                "SET lock_wait_timeout = 1",
                "SET NAMES latin1",
            ),
        ] {
            let mut session = SessionState::default();
            assert!(!session.exact_texts());
            session.opened("postgres://h/d", dialect);
            session.established();
            let mut run = |sql: &str| {
                session.finished(&cachalot_sql::analysis(sql, dialect), dialect, true);
                session.exact_texts()
            };
            assert!(run(harmless) && run("INSERT INTO a VALUES (1)"));
            assert!(!run(change));
            session.probed(&Probe {
                exact_texts: true,
                ..Probe::default()
            });
            assert!(session.exact_texts());
            session.probed(&Probe::default());
            assert!(!session.exact_texts());
        }
    }

    #[test]
    fn k08_a_local_setting_ends_with_its_transaction() {
        let dialect = Dialect::Postgres;
        let mut session = SessionState::default();
        for sql in ["BEGIN", "SET LOCAL client_encoding = 'UTF8'"] {
            session.finished(&cachalot_sql::analysis(sql, dialect), dialect, true);
        }
        session.probed(&Probe {
            exact_texts: true,
            ..Probe::default()
        });
        assert!(session.exact_texts());
        session.finished(&cachalot_sql::analysis("COMMIT", dialect), dialect, true);
        assert!(!session.exact_texts());
    }

    #[test]
    fn k10_tables_of_an_attached_database_are_unknown_until_the_next_probe() {
        for (sql, may_have) in [
            ("PRAGMA case_sensitive_like = 1", false),
            ("INSERT INTO a (id) VALUES (1)", false),
            ("ATTACH 'x.db' AS x", true),
            ("DETACH x", true),
        ] {
            let mut session = after(sql, Dialect::Sqlite);
            assert_eq!(session.may_have_attached(), may_have, "{sql}");
            session.probed(&Probe::default());
            assert!(!session.may_have_attached());
        }
    }

    #[test]
    fn extension_settings_in_the_url_are_queried() {
        let mut session = SessionState::default();
        session.opened(
            "postgres://h/d?options=-c%20nobodys.depth%3D3",
            Dialect::Postgres,
        );
        assert_eq!(session.question().settings, ["nobodys.depth"]);
    }

    #[test]
    fn temporary_tables_are_probed_again_when_one_may_have_been_created_or_dropped() {
        let dialect = Dialect::Postgres;
        let mut session = after("CREATE TEMP TABLE a (id int)", dialect);
        assert!(session.has_temporary_tables() && session.identity().is_none());
        let present = |present| Probe {
            temporary: TemporaryTables::Listed(present),
            ..Probe::default()
        };
        session.probed(&present(true));
        let mut run = |sql: &str| {
            session.finished(&cachalot_sql::analysis(sql, dialect), dialect, true);
            let known = session.identity().is_some();
            session.probed(&present(true));
            known
        };
        assert!(run("SELECT 1 FROM a") && run("INSERT INTO a VALUES (1)"));
        assert!(!run("DROP TABLE a") && !run("DISCARD TEMP") && !run("COMMIT"));
        session.probed(&present(false));
        assert!(!session.has_temporary_tables());
    }

    /// A rollback brings back what the transaction has dropped.
    #[test]
    fn a_probe_inside_a_transaction_is_repeated_after_it() {
        let dialect = Dialect::Sqlite;
        let mut session = SessionState::default();
        session.probed(&Probe {
            temporary: TemporaryTables::Listed(true),
            ..Probe::default()
        });
        for (sql, known) in [("BEGIN", false), ("DROP TABLE temp.a", false)] {
            session.finished(&cachalot_sql::analysis(sql, dialect), dialect, true);
            assert_eq!(session.identity().is_some(), known, "{sql}");
        }
        session.probed(&Probe::default());
        session.finished(&cachalot_sql::analysis("ROLLBACK", dialect), dialect, true);
        assert!(session.identity().is_none());
    }
}
