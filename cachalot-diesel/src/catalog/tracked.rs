//! The columns by whose values the reads and writes of a table can be told apart.
//!
//! Of such a column two things are certain. Values of its class are equal for the database exactly if they
//! are the same value; and a value that a statement writes is stored as it is. What is not certain is not
//! tracked.

use std::{collections::BTreeMap, sync::Arc};

use cachalot_sql::{Columns, catalog::column};

/// The longest name that is told from all others: longer ones are cut.
const MAX_NAME_BYTES: usize = 62;

/// Tracked columns of one table, by normalised name.
pub(crate) type TrackedColumns = BTreeMap<Arc<str>, Tracked>;

/// A column of a primary key or, in the referencing table, of a foreign key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tracked {
    pub(crate) class: Class,
    /// It is the whole primary key, so at most one row has a value of it.
    pub(crate) unique: bool,
}

/// The values of a tracked column. A value of another type or outside of the limits says nothing: the database
/// may convert, cut or replace it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// `min` to `max`.
    Integer {
        min: i64,
        max: u64,
    },
    /// A text may spell one in several ways.
    Uuid,
    Bool,
    /// Days of the calendar only.
    Date,
    /// At most so many bytes in UTF-8, if there is a limit. Equal if the bytes are.
    Text {
        max: Option<u64>,
    },
    /// From `min` to at most `max` bytes.
    Bytes {
        min: u64,
        max: Option<u64>,
    },
}

impl Class {
    /// All integers of this many bits, of which one is the sign.
    pub(crate) const fn signed(bits: u32) -> Self {
        let max = i64::MAX >> (64 - bits);
        Self::Integer {
            min: -max - 1,
            max: max.unsigned_abs(),
        }
    }

    /// All integers from zero that have this many bits.
    pub(crate) const fn unsigned(bits: u32) -> Self {
        let max = u64::MAX >> (64 - bits);
        Self::Integer { min: 0, max }
    }
}

/// These columns, except those whose name does not tell them from others.
pub(crate) fn named<'a>(columns: impl IntoIterator<Item = (&'a str, Tracked)>) -> TrackedColumns {
    let named = columns.into_iter().filter_map(|(name, tracked)| {
        let Columns::Named(names) = column(name) else {
            return None;
        };
        let name = names.into_iter().next()?;
        (name.len() <= MAX_NAME_BYTES).then_some((name, tracked))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_stand_for_several_columns_are_not_tracked() {
        let (long, longer) = ("x".repeat(62), "x".repeat(63));
        let columns = ["Id", "größe", "ctid", &long, &longer];
        let tracked = Tracked {
            class: Class::signed(64),
            unique: true,
        };
        let columns = named(columns.map(|name| (name, tracked)));
        let names: Vec<_> = columns.keys().map(|name| &**name).collect();
        assert_eq!(names, ["id", &*long]);
    }

    #[test]
    fn integers_have_the_limits_of_their_type() {
        let limits = |class| match class {
            Class::Integer { min, max } => (min, max),
            _ => (0, 0),
        };
        assert_eq!(limits(Class::signed(8)), (-128, 127));
        assert_eq!(limits(Class::unsigned(8)), (0, 255));
        assert_eq!(
            limits(Class::signed(64)),
            (i64::MIN, i64::MAX.unsigned_abs())
        );
        assert_eq!(limits(Class::unsigned(64)), (0, u64::MAX));
    }
}
