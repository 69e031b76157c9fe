use std::{collections::BTreeSet, sync::Arc};

use crate::{
    connection::is_harmless,
    fingerprint::{Digest, Fingerprint},
    statement::{Analysis, Effect, Isolation, SessionChange, Writes},
};

/// What a connection answered about itself.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// Whatever decides what catalog the connection sees: the database, and who may look.
    pub(crate) database: Vec<String>,
    /// Whatever decides whose rows the connection sees: database, user, settings.
    pub(crate) identity: Vec<String>,
    pub(crate) isolation: Option<Isolation>,
    pub(crate) autocommit: bool,
    /// A server that follows another and may lag behind.
    pub(crate) replica: bool,
    /// The connection has temporary tables.
    pub(crate) temporary: bool,
    /// It has temporary triggers or views: nobody else can see what its writes reach.
    pub(crate) unseen: bool,
}

/// Whose rows a connection sees, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct SessionState {
    /// The hash of the last probe; `None` means probe again.
    identity: Option<Digest>,
    /// The hash of the database that the last probe found.
    database: Option<Arc<str>>,
    /// The hash of the URL that the connection was opened by.
    url: Option<Arc<str>>,
    /// It may be on another database than the URL says.
    moved: bool,
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
    pub(crate) fn identity(&self) -> Option<Digest> {
        self.identity
    }

    pub(crate) fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Has the probe ask for these settings too; `false` if it has to be asked again for that.
    pub(crate) fn asks_for(&mut self, settings: &BTreeSet<String>) -> bool {
        let known = self.named.len();
        self.named.extend(settings.iter().cloned());
        if self.named.len() > known {
            self.identity = None;
        }
        self.identity.is_some()
    }

    /// The settings to ask for beside the usual ones.
    pub(crate) fn named(&self) -> Vec<String> {
        self.named.iter().cloned().collect()
    }

    /// The connection is opened by this URL.
    pub(super) fn opened(&mut self, url: &str) {
        self.url = Some(hash("url", &[url.to_owned()]).finish().into());
    }

    /// The hash of the URL by which the connection was opened, while it says where the connection is.
    pub(crate) fn url(&self) -> Option<&Arc<str>> {
        self.url.as_ref().filter(|_| !self.moved)
    }

    /// What the catalog is known by that the connection sees; `None` if it was never probed.
    pub(crate) fn database(&self) -> Option<&Arc<str>> {
        self.database.as_ref()
    }

    pub(crate) fn probed(&mut self, probe: &Probe) {
        self.identity = Some(hash("session", &probe.identity).to_digest());
        self.database = Some(hash("database", &probe.database).finish().into());
        self.replica = probe.replica;
        self.temporary |= probe.temporary;
    }

    /// Something runs that may change settings: they have to be asked for again.
    pub(super) fn may_have_changed(&mut self) {
        self.identity = None;
        self.changed = true;
    }

    /// Takes note of a text that has run, well or not.
    pub(super) fn finished(&mut self, analysis: &Analysis) {
        // DDL can change what a name means, and a routine can change any setting.
        if *analysis.writes() == Writes::Everything {
            self.may_have_changed();
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
                if names.iter().any(|name| name == "database") {
                    self.database = None;
                    self.moved = true;
                }
                let decisive = names.iter().filter(|name| !is_harmless(name));
                self.named.extend(decisive.cloned());
            }
            SessionChange::All => self.opaque = false,
            _ => self.opaque = true,
        }
    }
}

fn hash(kind: &str, parts: &[String]) -> Fingerprint {
    let mut fingerprint = Fingerprint::new("", kind);
    for part in parts {
        fingerprint.part(part.as_bytes());
    }
    fingerprint
}
