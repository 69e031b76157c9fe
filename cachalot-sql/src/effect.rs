//! What a statement does to the transaction and to the session.

/// One thing that a statement does besides reading and writing rows.
///
/// The enum is exhaustive, so that code that follows transactions cannot overlook a new variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A transaction begins (`BEGIN`, `START TRANSACTION`, `XA START`).
    Begin {
        /// The isolation level, if the statement names one.
        isolation: Option<Isolation>,
    },
    /// The transaction commits.
    Commit {
        /// Another transaction begins at once (`AND CHAIN`).
        chain: bool,
    },
    /// The transaction is rolled back.
    Rollback {
        /// Another transaction begins at once (`AND CHAIN`).
        chain: bool,
    },
    /// A savepoint of this lower-case name is set.
    Savepoint(String),
    /// The savepoint of this lower-case name is released.
    Release(String),
    /// The transaction is rolled back to the savepoint of this lower-case name.
    RollbackTo(String),
    /// The isolation level is set.
    SetIsolation {
        /// The new level.
        isolation: Isolation,
        /// How long it applies.
        scope: IsolationScope,
    },
    /// MySQL: `autocommit` is set.
    Autocommit(bool),
    /// The transaction is prepared (two-phase commit). Any session can finish it later.
    PrepareTransaction,
    /// A prepared transaction is finished. On MySQL `XA ROLLBACK` may also end the session's own.
    FinishPrepared {
        /// It commits, rather than being rolled back.
        commit: bool,
    },
    /// MySQL: the statement commits the open transaction before it runs. For some statements this depends
    /// on more than the text.
    ImplicitCommit,
    /// MySQL: the statement may begin or end a transaction, as procedures can.
    MayControlTransaction,
    /// The session changes.
    Session(SessionChange),
    /// Temporary tables or views of these normalised names are created.
    CreateTemporary(Vec<String>),
    /// Tables of these normalised names are changed or dropped, and nothing else if they are temporary.
    ChangeTables {
        /// The tables.
        names: Vec<String>,
        /// They are dropped.
        drops: bool,
    },
    /// SQLite: a trigger is created.
    CreateTrigger {
        /// It exists only in this connection.
        temporary: bool,
    },
    /// PostgreSQL: a temporary view is created. Only this session knows which tables a write through it
    /// changes.
    HiddenWrites,
}

/// An isolation level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// `READ UNCOMMITTED`
    ReadUncommitted,
    /// `READ COMMITTED`
    ReadCommitted,
    /// `REPEATABLE READ`
    RepeatableRead,
    /// `SERIALIZABLE`
    Serializable,
}

impl Isolation {
    /// Parses `read committed`, `READ-COMMITTED` and similar spellings. `None` if the text is not a level.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words = text.trim().replace(['-', '_'], " ").to_ascii_lowercase();
        match words.as_str() {
            "read uncommitted" => Some(Self::ReadUncommitted),
            "read committed" => Some(Self::ReadCommitted),
            "repeatable read" => Some(Self::RepeatableRead),
            "serializable" => Some(Self::Serializable),
            _ => None,
        }
    }
}

/// How long an isolation level applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IsolationScope {
    /// The current transaction; if there is none on MySQL, the next one.
    Transaction,
    /// All later transactions of the session.
    Session,
}

/// What changes in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// Settings of these lower-case names are set or reset. `database` stands for `USE`, `attach`
    /// for `ATTACH` and `DETACH`, `@x` for a user variable of MySQL. The change may end with the transaction
    /// (`SET LOCAL` and, if it is rolled back, any `SET` of PostgreSQL).
    Settings(Vec<String>),
    /// All settings are reset (`RESET ALL`, `DISCARD ALL`).
    All,
    /// The text does not show what changes.
    Unknown,
}
