//! Why the result of a text may not be cached.

use std::fmt;

/// Why the result of a text may not be cached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Uncacheable {
    /// It is not a `SELECT`, or one that also writes.
    NotSelect,
    /// The text contains more than one statement.
    SeveralStatements,
    /// It locks rows, as `FOR UPDATE` does.
    RowLock,
    /// It calls this function, which is volatile or not known.
    VolatileFunction(String),
    /// The only volatile thing in it is a random function in an `ORDER BY`.
    RandomOrder,
    /// `TABLESAMPLE`
    TableSample,
    /// It reads this system or temporary relation.
    SystemCatalog(String),
    /// It reads no table, so nothing could invalidate it.
    NoTable,
    /// It changes the session or writes outside of tables, as `SELECT set_config(…)` does.
    Session,
    /// It could not be split into tokens.
    Unparsed,
}

impl fmt::Display for Uncacheable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSelect => f.write_str("not a plain select"),
            Self::SeveralStatements => f.write_str("several statements"),
            Self::RowLock => f.write_str("row lock"),
            Self::VolatileFunction(name) => write!(f, "volatile function {name}"),
            Self::RandomOrder => f.write_str("random order"),
            Self::TableSample => f.write_str("table sample"),
            Self::SystemCatalog(name) => write!(f, "system or temporary table {name}"),
            Self::NoTable => f.write_str("no table"),
            Self::Session => f.write_str("session change"),
            Self::Unparsed => f.write_str("not understood"),
        }
    }
}
