//! A store that can be looked into: it tells which items a read asked for, and lets a test spoil them.

use std::sync::Arc;
use std::time::Duration;

use cachalot_diesel::{Command, MemcachedStore, MemoryStore, Reply, Store, StoreError};
use cachalot_tests::memcached;
use parking_lot::Mutex;

/// A store with walls of spy_store. Clones are the same store.
#[derive(Clone)]
pub(crate) struct SpyStore {
    store: Arc<dyn Store>,
    /// The keys of the last batch of reads.
    asked: Arc<Mutex<Vec<String>>>,
}

impl SpyStore {
    /// Around the shared memcached.
    pub(crate) fn memcached() -> Self {
        let address = memcached::shared().address().to_string();
        let store = MemcachedStore::connect(&[address], Duration::from_secs(5)).unwrap();
        Self::around(store)
    }

    /// Around a store in this process.
    pub(crate) fn memory() -> Self {
        Self::around(MemoryStore::new(1 << 20))
    }

    fn around(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            asked: Arc::default(),
        }
    }

    /// The keys of the last batch of reads: for a read through the cache its entry, the record of
    /// the namespace, and those of its tables.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }

    /// The bytes of an item.
    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        match self.run_one(Command::Get { key }) {
            Reply::Item { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Puts bytes into an item.
    pub(crate) fn set(&self, key: &str, value: &[u8]) {
        let reply = self.run_one(Command::Set {
            key,
            value,
            ttl: None,
        });
        assert!(matches!(reply, Reply::Stored(_)), "{reply:?}");
    }

    /// Removes an item.
    pub(crate) fn delete(&self, key: &str) {
        let reply = self.run_one(Command::Delete { key });
        assert!(matches!(reply, Reply::Stored(_)), "{reply:?}");
    }

    fn run_one(&self, command: Command<'_>) -> Reply {
        self.store.run(&[command]).pop().unwrap().unwrap()
    }
}

impl Store for SpyStore {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        if let [Command::Get { .. }, _, ..] = commands {
            let keys = commands.iter().map(|command| command.key().to_owned());
            *self.asked.lock() = keys.collect();
        }
        self.store.run(commands)
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
}
