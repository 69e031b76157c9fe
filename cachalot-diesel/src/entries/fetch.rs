//! Fetches an entry with what it depends on.

use std::{iter, ptr, sync::Arc};

use super::{Entry, EntryStore, keyed::KeyedTable, validators::Validators};
use crate::{
    events,
    protocol::{EPOCH_PARTS, Records},
    store::{Command, Reply, StoreError},
};

/// The part of the epoch that a read of this key depends on.
fn epoch_part_of(key: &str) -> usize {
    usize::from(key.bytes().next().unwrap_or_default()) % EPOCH_PARTS
}

/// What an entry is looked up for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `explain`: nothing changes, neither the store nor the near cache nor a counter.
    Explain,
    /// Use an entry, if there is one. The store stays as it is.
    Hit,
    /// Use an entry, or store one.
    Fill,
}

/// What was found in the store.
pub(super) enum Fetch {
    /// A valid entry.
    Current(Arc<Entry>),
    /// No valid entry.
    Nothing(Validators),
    /// A write is in flight.
    InFlight,
    /// The epoch has changed.
    Outdated,
}

impl EntryStore {
    /// One round trip, if nothing is missing, no lease has to be checked and the near cache has no older entry.
    pub(super) fn fetch(
        &self,
        key: &str,
        records: Records<'_>,
        purpose: Purpose,
    ) -> Result<Fetch, StoreError> {
        let (is_read, create) = (purpose != Purpose::Explain, purpose == Purpose::Fill);
        let near = &self.near_cache;
        let asked = self.moment();
        let local = near.get(key);
        if let Some(local) = local.as_ref().filter(|local| near.is_fresh(local, asked)) {
            if is_read {
                events::near_hit(self.client.counters());
            }
            return Ok(Fetch::Current(Arc::clone(local.entry())));
        }
        let part = epoch_part_of(key);
        let record = &self.versions.epochs[part];
        let mut keyed = KeyedTable::all(records);
        let mut commands = Vec::with_capacity(records.dependencies.len() + keyed.len() + 2);
        if local.is_none() {
            commands.push(Command::Get { key });
        }
        commands.push(Command::Get { key: &record.key });
        commands.extend(
            records
                .dependencies
                .iter()
                .map(|table| Command::Get { key: &table.key }),
        );
        // Behind the records: a writer deletes its buckets first and then replaces the record.
        commands.extend(keyed.iter().flat_map(|it| it.buckets.gets()));
        let mut replies = self.client.run(&commands).into_iter();
        let entry = match local {
            Some(_) => None,
            None => replies.next(),
        };
        // A table has at most three.
        let mut tokens = Vec::with_capacity(records.dependencies.len() * 3 + 1);
        let mut keyed_tables = keyed.iter_mut().peekable();
        for (table, reply) in iter::once(record)
            .chain(records.dependencies)
            .zip(replies.by_ref())
        {
            let keyed = keyed_tables.next_if(|it| ptr::eq(it.table, table));
            let depends = table.depends(keyed.as_ref().map(|it| it.key));
            let fetched = self.versions.fetched(table, depends, reply)?;
            let is_outdated = create && !fetched.is_idle();
            match (
                self.versions.tokens_of(table, depends, fetched, create)?,
                keyed,
            ) {
                (None, _) => return Ok(Fetch::InFlight),
                (Some(state), None) => tokens.extend(state.condensed()),
                (Some(state), Some(keyed)) => {
                    keyed.tokens = Some(state);
                    keyed.is_outdated = is_outdated;
                }
            }
            // The epoch's token comes first: under another epoch the dependencies may be different.
            if tokens.first() != records.epoch.get(part) {
                return Ok(Fetch::Outdated);
            }
        }
        for table in &mut keyed {
            self.versions.see_buckets(&mut table.buckets, &mut replies);
            if table.is_outdated {
                self.versions.fetch_buckets(&mut table.buckets);
            }
        }
        let mut now = Validators {
            tokens,
            proofs: keyed.iter().filter_map(KeyedTable::proofs).collect(),
        };
        if let Some(local) = local.filter(|local| local.entry().is_current(&now)) {
            if is_read {
                local.confirm(asked);
                events::near_hit(self.client.counters());
            }
            return Ok(Fetch::Current(Arc::clone(local.entry())));
        }
        // Another process may have stored newer rows than those of the near cache.
        let entry = entry.or_else(|| self.client.run(&[Command::Get { key }]).pop());
        let entry = match entry {
            Some(Ok(Reply::Item { value, .. })) => {
                if is_read {
                    events::fetched(self.client.counters(), value.len());
                }
                Entry::open(&self.client.auth, key, value, self.max_inflated_bytes())
            }
            Some(Err(error)) => return Err(error),
            _ => None,
        };
        Ok(match entry.filter(|entry| entry.is_valid(&now)) {
            Some(entry) => {
                let entry = Arc::new(entry);
                if is_read {
                    near.keep(key, &entry, asked);
                }
                Fetch::Current(entry)
            }
            None => {
                if !self.versions.families_cover(records.members, create)? {
                    return Ok(Fetch::InFlight);
                }
                if create && keyed.iter().any(|it| it.buckets.are_missing()) {
                    let missing = keyed.iter_mut().map(|it| &mut it.buckets);
                    self.versions.add_buckets(missing);
                    now.proofs = keyed.iter().filter_map(KeyedTable::proofs).collect();
                }
                Fetch::Nothing(now)
            }
        })
    }
}
