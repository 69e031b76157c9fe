//! The tables that a statement writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::names;

/// What happens to the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Events {
    /// Rows may be inserted.
    pub insert: bool,
    /// Rows may be updated.
    pub update: bool,
    /// Rows may be deleted.
    pub delete: bool,
}

impl Events {
    /// All events.
    pub const ALL: Self = Self {
        insert: true,
        update: true,
        delete: true,
    };
    /// Rows are inserted.
    pub const INSERT: Self = Self {
        insert: true,
        update: false,
        delete: false,
    };
    /// Rows are updated.
    pub const UPDATE: Self = Self {
        insert: false,
        update: true,
        delete: false,
    };
    /// Rows are deleted.
    pub const DELETE: Self = Self {
        insert: false,
        update: false,
        delete: true,
    };
    /// Rows are inserted or, if they exist, updated.
    pub const UPSERT: Self = Self {
        insert: true,
        update: true,
        delete: false,
    };

    /// Do the two have an event in common?
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        (self.insert && other.insert)
            || (self.update && other.update)
            || (self.delete && other.delete)
    }

    /// The union of the two.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            insert: self.insert || other.insert,
            update: self.update || other.update,
            delete: self.delete || other.delete,
        }
    }
}

/// Columns of a table, by normalised name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Columns {
    /// All columns, or unknown which.
    All,
    /// At most these.
    Named(BTreeSet<Arc<str>>),
}

impl Columns {
    /// No columns.
    pub const NONE: Self = Self::Named(BTreeSet::new());

    /// Do the two have a column in common, as far as is known?
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(mine), Self::Named(theirs)) => !mine.is_disjoint(theirs),
            _ => true,
        }
    }

    /// Adds a column by its name in a text. All columns, if the name does not tell which one it is.
    pub(super) fn insert(&mut self, name: &str) {
        match (&mut *self, column(name)) {
            (Self::Named(columns), Some(name)) => _ = columns.insert(name),
            _ => *self = Self::All,
        }
    }

    /// Adds other columns.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Named(mine), Self::Named(theirs)) => mine.extend(theirs.iter().cloned()),
            _ => *self = Self::All,
        }
    }
}

impl<N: Into<Arc<str>>> FromIterator<N> for Columns {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        Self::Named(names.into_iter().map(Into::into).collect())
    }
}

/// Columns of the server whose value changes with others.
const SYSTEM_COLUMNS: &[&str] = &[
    "_rowid",
    "_rowid_",
    "cmax",
    "cmin",
    "ctid",
    "oid",
    "row_end",
    "row_start",
    "rowid",
    "tableoid",
    "xmax",
    "xmin",
];

/// The normalised name of a column. `None` if it may be another column, too: the databases fold names that
/// are not ASCII by different rules, and a system column changes with others.
pub(super) fn column(name: &str) -> Option<Arc<str>> {
    if !name.is_ascii() {
        return None;
    }
    let name = names::folded(name);
    (!SYSTEM_COLUMNS.contains(&&*name)).then_some(name)
}

/// Changes of a table's rows: those that a statement makes, or those that a result depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Changes {
    /// What may happen to the rows.
    pub events: Events,
    /// The columns that updates may set; none if there are no updates.
    pub updated: Columns,
}

impl Changes {
    /// No change.
    pub const NONE: Self = Self {
        events: Events {
            insert: false,
            update: false,
            delete: false,
        },
        updated: Columns::NONE,
    };

    /// Any change.
    pub const ALL: Self = Self {
        events: Events::ALL,
        updated: Columns::All,
    };

    /// Do the two have a change in common?
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.events, other.events);
        (mine.insert && theirs.insert)
            || (mine.delete && theirs.delete)
            || (mine.update && theirs.update && self.updated.meets(&other.updated))
    }

    /// Adds other changes.
    pub fn merge(&mut self, other: &Self) {
        self.events = self.events.or(other.events);
        self.updated.merge(&other.updated);
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::NONE
    }
}

/// Updates may set any column.
impl From<Events> for Changes {
    fn from(events: Events) -> Self {
        Self {
            events,
            updated: if events.update {
                Columns::All
            } else {
                Columns::NONE
            },
        }
    }
}

/// The tables that a statement writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Writes {
    /// No table.
    #[default]
    Nothing,
    /// These tables, by normalised name. Never empty.
    Tables(BTreeMap<Arc<str>, Changes>),
    /// Possibly all tables: DDL, procedures and statements that could not be analysed.
    Everything,
}

impl Writes {
    /// Is no table written?
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Writes to one table.
    pub fn table(name: Arc<str>, changes: impl Into<Changes>) -> Self {
        Self::Tables(BTreeMap::from([(name, changes.into())]))
    }

    /// Adds the writes of another statement.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Everything, _) | (_, Self::Nothing) => {}
            (Self::Tables(mine), Self::Tables(theirs)) => {
                for (name, changes) in theirs {
                    mine.entry(Arc::clone(name)).or_default().merge(changes);
                }
            }
            (_, other) => *self = other.clone(),
        }
    }
}

impl<C: Into<Changes>> FromIterator<(Arc<str>, C)> for Writes {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, C)>>(tables: I) -> Self {
        let mut map = BTreeMap::<_, Changes>::new();
        for (name, changes) in tables {
            map.entry(name).or_default().merge(&changes.into());
        }
        if map.is_empty() {
            Self::Nothing
        } else {
            Self::Tables(map)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_joins_events_and_everything_wins() {
        let mut writes = Writes::Nothing;
        writes.merge(&Writes::table("a".into(), Events::INSERT));
        writes.merge(&Writes::table("a".into(), Events::UPDATE));
        writes.merge(&Writes::Nothing);
        assert_eq!(writes, Writes::table("a".into(), Events::UPSERT));
        writes.merge(&Writes::Everything);
        writes.merge(&Writes::table("b".into(), Events::DELETE));
        assert_eq!(writes, Writes::Everything);
    }
}
