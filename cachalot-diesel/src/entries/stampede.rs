//! Cold readers of several processes that ask for the same rows: one of them asks the database, the
//! others wait for its entry.
//!
//! Whoever adds an item that is named after the entry and the tokens is the one who asks. Memcached's own
//! leases (`mg … N`) are given for items that are missing; an entry whose tables have changed is not
//! missing, and it is what stampedes gather at.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{Entry, EntryStore, FillPermit};
use crate::{
    fingerprint::Fingerprint,
    store::{Command, Reply},
};

/// How long a reader waits between two looks; twice as long each time, up to the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(16)];
/// What memcached can measure.
const SHORTEST: Duration = Duration::from_secs(1);

/// What a reader of the stampede does.
pub(super) enum Role {
    /// It asks the database, for all; the item's key is to be deleted if nothing comes of it.
    Leader(Option<String>),
    /// Another has asked; these are its rows.
    Follower(Arc<Entry>),
}

impl EntryStore {
    /// Waits for another process's rows, if one is asking for the same ones under the same tokens.
    pub(super) fn try_lead(&self, permit: &FillPermit) -> Role {
        let wait = self.config.stampede_wait;
        if wait.is_zero() {
            return Role::Leader(None);
        }
        let mut fingerprint = Fingerprint::new(&self.config.namespace, "stampede");
        fingerprint.part(permit.key().as_bytes());
        for token in permit.tokens() {
            fingerprint.part(token.as_bytes());
        }
        let stampede = fingerprint.finish();
        let add = Command::Add {
            key: &stampede,
            value: b"1",
            ttl: Some(wait.max(SHORTEST)),
        };
        match self.client.run(&[add]).pop() {
            Some(Ok(Reply::Conflict)) => {}
            Some(Ok(_)) => return Role::Leader(Some(stampede)),
            _ => return Role::Leader(None),
        }
        let start = Instant::now();
        let [mut pause, longest] = PAUSES;
        while start.elapsed() < wait {
            thread::sleep(pause);
            pause = (pause * 2).min(longest);
            let looks = [
                Command::Get { key: permit.key() },
                Command::Get { key: &stampede },
            ];
            let mut replies = self.client.run(&looks).into_iter();
            if let Some(Ok(Reply::Item { value, .. })) = replies.next()
                && let Some(entry) =
                    Entry::open(&self.client.auth, permit.key(), value, self.most_inflated())
                && entry.may_be_given(permit.tokens())
            {
                return Role::Follower(Arc::new(entry));
            }
            // Whoever asked has given up, or the store has.
            if !matches!(replies.next(), Some(Ok(Reply::Item { .. }))) {
                break;
            }
        }
        Role::Leader(None)
    }

    /// Nothing came of it: nobody need wait any longer.
    pub(super) fn release(&self, stampede: &str) {
        self.client.run(&[Command::Delete { key: stampede }]);
    }
}
