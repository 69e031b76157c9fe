use std::collections::BTreeSet;

use crate::{
    connection::is_harmless,
    fingerprint::Fingerprint,
    statement::{Analysis, Effect, Isolation, SessionChange, Statement},
};

/// What a connection answered about itself.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// Whatever decides whose rows the connection sees: database, user, settings.
    pub(crate) identity: Vec<String>,
    pub(crate) isolation: Option<Isolation>,
    pub(crate) autocommit: bool,
    /// A server that follows another and may lag behind.
    pub(crate) replica: bool,
    /// The connection has temporary tables.
    pub(crate) temporary: bool,
}

/// Whose rows a connection sees, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct SessionState {
    /// The hash of the last probe; `None` means probe again.
    identity: Option<String>,
    /// Settings that statements have named and that are not among the usual ones.
    named: BTreeSet<String>,
    /// Something changed that cannot be asked for.
    opaque: bool,
    /// A change inside a transaction ends with it.
    changed: bool,
    pub(crate) temporary: bool,
    pub(crate) replica: bool,
}

impl SessionState {
    /// The hash of everything that decides whose rows are read, or `None` if it has to be probed.
    pub(crate) fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    pub(crate) fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// The settings to ask for beside the usual ones.
    pub(crate) fn named(&self) -> Vec<String> {
        self.named.iter().cloned().collect()
    }

    pub(crate) fn probed(&mut self, probe: &Probe) {
        let mut fingerprint = Fingerprint::new("", "session");
        for part in &probe.identity {
            fingerprint.part(part.as_bytes());
        }
        self.identity = Some(fingerprint.finish());
        self.replica = probe.replica;
        self.temporary |= probe.temporary;
    }

    /// Takes note of a text that has run, well or not.
    pub(super) fn finished(&mut self, analysis: &Analysis) {
        // A function that chooses the tenant, say.
        if analysis.statements.iter().any(Statement::runs_unseen_code) {
            self.identity = None;
            self.changed = true;
        }
        for effect in analysis
            .statements
            .iter()
            .flat_map(|statement| &statement.effects)
        {
            match effect {
                Effect::Session(change) => self.changed_by(change),
                Effect::CreateTemporary(_) => self.temporary = true,
                // `SET LOCAL` ends with its transaction, and a rolled-back `SET` is undone.
                Effect::Commit { .. }
                | Effect::Rollback { .. }
                | Effect::RollbackTo(_)
                | Effect::PrepareTransaction
                    if self.changed =>
                {
                    self.identity = None;
                    self.changed = matches!(effect, Effect::RollbackTo(_));
                }
                _ => {}
            }
        }
    }

    fn changed_by(&mut self, change: &SessionChange) {
        self.identity = None;
        self.changed = true;
        match change {
            SessionChange::Settings(names) => {
                let decisive = names.iter().filter(|name| !is_harmless(name));
                self.named.extend(decisive.cloned());
            }
            SessionChange::All => self.opaque = false,
            _ => self.opaque = true,
        }
    }
}
