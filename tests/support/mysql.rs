//! MariaDB or MySQL, through Diesel's MySQL backend: one server for the process, a database for each test.
//!
//! It is MariaDB, unless `CACHALOT_TEST_MYSQL_HOME` names the folder of a MySQL.

use std::env;
use std::sync::OnceLock;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
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

/// Names the folder of a MySQL; see `tests/servers/unpack.sh`.
const HOME: &str = "CACHALOT_TEST_MYSQL_HOME";

/// Fast, since its data need not survive; `LOAD DATA` may read any file that the server can.
const SETTINGS: &str = "--innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=0 \
    --innodb-doublewrite=0 --innodb-buffer-pool-size=64M \
    --innodb-use-native-aio=0 --innodb-file-per-table=0 --innodb-stats-persistent=0 \
    --performance-schema=0 \
    --max-connections=300 --character-set-server=utf8mb4 --default-time-zone=+00:00 \
    --secure-file-priv= --skip-name-resolve --bind-address=127.0.0.1 \
    --socket=server.sock --pid-file=server.pid";

/// A session may use the server's own query cache if it asks for it.
const MARIADB_SETTINGS: &str = "--skip-log-bin --innodb-log-file-size=16M --sync-frm=0 \
    --query-cache-type=2 --query-cache-size=1M";

/// With the binary log, as MySQL has it unless told otherwise. With the usual number of table definitions in memory,
/// the tables of hundreds of databases replace each other, and prepared reads of views fail.
const MYSQL_SETTINGS: &str = "--mysqlx=OFF --innodb-redo-log-capacity=16M --local-infile=ON \
    --log-bin-trust-function-creators=ON --table-definition-cache=20000";

/// Names further settings of the server, which override the others.
const FURTHER_SETTINGS: &str = "CACHALOT_TEST_MYSQL_SETTINGS";

static SHARED: OnceLock<Server> = OnceLock::new();

/// The server of this test process.
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

/// Is it MySQL, rather than MariaDB?
#[must_use]
pub fn is_mysql() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| {
        let version = sql::<Text>("SELECT VERSION()");
        let version: QueryResult<String> =
            version.get_result(&mut establish(&shared().url("mysql")));
        !version.expect("a version").contains("MariaDB")
    })
}

/// Does this server take a statement that MariaDB takes and MySQL refuses? That is checked on a new database.
///
/// # Panics
///
/// If it is otherwise.
#[must_use]
pub fn takes_as_mariadb(sql: &str) -> bool {
    let database = database();
    let taken = establish(database.url()).batch_execute(sql);
    assert_eq!(taken.is_err(), is_mysql(), "{sql}: {taken:?}");
    taken.is_ok()
}

/// Was a MySQL asked for, or a MariaDB? Nobody knows of a server that runs already.
#[must_use]
pub fn wants_mysql() -> Option<bool> {
    running().is_none().then(|| env::var(HOME).is_ok())
}

/// A server that is read-only, as replicas are, to all but its `root`; none if a running server is
/// to be used, as its programs need not be there then.
#[must_use]
pub fn read_only() -> Option<Server> {
    running().is_none().then(|| start("--read-only"))
}

/// A MySQL that tells its locks on metadata; none if a running server is to be used.
#[must_use]
pub fn with_performance_schema() -> Option<Server> {
    running()
        .is_none()
        .then(|| start("--performance-schema=ON"))
}

/// A connection to `url`.
#[must_use]
pub fn establish(url: &str) -> Connection {
    MysqlConnection::establish(url)
        .unwrap_or_else(|error| panic!("cannot connect to `{url}`: {error}"))
}

/// A server on which tests may create databases.
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
    let (prepare, serve) = match env::var(HOME) {
        Ok(home) => mysql(&home),
        Err(_) => mariadb(),
    };
    let further = env::var(FURTHER_SETTINGS).unwrap_or_default();
    let (watched, port) = start_on_free_port(
        |port| Service {
            name: "mysql",
            prepare: prepare.clone(),
            serve: format!("{serve} --port={port} {SETTINGS} {settings} {further}"),
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

/// What makes the data of a MariaDB, and what serves it.
fn mariadb() -> (String, String) {
    let install = binary::find("mariadb-install-db", "mariadb-server");
    let server = binary::find("mariadbd", "mariadb-server");
    let prepare = format!(
        "$UNPRIVILEGED '{install}' --no-defaults --datadir=\"$FOLDER/data\" \
         --auth-root-authentication-method=normal --skip-test-db"
    );
    let serve = format!(
        "$UNPRIVILEGED '{server}' --no-defaults --datadir=\"$FOLDER/data\" {MARIADB_SETTINGS}"
    );
    (prepare, serve)
}

/// The same for the MySQL of that folder. Its root may log in from everywhere, as host names are not resolved.
fn mysql(home: &str) -> (String, String) {
    let server = binary::find_below(HOME, "mysqld", "mysql-server");
    let usr = format!("{home}/root/usr");
    let server = format!(
        "$UNPRIVILEGED '{server}' --no-defaults --datadir=\"$FOLDER/data\" --basedir='{usr}' \
         --lc-messages-dir='{usr}/share/mysql' --character-sets-dir='{usr}/share/mysql/charsets' \
         --plugin-dir='{usr}/lib/mysql/plugin'"
    );
    let accounts = "RENAME USER root@localhost TO root@'%';";
    let prepare = format!(
        "echo \"{accounts}\" >accounts.sql && chmod 644 accounts.sql && chmod 755 . && \
         {server} --initialize-insecure --init-file=\"$FOLDER/accounts.sql\""
    );
    (prepare, format!("{server} {MYSQL_SETTINGS}"))
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
