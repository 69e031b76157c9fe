//! The in-process store: for tests and for programs of a single process.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use parking_lot::{Mutex, MutexGuard};
use quick_cache::{Weighter, unsync::Cache};

use super::{CasVersion, Command, Reply, Store, StoreError, Ttl};

/// The maximum number of shards. Each has its own lock.
const MAX_SHARDS: usize = 16;

/// The minimum size of a shard if there are several: an item must fit in its shard.
const MIN_SHARD_BYTES: usize = 4 * 1024 * 1024;

/// The memory of an item besides its key and value: slots in the maps, pointers, allocations.
const ITEM_OVERHEAD_BYTES: usize = 160;

/// A store in this process, with a limit on the bytes that it holds.
///
/// Other processes do not see it, so use it only if a single process writes to the database. When it
/// is full it evicts the least useful items. An expired item is removed on the next access.
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    /// The version of the last write to any item.
    last_version: AtomicU64,
    max_item_bytes: usize,
    max_value_bytes: usize,
}

type Shard = Cache<Box<str>, Item, Weight>;

impl MemoryStore {
    /// A store that holds at most `max_bytes`: keys, values and overhead.
    ///
    /// It has up to sixteen shards of at least 4 MiB. An item may take nine tenths of a shard; a larger
    /// one is [`StoreError::TooLarge`].
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        let shards = (max_bytes / MIN_SHARD_BYTES).clamp(1, MAX_SHARDS);
        let shard_bytes = max_bytes / shards;
        // An estimate with 1 kB per item; the map grows on demand.
        let items = (shard_bytes / 1024).clamp(16, 4096);
        let shard = |_| Mutex::new(Cache::with_weighter(items, shard_bytes as u64, Weight));
        Self {
            shards: (0..shards).map(shard).collect(),
            hasher: RandomState::new(),
            last_version: AtomicU64::new(0),
            // The cache rejects items above 97 % of its capacity.
            max_item_bytes: shard_bytes / 10 * 9,
            max_value_bytes: usize::MAX,
        }
    }

    /// Rejects values above this many bytes, even if they would fit.
    #[must_use]
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    fn execute(&self, command: &Command<'_>) -> Result<Reply, StoreError> {
        let key = command.key();
        let room = self
            .max_item_bytes
            .saturating_sub(key.len() + ITEM_OVERHEAD_BYTES);
        command.check(room.min(self.max_value_bytes))?;
        Ok(match *command {
            Command::Get { .. } => self.get(key),
            Command::Set { value, ttl, .. } => self.write(key, value, ttl, |_| None),
            Command::Add { value, ttl, .. } => {
                self.write(key, value, ttl, |found| found.map(|_| Reply::Conflict))
            }
            Command::CompareAndSwap {
                value,
                ttl,
                version,
                ..
            } => self.write(key, value, ttl, |found| match found {
                Some(found) if found == version => None,
                Some(_) => Some(Reply::Conflict),
                None => Some(Reply::Missing),
            }),
            Command::Delete { .. } => {
                let mut shard = self.shard(key);
                match live(&mut shard, key) {
                    Some(_) => {
                        shard.remove(key);
                        Reply::Stored(None)
                    }
                    None => Reply::Missing,
                }
            }
        })
    }

    fn get(&self, key: &str) -> Reply {
        let Some(item) = live(&mut self.shard(key), key) else {
            return Reply::Missing;
        };
        // Copies the bytes after the lock is released.
        Reply::Item {
            value: item.value.to_vec(),
            version: item.version,
        }
    }

    /// Writes the item, unless `objection` returns a reply for its current version.
    fn write(
        &self,
        key: &str,
        value: &[u8],
        ttl: Ttl,
        objection: impl FnOnce(Option<CasVersion>) -> Option<Reply>,
    ) -> Reply {
        let value: Arc<[u8]> = value.into();
        // An overflow means for ever.
        let expires = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        let mut shard = self.shard(key);
        let found = live(&mut shard, key).map(|item| item.version);
        if let Some(reply) = objection(found) {
            return reply;
        }
        let version = CasVersion(self.last_version.fetch_add(1, Ordering::Relaxed) + 1);
        shard.insert(
            key.into(),
            Item {
                value,
                version,
                expires,
            },
        );
        Reply::Stored(Some(version))
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let shard = self.hasher.hash_one(key) % self.shards.len() as u64;
        let shard = usize::try_from(shard).unwrap_or_default();
        self.shards[shard].lock()
    }
}

/// The item, unless it has expired; then it is removed.
fn live(shard: &mut Shard, key: &str) -> Option<Item> {
    let item = shard.get(key).cloned()?;
    if item
        .expires
        .is_some_and(|expires| expires <= Instant::now())
    {
        shard.remove(key);
        return None;
    }
    Some(item)
}

impl Store for MemoryStore {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        commands
            .iter()
            .map(|command| self.execute(command))
            .collect()
    }

    fn describe(&self) -> String {
        "memory://".to_owned()
    }
}

impl fmt::Debug for MemoryStore {
    /// Does not show the items, which may contain rows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("shards", &self.shards.len())
            .field("max_item_bytes", &self.max_item_bytes)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Item {
    value: Arc<[u8]>,
    version: CasVersion,
    expires: Option<Instant>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Box<str>, Item> for Weight {
    fn weight(&self, key: &Box<str>, item: &Item) -> u64 {
        (key.len() + item.value.len() + ITEM_OVERHEAD_BYTES) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{super::contract, *};

    #[test]
    fn the_store_keeps_the_contract() {
        contract::check_all(&MemoryStore::new(64 * 1024 * 1024));
    }

    #[test]
    fn a_small_store_keeps_the_contract() {
        contract::check_all(&MemoryStore::new(5 * 1024 * 1024).max_value_bytes(1_000_000));
    }

    #[test]
    fn the_store_never_exceeds_its_limit() {
        let store = MemoryStore::new(100_000);
        for n in 0..1_000 {
            let key = format!("{n:x}");
            let value = vec![7; 1 + n * 13 % 5_000];
            let reply = store.run(&[Command::Set {
                key: &key,
                value: &value,
                ttl: None,
            }]);
            assert!(matches!(reply[..], [Ok(Reply::Stored(_))]));
            let held: u64 = store.shards.iter().map(|shard| shard.lock().weight()).sum();
            assert!(held <= 100_000, "{held} bytes after {n} items");
        }
        assert!(matches!(
            store.run(&[Command::Get { key: "0" }])[..],
            [Ok(Reply::Missing)]
        ));
    }

    #[test]
    fn a_value_of_the_maximum_size_is_kept() {
        let store = MemoryStore::new(100_000);
        let refused = store.run(&[Command::Set {
            key: "a",
            value: &[1; 100_000],
            ttl: None,
        }]);
        let [
            Err(StoreError::TooLarge {
                bytes: 100_000,
                limit,
            }),
        ] = refused[..]
        else {
            panic!("{refused:?}")
        };
        let value = vec![1; limit];
        let replies = store.run(&[
            Command::Set {
                key: "a",
                value: &value,
                ttl: None,
            },
            Command::Get { key: "a" },
        ]);
        assert!(
            matches!(&replies[..], [Ok(Reply::Stored(_)), Ok(Reply::Item { value, .. })]
                if value.len() == limit),
            "{replies:?}"
        );
    }

    #[test]
    fn a_time_to_live_below_a_second_is_exact() {
        let store = MemoryStore::new(100_000);
        store.run(&[Command::Set {
            key: "a",
            value: b"v",
            ttl: Some(std::time::Duration::ZERO),
        }]);
        assert!(matches!(
            store.run(&[Command::Get { key: "a" }])[..],
            [Ok(Reply::Missing)]
        ));
    }
}
