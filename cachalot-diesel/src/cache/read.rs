//! The read half of the protocol: trust an entry, or ask the database under known tokens.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    Cachalot, CatalogSnapshot, Dependency, EPOCHS, Entry, Life, Plan,
    entry::{self, Terms},
    near_cache::FreshAsOf,
    now_millis,
    records::Fetched,
    single_flight::Leader,
};
use crate::{
    bypass::BypassReason,
    events,
    protocol::{self, Families, Look, Member, Record, State, Token},
    rows::BlockWriter,
    store::{Command, Reply, StoreError},
};

/// How often a record that others keep changing is looked at again before the read gives up on it.
const ATTEMPTS: usize = 8;

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

impl Cachalot {
    /// Looks a read up: one round trip to the store when nothing is missing and no writer's lease
    /// is to be looked at.
    ///
    /// Records that are missing are created *before* the database is asked, so that a writer who
    /// comes meanwhile changes a record that the reader has already seen.
    ///
    /// `known` is what the dependencies were worked out from.
    pub(crate) fn lookup(&self, key: String, plan: &Plan, known: &CatalogSnapshot) -> Lookup {
        if self.is_pending(&plan.dependencies) {
            return Lookup::Bypass(BypassReason::StoreUnavailable);
        }
        let asked = self.moment();
        match self.fetch(&key, plan, known, true) {
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

    /// What `lookup` would answer, without creating anything: whether there is an entry, or `None`
    /// if the dependencies are those of an epoch that is no more.
    pub(crate) fn peek(
        &self,
        key: &str,
        plan: &Plan,
        known: &CatalogSnapshot,
    ) -> Result<Option<bool>, BypassReason> {
        if self.is_pending(&plan.dependencies) {
            return Err(BypassReason::StoreUnavailable);
        }
        match self.fetch(key, plan, known, false) {
            Ok(Fetch::Current(_)) => Ok(Some(true)),
            Ok(Fetch::Nothing(_)) => Ok(Some(false)),
            Ok(Fetch::Outdated) => Ok(None),
            Ok(Fetch::InFlight) => Err(BypassReason::WriterInFlight),
            Err(_) => Err(BypassReason::StoreUnavailable),
        }
    }

    /// Without `create` nothing changes: neither the store nor what is kept here, nor a count.
    fn fetch(
        &self,
        key: &str,
        plan: &Plan,
        known: &CatalogSnapshot,
        create: bool,
    ) -> Result<Fetch, StoreError> {
        let shorter = plan.shorter.as_ref().filter(|_| known.has_families());
        let dependencies = shorter.map_or(&plan.dependencies, |it| &it.dependencies);
        let near = &self.inner.near_cache;
        let asked = self.moment();
        let kept = near.get(key);
        if let Some(kept) = kept.as_ref().filter(|kept| near.is_fresh(kept, asked)) {
            if create {
                events::near_hit(self.counters());
            }
            return Ok(Fetch::Current(Arc::clone(kept.entry())));
        }
        let part = epoch_of(key);
        let epoch = &self.inner.epochs[part];
        let mut commands = Vec::with_capacity(dependencies.len() + 2);
        if kept.is_none() {
            commands.push(Command::Get { key });
        }
        commands.push(Command::Get { key: &epoch.key });
        commands.extend(
            dependencies
                .iter()
                .map(|table| Command::Get { key: &table.key }),
        );
        let mut replies = self.run(&commands).into_iter();
        let entry = match kept {
            Some(_) => None,
            None => replies.next(),
        };
        let mut tokens = Vec::with_capacity(dependencies.len() + 1);
        for (table, reply) in std::iter::once(epoch).chain(dependencies).zip(replies) {
            let fetched = self.fetched(&table.key, reply)?;
            match self.state_of(table, fetched, create)? {
                Some(state) => tokens.extend(state.of(table.events)),
                None => return Ok(Fetch::InFlight),
            }
            // The epoch's own comes first: under another the rest is not what has to be looked at.
            if tokens.first().copied() != known.epoch(part) {
                return Ok(Fetch::Outdated);
            }
        }
        if let Some(kept) = kept.filter(|kept| kept.entry().is_of(&tokens)) {
            if create {
                kept.confirm(asked);
                events::near_hit(self.counters());
            }
            return Ok(Fetch::Current(Arc::clone(kept.entry())));
        }
        // Another process may have stored newer rows than those that are kept here.
        let entry = entry.or_else(|| self.run(&[Command::Get { key }]).pop());
        let entry = match entry {
            Some(Ok(Reply::Item { value, .. })) => {
                if create {
                    events::fetched(self.counters(), value.len());
                }
                Entry::open(&self.inner.auth, key, value, self.most_inflated())
            }
            Some(Err(error)) => return Err(error),
            _ => None,
        };
        Ok(match entry.filter(|entry| entry.may_be_given(&tokens)) {
            Some(entry) => {
                let entry = Arc::new(entry);
                if create {
                    near.keep(key, &entry, asked);
                }
                Fetch::Current(entry)
            }
            None => {
                let members = shorter.map_or(&[][..], |it| &it.members);
                if !self.admits(members, create)? {
                    return Ok(Fetch::InFlight);
                }
                Fetch::Nothing(tokens)
            }
        })
    }

    /// Will everybody who writes to one of these members begin its families too? `false` while a writer
    /// is in flight who may not have.
    fn admits(&self, members: &[(Dependency, Families)], create: bool) -> Result<bool, StoreError> {
        let mut pending: Vec<_> = members.iter().collect();
        for _ in 0..ATTEMPTS {
            if pending.is_empty() {
                return Ok(true);
            }
            let gets = pending.iter().map(|(it, _)| Command::Get { key: &it.key });
            let replies = self.run(&gets.collect::<Vec<_>>());
            let mut puts = Vec::new();
            for (member, reply) in pending.into_iter().zip(replies) {
                let (table, families) = member;
                let (record, version) = match reply? {
                    Reply::Item { value, version } => {
                        let json = self.inner.auth.verify_record(&table.key, &value);
                        (json.and_then(Record::from_bytes), version)
                    }
                    _ => continue,
                };
                let crashed = match &record {
                    Some(record) => self.crashed(record.writers(), now_millis())?,
                    None => Vec::new(),
                };
                match protocol::member(record, families, &crashed, &mut Self::fresh_token)? {
                    Member::Ready => {}
                    Member::Bypass => return Ok(false),
                    Member::Put(record) => {
                        let value = self.inner.auth.sign_record(&table.key, record.to_bytes());
                        puts.push((member, value, version));
                    }
                }
            }
            if !create {
                return Ok(true);
            }
            let swaps = puts
                .iter()
                .map(|((table, _), value, version)| Command::CompareAndSwap {
                    key: &table.key,
                    value,
                    ttl: None,
                    version: *version,
                });
            let replies = self.run(&swaps.collect::<Vec<_>>());
            pending = Vec::new();
            for ((member, ..), reply) in puts.into_iter().zip(replies) {
                if !matches!(reply?, Reply::Stored(_)) {
                    pending.push(member);
                }
            }
        }
        Ok(false)
    }

    fn moment(&self) -> FreshAsOf {
        let writes = self.inner.writes.load(Ordering::Acquire);
        self.inner.near_cache.moment(writes)
    }

    /// What rows may take at the most, so that a forged entry cannot take more.
    pub(super) fn most_inflated(&self) -> usize {
        // Names and types of the columns are not counted by the limit.
        self.config().max_value_bytes.saturating_mul(2)
    }

    /// The tokens of a table's present state; `None` while a writer is in flight.
    pub(super) fn state_of(
        &self,
        table: &Dependency,
        mut fetched: Fetched,
        create: bool,
    ) -> Result<Option<State>, StoreError> {
        for _ in 0..ATTEMPTS {
            let (present, over) = match fetched {
                Fetched::Calm(state) => return Ok(Some(state)),
                Fetched::Absent(over) => (None, over),
                Fetched::Busy(record, version) => (Some(record), Some(version)),
            };
            let crashed = match &present {
                Some(record) => self.crashed(record.writers(), now_millis())?,
                None => Vec::new(),
            };
            match protocol::look(present, &crashed, &mut Self::fresh_token)? {
                Look::Trust(state) => return Ok(Some(state)),
                Look::Bypass => return Ok(None),
                // Tokens that are put nowhere will do for whoever only asks: none can match them.
                Look::Put(record) if !create || self.put(table, over, &record)?.is_some() => {
                    return Ok(Some(record.state()));
                }
                Look::Put(_) => {}
            }
            let reply = self.run(&[Command::Get { key: &table.key }]).pop();
            let reply = reply.unwrap_or(Ok(Reply::Missing));
            fetched = self.fetched(&table.key, reply)?;
        }
        Ok(None)
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
            compress_above: self.config().compress_above,
        };
        let encoded = entry::encode(&self.inner.auth, &permit.key, &permit.tokens, terms, rows);
        let Some(value) = encoded else {
            return Err(BypassReason::TooLarge);
        };
        let stored = self.put_entry(permit, &value, ttl);
        // After it is stored, so that who comes after the landing finds it.
        if let Some(leader) = &permit.leader {
            leader.complete(&value);
        }
        if stored.is_ok()
            && self.inner.near_cache.is_on()
            && let Some(entry) = Entry::of(value, self.most_inflated())
        {
            self.inner
                .near_cache
                .keep(&permit.key, &Arc::new(entry), permit.asked);
        }
        stored
    }

    /// Removes an entry that nobody can make rows of, so that the next read stores another.
    pub(crate) fn discard(&self, key: &str) {
        self.inner.near_cache.forget(key);
        // Where that fails, the next read comes here again.
        self.run(&[Command::Delete { key }]);
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
            .run(&[Command::Set {
                key: &permit.key,
                value,
                ttl,
            }])
            .pop()
        {
            Some(Ok(_)) => {
                events::stored(self.counters(), value.len());
                Ok(())
            }
            Some(Err(StoreError::TooLarge { .. })) => Err(BypassReason::TooLarge),
            _ => Err(BypassReason::StoreUnavailable),
        }
    }
}
