//! MariaDB, through Diesel's MySQL backend: one server for the process, a database for each test.

use std::env;
use std::sync::OnceLock;

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{
    Connection as _, IntoSql as _, MysqlConnection, QueryResult, RunQueryDsl as _, select,
};
use diesel_migrations::embed_migrations;

use crate::migrations::Migrations;
use crate::watchdog::{Service, Watched, start_on_free_port};
use crate::{Database, binary, migrations, unique};

/// The schema of a [`database`].
pub const MIGRATIONS: Migrations = [
    embed_migrations!("../migrations/mysql"),
    embed_migrations!("migrations/mysql"),
];

/// The connection type of this database.
pub type Connection = MysqlConnection;

/// Fast, since its data need not survive; `LOAD DATA` may read any file that the server can, and
/// who asks for it may use the server's own query cache.
const SETTINGS: &str = "--innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=0 \
    --innodb-doublewrite=0 --innodb-buffer-pool-size=64M --innodb-log-file-size=16M \
    --innodb-use-native-aio=0 --innodb-file-per-table=0 --innodb-stats-persistent=0 \
    --sync-frm=0 --skip-log-bin --performance-schema=0 \
    --max-connections=300 --character-set-server=utf8mb4 --default-time-zone=+00:00 \
    --secure-file-priv= --query-cache-type=2 --query-cache-size=1M --skip-name-resolve --bind-address=127.0.0.1 \
    --socket=server.sock --pid-file=server.pid";

static SHARED: OnceLock<Server> = OnceLock::new();

/// The MariaDB of this test process.
pub fn shared() -> &'static Server {
    SHARED.get_or_init(|| {
        let server = match running() {
            Some(url) => Server {
                url: url.trim_end_matches('/').to_owned(),
                own: None,
            },
            None => start(""),
        };
        check_client_library(&mut establish(&server.url("mysql")));
        server
    })
}

fn running() -> Option<String> {
    env::var("CACHALOT_TEST_MYSQL_URL").ok()
}

/// A migrated database of the caller's own on the [`shared`] server.
pub fn database() -> Database {
    shared().database()
}

/// A database without any table, on the [`shared`] server.
pub fn empty_database() -> Database {
    shared().empty_database()
}

/// A server that is read-only, as replicas are, to all but its `root`; none if a running server is
/// to be used, as its programs need not be there then.
#[must_use]
pub fn read_only() -> Option<Server> {
    running().is_none().then(|| start("--read-only"))
}

/// A connection to `url`.
#[must_use]
pub fn establish(url: &str) -> Connection {
    MysqlConnection::establish(url)
        .unwrap_or_else(|error| panic!("cannot connect to `{url}`: {error}"))
}

/// A MariaDB server on which tests may create databases.
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
        let database = self.empty_database();
        migrations::run(&mut establish(database.url()), MIGRATIONS);
        database
    }

    fn empty_database(&self) -> Database {
        let name = unique::name("cachalot");
        self.execute(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
        let remove = self.own.is_none().then_some(remove as fn(&str));
        Database::new(self.url(&name), name, remove)
    }

    fn execute(&self, sql: &str) {
        establish(&self.url("mysql"))
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("`{sql}` failed: {error}"));
    }
}

fn start(settings: &str) -> Server {
    let install = binary::find("mariadb-install-db", "mariadb-server");
    let mariadbd = binary::find("mariadbd", "mariadb-server");
    let (watched, port) = start_on_free_port(
        |port| Service {
            name: "mariadb",
            prepare: format!(
                "$UNPRIVILEGED '{install}' --no-defaults --datadir=\"$FOLDER/data\" \
                 --auth-root-authentication-method=normal --skip-test-db"
            ),
            serve: format!(
                "$UNPRIVILEGED '{mariadbd}' --no-defaults --datadir=\"$FOLDER/data\" \
                 --port={port} {SETTINGS} {settings}"
            ),
            signal: "KILL",
        },
        is_ready,
    );
    let url = format!("mysql://root@127.0.0.1:{port}");
    Server {
        url,
        own: Some(watched),
    }
}

/// Some releases of MariaDB's client library hand Diesel an empty string for every text: better said
/// once than by a hundred tests.
fn check_client_library(conn: &mut Connection) {
    let sent = "text";
    let received: QueryResult<String> = select(sent.into_sql::<Text>()).get_result(conn);
    assert_eq!(
        received.as_deref(),
        Ok(sent),
        "the MariaDB client library loses text, as Connector/C 3.3.19 does (CONC-821); install a \
         newer one, on Debian from its security archive: apt-get install libmariadb3"
    );
}

fn remove(database: &str) {
    shared().execute(&format!("DROP DATABASE IF EXISTS {database}"));
}

/// The server writes the file once the port is its own, so no other server can be mistaken for it.
fn is_ready(watched: &Watched, port: u16) -> bool {
    watched.folder().join("data/server.pid").exists()
        && MysqlConnection::establish(&format!("mysql://root@127.0.0.1:{port}/mysql")).is_ok()
}
