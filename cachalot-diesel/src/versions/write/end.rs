//! `end` of a write, and what is published without a `begin`.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use super::{Target, Write};
use crate::{
    Error, OnOutage,
    clock::now_millis,
    events::{self, Extent, Names},
    protocol::{
        self, Buckets, DependencyKind, EPOCH, Record, RowWrites, Token, WriteOutcome, Writes,
    },
    stats::{Invalidation, InvalidationReason},
    store::{Command, Reply, StoreError},
    versions::{VersionStore, announced::Origin, fresh_token, pending::PendingInvalidation},
};

impl VersionStore {
    /// Ends a write. After a success, no entry of its tables that was stored before is valid.
    ///
    /// # Errors
    /// [`Error::Undelivered`] if the store did not accept everything. The rest is pending and delivered
    /// later; until then this process bypasses the cache for those tables.
    pub(crate) fn end(self: &Arc<Self>, write: Write, outcome: WriteOutcome) -> Result<(), Error> {
        let reason = match outcome {
            WriteOutcome::Unknown => InvalidationReason::UnknownOutcome,
            WriteOutcome::Success | WriteOutcome::Failure => InvalidationReason::Write,
        };
        self.end_with_reason(write, outcome, reason)
    }

    fn end_with_reason(
        self: &Arc<Self>,
        mut write: Write,
        outcome: WriteOutcome,
        reason: InvalidationReason,
    ) -> Result<(), Error> {
        self.writes.fetch_add(1, Ordering::AcqRel);
        if write.targets.is_empty() && write.unknown.is_empty() {
            return Ok(());
        }
        let published = outcome.is_published();
        let succeeded = outcome == WriteOutcome::Success && reason == InvalidationReason::Write;
        let _span = events::end(Names(&write.targets), published);
        self.drop_lease(write.id);
        let mut failed = Vec::new();
        let at = Some(now_millis());
        write.targets.append(&mut write.families);
        let list = write.is_to_everything().then(fresh_token);
        let new_list = list.and_then(Result::ok);
        let as_ended = |target: &Target, record| match published {
            true => target.as_published(record, new_list),
            false => record,
        };
        let puts: Vec<_> = write
            .targets
            .iter()
            .map(|target| {
                let (record, version) = target.written.as_ref()?;
                // Without its version the record has to be read again.
                let version = (*version)?;
                let tokens = &mut fresh_token;
                let next = protocol::end_without_read(
                    record,
                    write.id,
                    outcome,
                    target.changes_at(at),
                    tokens,
                );
                Some((as_ended(target, next.ok()??), Some(version)))
            })
            .collect();
        let id = write.id;
        let mut rest = write;
        for target in &mut rest.targets {
            target.written = None;
        }
        let lease_key = self.lease_key(id);
        let delete = Command::Delete { key: &lease_key };
        // The list's id is read after the COMMIT.
        let reads_list = published && !rest.is_to_everything();
        let part = reads_list.then(|| self.list_part(id));
        let list = part.map(|it| Command::Get { key: &it.key });
        let buckets = match published {
            true => keys_of_buckets(&rest.targets),
            false => Vec::new(),
        };
        let deletes = buckets.iter().map(|(_, key)| Command::Delete { key });
        let before: Vec<_> = list.into_iter().chain(deletes).collect();
        let replies = self.put_all(&mut rest.targets, &puts, &before, Some(delete));
        let mut replies = replies.into_iter();
        let list = part.and_then(|_| replies.next());
        for ((place, _), reply) in buckets.iter().zip(replies) {
            if !matches!(reply, Ok(Reply::Stored(_) | Reply::Missing)) {
                // The bucket may still be there: the record is written as if the rows were not known.
                let target = &mut rest.targets[*place];
                target.buckets = Buckets::default();
                target.written = None;
            }
        }
        let unended = rest.targets.iter_mut().filter(|it| it.written.is_none());
        for target in unended {
            let updated = self.update_record(&target.table, |present| {
                let found = target.found.as_ref();
                let present = present.map(|record| record.with_found_families(id, found));
                let next = protocol::end(
                    present,
                    id,
                    outcome,
                    target.changes_at(at),
                    &mut fresh_token,
                )?;
                Ok(next.map(|record| as_ended(target, record)))
            });
            match updated {
                Ok(written) => target.written = written,
                Err(error) => {
                    // What is pending is of unknown rows.
                    target.buckets = Buckets::default();
                    failed.push((target.table.clone(), target.changes.clone(), error));
                }
            }
        }
        let of_family = failed
            .iter()
            .find(|(it, ..)| it.kind == DependencyKind::Family);
        let mut family_error = of_family.map(|(.., error)| error.clone());
        if let Some((part, list)) = part.zip(list) {
            let lists = self.current_lists(part, list);
            if let Err(error) = lists.and_then(|lists| self.end_families(&rest, &lists)) {
                family_error = Some(error);
            }
        }
        if let Some(error) = family_error {
            // Delivering a table's pending invalidation includes its families.
            failed.retain(|(it, ..)| it.kind == DependencyKind::Epoch);
            let tables = rest.targets.iter().filter(|target| target.is_table());
            failed.extend(tables.map(|it| (it.table.clone(), it.changes.clone(), error.clone())));
        }
        if !published {
            return Ok(());
        }
        let mut undelivered = self.enqueue(id, &failed);
        let patience = match self.config.on_outage {
            OnOutage::Defer => None,
            OnOutage::Wait(limit) => Some(limit),
            // The change is made; an announced one is in flight for so long.
            OnOutage::Fail => Some(self.config.write_lease),
        };
        if let (Err(_), Some(limit)) = (&undelivered, patience)
            && self.wait_until_flushed(limit, &failed)
        {
            undelivered = Ok(());
        }
        // Only for tables that certainly exist, and after the epoch has changed: if a table has a record,
        // other writers take it for announced.
        if succeeded && undelivered.is_ok() && !rest.names_unverified {
            for target in &rest.unknown {
                // If this fails, the next write to the table announces it again.
                let _ = self.update_record(&target.table, |present| {
                    protocol::end(
                        present,
                        id,
                        outcome,
                        target.changes_at(at),
                        &mut fresh_token,
                    )
                });
            }
            self.announced(std::mem::take(&mut rest.announces));
        }
        // Counted again, as a read between the first count and the update has read the old records.
        self.writes.fetch_add(1, Ordering::AcqRel);
        self.notify(&rest, reason);
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
        let write = self.begin(&RowWrites::from(writes), origin);
        let reason = InvalidationReason::Requested;
        self.end_with_reason(write, WriteOutcome::Success, reason)
    }

    fn notify(&self, write: &Write, reason: InvalidationReason) {
        let named = || write.unknown.iter().chain(&write.targets);
        // A process without a catalog invalidates everything as a precaution. The notification names only
        // the tables that were written to.
        let precaution = !write.unknown.is_empty() && !write.wide;
        let names: BTreeSet<_> = named()
            .filter(|target| target.table.kind != DependencyKind::Family)
            .map(|target| &*target.table.table)
            .filter(|name| !(precaution && *name == EPOCH))
            .filter(|name| !self.config.excludes(name))
            .collect();
        if names.is_empty() {
            return;
        }
        let names: Vec<_> = names.into_iter().collect();
        let narrow = |it: &Target| it.leaves_other_columns() || it.leaves_other_rows();
        let extent = match named().all(Target::leaves_other_rows) {
            true => Extent::Rows,
            false if named().all(narrow) => Extent::Columns,
            false => Extent::Table,
        };
        events::invalidated(self.client.counters(), Names(&names), reason, extent);
        let invalidation = Invalidation {
            tables: names.into_iter().map(str::to_owned).collect(),
            at: SystemTime::now(),
            reason,
        };
        self.listeners.call(&invalidation);
    }

    /// Gives a record new tokens, and removes writers that it may list and that are no longer in flight.
    pub(super) fn publish(
        &self,
        target: &Target,
        writers: &[Token],
    ) -> Result<Option<Record>, StoreError> {
        let id = fresh_token()?;
        let outcome = WriteOutcome::Success;
        let timed = target.changes_at(Some(now_millis()));
        let updated = self.update_record(&target.table, |present| {
            let present = present.map(|record| {
                let writers = writers.iter();
                writers.fold(record, |record, writer| record.withdrawn(*writer))
            });
            let next = protocol::end(present, id, outcome, timed, &mut fresh_token)?;
            Ok(next.map(|record| target.as_published(record, None)))
        })?;
        Ok(updated.map(|(record, _)| record))
    }

    /// Publishes one pending invalidation, also for the families that the table is a member of.
    pub(in crate::versions) fn flush_table(
        &self,
        table: &str,
        pending_table: &PendingInvalidation,
    ) -> Result<(), StoreError> {
        if table == EPOCH {
            for part in self.everything() {
                self.publish(&part, &pending_table.writers)?;
            }
        } else {
            let target = Target::new(self.dependency(table), pending_table.changes.clone());
            let record = self.publish(&target, &pending_table.writers)?;
            let ended = record
                .iter()
                .map(|it| (&target.table.table, pending_table.changes.events, it));
            let part = self.list_part(fresh_token()?);
            let list = self.client.run_one(Command::Get { key: &part.key });
            let lists = self.current_lists(part, list)?;
            for family in self.families_of_tables(ended, &lists)? {
                self.publish(&family, &pending_table.writers)?;
            }
        }
        self.writes.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

/// The keys of the buckets of these targets, each with the place of its target.
fn keys_of_buckets(targets: &[Target]) -> Vec<(usize, String)> {
    let targets = targets.iter().enumerate();
    targets
        .flat_map(|(place, target)| target.bucket_keys().map(move |key| (place, key)))
        .collect()
}
