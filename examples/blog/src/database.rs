//! The database that `DATABASE_URL` names: its schema, and a pool of connections to it.
//!
//! A program with one database needs nothing of `Pool`, `Database` and `on!`: it has Diesel's
//! `Pool<ConnectionManager<PgConnection>>`, and writes `conn` where this one writes `on!(db, conn => …)`.

use std::time::Duration;

use diesel::{
    Connection, PgConnection, SqliteConnection,
    connection::SimpleConnection,
    r2d2::{
        self, ConnectionManager, CustomizeConnection, PoolError, PooledConnection, R2D2Connection,
    },
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::Error;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The most connections that are open at one time.
const CONNECTIONS: u32 = 8;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

type PoolOf<C> = r2d2::Pool<ConnectionManager<C>>;
type PooledOf<C> = PooledConnection<ConnectionManager<C>>;

/// Open connections. Clones share them.
#[derive(Clone)]
pub(crate) enum Pool {
    Sqlite(PoolOf<SqliteConnection>),
    Postgres(PoolOf<PgConnection>),
}

/// A connection out of the pool.
pub(crate) enum Database {
    Sqlite(PooledOf<SqliteConnection>),
    Postgres(PooledOf<PgConnection>),
}

/// Runs the same Diesel code on the connection of either database: `on!(db, conn => query.load(conn))`.
macro_rules! on {
    ($db:expr, $conn:ident => $code:expr) => {
        match $db {
            $crate::database::Database::Sqlite($conn) => $code,
            $crate::database::Database::Postgres($conn) => $code,
        }
    };
}
pub(crate) use on;

impl Pool {
    /// Brings the database that `url` names to the newest schema, and opens a pool.
    ///
    /// # Errors
    /// A URL of another kind, or a database that cannot be opened. The URL is not repeated: it may
    /// hold a password.
    pub(crate) fn open(url: &str) -> Result<Self, Error> {
        match url.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Self::postgres(url),
            Some(("sqlite", path)) => Self::sqlite(path),
            _ => Err(
                "DATABASE_URL is neither postgres://user:password@host/name nor sqlite://file"
                    .into(),
            ),
        }
    }

    fn sqlite(path: &str) -> Result<Self, Error> {
        let mut conn = SqliteConnection::establish(path)?;
        // Stays in the file: readers do not wait for a writer.
        conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL")?;
        conn.run_pending_migrations(SQLITE)?;
        let builder = r2d2::Pool::builder().connection_customizer(Box::new(Pragmas));
        Ok(Self::Sqlite(pool(builder, path)?))
    }

    fn postgres(url: &str) -> Result<Self, Error> {
        // libpq may quote any part of what it cannot read.
        url::Url::parse(url).map_err(|error| format!("DATABASE_URL is not a URL: {error}"))?;
        PgConnection::establish(url)?.run_pending_migrations(POSTGRES)?;
        Ok(Self::Postgres(pool(r2d2::Pool::builder(), url)?))
    }

    /// A connection; waits while all are in use.
    pub(crate) fn get(&self) -> Result<Database, PoolError> {
        match self {
            Self::Sqlite(pool) => pool.get().map(Database::Sqlite),
            Self::Postgres(pool) => pool.get().map(Database::Postgres),
        }
    }
}

fn pool<C: R2D2Connection + 'static>(
    builder: r2d2::Builder<ConnectionManager<C>>,
    url: &str,
) -> Result<PoolOf<C>, PoolError> {
    builder
        .max_size(CONNECTIONS)
        .connection_timeout(PATIENCE)
        .build(ConnectionManager::new(url))
}

/// What SQLite wants to be told on each connection.
#[derive(Debug)]
struct Pragmas;

impl CustomizeConnection<SqliteConnection, r2d2::Error> for Pragmas {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), r2d2::Error> {
        conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON")
            .map_err(r2d2::Error::QueryError)
    }
}
