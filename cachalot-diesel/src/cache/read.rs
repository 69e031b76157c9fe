//! The read half of the protocol: trust an entry, or ask the database under known tokens.

use std::time::Duration;

use super::{Cachalot, Dependency, Entry, entry, flight::Pilot, now_millis, records::Fetched};
use crate::{
    bypass::BypassReason,
    events,
    protocol::{self, Look, Token},
    rows::BlockWriter,
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
    pub(crate) fn lookup(&self, key: String, dependencies: &[Dependency]) -> Lookup {
        if self.owes(dependencies) {
            return Lookup::Bypass(BypassReason::StoreUnavailable);
        }
        match self.fetch(&key, dependencies, true) {
            Ok((Some(entry), Ok(_))) => Lookup::Hit(entry),
            Ok((None, Ok(tokens))) => Lookup::Miss(Permit {
                key,
                tokens,
                pilot: None,
            }),
            Ok((_, Err(reason))) => Lookup::Bypass(reason),
            Err(_) => Lookup::Bypass(BypassReason::StoreUnavailable),
        }
    }

    /// What `lookup` would answer, without creating anything.
    pub(crate) fn peek(
        &self,
        key: &str,
        dependencies: &[Dependency],
    ) -> Result<bool, BypassReason> {
        if self.owes(dependencies) {
            return Err(BypassReason::StoreUnavailable);
        }
        match self.fetch(key, dependencies, false) {
            Ok((entry, Ok(_))) => Ok(entry.is_some()),
            Ok((_, Err(reason))) => Err(reason),
            Err(_) => Err(BypassReason::StoreUnavailable),
        }
    }

    /// The entry if it is valid, and the tokens or why nothing may be stored.
    #[allow(
        clippy::type_complexity,
        reason = "private, and each part is named in the comment"
    )]
    fn fetch(
        &self,
        key: &str,
        dependencies: &[Dependency],
        create: bool,
    ) -> Result<(Option<Entry>, Result<Vec<Token>, BypassReason>), StoreError> {
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
                events::fetched(self.counters(), value.len());
                Entry::open(&self.inner.seal, key, value)
            }
            Some(Err(error)) => return Err(error),
            _ => None,
        };
        let mut tokens = Vec::with_capacity(dependencies.len() + 1);
        for (table, reply) in std::iter::once(epoch).chain(dependencies).zip(replies) {
            let fetched = self.fetched(&table.key, reply)?;
            match self.token_of(table, fetched, create)? {
                Some(token) => tokens.push(token),
                None => return Ok((None, Err(BypassReason::WriterInFlight))),
            }
        }
        Ok((entry.filter(|entry| entry.is_of(&tokens)), Ok(tokens)))
    }

    /// The token of a table's present state; `None` while a writer is in flight.
    fn token_of(
        &self,
        table: &Dependency,
        mut fetched: Fetched,
        create: bool,
    ) -> Result<Option<Token>, StoreError> {
        for _ in 0..ATTEMPTS {
            let (present, over) = match fetched {
                Fetched::Calm(token) => return Ok(Some(token)),
                Fetched::Absent(over) => (None, over),
                Fetched::Busy(record, version) => (Some(record), Some(version)),
            };
            let crashed = match &present {
                Some(record) => self.crashed(record.writers(), now_millis())?,
                None => Vec::new(),
            };
            match protocol::look(present, &crashed, &mut Self::fresh_token)? {
                Look::Trust(token) => return Ok(Some(token)),
                Look::Bypass => return Ok(None),
                // A token that is put nowhere will do for whoever only asks: none can match it.
                Look::Put(record) if !create || self.put(table, over, &record)?.is_some() => {
                    return Ok(Some(record.any()));
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
                events::stored(self.counters(), value.len());
                Ok(())
            }
            Some(Err(StoreError::TooLarge { .. })) => Err(BypassReason::TooLarge),
            _ => Err(BypassReason::StoreUnavailable),
        }
    }
}
