//! The database that `cachalot doctor` checks.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod secret;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod survey;

use cachalot_diesel::{BypassReason, Cachalot, UnanalyzableCode};

use crate::Failure;

/// An open connection.
pub(crate) trait Database {
    /// The product and its version.
    fn describe(&mut self) -> Result<String, String>;

    /// The database's tables, views and code, under a cache with these settings.
    fn survey(&mut self, cache: &Cachalot) -> Result<Survey, String>;
}

/// The contents of a database, and what of it can be cached.
#[derive(Default)]
pub(crate) struct Survey {
    /// Without system tables and Diesel's migrations.
    pub(crate) relations: Vec<Relation>,
    /// Code that the library cannot analyse.
    pub(crate) unanalyzable: Vec<UnanalyzableCode>,
}

/// A table, a view or another relation.
pub(crate) struct Relation {
    pub(crate) name: String,
    pub(crate) is_table: bool,
    /// Why a read of it is not cached.
    pub(crate) bypass: Option<BypassReason>,
    /// A table of which an update invalidates all results, whichever columns it sets.
    pub(crate) wide: bool,
}

/// Opens the database of a URL. As in Diesel, a URL without a scheme is a SQLite file.
///
/// The outer error is an invalid URL, the inner one a failed connection. Neither contains a password.
pub(crate) fn open(url: &str) -> Result<Result<Box<dyn Database>, String>, Failure> {
    let scheme = url
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => postgres::open(url),
        #[cfg(not(feature = "postgres"))]
        Some("postgres" | "postgresql") => Err(not_built_in("postgres")),
        #[cfg(feature = "mysql")]
        Some("mysql") => mysql::open(url),
        #[cfg(not(feature = "mysql"))]
        Some("mysql") => Err(not_built_in("mysql")),
        Some("sqlite" | "file") | None => {
            #[cfg(feature = "sqlite")]
            return Ok(sqlite::open(url));
            #[cfg(not(feature = "sqlite"))]
            Err(not_built_in("sqlite"))
        }
        // The message does not contain the scheme, as it may be a secret.
        Some(_) => Err(Failure::usage(
            "unknown scheme in DATABASE_URL: expected postgres://user@host/name, \
             mysql://user@host/name or the path of a SQLite file",
        )),
    }
}

#[cfg(not(all(feature = "postgres", feature = "mysql", feature = "sqlite")))]
fn not_built_in(feature: &str) -> Failure {
    Failure::usage(format!(
        "this build has no support for {feature}: install it with `cargo install cachalot-cli --features {feature}`"
    ))
}
