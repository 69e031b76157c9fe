//! The write half of the protocol: `begin` before a change can be visible, `end` after it.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{
    VersionStore, fresh_token,
    pending::PendingInvalidation,
    relations::{Announcement, Origin},
};
use crate::{
    Error, OnOutage,
    clock::now_millis,
    events::{self, Names},
    protocol::{self, Dependency, EPOCH, End, Events, Record, Token, Writer, Writes},
    stats::{Invalidation, InvalidationReason},
    store::{CasVersion, Command, Reply, StoreError},
};

/// How long a write with [`OnOutage::Wait`] pauses between two attempts to announce itself. While
/// the circuit breaker is open, attempts fail at once.
const ANNOUNCE_RETRY_PAUSE: Duration = Duration::from_millis(10);

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The change is visible, or may be.
    Success(InvalidationReason),
    /// The change certainly did not happen.
    Failure,
}

/// A write between `begin` and `end`.
#[derive(Debug)]
#[must_use = "a write that has begun must end"]
pub(crate) struct Write {
    id: Token,
    targets: Vec<Target>,
    /// Relations that this write announces once it has succeeded.
    announces: Vec<Announcement>,
    /// The tables, if one of them may be unknown to every catalog. The targets are then the parts of
    /// the epoch. The records of these tables are created only after a success, as a record tells
    /// other writers that its table has been announced.
    unknown: Vec<Target>,
    /// One of the tables is certainly unknown.
    wide: bool,
    /// The tables may not exist even if the write succeeds.
    doubtful: bool,
}

#[derive(Debug)]
struct Target {
    table: Dependency,
    events: Events,
    /// A catalog has the table, or it has been announced.
    known: bool,
    /// The record as `begin` left it, and its version if the store returned it: `end` can then
    /// compare-and-swap without reading.
    left: Option<(Record, Option<CasVersion>)>,
}

/// A record as `begin` found it, and the version to replace. `None`: the store did not answer.
type Seen = Option<(Option<Record>, Option<CasVersion>)>;

impl AsRef<str> for Target {
    fn as_ref(&self) -> &str {
        &self.table.table
    }
}

impl VersionStore {
    /// Announces a write: from here on readers of these tables ask the database.
    ///
    /// Never fails: if the store does not answer, the write proceeds (at once, or after the time of
    /// [`OnOutage::Wait`]), and `end` queues what could not be sent.
    ///
    /// If no catalog has one of the relations, the write invalidates everything.
    pub(crate) fn begin(self: &Arc<Self>, writes: &Writes, origin: Origin<'_>) -> Write {
        self.writes.fetch_add(1, Ordering::AcqRel);
        let mut write = self.write(writes, origin);
        // Without random numbers there is no writer id: only the invalidation at the end.
        let id = Token::random().ok().filter(|_| !write.targets.is_empty());
        let Some(id) = id else {
            self.widen(&mut write);
            return write;
        };
        write.id = id;
        let _span = events::begin(Names(&write.targets));
        self.keep_lease(id);
        let start = Instant::now();
        while let Err(error) = self.try_begin(&mut write) {
            match self.config.on_outage {
                OnOutage::Wait(limit) if start.elapsed() < limit => {
                    thread::sleep(ANNOUNCE_RETRY_PAUSE)
                }
                _ => {
                    events::unannounced(Names(&write.targets), &error);
                    self.widen(&mut write);
                    break;
                }
            }
        }
        write
    }

    fn write(&self, writes: &Writes, origin: Origin<'_>) -> Write {
        let mut write = Write {
            id: Token::from_bytes([0; Token::LEN]),
            targets: Vec::new(),
            announces: Vec::new(),
            unknown: Vec::new(),
            wide: false,
            doubtful: origin.doubtful,
        };
        let tables = match writes {
            Writes::Nothing => return write,
            Writes::Everything => {
                write.targets = self.everything();
                return write;
            }
            Writes::Tables(tables) => tables,
        };
        for (table, events) in tables {
            // An explicit invalidation means exactly the tables that it names.
            let known = match origin.requested {
                true => Some(true),
                false => self.knows(origin, table),
            };
            if self.config.excludes(table) && known != Some(false) {
                // No entry depends on it.
                continue;
            }
            if known != Some(true) {
                write.announces.push(origin.announcement(table));
                write.wide |= known == Some(false);
            }
            write.targets.push(Target {
                table: self.dependency(table),
                events: *events,
                known: known == Some(true),
                left: None,
            });
        }
        if write.wide {
            self.widen(&mut write);
        }
        write
    }

    /// Every part of the epoch.
    fn everything(&self) -> Vec<Target> {
        let target = |part: &Dependency| Target {
            table: part.clone(),
            events: Events::ALL,
            known: true,
            left: None,
        };
        self.epochs.iter().map(target).collect()
    }

    /// Makes this a write to everything, if one of its tables may be unknown.
    fn widen(&self, write: &mut Write) {
        if write.targets.iter().all(|target| target.known) {
            return;
        }
        let targets = std::mem::replace(&mut write.targets, self.everything());
        // Records that already list the writer must drop it again, however the write ends.
        let entered: Vec<_>;
        (entered, write.unknown) = targets.into_iter().partition(|it| it.left.is_some());
        write
            .targets
            .extend(entered.into_iter().map(|target| Target {
                known: true,
                ..target
            }));
    }

    /// Is there a table that no catalog of the current epoch may have?
    fn has_unlisted(&self, write: &Write, seen: &[Seen]) -> Result<bool, StoreError> {
        let missing = || {
            let targets = write.targets.iter().zip(seen);
            targets
                .filter(|(target, seen)| !target.known && !matches!(seen, Some((Some(_), _))))
                .map(|(target, _)| &target.table.table)
        };
        Ok(missing().next().is_some() && !self.are_listed(missing())?)
    }

    /// Two round trips if there is no conflict: set the lease and read the records, then write the
    /// records with this writer added.
    fn try_begin(&self, write: &mut Write) -> Result<(), StoreError> {
        let lease = self.config.write_lease;
        let until =
            now_millis().saturating_add(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        let writer = Writer {
            id: write.id,
            until,
        };
        let lease_key = self.lease_key(writer.id);
        for target in &mut write.targets {
            target.left = None;
        }
        let mut commands: Vec<_> = write
            .targets
            .iter()
            .map(|t| Command::Get { key: &t.table.key })
            .collect();
        // Before any record lists the writer, and last in the batch: a server that is out of memory
        // drops the replies that follow the refused command.
        commands.push(self.lease(&lease_key));
        let mut replies = self.client.run(&commands);
        // Without its lease the write is announced all the same. Then only the time in the record
        // protects it.
        let mut result = replies.pop().map_or(Ok(()), |lease| lease.map(drop));

        let mut announced = Vec::with_capacity(write.targets.len());
        for (target, reply) in write.targets.iter().zip(replies) {
            announced.push(match reply {
                Ok(Reply::Item { value, version }) => {
                    let json = self.client.auth.verify_record(&target.table.key, &value);
                    Some((json.and_then(Record::from_bytes), Some(version)))
                }
                Ok(_) => Some((None, None)),
                Err(error) => {
                    result = Err(error);
                    None
                }
            });
        }
        if self.has_unlisted(write, &announced)? {
            self.widen(write);
            return self.try_begin(write);
        }
        let mut puts = Vec::with_capacity(announced.len());
        for seen in announced {
            puts.push(match seen {
                Some((present, over)) => {
                    let record = protocol::begin(present, writer, &mut fresh_token)?;
                    Some((record, over))
                }
                None => None,
            });
        }
        self.put_all(write, &puts, None);
        // If the compare-and-swap failed, read the record again and add our id.
        for (target, put) in write.targets.iter_mut().zip(puts) {
            if target.left.is_none() && put.is_some() {
                let updated = self.update_record(&target.table, |present| {
                    protocol::begin(present, writer, &mut fresh_token).map(Some)
                });
                match updated {
                    Ok(left) => target.left = left,
                    Err(error) => result = Err(error),
                }
            }
        }
        result
    }

    /// Writes all records in one batch. Sets `left` of the targets that had no conflict.
    fn put_all(
        &self,
        write: &mut Write,
        puts: &[Option<(Record, Option<CasVersion>)>],
        last: Option<Command<'_>>,
    ) {
        let values: Vec<_> = write
            .targets
            .iter()
            .zip(puts)
            .map(|(target, put)| {
                let (record, _) = put.as_ref()?;
                Some(
                    self.client
                        .auth
                        .sign_record(&target.table.key, record.to_bytes()),
                )
            })
            .collect();
        let mut commands = Vec::with_capacity(puts.len());
        let mut places = Vec::with_capacity(puts.len());
        for (place, put) in puts.iter().enumerate() {
            let (Some((_, over)), Some(Some(value))) = (put, values.get(place)) else {
                continue;
            };
            let key = &*write.targets[place].table.key;
            commands.push(match over {
                Some(version) => Command::CompareAndSwap {
                    key,
                    value,
                    ttl: None,
                    version: *version,
                },
                None => Command::Add {
                    key,
                    value,
                    ttl: None,
                },
            });
            places.push(place);
        }
        commands.extend(last);
        let replies = self.client.run(&commands);
        for (place, reply) in places.into_iter().zip(replies) {
            if let (Ok(Reply::Stored(version)), Some((record, over))) = (reply, &puts[place]) {
                let target = &mut write.targets[place];
                target.left = Some((record.clone(), version));
                if over.is_none() {
                    self.list_table(&target.table);
                }
            }
        }
    }

    /// Ends a write. After a success, no entry of its tables that was stored before is valid.
    ///
    /// # Errors
    /// [`Error::Undelivered`] if the store did not accept everything. The rest is sent later; until
    /// then this process bypasses the cache for those tables.
    pub(crate) fn end(self: &Arc<Self>, write: Write, outcome: Outcome) -> Result<(), Error> {
        self.writes.fetch_add(1, Ordering::AcqRel);
        if write.targets.is_empty() && write.unknown.is_empty() {
            return Ok(());
        }
        let published = matches!(outcome, Outcome::Success(_));
        let succeeded = outcome == Outcome::Success(InvalidationReason::Write);
        let _span = events::end(Names(&write.targets), published);
        self.drop_lease(write.id);
        let mut failed = Vec::new();
        let at = now_millis();
        let ending = |events| match outcome {
            Outcome::Success(_) => End::Published {
                events,
                at: Some(at),
            },
            Outcome::Failure => End::Withdrawn,
        };
        let puts: Vec<_> = write
            .targets
            .iter()
            .map(|target| {
                let (record, version) = target.left.as_ref()?;
                // Without its version the record has to be read again.
                let version = (*version)?;
                let tokens = &mut fresh_token;
                let next = protocol::end_unread(record, write.id, ending(target.events), tokens);
                Some((next.ok()??, Some(version)))
            })
            .collect();
        let id = write.id;
        let mut rest = write;
        for target in &mut rest.targets {
            target.left = None;
        }
        let lease_key = self.lease_key(id);
        self.put_all(&mut rest, &puts, Some(Command::Delete { key: &lease_key }));
        for target in rest.targets.iter().filter(|target| target.left.is_none()) {
            let updated = self.update_record(&target.table, |present| {
                protocol::end(present, id, ending(target.events), &mut fresh_token)
            });
            if let Err(error) = updated {
                failed.push((target.table.clone(), target.events, error));
            }
        }
        let Outcome::Success(reason) = outcome else {
            return Ok(());
        };
        let mut undelivered = self.enqueue(id, &failed);
        if let (Err(_), OnOutage::Wait(limit)) = (&undelivered, self.config.on_outage)
            && self.wait_until_flushed(limit, &failed)
        {
            undelivered = Ok(());
        }
        // Only for tables that certainly exist, and after the epoch has changed: the record tells
        // other writers that the table has been announced.
        if succeeded && undelivered.is_ok() && !rest.doubtful {
            for target in &rest.unknown {
                // If this fails, the next write to the table announces it again.
                let _ = self.update_record(&target.table, |present| {
                    protocol::end(present, id, ending(target.events), &mut fresh_token)
                });
            }
            self.announced(std::mem::take(&mut rest.announces));
        }
        // Counted again: a read between the first count and the update has seen the old state.
        self.writes.fetch_add(1, Ordering::AcqRel);
        self.signal(&rest, reason);
        undelivered
    }

    /// Invalidates for changes that no tracked connection made.
    pub(crate) fn invalidate(self: &Arc<Self>, writes: &Writes) -> Result<(), Error> {
        if writes.is_nothing() {
            return Ok(());
        }
        let origin = Origin {
            requested: true,
            ..Origin::default()
        };
        let write = self.begin(writes, origin);
        self.end(write, Outcome::Success(InvalidationReason::Requested))
    }

    fn signal(&self, write: &Write, reason: InvalidationReason) {
        let named = || write.unknown.iter().chain(&write.targets);
        // A process without a catalog invalidates everything as a precaution; the signal names only
        // what was written.
        let careful = !write.unknown.is_empty() && !write.wide;
        let names: BTreeSet<_> = named()
            .map(|target| &*target.table.table)
            .filter(|name| !(careful && *name == EPOCH))
            .filter(|name| !self.config.excludes(name))
            .collect();
        if names.is_empty() {
            return;
        }
        let names: Vec<_> = names.into_iter().collect();
        events::invalidated(self.client.counters(), Names(&names), reason);
        let invalidation = Invalidation {
            tables: names.into_iter().map(str::to_owned).collect(),
            at: SystemTime::now(),
            reason,
        };
        self.listeners.call(&invalidation);
    }

    /// Sends one pending invalidation.
    pub(super) fn flush_table(
        &self,
        table: &str,
        pending_table: &PendingInvalidation,
    ) -> Result<(), StoreError> {
        let own;
        let targets = if table == EPOCH {
            self.epochs.as_slice()
        } else {
            own = [self.dependency(table)];
            &own
        };
        for target in targets {
            let id = fresh_token()?;
            let ending = End::Published {
                events: pending_table.events,
                at: Some(now_millis()),
            };
            self.update_record(target, |present| {
                let present = present.map(|record| {
                    let writers = pending_table.writers.iter();
                    writers.fold(record, |record, writer| record.withdrawn(*writer))
                });
                protocol::end(present, id, ending, &mut fresh_token)
            })?;
        }
        self.writes.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}
