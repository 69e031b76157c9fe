//! Reads and writes of certain rows, on a store that can be looked into.

mod ends;
mod faults;
mod hits;
#[cfg(feature = "memcached")]
mod servers;
mod sharing;
mod spy;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::spy::Spy;
use super::*;
use crate::{
    protocol::{
        Bucket, Buckets, Dependency, Epoch, Events, Key, Records, RowWrites, WriteOutcome, Writes,
    },
    rows::BlockWriter,
    store::{MemoryStore, Store},
    versions::{Origin, Write},
};

const TABLE: &str = "posts";
const COLUMN: &str = "author";

/// A process.
struct Process {
    store: Arc<Spy>,
    versions: Arc<VersionStore>,
    entries: EntryStore,
    epoch: Epoch,
    dependencies: [Dependency; 1],
}

impl Process {
    fn new() -> Self {
        Self::with_store(Arc::new(Spy::on(MemoryStore::new(1 << 20))), |_| {})
    }

    fn with_config(change: impl FnOnce(&mut Config)) -> Self {
        let store = Arc::new(Spy::on(MemoryStore::new(1 << 20)));
        Self::with_store(store, change)
    }

    fn with_store(store: Arc<Spy>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let config = Arc::new(config);
        let (shared, secret) = (Arc::clone(&store) as Arc<dyn Store>, config.secret.clone());
        let client = StoreClient::new(shared, secret.as_deref(), Arc::default());
        let client = Arc::new(client);
        let versions = Arc::new(VersionStore::new(&config, &client));
        Self {
            entries: EntryStore::new(&config, &client, &versions),
            epoch: versions.current_epoch(true).unwrap(),
            dependencies: [versions.dependency(TABLE)],
            versions,
            store,
        }
    }

    /// Another process on the same store.
    fn other(&self) -> Self {
        Self::with_store(Arc::clone(&self.store), |_| {})
    }

    fn records<'a>(&'a self, keys: &'a [(Arc<str>, Key)]) -> Records<'a> {
        Records {
            epoch: &self.epoch,
            all: &self.dependencies,
            dependencies: &self.dependencies,
            members: &[],
            keys,
        }
    }

    /// Looks up a read of the rows in these buckets.
    fn look(&self, buckets: &[Bucket]) -> Lookup {
        let keys = keys(buckets);
        self.entries.lookup(entry_key(buckets), self.records(&keys))
    }

    fn hits(&self, buckets: &[Bucket]) -> bool {
        match self.look(buckets) {
            Lookup::Hit(..) => true,
            Lookup::Miss(_) => false,
            other => panic!("{other:?}"),
        }
    }

    fn miss(&self, buckets: &[Bucket]) -> FillPermit {
        match self.look(buckets) {
            Lookup::Miss(permit) => permit,
            other => panic!("no miss: {other:?}"),
        }
    }

    fn fill(&self, permit: &FillPermit) {
        let stored = self
            .entries
            .store(permit, &BlockWriter::default(), RemainingTtl::Forever);
        stored.unwrap();
    }

    /// Stores an entry of a read of the rows in these buckets.
    fn store_entry(&self, buckets: &[Bucket]) {
        self.fill(&self.miss(buckets));
        assert!(self.hits(buckets));
    }

    fn begin(&self, writes: &RowWrites) -> Write {
        let origin = Origin {
            requested: true,
            ..Origin::default()
        };
        self.versions.begin(writes, origin)
    }

    /// A write of rows in these buckets.
    fn write(&self, buckets: &[Bucket]) {
        self.run(&writes(buckets));
    }

    fn run(&self, writes: &RowWrites) {
        let write = self.begin(writes);
        self.versions.end(write, WriteOutcome::Success).unwrap();
    }

    fn bucket_key(&self, bucket: Bucket) -> String {
        self.dependencies[0].bucket(COLUMN, bucket)
    }

    fn record_key(&self) -> &str {
        &self.dependencies[0].key
    }

    /// How many invalidations were wide, and how many were keyed.
    fn invalidations(&self) -> (u64, u64) {
        let stats = self.entries.client.counters().snapshot();
        (stats.wide_invalidations, stats.keyed_invalidations)
    }
}

fn entry_key(buckets: &[Bucket]) -> String {
    let hex = buckets.iter().map(|bucket| format!("{bucket:04x}"));
    format!("0e{}", hex.collect::<String>())
}

fn set(buckets: &[Bucket]) -> BTreeSet<Bucket> {
    buckets.iter().copied().collect()
}

/// None: all rows.
fn keys(buckets: &[Bucket]) -> Vec<(Arc<str>, Key)> {
    let key = Key {
        column: COLUMN.into(),
        buckets: set(buckets),
    };
    match buckets {
        [] => Vec::new(),
        _ => vec![(TABLE.into(), key)],
    }
}

fn writes(buckets: &[Bucket]) -> RowWrites {
    writes_by(COLUMN, buckets)
}

fn writes_by(column: &str, buckets: &[Bucket]) -> RowWrites {
    let rows = Buckets::from_iter([(column, set(buckets))]);
    let table = Writes::table(TABLE.into(), Events::UPDATE);
    RowWrites::new(table, BTreeMap::from([(TABLE.into(), rows)]))
}

/// A write of unknown rows.
fn wide() -> RowWrites {
    RowWrites::of_unknown_rows(Writes::table(TABLE.into(), Events::UPDATE))
}
