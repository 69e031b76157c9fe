//! Version records in the store: fetch, create, and move from one state to the next.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Cachalot, Dependency, EPOCH};
use crate::{
    Error, events,
    protocol::{self, Record, State, Token, Writer},
    statement::Events,
    store::{CasVersion, Command, Reply, StoreError, Ttl},
};

/// How often a move is tried again when other writers were faster. Each time one of them succeeds,
/// so this is reached only by a store that lies.
const ATTEMPTS: usize = 1_000;

/// Records never expire by time: losing one costs misses for nothing.
const FOR_EVER: Ttl = None;

/// A record as it was fetched.
pub(super) enum Fetched {
    /// No record, or bytes that are none (then with the state to replace them in).
    Absent(Option<CasVersion>),
    /// No writer in flight.
    Calm(State),
    /// Writers in flight.
    Busy(Record, CasVersion),
}

/// What is known of a table; see [`Cachalot::table_status`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TableStatus {
    /// The table, as it is compared; `*` for the record of the whole namespace.
    pub table: String,
    /// The name of the table's present state, if it has a record: it changes with every change.
    pub version: Option<String>,
    /// When it was last changed, by its writer's clock.
    pub last_invalidation: Option<SystemTime>,
    /// How many writes are between `begin` and `end`.
    pub writers_in_flight: usize,
}

impl Cachalot {
    /// Runs commands and counts those that failed.
    pub(super) fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        let mut replies = events::timed(|| self.inner.store.run(commands));
        // A store that breaks its contract must not break the reads.
        replies.resize_with(commands.len(), || {
            Err(StoreError::Protocol(
                "fewer replies than commands".to_owned(),
            ))
        });
        let failed = replies
            .iter()
            .filter_map(|reply| reply.as_ref().err())
            .filter(|error| !matches!(error, StoreError::TooLarge { .. }));
        events::store_errors(self.counters(), failed);
        replies
    }

    pub(super) fn run_one(&self, command: Command<'_>) -> Result<Reply, StoreError> {
        self.run(&[command]).pop().unwrap_or_else(|| {
            Err(StoreError::Protocol(
                "fewer replies than commands".to_owned(),
            ))
        })
    }

    pub(super) fn fresh_token() -> Result<Token, StoreError> {
        Token::random().map_err(|error| StoreError::Unavailable(format!("no randomness: {error}")))
    }

    /// Reads what the store answered to a `Get` of a record.
    pub(super) fn fetched(
        &self,
        key: &str,
        reply: Result<Reply, StoreError>,
    ) -> Result<Fetched, StoreError> {
        match reply? {
            Reply::Missing => Ok(Fetched::Absent(None)),
            Reply::Item { value, version } => {
                let Some(json) = self.inner.auth.verify_record(key, &value) else {
                    return Ok(Fetched::Absent(Some(version)));
                };
                if let Some(state) = State::calm(json) {
                    return Ok(Fetched::Calm(state));
                }
                Ok(match Record::from_bytes(json) {
                    Some(record) if record.writers().is_empty() => Fetched::Calm(record.state()),
                    Some(record) => Fetched::Busy(record, version),
                    None => Fetched::Absent(Some(version)),
                })
            }
            _ => Err(StoreError::Protocol(
                "a read was answered as a write".to_owned(),
            )),
        }
    }

    /// Writes a record over the state that was read: `None` if that is no longer its state.
    pub(super) fn put(
        &self,
        table: &Dependency,
        over: Option<CasVersion>,
        record: &Record,
    ) -> Result<Option<Option<CasVersion>>, StoreError> {
        let value = self.inner.auth.sign_record(&table.key, record.to_bytes());
        let (key, value) = (&*table.key, &*value);
        let reply = self.run_one(match over {
            Some(version) => Command::CompareAndSwap {
                key,
                value,
                ttl: FOR_EVER,
                version,
            },
            None => Command::Add {
                key,
                value,
                ttl: FOR_EVER,
            },
        })?;
        match reply {
            Reply::Stored(version) => {
                if over.is_none() {
                    self.list_table(table);
                }
                Ok(Some(version))
            }
            Reply::Conflict | Reply::Missing => Ok(None),
            Reply::Item { .. } => Err(StoreError::Protocol(
                "a write was answered as a read".to_owned(),
            )),
        }
    }

    /// Moves a record on, from whatever state it has: reads, applies `step`, swaps, and begins
    /// again if another was faster. `step` returning `None` leaves it as it is.
    pub(super) fn move_record(
        &self,
        table: &Dependency,
        mut step: impl FnMut(Option<Record>) -> Result<Option<Record>, StoreError>,
    ) -> Result<Option<(Record, Option<CasVersion>)>, StoreError> {
        for _ in 0..ATTEMPTS {
            let (present, over) = self.load(table)?;
            let Some(record) = step(present)? else {
                return Ok(None);
            };
            if let Some(version) = self.put(table, over, &record)? {
                return Ok(Some((record, version)));
            }
        }
        Err(StoreError::Protocol(
            "a version record never held still".to_owned(),
        ))
    }

    fn load(&self, table: &Dependency) -> Result<(Option<Record>, Option<CasVersion>), StoreError> {
        match self.run_one(Command::Get { key: &table.key })? {
            Reply::Missing => Ok((None, None)),
            Reply::Item { value, version } => {
                let json = self.inner.auth.verify_record(&table.key, &value);
                Ok((json.and_then(Record::from_bytes), Some(version)))
            }
            _ => Err(StoreError::Protocol(
                "a read was answered as a write".to_owned(),
            )),
        }
    }

    /// The records of several tables, as far as there are any.
    pub(super) fn fetch_records(
        &self,
        tables: &[Dependency],
    ) -> Result<Vec<Option<Record>>, StoreError> {
        let commands: Vec<_> = tables
            .iter()
            .map(|t| Command::Get { key: &t.key })
            .collect();
        self.run(&commands)
            .into_iter()
            .zip(tables)
            .map(|(reply, table)| match reply? {
                Reply::Item { value, .. } => {
                    let json = self.inner.auth.verify_record(&table.key, &value);
                    Ok(json.and_then(Record::from_bytes))
                }
                _ => Ok(None),
            })
            .collect()
    }

    /// The writers of a record whose lease has ended by both clocks: the one of the writer's
    /// machine, as it is written in the record, and the store's, where the lease is an item.
    pub(super) fn crashed(&self, writers: &[Writer], now: u64) -> Result<Vec<Token>, StoreError> {
        let due: Vec<_> = writers
            .iter()
            .filter(|writer| protocol::is_due(writer, now))
            .map(|writer| (writer, self.lease_key(writer.id)))
            .collect();
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let commands: Vec<_> = due.iter().map(|(_, key)| Command::Get { key }).collect();
        let replies = self.run(&commands);
        let mut crashed = Vec::new();
        for ((writer, _), reply) in due.iter().zip(replies) {
            let stands = !matches!(reply?, Reply::Missing);
            if protocol::is_crashed(writer, now, stands) {
                crashed.push(writer.id);
            }
        }
        Ok(crashed)
    }

    pub(super) fn lease_key(&self, writer: Token) -> String {
        let mut fingerprint =
            crate::fingerprint::Fingerprint::new(&self.config().namespace, "lease");
        fingerprint.part(writer.as_bytes());
        fingerprint.finish()
    }

    /// What the store knows of these tables, in their order; with none named, of every table that
    /// it has a record of, after the record of the whole namespace, which is `*`.
    ///
    /// # Errors
    /// [`Error::Store`] if the store does not answer.
    pub fn table_status<S: AsRef<str>>(
        &self,
        tables: impl IntoIterator<Item = S>,
    ) -> Result<Vec<TableStatus>, Error> {
        let mut targets: Vec<_> = Vec::new();
        for table in tables {
            match &*crate::policy::normalise(table.as_ref()) {
                EPOCH => targets.extend_from_slice(&self.inner.epochs),
                table => targets.push(self.dependency(table)),
            }
        }
        if targets.is_empty() {
            targets.extend_from_slice(&self.inner.epochs);
            targets.extend(
                self.listed_tables()?
                    .iter()
                    .map(|table| self.dependency(table)),
            );
        }
        let mut all: Vec<TableStatus> = Vec::with_capacity(targets.len());
        for (target, record) in targets.iter().zip(self.fetch_records(&targets)?) {
            let status = TableStatus::of(&target.table, record.as_ref());
            match all.last_mut().filter(|last| last.table == EPOCH) {
                // The parts of the epoch change together.
                Some(last) if status.table == EPOCH => {
                    last.last_invalidation = last.last_invalidation.max(status.last_invalidation);
                    last.writers_in_flight = last.writers_in_flight.max(status.writers_in_flight);
                }
                _ => all.push(status),
            }
        }
        Ok(all)
    }
}

impl TableStatus {
    fn of(table: &str, record: Option<&Record>) -> Self {
        Self {
            table: table.to_owned(),
            version: record.map(|record| record.any().to_hex()),
            last_invalidation: record
                .and_then(|record| record.at(Events::ALL))
                .and_then(|at| UNIX_EPOCH.checked_add(Duration::from_millis(at))),
            writers_in_flight: record.map_or(0, |record| record.writers().len()),
        }
    }
}
