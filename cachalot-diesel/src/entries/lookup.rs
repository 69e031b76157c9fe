//! The read half of the protocol: use a valid entry, or query the database under known tokens.

use std::{sync::Arc, time::Duration};

use super::{
    Entry, EntryStore, RemainingTtl,
    entry::{self, EncodeOptions},
    fetch::{Fetch, Purpose},
    near_cache::FreshAsOf,
    single_flight::Leader,
    validators::Validators,
};
use crate::{
    bypass::BypassReason,
    clock::now_millis,
    events,
    protocol::Records,
    rows::BlockWriter,
    store::{Command, StoreError},
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

/// Allows to store rows that are read after the permit was granted.
#[derive(Debug)]
#[must_use]
pub(crate) struct FillPermit {
    key: String,
    validators: Validators,
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

    pub(super) fn validators(&self) -> &Validators {
        &self.validators
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
            Ok(Fetch::Nothing(validators)) => Lookup::Miss(FillPermit {
                key,
                validators,
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

    pub(super) fn moment(&self) -> FreshAsOf {
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
        let (auth, validators) = (&self.client.auth, &permit.validators);
        let encoded = entry::encode(auth, &permit.key, validators, terms, rows);
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
