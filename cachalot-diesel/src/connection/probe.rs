//! The result of probing a connection.

use std::collections::BTreeSet;

use cachalot_sql::{Isolation, connection::TableName};

/// What a connection answered about itself.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// Everything that decides which catalog the connection sees: the database, and its privileges.
    pub(crate) database: Vec<String>,
    /// Everything that decides whose rows the connection sees: database, user, settings.
    pub(crate) identity: Vec<String>,
    pub(crate) isolation: Option<Isolation>,
    pub(crate) autocommit: bool,
    pub(crate) role: ServerRole,
    pub(crate) temporary: TemporaryTables,
    /// It has temporary triggers or views: other connections cannot see what its writes reach.
    pub(crate) hidden_writes: bool,
    /// SQLite: functions that the program has defined, by their names in lower case.
    pub(crate) functions: BTreeSet<String>,
    /// Texts are sent in UTF-8 and taken as they are, so they are equal if their bytes are.
    pub(crate) exact_texts: bool,
    /// The timeline that the server is on, if it was queried.
    pub(crate) replication: Option<ReplicationState>,
}

impl Probe {
    /// Gives a PostgreSQL standby the name of its primary.
    pub(crate) fn follows(&mut self, primary: &str) {
        for parts in [&mut self.database, &mut self.identity] {
            if let Some(server) = parts.first_mut() {
                primary.clone_into(server);
            }
        }
        self.role = ServerRole::LinkedReplica;
    }
}

/// What a server's reads may do with the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ServerRole {
    /// Its rows may be stored.
    #[default]
    Primary,
    /// It may lag behind, so its rows must not be stored. It has the name of its primary.
    LinkedReplica,
    /// It may lag behind a primary that is not known.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(dead_code, reason = "only PostgreSQL detects one")
    )]
    Replica,
}

/// What a database reports about a connection's temporary tables.
#[derive(Debug)]
pub(crate) enum TemporaryTables {
    /// There are some, or none.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        allow(dead_code, reason = "MySQL lists none")
    )]
    Listed(bool),
    #[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "others list them"))]
    Counted(Counted),
}

impl Default for TemporaryTables {
    fn default() -> Self {
        Self::Listed(false)
    }
}

/// What MySQL reports about a connection's temporary tables.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// How many statements have created some since the connection was opened.
    pub(crate) created: u64,
    /// Statements that created permanent tables are counted too.
    pub(crate) all_counted: bool,
    /// Those of the queried tables that are temporary, with their schema.
    pub(crate) remaining: Vec<TableName>,
}

/// The timeline that a server writes or receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReplicationState {
    /// PostgreSQL's system identifier: the same for a cluster of servers and for all copies of its files.
    pub(crate) system: String,
    /// A server that is promoted begins a new one.
    pub(crate) timeline: String,
    /// When the server was started, in microseconds since 1970. It identifies the server.
    pub(crate) started: i64,
    /// It follows another server.
    pub(crate) in_recovery: bool,
}
