//! What a write changes, with the rows as far as they are known.

use std::{collections::BTreeMap, sync::Arc};

use super::{Buckets, Writes};

/// The tables that a write changes, and how; and of some of them the buckets of all rows that it touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowWrites {
    pub(crate) writes: Writes,
    buckets: BTreeMap<Arc<str>, Buckets>,
}

impl RowWrites {
    pub(crate) const NOTHING: Self = Self::of_unknown_rows(Writes::Nothing);
    pub(crate) const EVERYTHING: Self = Self::of_unknown_rows(Writes::Everything);

    pub(crate) const fn of_unknown_rows(writes: Writes) -> Self {
        Self {
            writes,
            buckets: BTreeMap::new(),
        }
    }

    /// Of a table that is missing in `buckets`, no rows are known.
    pub(crate) fn new(writes: Writes, mut buckets: BTreeMap<Arc<str>, Buckets>) -> Self {
        buckets.retain(|table, buckets| !buckets.is_unknown() && names(&writes, table));
        Self { writes, buckets }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.writes.is_nothing()
    }

    /// The buckets of the rows of a table.
    pub(crate) fn buckets(&self, table: &str) -> &Buckets {
        self.buckets.get(table).unwrap_or(Buckets::unknown())
    }

    /// Adds another write that happens too.
    pub(crate) fn merge(&mut self, other: &Self) {
        // Rows of a table that only one of them writes stay known.
        let mut buckets = std::mem::take(&mut self.buckets);
        buckets.retain(|table, mine| {
            if names(&other.writes, table) {
                mine.merge(other.buckets(table));
            }
            !mine.is_unknown()
        });
        for (table, theirs) in &other.buckets {
            if !names(&self.writes, table) {
                buckets.insert(Arc::clone(table), theirs.clone());
            }
        }
        self.writes.merge(&other.writes);
        if self.writes != Writes::Everything {
            self.buckets = buckets;
        }
    }
}

fn names(writes: &Writes, table: &str) -> bool {
    match writes {
        Writes::Nothing => false,
        Writes::Everything => true,
        Writes::Tables(tables) => tables.contains_key(table),
    }
}

impl From<&Writes> for RowWrites {
    fn from(writes: &Writes) -> Self {
        Self::of_unknown_rows(writes.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::protocol::Events;

    fn buckets(columns: &[(&str, &[u16])]) -> Buckets {
        let columns = columns.iter();
        columns
            .map(|(column, buckets)| (*column, buckets.iter().copied().collect::<BTreeSet<_>>()))
            .collect()
    }

    fn write(table: &str, known: &[(&str, &[u16])]) -> RowWrites {
        let rows = BTreeMap::from([(table.into(), buckets(known))]);
        RowWrites::new(Writes::table(table.into(), Events::UPDATE), rows)
    }

    #[test]
    fn k12_of_two_writes_to_a_table_the_columns_stay_known_that_both_know() {
        let mut both = write("t", &[("id", &[1]), ("parent", &[7])]);
        both.merge(&write("t", &[("id", &[2])]));
        assert_eq!(both.buckets("t"), &buckets(&[("id", &[1, 2])]));
        both.merge(&write("t", &[]));
        assert_eq!(both.buckets("t"), Buckets::unknown());
        both.merge(&write("t", &[("id", &[3])]));
        assert_eq!(both.buckets("t"), Buckets::unknown());
    }

    #[test]
    fn k12_rows_of_other_tables_stay_known() {
        let mut both = write("t", &[("id", &[1])]);
        both.merge(&write("u", &[("id", &[2])]));
        both.merge(&RowWrites::NOTHING);
        assert_eq!(both.buckets("t"), &buckets(&[("id", &[1])]));
        assert_eq!(both.buckets("u"), &buckets(&[("id", &[2])]));
    }

    #[test]
    fn k12_of_a_write_to_everything_no_rows_are_known() {
        let mut both = write("t", &[("id", &[1])]);
        both.merge(&RowWrites::EVERYTHING);
        assert_eq!(both, RowWrites::EVERYTHING);
        both.merge(&write("t", &[("id", &[1])]));
        assert_eq!(both, RowWrites::EVERYTHING);
    }
}
