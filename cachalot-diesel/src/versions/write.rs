//! The write half of the protocol: `begin` before a change can be visible, `end` after it.

mod end;
mod families;

use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    VersionStore,
    announced::{Announcement, Origin},
    fresh_token,
};
use crate::{
    OnOutage,
    clock::now_millis,
    events::{self, Names},
    protocol::{
        self, Buckets, Changes, Columns, Dependency, DependencyKind, Events, FoundFamilies, Record,
        RowWrites, TimedChanges, Token, Writer, Writes,
    },
    store::{CasVersion, Command, Reply, StoreError},
};

/// How long a write with [`OnOutage::Wait`] pauses between two attempts to announce itself. While
/// the circuit breaker is open, attempts fail at once.
const ANNOUNCE_RETRY_PAUSE: Duration = Duration::from_millis(10);

/// A write between `begin` and `end`.
#[derive(Debug)]
#[must_use = "a write that has begun must end"]
pub(crate) struct Write {
    id: Token,
    targets: Vec<Target>,
    /// The families that those tables are members of; every part of the epoch, if they are unknown.
    families: Vec<Target>,
    /// Relations that all catalogs have, or do not cover, after this write has succeeded.
    announces: Vec<Announcement>,
    /// The tables, if one of them may be unknown to every catalog. The targets are then the parts of
    /// the epoch. The records of these tables are created only after a success: if a table has a record,
    /// other writers take it for announced.
    unknown: Vec<Target>,
    /// One of the tables is certainly unknown.
    wide: bool,
    /// The tables may not exist even if the write succeeds.
    names_unverified: bool,
    /// Readers in all processes see that it is in flight.
    announced: bool,
}

#[derive(Debug)]
struct Target {
    table: Dependency,
    changes: Changes,
    /// Those of all rows that the write touches.
    buckets: Buckets,
    /// A catalog has the table, or it has been announced.
    known: bool,
    /// Its families, if the record did not have them and they were looked up.
    found: Option<FoundFamilies>,
    /// The record that `begin` wrote, and its version if the store returned it: `end` can then replace it
    /// without reading.
    written: Option<(Record, Option<CasVersion>)>,
}

impl Write {
    /// Did the store take the announcement?
    pub(crate) fn is_announced(&self) -> bool {
        self.announced
    }

    fn is_to_everything(&self) -> bool {
        let mut targets = self.targets.iter().chain(&self.families);
        targets.any(|target| target.table.kind == DependencyKind::Epoch)
    }
}

impl Target {
    /// Of unknown rows.
    fn new(table: Dependency, changes: Changes) -> Self {
        Self {
            table,
            changes,
            buckets: Buckets::default(),
            known: true,
            found: None,
            written: None,
        }
    }

    fn changes_at(&self, at: Option<u64>) -> TimedChanges<'_> {
        TimedChanges {
            changes: &self.changes,
            buckets: &self.buckets,
            at,
        }
    }

    fn writer(&self, id: Token, until: u64) -> Writer {
        Writer {
            id,
            until,
            changes: self.changes.clone(),
            buckets: self.buckets.clone(),
        }
    }

    /// The keys of the items of its buckets.
    fn bucket_keys(&self) -> impl Iterator<Item = String> {
        let columns = self.buckets.iter();
        columns.flat_map(|(column, buckets)| {
            let buckets = buckets.iter();
            buckets.map(|bucket| self.table.bucket(column, *bucket))
        })
    }

    /// Do results stay valid that depend on other rows of the table?
    fn leaves_other_rows(&self) -> bool {
        !self.buckets.is_unknown()
    }

    /// Do results stay valid that use other columns of the table?
    fn leaves_other_columns(&self) -> bool {
        self.changes.events == Events::UPDATE && self.changes.updated != Columns::All
    }

    fn is_table(&self) -> bool {
        self.table.kind == DependencyKind::Table
    }

    /// The record that is published; that of a new epoch has this list of families.
    fn as_published(&self, record: Record, list: Option<Token>) -> Record {
        if self.table.kind != DependencyKind::Epoch {
            return record;
        }
        // Under a new epoch no catalog has been loaded yet.
        let record = record.without_list();
        match list {
            Some(list) => record.with_list(list, false),
            None => record,
        }
    }
}

/// A record that `begin` has read, and the version to replace. `None`: the store did not answer.
type ReadRecord = Option<(Option<Record>, Option<CasVersion>)>;

/// What the store answered to a command.
type StoreReply = Result<Reply, StoreError>;

impl AsRef<str> for Target {
    fn as_ref(&self) -> &str {
        &self.table.table
    }
}

impl VersionStore {
    /// Announces a write: from here on, reads of these tables go to the database.
    ///
    /// Never fails: if the store does not answer, the write proceeds (at once, or after the time of
    /// [`OnOutage::Wait`]), and `end` queues what could not be sent.
    ///
    /// If no catalog has one of the relations, the write invalidates everything.
    pub(crate) fn begin(self: &Arc<Self>, writes: &RowWrites, origin: Origin<'_>) -> Write {
        self.writes.fetch_add(1, Ordering::AcqRel);
        let mut write = self.write(writes, origin);
        // Without random numbers there is no writer id, so `end` only invalidates.
        if write.targets.is_empty() {
            write.announced = true;
            return write;
        }
        let Ok(id) = Token::random() else {
            self.widen(&mut write);
            return write;
        };
        write.id = id;
        let _span = events::begin(Names(&write.targets));
        self.keep_lease(id);
        let start = Instant::now();
        write.announced = true;
        while let Err(error) = self.try_begin(&mut write) {
            match self.config.on_outage {
                OnOutage::Wait(limit) if start.elapsed() < limit => {
                    thread::sleep(ANNOUNCE_RETRY_PAUSE)
                }
                _ => {
                    events::unannounced(Names(&write.targets), &error);
                    self.widen(&mut write);
                    write.announced = false;
                    break;
                }
            }
        }
        write
    }

    fn write(&self, writes: &RowWrites, origin: Origin<'_>) -> Write {
        let mut write = Write {
            id: Token::from_bytes([0; Token::LEN]),
            targets: Vec::new(),
            families: Vec::new(),
            announces: Vec::new(),
            unknown: Vec::new(),
            wide: false,
            names_unverified: origin.names_unverified,
            announced: false,
        };
        let tables = match &writes.writes {
            Writes::Nothing => return write,
            Writes::Everything => {
                write.targets = self.everything();
                return write;
            }
            Writes::Tables(tables) => tables,
        };
        for (table, changes) in tables {
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
                known: known == Some(true),
                buckets: writes.buckets(table).clone(),
                ..Target::new(self.dependency(table), changes.clone())
            });
        }
        if write.wide {
            self.widen(&mut write);
        }
        write
    }

    /// Every part of the epoch.
    fn everything(&self) -> Vec<Target> {
        let target = |part: &Dependency| Target::new(part.clone(), Changes::ALL);
        self.epochs.iter().map(target).collect()
    }

    /// Makes this a write to everything, if one of its tables may be unknown.
    fn widen(&self, write: &mut Write) {
        if write.targets.iter().all(|target| target.known) {
            return;
        }
        let mut targets = std::mem::replace(&mut write.targets, self.everything());
        for target in &mut targets {
            target.buckets = Buckets::default();
        }
        // Records that already list the writer must drop it again, however the write ends.
        let entered: Vec<_>;
        (entered, write.unknown) = targets.into_iter().partition(|it| it.written.is_some());
        write
            .targets
            .extend(entered.into_iter().map(|target| Target {
                known: true,
                ..target
            }));
    }

    /// Is there a table that no catalog of the current epoch may have?
    fn has_unlisted(&self, write: &Write, seen: &[ReadRecord]) -> Result<bool, StoreError> {
        let missing = || {
            let targets = write.targets.iter().zip(seen);
            targets
                .filter(|(target, seen)| !target.known && !matches!(seen, Some((Some(_), _))))
                .map(|(target, _)| &target.table.table)
        };
        Ok(missing().next().is_some() && !self.all_catalogs_have(missing())?)
    }

    /// Two round trips without conflicts: one sets the lease and reads the records, the other writes the
    /// records with the writer in them. Two more if the tables have families.
    fn try_begin(&self, write: &mut Write) -> Result<(), StoreError> {
        let lease = self.config.write_lease;
        let until =
            now_millis().saturating_add(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        let lease_key = self.lease_key(write.id);
        write.families.clear();
        let part = (!write.is_to_everything()).then(|| self.list_part(write.id));
        // Set before any record names its writer. Last in the batch: if the server has no memory for it,
        // the replies behind it are lost.
        let lease = self.lease(&lease_key);
        let (seen, list, mut result) = self.read_targets(&write.targets, part, Some(lease));
        if self.has_unlisted(write, &seen)? {
            self.widen(write);
            return self.try_begin(write);
        }
        result = result.and(self.add_writer(&mut write.targets, seen, (write.id, until)));
        // If no record of the epoch can be read, the families are looked up, which fails too.
        let lists = match part.zip(list) {
            Some((part, reply)) => self.current_lists(part, reply).unwrap_or_default(),
            None => Vec::new(),
        };
        if let Err(error) = self.add_families(write, &lists) {
            result = Err(error);
        }
        if !write.families.is_empty() {
            let (seen, _, answered) = self.read_targets(&write.families, None, None);
            let entered = self.add_writer(&mut write.families, seen, (write.id, until));
            result = result.and(answered).and(entered);
        }
        result
    }

    /// Reads the records of these targets and that part of the epoch, and then runs another command.
    fn read_targets(
        &self,
        targets: &[Target],
        part: Option<&Dependency>,
        last: Option<Command<'_>>,
    ) -> (Vec<ReadRecord>, Option<StoreReply>, Result<(), StoreError>) {
        let keys = targets.iter().map(|target| &target.table).chain(part);
        let gets = keys.map(|table| Command::Get { key: &table.key });
        let has_last = last.is_some();
        let mut replies = self.client.run(&gets.chain(last).collect::<Vec<_>>());
        // A write whose lease could not be set is announced nevertheless, if the records' servers answer.
        // Only the time in the record protects it then.
        let mut result = match has_last {
            true => replies.pop().map_or(Ok(()), |last| last.map(drop)),
            false => Ok(()),
        };
        let list = part.and_then(|_| replies.pop());
        let mut seen = Vec::with_capacity(targets.len());
        for (target, reply) in targets.iter().zip(replies) {
            seen.push(match self.versioned_record_in(&target.table, reply) {
                Ok(seen) => Some(seen),
                Err(error) => {
                    result = Err(error);
                    None
                }
            });
        }
        (seen, list, result)
    }

    /// Adds the writer with this id, whose lease ends at that time, to the records of these targets.
    fn add_writer(
        &self,
        targets: &mut [Target],
        seen: Vec<ReadRecord>,
        (id, until): (Token, u64),
    ) -> Result<(), StoreError> {
        let mut puts = Vec::with_capacity(seen.len());
        for (target, seen) in targets.iter_mut().zip(seen) {
            target.written = None;
            puts.push(match seen {
                Some((present, replaced)) => {
                    let writer = target.writer(id, until);
                    let record = protocol::begin(present, writer, &mut fresh_token)?;
                    Some((record, replaced))
                }
                None => None,
            });
        }
        self.put_all(targets, &puts, &[], None);
        let mut result = Ok(());
        // On a conflict, another writer has changed the record: read it again.
        for (target, put) in targets.iter_mut().zip(puts) {
            if target.written.is_none() && put.is_some() {
                let writer = target.writer(id, until);
                let updated = self.update_record(&target.table, |present| {
                    protocol::begin(present, writer.clone(), &mut fresh_token).map(Some)
                });
                match updated {
                    Ok(written) => target.written = written,
                    Err(error) => result = Err(error),
                }
            }
        }
        result
    }

    /// Writes all records in one batch, between other commands. Sets `written` of the targets that had no conflict.
    /// Returns the replies to the commands `before`. These do not grow an item, so the store does not reject them: if a
    /// server rejects a record, the replies behind it are lost.
    fn put_all(
        &self,
        targets: &mut [Target],
        puts: &[Option<(Record, Option<CasVersion>)>],
        before: &[Command<'_>],
        last: Option<Command<'_>>,
    ) -> Vec<StoreReply> {
        let values: Vec<_> = targets
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
        let mut commands = before.to_vec();
        let mut places = Vec::with_capacity(puts.len());
        for (place, put) in puts.iter().enumerate() {
            let (Some((_, replaced)), Some(Some(value))) = (put, values.get(place)) else {
                continue;
            };
            let key = &*targets[place].table.key;
            commands.push(Command::put(key, value, *replaced));
            places.push(place);
        }
        commands.extend(last);
        let mut replies = self.client.run(&commands).into_iter();
        let of_before = replies.by_ref().take(before.len()).collect();
        for (place, reply) in places.into_iter().zip(replies) {
            if let (Ok(Reply::Stored(version)), Some((record, replaced))) = (reply, &puts[place]) {
                let target = &mut targets[place];
                target.written = Some((record.clone(), version));
                if replaced.is_none() {
                    self.list_table(&target.table);
                }
            }
        }
        of_before
    }
}
