//! The store of the model: records with CAS values, entries, leases.

use std::convert::Infallible;

use super::{Value, keys::BUCKETS};
use crate::protocol::{Proofs, Record, Token};

/// A CAS value.
pub(super) type Number = u8;

/// A record as it was read, and its CAS value.
pub(super) type Seen = (Record, Number);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Store {
    pub(super) records: Vec<Option<Seen>>,
    /// One for each kind of read.
    pub(super) entries: Vec<Option<Entry>>,
    pub(super) listed: Option<Listed>,
    pub(super) buckets: [Option<Token>; BUCKETS],
    pub(super) late: Option<Late>,
    /// One bit a writer.
    leases: u8,
    /// The last CAS value of each record: each may be on a server of its own.
    pub(super) last: Vec<Number>,
}

/// A request of a bucket that the store will execute later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Late {
    Delete(usize),
    Add(usize, Token),
}

/// The list of families of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Listed {
    /// The epoch's token.
    pub(super) epoch: Token,
    /// The list's id since it last grew; `None` while it has no family.
    pub(super) list: Option<Token>,
    /// It has our family.
    pub(super) ours: bool,
    /// It has the other process's.
    pub(super) others: bool,
}

/// The rows of one read, and what they were stored under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) proofs: Proofs<Vec<Token>>,
    pub(super) rows: Vec<Value>,
}

impl Entry {
    /// Before the database is queried.
    pub(super) fn under(proofs: Proofs<Vec<Token>>) -> Self {
        let rows = Vec::new();
        Self { proofs, rows }
    }

    /// Keeps only proofs whose tokens are all in use elsewhere: no reader will find the others.
    pub(super) fn retain(&mut self, in_use: impl Fn(&Token) -> bool) {
        let Proofs { table, key } = &mut self.proofs;
        if !table.iter().all(&in_use) {
            table.clear();
        }
        key.take_if(|tokens| !tokens.iter().all(&in_use));
        if self.is_dead() {
            self.rows.clear();
        }
    }

    /// It is as good as none.
    pub(super) fn is_dead(&self) -> bool {
        self.proofs.table.is_empty() && self.proofs.key.is_none()
    }
}

/// An item that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lost {
    Record(usize),
    Entry(usize),
    Bucket(usize),
    List,
    Lease(usize),
}

impl Store {
    pub(super) fn new(tables: usize, kinds: usize) -> Self {
        Self {
            records: vec![None; tables],
            entries: vec![None; kinds],
            listed: None,
            buckets: [None; BUCKETS],
            late: None,
            leases: 0,
            last: vec![0; tables],
        }
    }

    /// Compare-and-swap, or add if `over` is `None`. Returns the new CAS value, or `None` on a
    /// conflict.
    pub(super) fn put(
        &mut self,
        table: usize,
        over: Option<Number>,
        record: &Record,
    ) -> Option<Number> {
        if self.records[table].as_ref().map(|(_, number)| *number) != over {
            return None;
        }
        self.last[table] += 1;
        self.records[table] = Some((record.clone(), self.last[table]));
        Some(self.last[table])
    }

    /// Adds a bucket if it is missing.
    pub(super) fn add_bucket(&mut self, bucket: usize, token: Token) -> bool {
        let missing = self.buckets[bucket].is_none();
        self.buckets[bucket].get_or_insert(token);
        missing
    }

    pub(super) fn deliver(&mut self) {
        match self.late.take() {
            Some(Late::Delete(bucket)) => self.buckets[bucket] = None,
            Some(Late::Add(bucket, token)) => {
                self.add_bucket(bucket, token);
            }
            None => {}
        }
    }

    pub(super) fn has_lease(&self, writer: usize) -> bool {
        self.leases & (1 << writer) != 0
    }

    pub(super) fn set_lease(&mut self, writer: usize) {
        self.leases |= 1 << writer;
    }

    pub(super) fn lose(&mut self, lost: Lost) {
        match lost {
            Lost::Record(table) => self.records[table] = None,
            Lost::Entry(kind) => self.entries[kind] = None,
            Lost::Bucket(bucket) => self.buckets[bucket] = None,
            Lost::List => self.listed = None,
            Lost::Lease(writer) => self.leases &= !(1 << writer),
        }
    }

    /// After a restart memcached starts its CAS values at one again.
    pub(super) fn restart_cas_values(&mut self) {
        self.last.fill(0);
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Lost> {
        let records = (0..self.records.len()).filter(|table| self.records[*table].is_some());
        let entries = (0..self.entries.len()).filter(|kind| self.entries[*kind].is_some());
        let buckets = (0..BUCKETS).filter(|bucket| self.buckets[*bucket].is_some());
        let leases = (0..8).filter(|writer| self.has_lease(*writer));
        records
            .map(Lost::Record)
            .chain(entries.map(Lost::Entry))
            .chain(buckets.map(Lost::Bucket))
            .chain(self.listed.iter().map(|_| Lost::List))
            .chain(leases.map(Lost::Lease))
    }
}

/// Unwraps the result of a function that cannot fail.
pub(super) fn sure<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
