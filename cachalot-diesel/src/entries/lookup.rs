//! The read half of the protocol: use a valid entry, or query the database under known tokens.

use std::{sync::Arc, time::Duration};

use super::{
    Entry, EntryStore, RemainingTtl,
    entry::{self, EncodeOptions},
    near_cache::FreshAsOf,
    single_flight::Leader,
};
use crate::{
    bypass::BypassReason,
    clock::now_millis,
    events,
    protocol::{EPOCH_PARTS, Records, Token},
    rows::BlockWriter,
    store::{Command, Reply, StoreError},
};

/// The result of a lookup.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// The entry and its key.
    Hit(Arc<Entry>, String),
    /// Query the database; the rows may be stored.
    Miss(FillPermit),
    /// Query the database and store nothing.
    Bypass(BypassReason),
    /// The dependencies were computed under a former epoch.
    Outdated,
}

/// The part of the epoch that a read of this key depends on.
fn epoch_part_of(key: &str) -> usize {
    usize::from(key.bytes().next().unwrap_or_default()) % EPOCH_PARTS
}

/// What an entry is looked up for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// `explain`: nothing changes, neither the store nor the near cache nor a counter.
    Explain,
    /// Use an entry, if there is one. The store stays as it is.
    Hit,
    /// Use an entry, or store one.
    Fill,
}

/// What was found in the store.
enum Fetch {
    /// A valid entry.
    Current(Arc<Entry>),
    /// No valid entry; these are the current tokens.
    Nothing(Vec<Token>),
    /// A write is in flight.
    InFlight,
    /// The epoch has changed.
    Outdated,
}

/// Allows to store rows that are read after the permit was granted.
#[derive(Debug)]
#[must_use]
pub(crate) struct FillPermit {
    key: String,
    tokens: Vec<Token>,
    /// Before the records were read.
    asked: FreshAsOf,
    /// Other readers of this process may wait for the rows.
    leader: Option<Leader>,
    /// The key of the lock item. While it exists, other processes wait for the rows.
    stampede_lock: Option<String>,
}

impl FillPermit {
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn into_key(self) -> String {
        self.key
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    pub(super) fn led_by(self, leader: Leader, stampede_lock: Option<String>) -> Self {
        Self {
            leader: Some(leader),
            stampede_lock,
            ..self
        }
    }

    /// The first row has come, and the program may take its time with the others.
    pub(crate) fn has_rows(&self) {
        if let Some(leader) = &self.leader {
            leader.has_rows();
        }
    }
}

impl EntryStore {
    /// Looks up an entry. One round trip to the store, if nothing is missing and no lease has to be
    /// checked.
    ///
    /// Missing records are created *before* the query is sent, so that a concurrent writer changes a
    /// record that this reader has already seen.
    ///
    pub(crate) fn lookup(&self, key: String, records: Records<'_>) -> Lookup {
        if self.versions.is_pending(records.all) {
            return Lookup::Bypass(BypassReason::StoreUnavailable);
        }
        let asked = self.moment();
        match self.fetch(&key, records, Purpose::Fill) {
            Ok(Fetch::Current(entry)) => Lookup::Hit(entry, key),
            Ok(Fetch::Nothing(tokens)) => Lookup::Miss(FillPermit {
                key,
                tokens,
                asked,
                leader: None,
                stampede_lock: None,
            }),
            Ok(Fetch::InFlight) => Lookup::Bypass(BypassReason::WriterInFlight),
            Ok(Fetch::Outdated) => Lookup::Outdated,
            Err(_) => Lookup::Bypass(BypassReason::StoreUnavailable),
        }
    }

    /// Looks up an entry for a read on a server that may lag behind. A valid entry is no older than the
    /// last acknowledged commit. The server's own rows may be, so they are not stored: this creates no
    /// record and starts no flight.
    pub(crate) fn lookup_on_replica(&self, key: String, records: Records<'_>) -> Lookup {
        if self.versions.is_pending(records.all) {
            return Lookup::Bypass(BypassReason::StoreUnavailable);
        }
        match self.fetch(&key, records, Purpose::Hit) {
            Ok(Fetch::Current(entry)) => Lookup::Hit(entry, key),
            Ok(Fetch::Nothing(_)) => Lookup::Bypass(BypassReason::Replica),
            Ok(Fetch::InFlight) => Lookup::Bypass(BypassReason::WriterInFlight),
            Ok(Fetch::Outdated) => Lookup::Outdated,
            Err(_) => Lookup::Bypass(BypassReason::StoreUnavailable),
        }
    }

    /// What `lookup` would find, without creating anything: whether there is an entry, or `None` if the
    /// dependencies were computed under a former epoch.
    pub(crate) fn peek(
        &self,
        key: &str,
        records: Records<'_>,
    ) -> Result<Option<bool>, BypassReason> {
        if self.versions.is_pending(records.all) {
            return Err(BypassReason::StoreUnavailable);
        }
        match self.fetch(key, records, Purpose::Explain) {
            Ok(Fetch::Current(_)) => Ok(Some(true)),
            Ok(Fetch::Nothing(_)) => Ok(Some(false)),
            Ok(Fetch::Outdated) => Ok(None),
            Ok(Fetch::InFlight) => Err(BypassReason::WriterInFlight),
            Err(_) => Err(BypassReason::StoreUnavailable),
        }
    }

    fn fetch(
        &self,
        key: &str,
        records: Records<'_>,
        purpose: Purpose,
    ) -> Result<Fetch, StoreError> {
        let (is_read, create) = (purpose != Purpose::Explain, purpose == Purpose::Fill);
        let near = &self.near_cache;
        let asked = self.moment();
        let local = near.get(key);
        if let Some(local) = local.as_ref().filter(|local| near.is_fresh(local, asked)) {
            if is_read {
                events::near_hit(self.client.counters());
            }
            return Ok(Fetch::Current(Arc::clone(local.entry())));
        }
        let part = epoch_part_of(key);
        let record = &self.versions.epochs[part];
        let mut commands = Vec::with_capacity(records.dependencies.len() + 2);
        if local.is_none() {
            commands.push(Command::Get { key });
        }
        commands.push(Command::Get { key: &record.key });
        commands.extend(
            records
                .dependencies
                .iter()
                .map(|table| Command::Get { key: &table.key }),
        );
        let mut replies = self.client.run(&commands).into_iter();
        let entry = match local {
            Some(_) => None,
            None => replies.next(),
        };
        // A table has at most three.
        let mut tokens = Vec::with_capacity(records.dependencies.len() * 3 + 1);
        for (table, reply) in std::iter::once(record)
            .chain(records.dependencies)
            .zip(replies)
        {
            let fetched = self.versions.fetched(table, reply)?;
            match self.versions.tokens_of(table, fetched, create)? {
                Some(state) => tokens.extend(state.condensed()),
                None => return Ok(Fetch::InFlight),
            }
            // The epoch's token comes first: under another epoch the dependencies may be different.
            if tokens.first() != records.epoch.get(part) {
                return Ok(Fetch::Outdated);
            }
        }
        if let Some(local) = local.filter(|local| local.entry().is_of(&tokens)) {
            if is_read {
                local.confirm(asked);
                events::near_hit(self.client.counters());
            }
            return Ok(Fetch::Current(Arc::clone(local.entry())));
        }
        // Another process may have stored newer rows than those of the near cache.
        let entry = entry.or_else(|| self.client.run(&[Command::Get { key }]).pop());
        let entry = match entry {
            Some(Ok(Reply::Item { value, .. })) => {
                if is_read {
                    events::fetched(self.client.counters(), value.len());
                }
                Entry::open(&self.client.auth, key, value, self.max_inflated_bytes())
            }
            Some(Err(error)) => return Err(error),
            _ => None,
        };
        Ok(match entry.filter(|entry| entry.is_valid(&tokens)) {
            Some(entry) => {
                let entry = Arc::new(entry);
                if is_read {
                    near.keep(key, &entry, asked);
                }
                Fetch::Current(entry)
            }
            None => {
                if !self.versions.families_cover(records.members, create)? {
                    return Ok(Fetch::InFlight);
                }
                Fetch::Nothing(tokens)
            }
        })
    }

    fn moment(&self) -> FreshAsOf {
        self.near_cache.moment(self.versions.writes())
    }

    /// Limits the memory that a forged compressed entry can take.
    pub(super) fn max_inflated_bytes(&self) -> usize {
        // `max_value_bytes` does not count the names and types of the columns.
        self.config.max_value_bytes.saturating_mul(2)
    }

    /// Stores rows that were read from the database after the permit was granted.
    ///
    /// If there was a write in between, its `end` changes the tables' tokens, so the entry is
    /// never valid.
    pub(crate) fn store(
        &self,
        permit: &FillPermit,
        rows: &BlockWriter,
        life: RemainingTtl,
    ) -> Result<(), BypassReason> {
        let ttl = match life {
            RemainingTtl::Forever => None,
            RemainingTtl::For(left) => Some(left),
            RemainingTtl::Expired => return Err(BypassReason::Expired),
        };
        let now = now_millis();
        let lives = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        let terms = EncodeOptions {
            stored: now,
            expires: lives.map_or(0, |lives| now.saturating_add(lives)),
            compress_above: self.config.compress_above,
        };
        let encoded = entry::encode(&self.client.auth, &permit.key, &permit.tokens, terms, rows);
        let Some(value) = encoded else {
            return Err(BypassReason::TooLarge);
        };
        let stored = self.put_entry(permit, &value, ttl);
        // Only after the entry is stored, so that readers that come later find it.
        if let Some(leader) = &permit.leader {
            leader.complete(&value);
        }
        if stored.is_ok()
            && self.near_cache.is_on()
            && let Some(entry) = Entry::of(value, self.max_inflated_bytes())
        {
            self.near_cache
                .keep(&permit.key, &Arc::new(entry), permit.asked);
        }
        stored
    }

    /// Removes an undecodable entry, so that the next read stores another.
    pub(crate) fn discard(&self, key: &str) {
        self.near_cache.forget(key);
        // If this fails, the next read discards it again.
        self.client.run(&[Command::Delete { key }]);
    }

    /// Nothing will be stored under this permit: other processes need not wait.
    pub(crate) fn give_up(&self, permit: &FillPermit) {
        if let Some(stampede_lock) = &permit.stampede_lock {
            self.release(stampede_lock);
        }
    }

    fn put_entry(
        &self,
        permit: &FillPermit,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<(), BypassReason> {
        match self
            .client
            .run(&[Command::Set {
                key: &permit.key,
                value,
                ttl,
            }])
            .pop()
        {
            Some(Ok(_)) => {
                events::stored(self.client.counters(), value.len());
                Ok(())
            }
            Some(Err(StoreError::TooLarge { .. })) => Err(BypassReason::TooLarge),
            _ => Err(BypassReason::StoreUnavailable),
        }
    }
}
