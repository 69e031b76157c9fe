//! The database that `DATABASE_URL` names: its schema, and a pool of connections to it.
//!
//! A program with one database needs only Diesel's
//! `Pool<ConnectionManager<CachalotConnection<PgConnection>>>`.

use std::time::Duration;

use cachalot_diesel::CachalotConnection;
use diesel::{
    Connection, MultiConnection, PgConnection, QueryResult, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    dsl::sql,
    r2d2::{self, ConnectionManager, CustomizeConnection},
    sql_types::Integer,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::Error;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
#[cfg(feature = "mysql")]
const MYSQL: EmbeddedMigrations = embed_migrations!("migrations/mysql");

/// The most connections that are open at one time.
const CONNECTIONS: u32 = 8;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

// The derive takes the name of a type, without parameters.
type Postgres = CachalotConnection<PgConnection>;
#[cfg(feature = "mysql")]
type Mysql = CachalotConnection<diesel::MysqlConnection>;
type Sqlite = CachalotConnection<SqliteConnection>;

/// A connection that caches, whichever the database is.
#[derive(MultiConnection)]
pub(crate) enum Database {
    Postgres(Postgres),
    #[cfg(feature = "mysql")]
    Mysql(Mysql),
    Sqlite(Sqlite),
}

/// Open connections. Clones share them.
pub(crate) type Pool = r2d2::Pool<ConnectionManager<Database>>;

/// Brings the database that `url` names to the newest schema, and opens a pool.
///
/// # Errors
/// A URL of another kind, or a database that cannot be opened. The URL is not repeated: it may hold a
/// password.
pub(crate) fn open(url: &str) -> Result<Pool, Error> {
    migrate(url)?;
    let pool = Pool::builder()
        .max_size(CONNECTIONS)
        .connection_timeout(PATIENCE)
        .connection_customizer(Box::new(Pragmas))
        .build(ConnectionManager::new(url))?;
    Ok(pool)
}

fn migrate(url: &str) -> Result<(), Error> {
    match url.split_once("://") {
        Some(("postgres" | "postgresql", _)) => {
            // libpq may quote any part of what it cannot read.
            url::Url::parse(url).map_err(|error| format!("DATABASE_URL is not a URL: {error}"))?;
            Postgres::establish(url)?.run_pending_migrations(POSTGRES)?;
        }
        #[cfg(feature = "mysql")]
        Some(("mysql", _)) => {
            url::Url::parse(url).map_err(|error| format!("DATABASE_URL is not a URL: {error}"))?;
            Mysql::establish(url)?.run_pending_migrations(MYSQL)?;
        }
        Some(("sqlite", _)) => {
            let mut conn = Sqlite::establish(url)?;
            // Stays in the file: readers do not wait for a writer.
            conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL")?;
            conn.run_pending_migrations(SQLITE)?;
        }
        _ => {
            return Err(
                "DATABASE_URL is none of postgres://user:password@host/name, \
                        mysql://user:password@host/name (in a build with the feature `mysql`) \
                        and sqlite://file"
                    .into(),
            );
        }
    }
    Ok(())
}

impl Database {
    /// The id that the connection's last INSERT was given. `RETURNING` cannot be used on a
    /// `MultiConnection` with MySQL, which lacks it.
    pub(crate) fn last_id(&mut self) -> QueryResult<i32> {
        let function = match self {
            Self::Postgres(_) => "CAST(lastval() AS INTEGER)",
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => "CAST(LAST_INSERT_ID() AS SIGNED)",
            Self::Sqlite(_) => "last_insert_rowid()",
        };
        diesel::select(sql::<Integer>(function)).get_result(self)
    }
}

/// What SQLite wants to be told on each connection.
#[derive(Debug)]
struct Pragmas;

impl CustomizeConnection<Database, r2d2::Error> for Pragmas {
    fn on_acquire(&self, conn: &mut Database) -> Result<(), r2d2::Error> {
        if let Database::Sqlite(conn) = conn {
            conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON")?;
        }
        Ok(())
    }
}
