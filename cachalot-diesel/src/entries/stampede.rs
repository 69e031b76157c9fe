//! Stampede protection: of the processes that miss the same entry, one (the leader) queries the
//! database and the others (followers) wait for its entry.
//!
//! The leader is the process that succeeds in adding a lock item, whose key is a hash of the entry's
//! key and the tokens that it is stored under. Memcached's own stampede control (`mg … N`) works for missing items only, but
//! an entry whose tables have changed is not missing.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{Entry, EntryStore, FillPermit, validators::Validators};
use crate::{
    background::Backoff,
    fingerprint::Fingerprint,
    store::{Command, Reply},
};

/// How long a follower waits between two polls.
const POLL: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(16));
/// Memcached counts time to live in whole seconds.
const MIN_LOCK_TTL: Duration = Duration::from_secs(1);

/// The role of a reader in a stampede.
pub(super) enum Role {
    /// Query the database. Holds the key of the lock item, if there is one; it must be deleted if no
    /// entry is stored.
    Leader(Option<String>),
    /// Another process has stored this entry.
    Follower(Arc<Entry>),
}

impl EntryStore {
    /// Tries to become the leader; otherwise waits for the leader's entry. Becomes a leader without
    /// a lock item if there is none to wait for any more, or after `stampede_wait`.
    pub(super) fn try_lead(&self, permit: &FillPermit) -> Role {
        let wait = self.config.stampede_wait;
        if wait.is_zero() {
            return Role::Leader(None);
        }
        let mut fingerprint = Fingerprint::new(&self.config.namespace, "stampede");
        fingerprint.part(permit.key().as_bytes());
        let Validators { tokens, proofs } = permit.validators();
        // Writes of other rows change the table's proof only.
        let proofs = proofs.iter().map(|it| it.key.as_ref().unwrap_or(&it.table));
        for token in tokens.iter().chain(proofs) {
            fingerprint.part(token.as_bytes());
        }
        let lock = fingerprint.finish();
        let add = Command::Add {
            key: &lock,
            value: b"1",
            ttl: Some(wait.max(MIN_LOCK_TTL)),
        };
        match self.client.run(&[add]).pop() {
            Some(Ok(Reply::Conflict)) => {}
            Some(Ok(_)) => return Role::Leader(Some(lock)),
            _ => return Role::Leader(None),
        }
        let start = Instant::now();
        let mut poll = POLL;
        while start.elapsed() < wait {
            thread::sleep(poll.pause());
            poll.lengthen();
            let polls = [
                Command::Get { key: permit.key() },
                Command::Get { key: &lock },
            ];
            let mut replies = self.client.run(&polls).into_iter();
            if let Some(Ok(Reply::Item { value, .. })) = replies.next()
                && let Some(entry) = Entry::open(
                    &self.client.auth,
                    permit.key(),
                    value,
                    self.max_inflated_bytes(),
                )
                && entry.is_valid(permit.validators())
            {
                return Role::Follower(Arc::new(entry));
            }
            // The leader has given up, or the store does not answer.
            if !matches!(replies.next(), Some(Ok(Reply::Item { .. }))) {
                break;
            }
        }
        Role::Leader(None)
    }

    /// Deletes the lock item: the followers need not wait any longer.
    pub(super) fn release(&self, lock: &str) {
        self.client.run(&[Command::Delete { key: lock }]);
    }
}
