use std::fmt;

/// Why a read went to the database and stored nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BypassReason {
    /// `CACHALOT_ENABLED=false`, or inside [`disabled`](crate::disabled).
    Disabled,
    /// No cache was installed before the read; call [`install`](crate::install) at start-up.
    NotInstalled,
    /// The connection has an instrumentation that the tracker could not be added to.
    NotTracked,
    /// The cache was installed, and then the program replaced Diesel's default instrumentation or
    /// that of a connection: the writes of some connections are not seen. Give the program's own to
    /// [`install_with`](crate::install_with) or [`watch_with`](crate::Cachalot::watch_with).
    InstrumentationReplaced,
    /// Not a `SELECT`, or one that also writes.
    NotSelect,
    /// Several statements in one text.
    SeveralStatements,
    /// `FOR UPDATE` and its kin.
    RowLock,
    /// A function that may answer differently each time, or that is not known not to.
    VolatileFunction(String),
    /// SQLite: a collation of the program's own, in the statement or in what defines a table, index or
    /// view that it reads: another connection may have another of that name, or none. Name it in
    /// `CACHALOT_PURE_FUNCTIONS` if all programs on this cache define it alike.
    CustomCollation(String),
    /// `ORDER BY random()`, unless `CACHALOT_CACHE_RANDOM` allows it.
    RandomOrder,
    /// `TABLESAMPLE`.
    TableSample,
    /// A table of the database's own catalog.
    SystemCatalog(String),
    /// A temporary table, or a connection that has some.
    TemporaryTable,
    /// Rows that can change without a statement that could be seen to change them: a foreign table,
    /// a sequence, a virtual table; a view whose text, or a table whose keys the account may not see
    /// (MySQL: `SHOW VIEW`; MariaDB: any privilege besides `SELECT`).
    Untrackable(String),
    /// The account may not see the database's triggers (MySQL): grant it `TRIGGER` on the database.
    TriggersNotVisible,
    /// What the database does by itself is not known: its catalog could not be read just now.
    CatalogUnknown,
    /// A table that the settings or its model exclude.
    ExcludedTable(String),
    /// No table at all: there would be nothing to invalidate it.
    NoTable,
    /// The statement changes the session.
    SessionChange,
    /// The statement could not be understood well enough.
    Unparsed,
    /// The transaction has written to a table that the read depends on.
    OwnWrites,
    /// Inside a transaction that may read an old snapshot (all but READ COMMITTED).
    OldSnapshot,
    /// READ UNCOMMITTED: the rows may never have existed.
    ReadUncommitted,
    /// Settings that decide the answer are not known.
    UnknownSession,
    /// A read-only replica, and no valid entry: it may lag behind what the version records say.
    Replica,
    /// A writer is between `begin` and `end` on a table that the read depends on.
    WriterInFlight,
    /// The store did not answer, or this process still owes it an invalidation.
    StoreUnavailable,
    /// The rows were above the size limit: read, but not stored.
    TooLarge,
    /// A value that cannot be kept as it is (SQLite text that is not UTF-8; MySQL: a number that
    /// Diesel read before it knew the column's type): read, not stored.
    Unstorable,
    /// Reading the rows took longer than they may live: read, not stored.
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
            Self::VolatileFunction(name) => write!(f, "`{name}` may answer differently each time"),
            Self::CustomCollation(name) => {
                write!(f, "the collation `{name}` may differ between connections")
            }
            Self::SystemCatalog(table) => write!(f, "`{table}` is a system catalog"),
            Self::ExcludedTable(table) => write!(f, "the table `{table}` is excluded"),
            Self::Untrackable(table) => {
                write!(
                    f,
                    "rows of `{table}` can change without a statement that could be seen"
                )
            }
            Self::TriggersNotVisible => {
                f.write_str("the account may not see triggers; grant it TRIGGER on the database")
            }
            Self::CatalogUnknown => f.write_str("the database's catalog could not be read"),
            Self::Disabled => f.write_str("caching is disabled"),
            Self::NotInstalled => {
                f.write_str("no cache is installed; call `cachalot_diesel::install()`")
            }
            Self::NotTracked => f.write_str("the connection's writes are not tracked"),
            Self::InstrumentationReplaced => f.write_str(
                "an instrumentation was replaced, so that some connections' writes are not seen; \
                 use `install_with` or `watch_with`",
            ),
            Self::NotSelect => f.write_str("not a plain SELECT"),
            Self::SeveralStatements => f.write_str("several statements in one text"),
            Self::RowLock => f.write_str("it locks rows"),
            Self::RandomOrder => f.write_str("random order"),
            Self::TableSample => f.write_str("a random sample of a table"),
            Self::TemporaryTable => f.write_str("the connection has temporary tables"),
            Self::NoTable => f.write_str("it reads no table"),
            Self::SessionChange => f.write_str("it changes the session"),
            Self::Unparsed => f.write_str("the statement was not understood"),
            Self::OwnWrites => f.write_str("the transaction has uncommitted writes to its tables"),
            Self::OldSnapshot => f.write_str("the transaction may read an old snapshot"),
            Self::ReadUncommitted => f.write_str("READ UNCOMMITTED"),
            Self::UnknownSession => {
                f.write_str("session settings that decide the answer are unknown")
            }
            Self::Replica => f.write_str("the server is a replica"),
            Self::WriterInFlight => f.write_str("a writer is in flight"),
            Self::StoreUnavailable => f.write_str("the store is unavailable"),
            Self::TooLarge => f.write_str("the result is above the size limit"),
            Self::Unstorable => f.write_str("the result has a value that cannot be kept"),
            Self::Expired => f.write_str("reading it took longer than it may live"),
        }
    }
}
