//! PostgreSQL: one server for the process, a database for each test.

use std::sync::OnceLock;
use std::{env, fs};

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection};
use diesel_migrations::embed_migrations;

use crate::migrations::Migrations;
use crate::watchdog::{Service, Watched, start_on_free_port};
use crate::{Database, binary, migrations, unique};

/// The schema of a [`database`].
pub const MIGRATIONS: Migrations = [
    embed_migrations!("../migrations/postgres"),
    embed_migrations!("migrations/postgres"),
];

/// The connection type of this database.
pub type Connection = PgConnection;

/// A migrated database; a new one is a copy of it.
const TEMPLATE: &str = "cachalot_template";

/// Fast, since its data need not survive; `COMMIT PREPARED` is possible.
const SETTINGS: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 -c shared_buffers=32MB \
    -c max_connections=300 -c max_prepared_transactions=10 -c timezone=UTC \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories=";

static SHARED: OnceLock<Server> = OnceLock::new();

/// The PostgreSQL of this test process.
pub fn shared() -> &'static Server {
    SHARED.get_or_init(|| match env::var("CACHALOT_TEST_POSTGRES_URL") {
        Ok(url) => Server {
            url: url.trim_end_matches('/').to_owned(),
            own: None,
        },
        Err(_) => start(),
    })
}

/// A migrated database of the caller's own on the [`shared`] server.
pub fn database() -> Database {
    if shared().own.is_some() {
        create(&format!("TEMPLATE {TEMPLATE}"))
    } else {
        let database = empty_database();
        migrations::run(&mut establish(database.url()), MIGRATIONS);
        database
    }
}

/// A database without any table, on the [`shared`] server.
pub fn empty_database() -> Database {
    create("")
}

fn create(options: &str) -> Database {
    let server = shared();
    let name = unique::name("cachalot");
    let url = server.url(&name);
    server.execute(&format!("CREATE DATABASE {name} {options}"));
    let remove = server.own.is_none().then_some(remove as fn(&str));
    Database::new(url, name, remove)
}

/// A connection to `url`.
#[must_use]
pub fn establish(url: &str) -> Connection {
    PgConnection::establish(url)
        .unwrap_or_else(|error| panic!("cannot connect to `{url}`: {error}"))
}

/// A PostgreSQL server on which tests may create databases.
#[derive(Debug)]
pub struct Server {
    url: String,
    own: Option<Watched>,
}

impl Server {
    /// The URL of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.url)
    }

    fn execute(&self, sql: &str) {
        establish(&self.url("postgres"))
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("`{sql}` failed: {error}"));
    }
}

fn start() -> Server {
    let initdb = binary::find("initdb", "postgresql");
    let postgres = binary::find("postgres", "postgresql");
    let (watched, port) = start_on_free_port(
        |port| Service {
            name: "postgres",
            prepare: format!(
                "$UNPRIVILEGED '{initdb}' -D data -U postgres -A trust -E UTF8 --no-locale --no-sync"
            ),
            serve: format!("$UNPRIVILEGED '{postgres}' -D data -p {port} {SETTINGS}"),
            // "Immediate shutdown": unlike KILL it removes the shared memory too.
            signal: "QUIT",
        },
        |watched, _| is_ready(watched),
    );
    let url = format!("postgres://postgres@127.0.0.1:{port}");
    let server = Server {
        url,
        own: Some(watched),
    };
    server.execute(&format!("CREATE DATABASE {TEMPLATE}"));
    migrations::run(&mut establish(&server.url(TEMPLATE)), MIGRATIONS);
    server
}

fn remove(database: &str) {
    shared().execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
}

/// The server says so in its own folder, so no other server can be mistaken for it.
fn is_ready(watched: &Watched) -> bool {
    fs::read_to_string(watched.folder().join("data/postmaster.pid"))
        .is_ok_and(|lines| lines.lines().any(|line| line.trim() == "ready"))
}
