//! PostgreSQL: one server for the process, a database for each test.

use std::process::Command;
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

/// Names the folder of another version than the system's; see `tests/servers/unpack.sh`.
const HOME: &str = "CACHALOT_TEST_POSTGRES_HOME";

/// Fast, since its data need not survive; `COMMIT PREPARED` is possible.
const SETTINGS: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 -c shared_buffers=32MB \
    -c max_connections=300 -c max_prepared_transactions=10 -c timezone=UTC \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories=";

/// What a server needs that is to be copied while it runs.
const REPLICATED: &str = "-c wal_level=replica -c max_wal_senders=4";

static SHARED: OnceLock<Server> = OnceLock::new();

/// The PostgreSQL of this test process.
pub fn shared() -> &'static Server {
    SHARED.get_or_init(|| match running() {
        Some(url) => Server {
            url: url.trim_end_matches('/').to_owned(),
            own: None,
        },
        None => start(""),
    })
}

fn running() -> Option<String> {
    env::var("CACHALOT_TEST_POSTGRES_URL").ok()
}

/// The version that the program of the [`shared`] server tells; none of a server that runs already.
///
/// # Panics
///
/// If the program tells none.
#[must_use]
pub fn program_version() -> Option<String> {
    running().is_none().then(|| {
        let program = binary::find_below(HOME, "postgres", "postgresql");
        let told = Command::new(program).arg("--version").output();
        let told = String::from_utf8(told.expect("its version").stdout).expect("a text");
        let version = told.strip_prefix("postgres (PostgreSQL) ");
        version.expect("a version").trim_end().to_owned()
    })
}

/// A migrated database of the caller's own on the [`shared`] server.
pub fn database() -> Database {
    shared().database()
}

/// A database without any table, on the [`shared`] server.
pub fn empty_database() -> Database {
    shared().create("")
}

/// A server and a standby that follows it; none if a running server is to be used, as its programs
/// need not be there then.
#[must_use]
pub fn with_standby() -> Option<(Server, Server)> {
    if running().is_some() {
        return None;
    }
    let primary = start(REPLICATED);
    let standby = follow(&primary, "-R");
    Some((primary, standby))
}

/// A server on a copy of the files of another, as one that was restored from a backup: it follows nobody.
#[must_use]
pub fn copy_of(original: &Server) -> Server {
    follow(original, "")
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

    /// A migrated database of the caller's own.
    pub fn database(&self) -> Database {
        if self.own.is_some() {
            return self.create(&format!("TEMPLATE {TEMPLATE}"));
        }
        let database = self.create("");
        migrations::run(&mut establish(database.url()), MIGRATIONS);
        database
    }

    fn create(&self, options: &str) -> Database {
        let name = unique::name("cachalot");
        self.execute(&format!("CREATE DATABASE {name} {options}"));
        let remove = self.own.is_none().then_some(remove as fn(&str));
        Database::new(self.url(&name), name, remove)
    }

    fn execute(&self, sql: &str) {
        establish(&self.url("postgres"))
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("`{sql}` failed: {error}"));
    }
}

fn start(settings: &str) -> Server {
    let initdb = binary::find_below(HOME, "initdb", "postgresql");
    let server = serve(
        settings,
        &format!("'{initdb}' -D data -U postgres -A trust -E UTF8 --no-locale --no-sync"),
    );
    server.execute(&format!("CREATE DATABASE {TEMPLATE}"));
    migrations::run(&mut establish(&server.url(TEMPLATE)), MIGRATIONS);
    server
}

/// A server on a copy of the primary's files.
fn follow(primary: &Server, options: &str) -> Server {
    let backup = binary::find_below(HOME, "pg_basebackup", "postgresql-client");
    let from = primary.url("postgres");
    serve(
        REPLICATED,
        &format!("'{backup}' -d '{from}' -D data {options} --checkpoint=fast --no-sync"),
    )
}

/// Runs a server on the data that `prepare` makes.
fn serve(settings: &str, prepare: &str) -> Server {
    let postgres = binary::find_below(HOME, "postgres", "postgresql");
    let (watched, port) = start_on_free_port(
        |port| Service {
            name: "postgres",
            prepare: format!("$UNPRIVILEGED {prepare}"),
            serve: format!("$UNPRIVILEGED '{postgres}' -D data -p {port} {SETTINGS} {settings}"),
            // "Immediate shutdown": unlike KILL it removes the shared memory too.
            signal: "QUIT",
        },
        |watched, _| is_ready(watched),
    );
    Server {
        url: format!("postgres://postgres@127.0.0.1:{port}"),
        own: Some(watched),
    }
}

fn remove(database: &str) {
    shared().execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
}

/// The server says so in its own folder, so no other server can be mistaken for it.
fn is_ready(watched: &Watched) -> bool {
    fs::read_to_string(watched.folder().join("data/postmaster.pid"))
        .is_ok_and(|lines| lines.lines().any(|line| line.trim() == "ready"))
}
