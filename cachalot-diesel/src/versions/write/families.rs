//! The families of the tables that are written to: their records change with those of their members.

use std::{collections::BTreeMap, sync::Arc};

use super::{Target, Write};
use crate::{
    protocol::{Dependency, Events, Families, Record, Token},
    store::StoreError,
    versions::VersionStore,
};

impl VersionStore {
    /// Adds the families of the tables whose records list the writer. A record's families are used if
    /// they were looked up under one of these ids of the list; otherwise they are looked up. If that is
    /// not possible, the write becomes one to everything.
    pub(super) fn add_families(
        &self,
        write: &mut Write,
        lists: &[Token],
    ) -> Result<(), StoreError> {
        if write.is_to_everything() {
            return Ok(());
        }
        let (mut families, mut unrecorded) = (BTreeMap::new(), Vec::new());
        for target in write.targets.iter_mut() {
            let Some((record, _)) = &target.written else {
                continue;
            };
            match recorded_families(record, lists) {
                Some(recorded) => add_families_to(&mut families, recorded, target.changes.events),
                None => unrecorded.push(target),
            }
        }
        if !unrecorded.is_empty() {
            let tables = unrecorded.iter().map(|target| &*target.table.table);
            let Some(listed) = self.listed_families(tables)? else {
                write.families = self.everything();
                return Ok(());
            };
            for (target, found) in unrecorded.into_iter().zip(listed) {
                add_families_to(&mut families, &found.families, target.changes.events);
                let recorded = |(record, version): (Record, _)| {
                    (record.with_found_families(write.id, Some(&found)), version)
                };
                target.written = target.written.take().map(recorded);
                target.found = Some(found);
            }
        }
        write.families = self.families(families);
        Ok(())
    }

    /// Publishes the families that were not known when the write began.
    ///
    /// `lists` are the ids of the list after the change became visible. If a record has families under
    /// another id, it was lost meanwhile or could not be written, or the list has grown. A reader may then
    /// have relied on newer families than those that were looked up.
    pub(super) fn end_families(&self, write: &Write, lists: &[Token]) -> Result<(), StoreError> {
        let ended = write.targets.iter().filter(|target| target.is_table());
        let ended = ended.filter_map(|target| {
            let (record, _) = target.written.as_ref()?;
            Some((&target.table.table, target.changes.events, record))
        });
        let done = |family: &Target| {
            let mut targets = write.targets.iter();
            targets.any(|it| it.table.key == family.table.key && it.written.is_some())
        };
        for family in self.families_of_tables(ended, lists)? {
            if !done(&family) {
                self.publish(&family, &[])?;
            }
        }
        Ok(())
    }

    /// The families of tables: from their records, if these have them under one of these ids of the list,
    /// or else from the list. Every part of the epoch if the list was lost.
    pub(super) fn families_of_tables<'a>(
        &self,
        tables: impl Iterator<Item = (&'a Arc<str>, Events, &'a Record)>,
        lists: &[Token],
    ) -> Result<Vec<Target>, StoreError> {
        let (mut families, mut unrecorded) = (BTreeMap::new(), Vec::new());
        for (table, events, record) in tables {
            match recorded_families(record, lists) {
                Some(recorded) => add_families_to(&mut families, recorded, events),
                None => unrecorded.push((table, events)),
            }
        }
        if !unrecorded.is_empty() {
            let tables = unrecorded.iter().map(|(table, _)| &***table);
            let Some(listed) = self.listed_families(tables)? else {
                return Ok(self.everything());
            };
            for ((_, events), found) in unrecorded.into_iter().zip(&listed) {
                add_families_to(&mut families, &found.families, events);
            }
        }
        Ok(self.families(families))
    }

    /// The targets of these families.
    fn families(&self, families: BTreeMap<Box<str>, Events>) -> Vec<Target> {
        let namespace = &self.config.namespace;
        let families = families.into_iter();
        families
            .map(|(parent, events)| {
                Target::new(Dependency::family(namespace, &parent), events.into())
            })
            .collect()
    }
}

/// The families that a record has under one of these ids of the list.
fn recorded_families<'a>(record: &'a Record, lists: &[Token]) -> Option<&'a Families> {
    lists.iter().find_map(|list| record.families(*list))
}

/// Adds the families of a table that these events happen to.
fn add_families_to(families: &mut BTreeMap<Box<str>, Events>, recorded: &Families, events: Events) {
    for family in recorded {
        let known = families.entry(family.clone()).or_default();
        *known = known.or(events);
    }
}
