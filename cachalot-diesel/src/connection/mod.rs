//! The connections whose reads can be cached, and the queries about each of them.

#[cfg(feature = "r2d2")]
mod pooled;
mod probe;
mod settings;
mod url_settings;

use std::{collections::BTreeSet, sync::Arc};

use diesel::{
    QueryResult,
    connection::{
        AnsiTransactionManager, Connection, Instrumentation, LoadConnection, TransactionManager,
    },
    sql_types::TypeMetadata,
};

pub(crate) use probe::{Counted, Probe, ReplicationState, ServerRole, TemporaryTables};
pub(crate) use settings::never_affects_rows;
pub(crate) use url_settings::settings_of_url;

use crate::{
    catalog::{Catalog, Facts, UnanalyzableCode},
    policy::DeclaredKeys,
    rows::CacheBackend,
};
use cachalot_sql::connection::TableName;

/// A connection whose reads can be cached. Sealed: `PgConnection`, `MysqlConnection`,
/// `SqliteConnection`, [`CachalotConnection`](crate::CachalotConnection) of these, and r2d2's
/// `PooledConnection` of all of them.
#[diagnostic::on_unimplemented(
    message = "reads through `{Self}` cannot be cached",
    label = "not a connection that cachalot-diesel knows",
    note = "it knows `PgConnection`, `MysqlConnection`, `SqliteConnection` and r2d2's \
            `PooledConnection` of them; each is behind a feature of `cachalot-diesel` \
            (`postgres`, `mysql`, `sqlite`, `r2d2`)"
)]
pub trait CacheConnection: Connection<Backend: CacheBackend> + LoadConnection + Sealed {
    /// Lends what looks up the OIDs of custom types.
    #[doc(hidden)]
    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T;

    /// What reports the connection's statements: its instrumentation, unless it has another place for it.
    #[doc(hidden)]
    fn tracking(&mut self) -> &mut dyn Instrumentation {
        self.instrumentation()
    }

    /// The statements that run from now on are the library's own, or no longer.
    #[doc(hidden)]
    fn hide(&mut self, _hides: bool) {}

    /// Asks whose rows the connection sees.
    #[doc(hidden)]
    fn probe(&mut self, question: &ProbeQuestion) -> QueryResult<ProbeAnswer>;

    /// Asks whether a transaction is open; `None` if the server does not tell. Neither begins nor ends one.
    #[doc(hidden)]
    fn in_transaction(&mut self) -> Option<bool>;

    /// Asks which timeline the server is on; `None` if it does not tell.
    #[doc(hidden)]
    fn replication(&mut self) -> QueryResult<Option<ReplicationAnswer>> {
        Ok(None)
    }

    /// Asks what the database does besides what a statement shows.
    #[doc(hidden)]
    fn catalog(&mut self, question: &Question) -> QueryResult<CatalogAnswer>;
}

/// A connection that a [`CachalotConnection`](crate::CachalotConnection) can be made of. Sealed: `PgConnection`,
/// `MysqlConnection`, `SqliteConnection`.
#[diagnostic::on_unimplemented(
    message = "there is no `CachalotConnection<{Self}>`",
    note = "it is made of a `PgConnection`, `MysqlConnection` or `SqliteConnection`; in a pool write \
            `Pool<ConnectionManager<CachalotConnection<PgConnection>>>`"
)]
pub trait PlainConnection:
    CacheConnection + Connection<TransactionManager = AnsiTransactionManager> + 'static
{
}

/// Where a connection's backend looks up custom types.
#[doc(hidden)]
pub type Lookup<C> = <<C as Connection>::Backend as TypeMetadata>::MetadataLookup;

/// What a probe has to query, besides the usual.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct ProbeQuestion {
    /// Settings that may affect rows.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        allow(dead_code, reason = "SQLite has none")
    )]
    pub(crate) settings: Vec<String>,
    /// MySQL: tables that may be temporary, as the server does not list those.
    #[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "others list them"))]
    pub(crate) tables: Vec<TableName>,
}

/// A [`Probe`] that other crates cannot look into.
#[doc(hidden)]
#[derive(Debug)]
pub struct ProbeAnswer(pub(crate) Probe);

/// A [`ReplicationState`] that other crates cannot look into.
#[doc(hidden)]
#[derive(Debug)]
pub struct ReplicationAnswer(pub(crate) ReplicationState);

/// Parameters of loading a catalog.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Question {
    /// The caller's transaction is open, and must stay as it is.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(dead_code, reason = "others begin none for this")
    )]
    pub(crate) in_transaction: bool,
    /// Schemas to include, besides the connection's own.
    #[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "others see all"))]
    pub(crate) schemas: BTreeSet<Arc<str>>,
    /// Columns by whose values reads and writes are told apart, beside those of keys.
    #[cfg_attr(
        not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
        allow(dead_code, reason = "the backends load the columns")
    )]
    pub(crate) declared_keys: Arc<DeclaredKeys>,
}

impl Question {
    /// For the project's tests: with these tables and columns as declared keys.
    #[must_use]
    pub fn declaring(columns: &[(&str, &str)]) -> Self {
        let mut declared = DeclaredKeys::default();
        for (table, column) in columns {
            declared.insert(table, column);
        }
        Self {
            declared_keys: Arc::new(declared),
            ..Self::default()
        }
    }
}

/// [`Facts`] that other crates cannot look into.
#[doc(hidden)]
#[derive(Debug)]
pub struct CatalogAnswer(pub(crate) Facts);

impl CatalogAnswer {
    /// For the project's tests: the columns by which reads and writes can be told apart, a line for each.
    #[must_use]
    pub fn tracked_columns(&self) -> Vec<String> {
        Catalog::new(&self.0).tracked_lines()
    }
}

#[doc(hidden)]
pub trait Sealed {}

/// The code in a connection's database that cannot be analysed. `trusted`: functions declared pure.
pub(crate) fn unanalyzable_code<C: CacheConnection>(
    conn: &mut C,
    trusted: &BTreeSet<String>,
) -> QueryResult<Vec<UnanalyzableCode>> {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    let question = Question {
        in_transaction: status.transaction_depth()?.is_some(),
        ..Question::default()
    };
    let mut facts = conn.catalog(&question)?.0;
    facts.trust(trusted);
    Ok(facts.unanalyzable())
}
