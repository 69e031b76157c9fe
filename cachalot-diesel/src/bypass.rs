use std::fmt;

/// Why a read went to the database and stored nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BypassReason {
    /// Caching is off: `CACHALOT_ENABLED=false`, or inside [`disabled`](crate::disabled).
    Disabled,
    /// No cache was installed before the read. Call [`install`](crate::install) at start-up.
    NotInstalled,
    /// The connection has an instrumentation of its own that the library cannot wrap. Pass it to
    /// [`watch_with`](crate::Cachalot::watch_with).
    NotTracked,
    /// A read through [`CachalotConnection::inner_mut`](crate::CachalotConnection::inner_mut).
    InnerConnection,
    /// After the cache was installed, the program replaced Diesel's default instrumentation or that of
    /// a connection, so the writes of some connections are not seen. Pass the program's
    /// instrumentation to [`install_with`](crate::install_with) or
    /// [`watch_with`](crate::Cachalot::watch_with).
    InstrumentationReplaced,
    /// Not a `SELECT`, or one that also writes.
    NotSelect,
    /// Several statements in one text.
    SeveralStatements,
    /// The query locks rows: `FOR UPDATE`, `FOR SHARE` and the like.
    RowLock,
    /// A volatile or unknown function.
    VolatileFunction(String),
    /// SQLite: a custom collation, used by the statement or by the definition of a table, index or view
    /// that it reads. Other connections may define it differently. If all programs on this cache
    /// define it alike, add its name to `CACHALOT_PURE_FUNCTIONS`.
    CustomCollation(String),
    /// `ORDER BY random()`, unless `CACHALOT_CACHE_RANDOM` allows it.
    RandomOrder,
    /// `TABLESAMPLE`.
    TableSample,
    /// A table of the system catalog.
    SystemCatalog(String),
    /// A temporary table, or a connection that has some.
    TemporaryTable,
    /// A relation whose rows can change without a visible write: a foreign table, a sequence, a
    /// virtual table. Or a view whose text, or a table whose keys the account cannot see (MySQL: grant
    /// `SHOW VIEW`; MariaDB: grant any privilege besides `SELECT`).
    Untrackable(String),
    /// MySQL: the account cannot see the database's triggers. Grant it `TRIGGER` on the database.
    TriggersNotVisible,
    /// The database's catalog (its views, triggers, keys and functions) could not be read.
    CatalogUnknown,
    /// A table that the settings or its model exclude.
    ExcludedTable(String),
    /// The query reads no table, so no write would invalidate it.
    NoTable,
    /// The statement changes the session.
    SessionChange,
    /// The statement could not be parsed.
    Unparsed,
    /// The transaction has written to a table that the read depends on.
    OwnWrites,
    /// Inside a transaction that may read an old snapshot (any isolation level above READ COMMITTED).
    OldSnapshot,
    /// READ UNCOMMITTED: the rows may never be committed.
    ReadUncommitted,
    /// The session's settings that affect the result are unknown.
    UnknownSession,
    /// A read-only replica, and no valid entry: it may lag behind what the version records say.
    Replica,
    /// A write to a table that the read depends on is in flight.
    WriterInFlight,
    /// The store did not answer, or this process has a pending invalidation of the read's tables.
    StoreUnavailable,
    /// The result exceeds the size limit. It was returned, but not stored.
    TooLarge,
    /// The result has a value that cannot be stored (SQLite: text that is not UTF-8; MySQL: a number
    /// that Diesel read before it knew the column's type). It was returned, but not stored.
    Unstorable,
    /// The query took longer than the time to live. The result was returned, but not stored.
    Expired,
}

impl BypassReason {
    /// A stable short name, the same for every value of the variant: for metrics and `stats`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::NotInstalled => "not_installed",
            Self::NotTracked => "not_tracked",
            Self::InnerConnection => "inner_connection",
            Self::InstrumentationReplaced => "instrumentation_replaced",
            Self::NotSelect => "not_select",
            Self::SeveralStatements => "several_statements",
            Self::RowLock => "row_lock",
            Self::VolatileFunction(_) => "volatile_function",
            Self::CustomCollation(_) => "custom_collation",
            Self::RandomOrder => "random_order",
            Self::TableSample => "table_sample",
            Self::SystemCatalog(_) => "system_catalog",
            Self::TemporaryTable => "temporary_table",
            Self::Untrackable(_) => "untrackable",
            Self::TriggersNotVisible => "triggers_not_visible",
            Self::CatalogUnknown => "catalog_unknown",
            Self::ExcludedTable(_) => "excluded_table",
            Self::NoTable => "no_table",
            Self::SessionChange => "session_change",
            Self::Unparsed => "unparsed",
            Self::OwnWrites => "own_writes",
            Self::OldSnapshot => "old_snapshot",
            Self::ReadUncommitted => "read_uncommitted",
            Self::UnknownSession => "unknown_session",
            Self::Replica => "replica",
            Self::WriterInFlight => "writer_in_flight",
            Self::StoreUnavailable => "store_unavailable",
            Self::TooLarge => "too_large",
            Self::Unstorable => "unstorable",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for BypassReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VolatileFunction(name) => {
                write!(f, "the function `{name}` is volatile or unknown")
            }
            Self::CustomCollation(name) => {
                write!(f, "the collation `{name}` may differ between connections")
            }
            Self::SystemCatalog(table) => write!(f, "`{table}` is a system catalog"),
            Self::ExcludedTable(table) => write!(f, "the table `{table}` is excluded"),
            Self::Untrackable(table) => {
                write!(f, "rows of `{table}` can change without a visible write")
            }
            Self::TriggersNotVisible => {
                f.write_str("the account cannot see triggers; grant it TRIGGER on the database")
            }
            Self::CatalogUnknown => f.write_str("the database's catalog could not be read"),
            Self::Disabled => f.write_str("caching is disabled"),
            Self::NotInstalled => {
                f.write_str("no cache is installed; call `cachalot_diesel::install()`")
            }
            Self::NotTracked => f.write_str("the connection's writes are not tracked"),
            Self::InnerConnection => f.write_str("the read is through `inner_mut`"),
            Self::InstrumentationReplaced => f.write_str(
                "an instrumentation was replaced, so the writes of some connections are not seen; \
                 use `install_with` or `watch_with`",
            ),
            Self::NotSelect => f.write_str("not a plain SELECT"),
            Self::SeveralStatements => f.write_str("several statements in one text"),
            Self::RowLock => f.write_str("the query locks rows"),
            Self::RandomOrder => f.write_str("random order"),
            Self::TableSample => f.write_str("a random sample of a table"),
            Self::TemporaryTable => f.write_str("the connection has temporary tables"),
            Self::NoTable => f.write_str("the query reads no table"),
            Self::SessionChange => f.write_str("the statement changes the session"),
            Self::Unparsed => f.write_str("the statement could not be parsed"),
            Self::OwnWrites => f.write_str("the transaction has uncommitted writes to its tables"),
            Self::OldSnapshot => f.write_str("the transaction may read an old snapshot"),
            Self::ReadUncommitted => f.write_str("READ UNCOMMITTED"),
            Self::UnknownSession => {
                f.write_str("session settings that affect the result are unknown")
            }
            Self::Replica => f.write_str("the server is a replica"),
            Self::WriterInFlight => f.write_str("a write is in flight"),
            Self::StoreUnavailable => f.write_str("the store is unavailable"),
            Self::TooLarge => f.write_str("the result exceeds the size limit"),
            Self::Unstorable => f.write_str("the result has a value that cannot be stored"),
            Self::Expired => f.write_str("the query took longer than the time to live"),
        }
    }
}
