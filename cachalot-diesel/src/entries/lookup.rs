//! The read half of the protocol: trust an entry, or ask the database under known tokens.

use std::{sync::Arc, time::Duration};

use super::{
    Entry, EntryStore, Life,
    entry::{self, Terms},
    near_cache::FreshAsOf,
    single_flight::Leader,
};
use crate::{
    bypass::BypassReason,
    clock::now_millis,
    events,
    protocol::{EPOCHS, Records, Token},
    rows::BlockWriter,
    store::{Command, Reply, StoreError},
};

/// What the cache says to a read.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// These are the rows; under that key.
    Hit(Arc<Entry>, String),
    /// Ask the database; its rows may be stored.
    Miss(FillPermit),
    /// Ask the database, and store nothing.
    Bypass(BypassReason),
    /// The dependencies are those of an epoch that is no more.
    Outdated,
}

/// The part of the epoch that a read under this key looks at.
fn epoch_of(key: &str) -> usize {
    usize::from(key.bytes().next().unwrap_or_default()) % EPOCHS
}

/// What an entry is looked up for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Somebody asks what would be found. Nothing changes: neither the store nor what is kept here,
    /// nor a count.
    Explain,
    /// To be given, if there is one. The store stays as it is.
    Hit,
    /// To be given, or else to be stored.
    Fill,
}

/// What was found in the store.
enum Fetch {
    /// An entry of the tables' present states.
    Current(Arc<Entry>),
    /// No such entry; these are the tokens of the present states.
    Nothing(Vec<Token>),
    /// A writer is in flight.
    InFlight,
    /// The epoch is another one.
    Outdated,
}

/// Leave to store rows that were read after it was given.
#[derive(Debug)]
#[must_use]
pub(crate) struct FillPermit {
    key: String,
    tokens: Vec<Token>,
    /// Before the records were asked for the tokens.
    asked: FreshAsOf,
    /// Others wait for the rows.
    leader: Option<Leader>,
    /// So do other processes, as long as there is this item.
    stampede: Option<String>,
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

    pub(super) fn led_by(self, leader: Leader, stampede: Option<String>) -> Self {
        Self {
            leader: Some(leader),
            stampede,
            ..self
        }
    }
}

impl EntryStore {
    /// Looks a read up: one round trip to the store when nothing is missing and no writer's lease
    /// is to be looked at.
    ///
    /// Records that are missing are created *before* the database is asked, so that a writer who
    /// comes meanwhile changes a record that the reader has already seen.
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
                stampede: None,
            }),
            Ok(Fetch::InFlight) => Lookup::Bypass(BypassReason::WriterInFlight),
            Ok(Fetch::Outdated) => Lookup::Outdated,
            Err(_) => Lookup::Bypass(BypassReason::StoreUnavailable),
        }
    }

    /// Looks up a read on a server that may lag behind. A valid entry is no older than the last commit
    /// that was acknowledged; the server's own rows may be, so nothing is prepared for storing them:
    /// no record is created, and nobody waits for them.
    pub(crate) fn find(&self, key: String, records: Records<'_>) -> Lookup {
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

    /// What `lookup` would answer, without creating anything: whether there is an entry, or `None`
    /// if the dependencies are those of an epoch that is no more.
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
        let kept = near.get(key);
        if let Some(kept) = kept.as_ref().filter(|kept| near.is_fresh(kept, asked)) {
            if is_read {
                events::near_hit(self.client.counters());
            }
            return Ok(Fetch::Current(Arc::clone(kept.entry())));
        }
        let part = epoch_of(key);
        let record = &self.versions.epochs[part];
        let mut commands = Vec::with_capacity(records.dependencies.len() + 2);
        if kept.is_none() {
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
        let entry = match kept {
            Some(_) => None,
            None => replies.next(),
        };
        let mut tokens = Vec::with_capacity(records.dependencies.len() + 1);
        for (table, reply) in std::iter::once(record)
            .chain(records.dependencies)
            .zip(replies)
        {
            let fetched = self.versions.fetched(&table.key, reply)?;
            match self.versions.state_of(table, fetched, create)? {
                Some(state) => tokens.extend(state.of(table.events)),
                None => return Ok(Fetch::InFlight),
            }
            // The epoch's own comes first: under another the rest is not what has to be looked at.
            if tokens.first() != records.epoch.get(part) {
                return Ok(Fetch::Outdated);
            }
        }
        if let Some(kept) = kept.filter(|kept| kept.entry().is_of(&tokens)) {
            if is_read {
                kept.confirm(asked);
                events::near_hit(self.client.counters());
            }
            return Ok(Fetch::Current(Arc::clone(kept.entry())));
        }
        // Another process may have stored newer rows than those that are kept here.
        let entry = entry.or_else(|| self.client.run(&[Command::Get { key }]).pop());
        let entry = match entry {
            Some(Ok(Reply::Item { value, .. })) => {
                if is_read {
                    events::fetched(self.client.counters(), value.len());
                }
                Entry::open(&self.client.auth, key, value, self.most_inflated())
            }
            Some(Err(error)) => return Err(error),
            _ => None,
        };
        Ok(match entry.filter(|entry| entry.may_be_given(&tokens)) {
            Some(entry) => {
                let entry = Arc::new(entry);
                if is_read {
                    near.keep(key, &entry, asked);
                }
                Fetch::Current(entry)
            }
            None => {
                if !self.versions.admits(records.members, create)? {
                    return Ok(Fetch::InFlight);
                }
                Fetch::Nothing(tokens)
            }
        })
    }

    fn moment(&self) -> FreshAsOf {
        self.near_cache.moment(self.versions.writes())
    }

    /// What rows may take at the most, so that a forged entry cannot take more.
    pub(super) fn most_inflated(&self) -> usize {
        // Names and types of the columns are not counted by the limit.
        self.config.max_value_bytes.saturating_mul(2)
    }

    /// Stores rows that were read from the database after the permit was given.
    ///
    /// If a writer came in between, its `end` has given or will give the tables new tokens, and
    /// the entry is dead on arrival.
    pub(crate) fn store(
        &self,
        permit: &FillPermit,
        rows: &BlockWriter,
        life: Life,
    ) -> Result<(), BypassReason> {
        let ttl = match life {
            Life::Forever => None,
            Life::For(left) => Some(left),
            // It took longer to read them than they may live.
            Life::Over => return Err(BypassReason::Expired),
        };
        let now = now_millis();
        let lives = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        let terms = Terms {
            stored: now,
            // A part of a millisecond is cut off.
            expires: lives.map_or(0, |lives| now.saturating_add(lives)),
            compress_above: self.config.compress_above,
        };
        let encoded = entry::encode(&self.client.auth, &permit.key, &permit.tokens, terms, rows);
        let Some(value) = encoded else {
            return Err(BypassReason::TooLarge);
        };
        let stored = self.put_entry(permit, &value, ttl);
        // After it is stored, so that who comes after the landing finds it.
        if let Some(leader) = &permit.leader {
            leader.complete(&value);
        }
        if stored.is_ok()
            && self.near_cache.is_on()
            && let Some(entry) = Entry::of(value, self.most_inflated())
        {
            self.near_cache
                .keep(&permit.key, &Arc::new(entry), permit.asked);
        }
        stored
    }

    /// Removes an entry that nobody can make rows of, so that the next read stores another.
    pub(crate) fn discard(&self, key: &str) {
        self.near_cache.forget(key);
        // Where that fails, the next read comes here again.
        self.client.run(&[Command::Delete { key }]);
    }

    /// Nothing comes of what the permit was given for: nobody need wait for it.
    pub(crate) fn give_up(&self, permit: &FillPermit) {
        if let Some(stampede) = &permit.stampede {
            self.release(stampede);
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
