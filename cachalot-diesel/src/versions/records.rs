//! Version records in the store: fetch, create and update.

use super::{VersionStore, fresh_token};
use crate::{
    clock::now_millis,
    fingerprint::Fingerprint,
    protocol::{self, Dependency, DependencyTokens, Depends, ReadDecision, Record, Token, Writer},
    store::{CasVersion, Command, Reply, StoreError},
};

/// How often a compare-and-swap is tried. Each conflict means that another writer succeeded, so only
/// a faulty store reaches this limit.
const MAX_CAS_ATTEMPTS: usize = 1_000;

/// How often a record that other processes keep changing is read again before the read bypasses the
/// cache.
pub(super) const MAX_READ_ATTEMPTS: usize = 8;

/// A record as it was fetched.
pub(crate) enum Fetched {
    /// No record, or an invalid one (then with the version to replace).
    Absent(Option<CasVersion>),
    /// No writer in flight that the reader depends on.
    Idle(DependencyTokens),
    /// Such writers in flight.
    Busy(Record, CasVersion),
}

impl Fetched {
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle(_))
    }
}

impl VersionStore {
    /// Parses the store's reply to the `Get` of the record of this dependency.
    pub(crate) fn fetched(
        &self,
        table: &Dependency,
        depends: Depends<'_>,
        reply: Result<Reply, StoreError>,
    ) -> Result<Fetched, StoreError> {
        let Some((value, version)) = reply?.into_item()? else {
            return Ok(Fetched::Absent(None));
        };
        let Some(json) = self.client.auth.verify_record(&table.key, &value) else {
            return Ok(Fetched::Absent(Some(version)));
        };
        if let Some(tokens) = DependencyTokens::if_idle(json, depends) {
            return Ok(Fetched::Idle(tokens));
        }
        Ok(match Record::from_bytes(json) {
            Some(record) if record.writers_of(depends).next().is_none() => {
                Fetched::Idle(DependencyTokens::of(&record, depends))
            }
            Some(record) => Fetched::Busy(record, version),
            None => Fetched::Absent(Some(version)),
        })
    }

    /// The dependency's current tokens; `None` while a write is in flight that it depends on.
    ///
    /// Replaces missing records and those of crashed writers, if `create` is set.
    pub(crate) fn tokens_of(
        &self,
        table: &Dependency,
        depends: Depends<'_>,
        mut fetched: Fetched,
        create: bool,
    ) -> Result<Option<DependencyTokens>, StoreError> {
        for _ in 0..MAX_READ_ATTEMPTS {
            let (present, replaced) = match fetched {
                Fetched::Idle(tokens) => return Ok(Some(tokens)),
                Fetched::Absent(replaced) => (None, replaced),
                Fetched::Busy(record, version) => (Some(record), Some(version)),
            };
            let crashed = match &present {
                Some(record) => self.crashed(record.writers_of(depends), now_millis())?,
                None => Vec::new(),
            };
            match protocol::check_record(present, depends, &crashed, &mut fresh_token)? {
                ReadDecision::Valid(tokens) => return Ok(Some(tokens)),
                ReadDecision::Bypass => return Ok(None),
                // Without `create`, fresh tokens that are not stored: no entry can match them.
                ReadDecision::Replace(record)
                    if !create || self.put(table, replaced, &record)?.is_some() =>
                {
                    return Ok(Some(DependencyTokens::of(&record, depends)));
                }
                ReadDecision::Replace(_) => {}
            }
            let reply = self.client.run(&[Command::Get { key: &table.key }]).pop();
            let reply = reply.unwrap_or(Ok(Reply::Missing));
            fetched = self.fetched(table, depends, reply)?;
        }
        Ok(None)
    }

    /// Replaces version `replaced` of a record, or adds it. `None` on a conflict.
    pub(super) fn put(
        &self,
        table: &Dependency,
        replaced: Option<CasVersion>,
        record: &Record,
    ) -> Result<Option<Option<CasVersion>>, StoreError> {
        let value = self.client.auth.sign_record(&table.key, record.to_bytes());
        match self
            .client
            .run_one(Command::put(&table.key, &value, replaced))?
        {
            Reply::Stored(version) => {
                if replaced.is_none() {
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

    /// Updates a record: reads it, applies `step`, and starts over if the compare-and-swap fails.
    /// If `step` returns `None`, the record stays as it is.
    pub(super) fn update_record(
        &self,
        table: &Dependency,
        mut step: impl FnMut(Option<Record>) -> Result<Option<Record>, StoreError>,
    ) -> Result<Option<(Record, Option<CasVersion>)>, StoreError> {
        for _ in 0..MAX_CAS_ATTEMPTS {
            let (present, replaced) = self.load(table)?;
            let Some(record) = step(present)? else {
                return Ok(None);
            };
            if let Some(version) = self.put(table, replaced, &record)? {
                return Ok(Some((record, version)));
            }
        }
        Err(StoreError::Protocol(format!(
            "every compare-and-swap of a version record failed ({MAX_CAS_ATTEMPTS} attempts)"
        )))
    }

    fn load(&self, table: &Dependency) -> Result<(Option<Record>, Option<CasVersion>), StoreError> {
        let reply = self.client.run_one(Command::Get { key: &table.key });
        self.versioned_record_in(table, reply)
    }

    /// The record in the reply to its `Get`, and the version to replace.
    pub(super) fn versioned_record_in(
        &self,
        table: &Dependency,
        reply: Result<Reply, StoreError>,
    ) -> Result<(Option<Record>, Option<CasVersion>), StoreError> {
        let Some((value, version)) = reply?.into_item()? else {
            return Ok((None, None));
        };
        let json = self.client.auth.verify_record(&table.key, &value);
        Ok((json.and_then(Record::from_bytes), Some(version)))
    }

    pub(super) fn record_in(
        &self,
        table: &Dependency,
        reply: Result<Reply, StoreError>,
    ) -> Result<Option<Record>, StoreError> {
        let (record, _) = self.versioned_record_in(table, reply)?;
        Ok(record)
    }

    /// The records of several tables; `None` for those that have none.
    pub(super) fn fetch_records(
        &self,
        tables: &[Dependency],
    ) -> Result<Vec<Option<Record>>, StoreError> {
        self.fetch_each(tables).into_iter().collect()
    }

    /// The same, with an error for each table whose server does not answer.
    pub(super) fn fetch_each(
        &self,
        tables: &[Dependency],
    ) -> Vec<Result<Option<Record>, StoreError>> {
        let replies = self.get_all(tables);
        replies
            .map(|(table, reply)| self.record_in(table, reply))
            .collect()
    }

    /// The store's replies to the `Get` of each record.
    pub(super) fn get_all<'a>(
        &self,
        tables: &'a [Dependency],
    ) -> impl Iterator<Item = (&'a Dependency, Result<Reply, StoreError>)> + use<'a> {
        let gets = tables.iter().map(|table| Command::Get { key: &table.key });
        let replies = self.client.run(&gets.collect::<Vec<_>>());
        tables.iter().zip(replies)
    }

    /// The writers of a record whose lease has expired by both clocks: the writer's (the time in the
    /// record) and the store's (the lease is an item with a time to live).
    pub(super) fn crashed<'a>(
        &self,
        writers: impl IntoIterator<Item = &'a Writer>,
        now: u64,
    ) -> Result<Vec<Token>, StoreError> {
        let due: Vec<_> = writers
            .into_iter()
            .filter(|writer| protocol::is_due(writer, now))
            .map(|writer| (writer, self.lease_key(writer.id)))
            .collect();
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let commands: Vec<_> = due.iter().map(|(_, key)| Command::Get { key }).collect();
        let replies = self.client.run(&commands);
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
        let mut fingerprint = Fingerprint::new(&self.config.namespace, "lease");
        fingerprint.part(writer.as_bytes());
        fingerprint.finish()
    }
}
