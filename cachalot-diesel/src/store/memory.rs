//! Items in this process only: for tests and for programs that are one process.

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

/// How many parts the store has at most, each with a lock of its own.
const MAX_PARTS: usize = 16;

/// The least that a part may hold if there is to be more than one: a value must fit in its part.
const PART_BYTES: usize = 4 * 1024 * 1024;

/// What an item costs beside its key and value: slots in the maps, pointers, allocations.
const ITEM_OVERHEAD: usize = 160;

/// A store in this process, with a limit on the bytes that it holds.
///
/// Other processes do not see it, so use it only where one process writes to the database. When it
/// is full it forgets what is used least; an item past its time goes when it is next looked at.
pub struct MemoryStore {
    parts: Box<[Mutex<Part>]>,
    hasher: RandomState,
    /// The version of the item that was written last, of all items.
    last_version: AtomicU64,
    max_item_bytes: usize,
    max_value_bytes: usize,
}

type Part = Cache<Box<str>, Item, Weight>;

impl MemoryStore {
    /// A store that holds at most `max_bytes`: keys, values and what it costs to keep them.
    ///
    /// It has up to sixteen parts of 4 MiB or more, and an item may take nine tenths of a part; a
    /// larger value is [`StoreError::TooLarge`].
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        let parts = (max_bytes / PART_BYTES).clamp(1, MAX_PARTS);
        let part_bytes = max_bytes / parts;
        // Only a guess, at 1 kB an item; what it sizes grows with the need.
        let items = (part_bytes / 1024).clamp(16, 4096);
        let part = |_| Mutex::new(Cache::with_weighter(items, part_bytes as u64, Weight));
        Self {
            parts: (0..parts).map(part).collect(),
            hasher: RandomState::new(),
            last_version: AtomicU64::new(0),
            // The cache admits nothing above 97 % of its room.
            max_item_bytes: part_bytes / 10 * 9,
            max_value_bytes: usize::MAX,
        }
    }

    /// Refuses values above this many bytes even if they would fit.
    #[must_use]
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    fn carry_out(&self, command: &Command<'_>) -> Result<Reply, StoreError> {
        let key = command.key();
        let room = self
            .max_item_bytes
            .saturating_sub(key.len() + ITEM_OVERHEAD);
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
                let mut part = self.part(key);
                match live(&mut part, key) {
                    Some(_) => {
                        part.remove(key);
                        Reply::Stored(None)
                    }
                    None => Reply::Missing,
                }
            }
        })
    }

    fn get(&self, key: &str) -> Reply {
        let Some(item) = live(&mut self.part(key), key) else {
            return Reply::Missing;
        };
        // The bytes are copied after the lock has gone.
        Reply::Item {
            value: item.value.to_vec(),
            version: item.version,
        }
    }

    /// Writes the item unless `objection`, which sees the state that it is in, has a reply.
    fn write(
        &self,
        key: &str,
        value: &[u8],
        ttl: Ttl,
        objection: impl FnOnce(Option<CasVersion>) -> Option<Reply>,
    ) -> Reply {
        let value: Arc<[u8]> = value.into();
        // A time that no clock will show is for ever.
        let dies = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        let mut part = self.part(key);
        let found = live(&mut part, key).map(|item| item.version);
        if let Some(reply) = objection(found) {
            return reply;
        }
        let version = CasVersion(self.last_version.fetch_add(1, Ordering::Relaxed) + 1);
        part.insert(
            key.into(),
            Item {
                value,
                version,
                dies,
            },
        );
        Reply::Stored(Some(version))
    }

    fn part(&self, key: &str) -> MutexGuard<'_, Part> {
        let part = self.hasher.hash_one(key) % self.parts.len() as u64;
        let part = usize::try_from(part).unwrap_or_default();
        // Nothing that is done under the lock leaves an item half written.
        self.parts[part].lock()
    }
}

/// The item if it is there and its time has not passed; else whatever there is, is removed.
fn live(part: &mut Part, key: &str) -> Option<Item> {
    let item = part.get(key).cloned()?;
    if item.dies.is_some_and(|dies| dies <= Instant::now()) {
        part.remove(key);
        return None;
    }
    Some(item)
}

impl Store for MemoryStore {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        commands
            .iter()
            .map(|command| self.carry_out(command))
            .collect()
    }

    fn describe(&self) -> String {
        "memory://".to_owned()
    }
}

impl fmt::Debug for MemoryStore {
    /// Never the items: they are row contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("parts", &self.parts.len())
            .field("max_item_bytes", &self.max_item_bytes)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Item {
    value: Arc<[u8]>,
    version: CasVersion,
    dies: Option<Instant>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Box<str>, Item> for Weight {
    fn weight(&self, key: &Box<str>, item: &Item) -> u64 {
        (key.len() + item.value.len() + ITEM_OVERHEAD) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{super::contract, *};

    #[test]
    fn it_keeps_the_contract() {
        contract::check_all(&MemoryStore::new(64 * 1024 * 1024));
    }

    #[test]
    fn a_small_one_keeps_the_contract_too() {
        contract::check_all(&MemoryStore::new(5 * 1024 * 1024).max_value_bytes(1_000_000));
    }

    #[test]
    fn it_never_holds_more_than_its_limit() {
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
            let held: u64 = store.parts.iter().map(|part| part.lock().weight()).sum();
            assert!(held <= 100_000, "{held} bytes after {n} items");
        }
        assert!(matches!(
            store.run(&[Command::Get { key: "0" }])[..],
            [Ok(Reply::Missing)]
        ));
    }

    #[test]
    fn the_largest_value_that_is_not_refused_is_kept() {
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
    fn a_part_of_a_second_is_honoured() {
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
