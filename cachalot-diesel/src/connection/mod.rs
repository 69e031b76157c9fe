//! The connections whose reads can be cached, and what each answers about itself.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "r2d2")]
mod pooled;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{collections::BTreeSet, sync::Arc};

use diesel::{
    QueryResult,
    connection::{Connection, LoadConnection},
    sql_types::TypeMetadata,
};

use crate::catalog::Facts;
use crate::rows::CacheBackend;
pub(crate) use crate::tracker::Probe;

/// A connection whose reads can be cached. Sealed: `PgConnection`, `MysqlConnection`,
/// `SqliteConnection` and r2d2's `PooledConnection` of them.
#[diagnostic::on_unimplemented(
    message = "reads through `{Self}` cannot be cached",
    label = "not a connection that cachalot-diesel knows",
    note = "it knows `PgConnection`, `MysqlConnection`, `SqliteConnection` and r2d2's \
            `PooledConnection` of them; each is behind a feature of `cachalot-diesel` \
            (`postgres`, `mysql`, `sqlite`, `r2d2`)"
)]
pub trait CacheConnection: Connection<Backend: CacheBackend> + LoadConnection + Sealed {
    /// Lends what turns custom types into their numbers.
    #[doc(hidden)]
    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T;

    /// Asks whose rows the connection sees; `named` are settings to ask for beside the usual ones.
    #[doc(hidden)]
    fn probe(&mut self, named: &[String]) -> QueryResult<ProbeAnswer>;

    /// Asks whether a transaction is open; `None` if the server does not tell. It stays open or shut.
    #[doc(hidden)]
    fn in_transaction(&mut self) -> Option<bool>;

    /// Asks what the database does behind a statement's back.
    #[doc(hidden)]
    fn catalog(&mut self, question: &Question) -> QueryResult<CatalogAnswer>;
}

/// What a connection's backend looks custom types up in.
#[doc(hidden)]
pub type Lookup<C> = <<C as Connection>::Backend as TypeMetadata>::MetadataLookup;

/// A [`Probe`] that other crates cannot look into.
#[doc(hidden)]
#[derive(Debug)]
pub struct ProbeAnswer(pub(crate) Probe);

/// What is asked of a catalog.
#[doc(hidden)]
#[derive(Debug)]
pub struct Question {
    /// The caller's transaction is open, and has to stay as it is.
    pub(crate) in_transaction: bool,
    /// Schemas that count, besides the connection's own.
    #[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "others see all"))]
    pub(crate) schemas: BTreeSet<Arc<str>>,
}

/// [`Facts`] that other crates cannot look into.
#[doc(hidden)]
#[derive(Debug)]
pub struct CatalogAnswer(pub(crate) Facts);

#[doc(hidden)]
pub trait Sealed {}

/// Settings of SQLite that decide no answer, or only through writes.
const HARMLESS: [&str; 24] = [
    "analysis_limit",
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "checkpoint_fullfsync",
    "defer_foreign_keys",
    "foreign_keys",
    "fullfsync",
    "incremental_vacuum",
    "integrity_check",
    "journal_mode",
    "journal_size_limit",
    "locking_mode",
    "mmap_size",
    "optimize",
    "page_size",
    "query_only",
    "secure_delete",
    "synchronous",
    "temp_store",
    "threads",
    "wal_autocheckpoint",
];

/// Does a change of this setting, named in a `SET`, `PRAGMA` or the like, decide no answer?
pub(crate) fn is_harmless(setting: &str) -> bool {
    HARMLESS.contains(&setting) || setting == "application_name"
}
