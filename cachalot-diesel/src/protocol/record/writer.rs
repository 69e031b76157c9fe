//! A write: in flight, as a record lists it, and as it ended.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    super::{Buckets, Changes, Columns, Depends, Events, WriterId},
    MAX_COLUMNS, bounded,
};

/// A write in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(PartialOrd, Ord))]
#[serde(from = "InRecord", into = "InRecord")]
pub(crate) struct Writer {
    pub(crate) id: WriterId,
    /// When its lease expires, in milliseconds since 1970 by the writer's clock. The lease is also an
    /// item that expires by the store's clock, and readers require both: clock skew can delay hits,
    /// but not cause stale ones.
    pub(crate) until: u64,
    /// What it may do to the table. Readers that depend on none of it need not wait.
    pub(crate) changes: Changes,
    /// Which rows it may touch. Readers that depend on none of them need not wait.
    pub(crate) buckets: Buckets,
}

impl Writer {
    /// May it change what a read depends on?
    pub(super) fn concerns(&self, depends: Depends<'_>) -> bool {
        let rows = depends.key.is_none_or(|key| key.meets(&self.buckets));
        rows && self.changes.meets(depends.changes)
    }
}

/// What a write did to a table, if it happened, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimedChanges<'a> {
    pub(crate) changes: &'a Changes,
    /// Of the rows that it touched. `end` deletes these buckets *before* it replaces the record.
    pub(crate) buckets: &'a Buckets,
    /// Milliseconds since 1970.
    pub(crate) at: Option<u64>,
}

/// To any rows, at an unknown time.
impl<'a> From<&'a Changes> for TimedChanges<'a> {
    fn from(changes: &'a Changes) -> Self {
        Self {
            changes,
            buckets: Buckets::unknown(),
            at: None,
        }
    }
}

/// The form of a writer in JSON: `{"id":"5a…","until":1764000000000,"does":"u","columns":["votes"],"keys":{"id":[17,512]}}`.
/// Without `does` it may make any change, without `columns` its updates may set any column, and a column that is
/// missing in `keys` may have any value.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InRecord {
    id: WriterId,
    until: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    does: Option<String>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::column_names",
        default
    )]
    columns: Option<BTreeSet<Box<str>>>,
    #[serde(
        skip_serializing_if = "Buckets::is_unknown",
        deserialize_with = "bounded::buckets",
        default
    )]
    keys: Buckets,
}

impl From<Writer> for InRecord {
    fn from(writer: Writer) -> Self {
        let Changes { events, updated } = writer.changes;
        let columns = match updated {
            Columns::Named(names) if events.update && names.len() <= MAX_COLUMNS => {
                Some(names.iter().map(|name| Box::from(&**name)).collect())
            }
            _ => None,
        };
        let letters = [
            (events.insert, 'i'),
            (events.update, 'u'),
            (events.delete, 'd'),
        ];
        let does = letters.iter().filter(|(does, _)| *does);
        let is_any = events == Events::ALL && columns.is_none();
        Self {
            id: writer.id,
            until: writer.until,
            does: (!is_any).then(|| does.map(|(_, letter)| letter).collect()),
            columns,
            keys: writer.buckets,
        }
    }
}

impl From<InRecord> for Writer {
    fn from(writer: InRecord) -> Self {
        let mut changes = match &writer.does {
            Some(does) => Changes::from(Events {
                insert: does.contains('i'),
                update: does.contains('u'),
                delete: does.contains('d'),
            }),
            None => Changes::ALL,
        };
        if let Some(columns) = writer.columns {
            changes.updated = columns.into_iter().collect();
        }
        Self {
            id: writer.id,
            until: writer.until,
            changes,
            buckets: writer.keys,
        }
    }
}
