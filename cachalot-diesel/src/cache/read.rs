//! The read half of the protocol: trust an entry, or ask the database under known tokens.

use std::time::Duration;

use super::{Cachalot, Dependency, Entry, entry, flight::Pilot, now_millis, records::Fetched};
use crate::{
    bypass::BypassReason,
    protocol::{self, Look, State, Token},
    rows::BlockWriter,
    stats,
    store::{Command, Reply, StoreError},
};

/// How often a record that others keep changing is looked at again before the read gives up on it.
const ATTEMPTS: usize = 8;

/// What the cache says to a read.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// These are the rows.
    Hit(Entry),
    /// Ask the database; its rows may be stored.
    Miss(Permit),
    /// Ask the database, and store nothing.
    Bypass(BypassReason),
    /// The dependencies are those of an epoch that is no more.
    Outdated,
}

/// What was found in the store.
enum Fetch {
    /// An entry of the tables' present states.
    Current(Entry),
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
pub(crate) struct Permit {
    key: String,
    tokens: Vec<Token>,
    /// Others wait for the rows.
    pilot: Option<Pilot>,
}

impl Permit {
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    pub(super) fn piloted_by(self, pilot: Pilot) -> Self {
        Self {
            pilot: Some(pilot),
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
    /// `epoch` is the token of the epoch that the dependencies are of.
    pub(crate) fn lookup(&self, key: String, dependencies: &[Dependency], epoch: Token) -> Lookup {
        if self.owes(dependencies) {
            return Lookup::Bypass(BypassReason::StoreUnavailable);
        }
        match self.fetch(&key, dependencies, epoch, true) {
            Ok(Fetch::Current(entry)) => Lookup::Hit(entry),
            Ok(Fetch::Nothing(tokens)) => Lookup::Miss(Permit {
                key,
                tokens,
                pilot: None,
            }),
            Ok(Fetch::InFlight) => Lookup::Bypass(BypassReason::WriterInFlight),
            Ok(Fetch::Outdated) => Lookup::Outdated,
            Err(error) => {
                tracing::debug!(target: "cachalot", %error, "store error on a read");
                Lookup::Bypass(BypassReason::StoreUnavailable)
            }
        }
    }

    /// What `lookup` would answer, without creating anything: whether there is an entry, or `None`
    /// if the dependencies are those of an epoch that is no more.
    pub(crate) fn peek(
        &self,
        key: &str,
        dependencies: &[Dependency],
        epoch: Token,
    ) -> Result<Option<bool>, BypassReason> {
        if self.owes(dependencies) {
            return Err(BypassReason::StoreUnavailable);
        }
        match self.fetch(key, dependencies, epoch, false) {
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
        dependencies: &[Dependency],
        known_epoch: Token,
        create: bool,
    ) -> Result<Fetch, StoreError> {
        let epoch = &self.inner.epoch;
        let mut commands = Vec::with_capacity(dependencies.len() + 2);
        commands.push(Command::Get { key });
        commands.push(Command::Get { key: &epoch.key });
        commands.extend(
            dependencies
                .iter()
                .map(|table| Command::Get { key: &table.key }),
        );
        let mut replies = self.run(&commands).into_iter();
        let entry = match replies.next() {
            Some(Ok(Reply::Item { value, .. })) => {
                stats::add(&self.counters().bytes_read, value.len());
                Entry::open(&self.inner.seal, key, value)
            }
            Some(Err(error)) => return Err(error),
            _ => None,
        };
        let mut tokens = Vec::with_capacity(dependencies.len() + 1);
        for (table, reply) in std::iter::once(epoch).chain(dependencies).zip(replies) {
            let fetched = self.fetched(&table.key, reply)?;
            match self.state_of(table, fetched, create)? {
                Some(state) => tokens.extend(state.of(table.events)),
                None => return Ok(Fetch::InFlight),
            }
            // The epoch's own comes first: under another the rest is not what has to be looked at.
            if tokens.first() != Some(&known_epoch) {
                return Ok(Fetch::Outdated);
            }
        }
        Ok(match entry.filter(|entry| entry.is_of(&tokens)) {
            Some(entry) => Fetch::Current(entry),
            None => Fetch::Nothing(tokens),
        })
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
        permit: &Permit,
        rows: &BlockWriter,
        ttl: Option<Duration>,
    ) -> Result<(), BypassReason> {
        let sealed = entry::seal(
            &self.inner.seal,
            &permit.key,
            &permit.tokens,
            now_millis(),
            rows,
        );
        let Some(value) = sealed else {
            return Err(BypassReason::TooLarge);
        };
        let stored = self.put_entry(permit, &value, ttl);
        // After it is stored, so that who comes after the landing finds it.
        if let Some(pilot) = &permit.pilot {
            pilot.land(&value);
        }
        stored
    }

    fn put_entry(
        &self,
        permit: &Permit,
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
                stats::add(&self.counters().stores, 1);
                stats::add(&self.counters().bytes_written, value.len());
                Ok(())
            }
            Some(Err(StoreError::TooLarge { .. })) => Err(BypassReason::TooLarge),
            _ => Err(BypassReason::StoreUnavailable),
        }
    }
}
