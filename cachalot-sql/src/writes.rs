//! The tables that a statement writes.

use std::{collections::BTreeMap, sync::Arc};

/// What happens to the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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

/// The tables that a statement writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Writes {
    /// No table.
    #[default]
    Nothing,
    /// These tables, by normalised name. Never empty.
    Tables(BTreeMap<Arc<str>, Events>),
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
    pub fn table(name: Arc<str>, events: Events) -> Self {
        Self::Tables(BTreeMap::from([(name, events)]))
    }

    /// Adds the writes of another statement.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Everything, _) | (_, Self::Nothing) => {}
            (Self::Tables(mine), Self::Tables(theirs)) => {
                for (name, events) in theirs {
                    let known = mine.entry(Arc::clone(name)).or_default();
                    *known = known.or(*events);
                }
            }
            (_, other) => *self = other.clone(),
        }
    }
}

impl FromIterator<(Arc<str>, Events)> for Writes {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Events)>>(tables: I) -> Self {
        let mut map = BTreeMap::<_, Events>::new();
        for (name, events) in tables {
            let known = map.entry(name).or_default();
            *known = known.or(events);
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
