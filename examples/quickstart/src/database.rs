//! Two connections to the database that `DATABASE_URL` names: one of Diesel's own, and a
//! `CachalotConnection`.
//!
//! A program with one database needs nothing of this file but `Connection::establish`.

use std::path::Path;

use cachalot_diesel::{CachalotConnection, PlainConnection};
#[cfg(feature = "mysql")]
use diesel::mysql::MysqlConnection;
#[cfg(feature = "postgres")]
use diesel::pg::PgConnection;
use diesel::{Connection, ConnectionResult, sqlite::SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::Result;

/// All that this program ever makes, reads or writes, beside Diesel's record of migrations.
pub(crate) const TABLES: [&str; 4] = ["airlines", "airports", "planes", "flights"];

const FORMS: &str = "write postgres://user:password@host/name, mysql://user:password@host/name or \
                     sqlite://file";

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
#[cfg(feature = "mysql")]
const MYSQL: EmbeddedMigrations = embed_migrations!("../../migrations/mysql");

/// The open connections.
pub(crate) enum Database {
    Sqlite(Both<SqliteConnection>),
    #[cfg(feature = "postgres")]
    Postgres(Both<PgConnection>),
    #[cfg(feature = "mysql")]
    Mysql(Both<MysqlConnection>),
}

/// The two ways to cache a read.
pub(crate) struct Both<C: PlainConnection> {
    /// Diesel's own connection: a read with `.cached(conn)` is cached.
    pub(crate) plain: C,
    /// The connection type: every read is cached.
    pub(crate) caching: CachalotConnection<C>,
}

/// Runs the same Diesel code on one of the connections to any database:
/// `on!(db, plain => query.load(plain))`, `on!(db, caching => query.load(caching))`.
macro_rules! on {
    ($db:expr, $conn:ident => $code:expr) => {
        match $db {
            $crate::database::Database::Sqlite($crate::database::Both { $conn, .. }) => $code,
            #[cfg(feature = "postgres")]
            $crate::database::Database::Postgres($crate::database::Both { $conn, .. }) => $code,
            #[cfg(feature = "mysql")]
            $crate::database::Database::Mysql($crate::database::Both { $conn, .. }) => $code,
        }
    };
}
pub(crate) use on;

impl Database {
    /// Opens or creates the SQLite file at `path`.
    pub(crate) fn file(path: &Path) -> Result<Self> {
        let path = path
            .to_str()
            .ok_or("the database file needs a UTF-8 name")?;
        Ok(Self::Sqlite(both(path)?))
    }

    /// Opens the database that `url` names.
    ///
    /// # Errors
    /// An unknown scheme, one that this build leaves out, or a server that does not let us in. The
    /// message never holds the password.
    pub(crate) fn connect(url: &str) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(format!("DATABASE_URL has no scheme; {FORMS}").into());
        };
        match scheme {
            "sqlite" => Self::file(Path::new(rest.strip_prefix("//").unwrap_or(rest))),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => to_server(url).map(Self::Postgres),
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err(left_out(scheme, "postgres", "a C compiler")),
            #[cfg(feature = "mysql")]
            "mysql" => to_server(url).map(Self::Mysql),
            #[cfg(not(feature = "mysql"))]
            "mysql" => Err(left_out(scheme, "mysql", "libmariadb-dev")),
            _ => Err(format!("DATABASE_URL has the unknown scheme `{scheme}`; {FORMS}").into()),
        }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "PostgreSQL",
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => "MariaDB or MySQL",
        }
    }

    /// Creates the four tables, unless an earlier run did.
    ///
    /// # Errors
    /// A table of that name which this program did not make: it is left as it is.
    pub(crate) fn migrate(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(both) => migrate(&mut both.caching, SQLITE),
            #[cfg(feature = "postgres")]
            Self::Postgres(both) => migrate(&mut both.caching, POSTGRES),
            #[cfg(feature = "mysql")]
            Self::Mysql(both) => migrate(&mut both.caching, MYSQL),
        }
    }
}

fn migrate<C>(conn: &mut C, migrations: EmbeddedMigrations) -> Result<()>
where
    C: Connection + MigrationHarness<C::Backend>,
{
    let exists = |conn: &mut C, table: &str| {
        conn.batch_execute(&format!("SELECT 1 FROM {table} LIMIT 0"))
            .is_ok()
    };
    let not_ours = |table| {
        format!(
            "the database has a table `{table}` that this program did not make; \
             let DATABASE_URL name an empty database"
        )
    };
    let taken = TABLES.into_iter().find(|table| exists(conn, table));
    if let Some(table) = taken
        && !exists(conn, "__diesel_schema_migrations")
    {
        return Err(not_ours(table).into());
    }
    for migration in conn.pending_migrations(migrations)? {
        if let Some(table) = taken {
            return Err(not_ours(table).into());
        }
        conn.run_migration(&migration)?;
    }
    Ok(())
}

#[cfg(not(all(feature = "postgres", feature = "mysql")))]
fn left_out(scheme: &str, feature: &str, needs: &str) -> crate::Failure {
    format!(
        "DATABASE_URL has the scheme `{scheme}`, which this build leaves out; \
         run `cargo run -p quickstart --features {feature}` (it needs {needs})"
    )
    .into()
}

fn both<C: PlainConnection>(url: &str) -> ConnectionResult<Both<C>> {
    Ok(Both {
        plain: C::establish(url)?,
        caching: CachalotConnection::establish(url)?,
    })
}

/// Connects to a server. A driver may quote any part of the URL in its message; the URL is checked
/// first, so that no half of a password can pass for a host or a port.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn to_server<C: PlainConnection>(url: &str) -> Result<Both<C>> {
    url::Url::parse(url)
        .map_err(|error| format!("DATABASE_URL is not a URL ({error}); {FORMS}"))?;
    both(url).map_err(|error| without_secrets(error.to_string(), url).into())
}

/// The message with `***` for the URL's password, before the host or in the query.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn without_secrets(message: String, url: &str) -> String {
    let authority = url.split(['/', '?', '#']).nth(2).unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let before_host = user.and_then(|user| user.split_once(':'));
    let in_query = url
        .split(['?', '&'])
        .skip(1)
        .filter_map(|pair| pair.split_once('='));
    before_host
        .into_iter()
        .chain(in_query.filter(|(name, _)| name.contains("password")))
        .filter(|(_, secret)| !secret.is_empty())
        .fold(message, |text, (_, secret)| text.replace(secret, "***"))
}
