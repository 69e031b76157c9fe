//! Leases are kept while their writes last: a statement that waits for a lock, or a COMMIT that
//! takes long, must not look like a process that died.

use std::{collections::HashSet, sync::Arc, thread};

use parking_lot::Mutex;

use super::VersionStore;
use crate::{protocol::Token, store::Command};

/// The writes of this process between `begin` and `end`.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    writers: HashSet<Token>,
    /// A thread keeps them.
    kept: bool,
}

impl VersionStore {
    /// Keeps the lease of a write from its `begin` on. Without a thread to spare it is not kept, and
    /// the write has to be faster than its lease.
    pub(super) fn keep_lease(self: &Arc<Self>, writer: Token) {
        let mut held = self.leases.0.lock();
        held.writers.insert(writer);
        if held.kept {
            return;
        }
        let versions = Arc::downgrade(self);
        let pause = self.config.write_lease / 3;
        let spawned = thread::Builder::new()
            .name("cachalot-leases".to_owned())
            .spawn(move || {
                loop {
                    thread::sleep(pause);
                    let Some(versions) = versions.upgrade() else {
                        return;
                    };
                    if !versions.renew_leases() {
                        return;
                    }
                }
            });
        held.kept = spawned.is_ok();
    }

    pub(super) fn drop_lease(&self, writer: Token) {
        self.leases.0.lock().writers.remove(&writer);
    }

    /// Returns whether there was anything to do.
    fn renew_leases(&self) -> bool {
        let mut held = self.leases.0.lock();
        held.kept = !held.writers.is_empty();
        let writers: Vec<_> = held.writers.iter().copied().collect();
        drop(held);
        let keys: Vec<_> = writers.iter().map(|it| self.lease_key(*it)).collect();
        let commands: Vec<_> = keys.iter().map(|key| self.lease(key)).collect();
        if !commands.is_empty() {
            // One that the store does not take ends as if its process had died.
            self.client.run(&commands);
        }
        !commands.is_empty()
    }

    /// The command that begins or renews a lease.
    pub(super) fn lease<'a>(&self, key: &'a str) -> Command<'a> {
        Command::Set {
            key,
            value: b"1",
            ttl: Some(self.config.write_lease),
        }
    }
}
