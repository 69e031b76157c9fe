//! The database that `cachalot doctor` looks at, whichever it is.

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
    /// What it is and in which version.
    fn describe(&mut self) -> Result<String, String>;

    /// Its tables, views and code, as a cache with these settings sees them.
    fn survey(&mut self, cache: &Cachalot) -> Result<Survey, String>;
}

/// What a database keeps, and what a cache makes of it.
#[derive(Default)]
pub(crate) struct Survey {
    /// Without what belongs to the server and to Diesel.
    pub(crate) relations: Vec<Relation>,
    /// Code that the library cannot see through.
    pub(crate) opaque: Vec<UnanalyzableCode>,
}

/// A table, a view, or what else can be read.
pub(crate) struct Relation {
    pub(crate) name: String,
    pub(crate) is_table: bool,
    /// Why a read of it is not cached.
    pub(crate) refused: Option<BypassReason>,
}

/// Opens the database of a URL, as Diesel reads it: what has no scheme is a SQLite file.
///
/// The outer error is a URL that makes no sense here; the inner one a database that does not let us
/// in. Neither repeats a password.
pub(crate) fn open(url: &str) -> Result<Result<Box<dyn Database>, String>, Failure> {
    let scheme = url
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => postgres::open(url),
        #[cfg(not(feature = "postgres"))]
        Some("postgres" | "postgresql") => Err(left_out("postgres")),
        #[cfg(feature = "mysql")]
        Some("mysql") => mysql::open(url),
        #[cfg(not(feature = "mysql"))]
        Some("mysql") => Err(left_out("mysql")),
        Some("sqlite" | "file") | None => {
            #[cfg(feature = "sqlite")]
            return Ok(sqlite::open(url));
            #[cfg(not(feature = "sqlite"))]
            Err(left_out("sqlite"))
        }
        // It may be anything, so it is not repeated.
        Some(_) => Err(Failure::misuse(
            "DATABASE_URL has an unknown scheme; write postgres://user@host/name, \
             mysql://user@host/name or the path of a SQLite file",
        )),
    }
}

#[cfg(not(all(feature = "postgres", feature = "mysql", feature = "sqlite")))]
fn left_out(feature: &str) -> Failure {
    Failure::misuse(format!(
        "this build leaves {feature} out; install it with `cargo install cachalot-cli --features {feature}`"
    ))
}
