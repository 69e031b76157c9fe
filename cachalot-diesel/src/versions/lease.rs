//! Renews the leases of writes in flight: a statement that waits for a lock, or a slow COMMIT, must
//! not look like a crashed process.

use std::{collections::HashSet, sync::Arc};

use parking_lot::Mutex;

use super::VersionStore;
use crate::{background, protocol::Token, store::Command};

/// The writes of this process between `begin` and `end`.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    writers: HashSet<Token>,
    /// The renewal thread is running.
    renewing: bool,
}

impl VersionStore {
    /// Renews the lease of a write from its `begin` on. If the thread cannot be started, the lease is
    /// not renewed, and the write has to end before it expires.
    pub(super) fn keep_lease(self: &Arc<Self>, writer: Token) {
        let mut held = self.leases.0.lock();
        held.writers.insert(writer);
        if held.renewing {
            return;
        }
        let pause = self.config.write_lease / 3;
        held.renewing = background::repeat("cachalot-leases", self, pause, move |versions| {
            versions.renew_leases().then_some(pause)
        });
    }

    pub(super) fn drop_lease(&self, writer: Token) {
        self.leases.0.lock().writers.remove(&writer);
    }

    /// Returns whether any lease was left to renew.
    fn renew_leases(&self) -> bool {
        let mut held = self.leases.0.lock();
        held.renewing = !held.writers.is_empty();
        let writers: Vec<_> = held.writers.iter().copied().collect();
        drop(held);
        let keys: Vec<_> = writers.iter().map(|it| self.lease_key(*it)).collect();
        let commands: Vec<_> = keys.iter().map(|key| self.lease(key)).collect();
        if !commands.is_empty() {
            // A lease that the store does not accept expires as if its process had crashed.
            self.client.run(&commands);
        }
        !commands.is_empty()
    }

    /// The command that creates or renews a lease.
    pub(super) fn lease<'a>(&self, key: &'a str) -> Command<'a> {
        Command::Set {
            key,
            value: b"1",
            ttl: Some(self.config.write_lease),
        }
    }
}
