//! The server tells by its locks on metadata which tables a statement names.

use std::collections::BTreeSet;
use std::env;

use cachalot_sql::{Analysis, Dialect};
use cachalot_tests::{Database, corpus};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use super::analysis_truth::{Used, compared};
use super::{Conn, db};

pub(crate) const DIALECT: Dialect = Dialect::Mysql;

/// At least this many statements of the corpus are valid in the schema below.
pub(crate) const MIN_ACCEPTED: usize = 700;

/// What every table has that the migrations do not make.
const COLUMNS: &str = "id int PRIMARY KEY, a int, b int, c int, d int, e int, f int, g int, h int, \
    n int, x int, y int, z int, up int, boss int, user_id int, name varchar(50), \
    title varchar(50), flag bool, at datetime, tm time, js json, FULLTEXT (name)";

const LOCKS: &str = "SELECT table_name AS name, lock_mode AS mode \
    FROM information_schema.metadata_lock_info \
    WHERE thread_id = connection_id() AND lock_type = 'Table metadata lock' \
    AND table_schema NOT IN ('mysql', 'information_schema')";

/// The same, as MySQL tells it.
const MYSQL_LOCKS: &str = "SELECT object_name AS name, concat('MDL_', replace(lock_type, '_LOW_PRIO', '')) AS mode \
    FROM performance_schema.metadata_locks \
    WHERE owner_thread_id = ps_current_thread_id() AND object_type = 'TABLE' \
    AND object_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')";

const FOREIGN_KEYS: &str = "SELECT table_name AS `table`, constraint_name AS name \
    FROM information_schema.table_constraints \
    WHERE constraint_schema = database() AND constraint_type = 'FOREIGN KEY'";

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Lock {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    mode: String,
}

pub(crate) struct Server {
    conn: Conn,
    explain: &'static str,
    locks: &'static str,
    _database: Database,
    _server: Option<db::Server>,
}

impl Server {
    /// A server with these tables beside the migrated ones.
    pub(crate) fn start(tables: &BTreeSet<String>) -> Self {
        let mysql = db::is_mysql();
        let server = mysql.then(db::with_performance_schema).flatten();
        let database = server
            .as_ref()
            .map_or_else(db::database, db::Server::database);
        let mut conn = db::establish(database.url());
        let (explain, locks) = if mysql {
            ("EXPLAIN FORMAT = TRADITIONAL", MYSQL_LOCKS)
        } else {
            // It may be there from another test run.
            let _ = conn.batch_execute("INSTALL SONAME 'metadata_lock_info'");
            ("EXPLAIN EXTENDED", LOCKS)
        };
        // The children of what is changed would be locked, too: they are for the catalog to know.
        for key in sql_query(FOREIGN_KEYS).load::<Key>(&mut conn).unwrap() {
            let (table, name) = (key.table, key.name);
            conn.batch_execute(&format!("ALTER TABLE `{table}` DROP FOREIGN KEY `{name}`"))
                .unwrap();
        }
        conn.batch_execute(
            "CREATE FUNCTION f(x int) RETURNS int DETERMINISTIC RETURN x; \
             CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id) \
                 (PARTITION p0 VALUES LESS THAN (9), PARTITION p1 VALUES LESS THAN MAXVALUE);",
        )
        .unwrap();
        for table in tables {
            let name = table.replace('`', "``");
            conn.batch_execute(&format!("CREATE TABLE IF NOT EXISTS `{name}` ({COLUMNS})"))
                .unwrap();
        }
        Self {
            conn,
            explain,
            locks,
            _database: database,
            _server: server,
        }
    }

    /// What the server does for a statement, or `None` if it refuses it.
    pub(crate) fn uses(&mut self, sql: &str) -> Option<Used> {
        // The text protocol knows no parameters, and a prepared statement takes its locks back.
        let explain = format!("{} {}\n", self.explain, sql.replace('?', "1"));
        self.conn.batch_execute("BEGIN").unwrap();
        let accepted = self.conn.batch_execute(&explain).is_ok();
        let locks: Vec<Lock> = sql_query(self.locks)
            .load(&mut self.conn)
            .expect("the server tells its locks on metadata");
        self.conn.batch_execute("ROLLBACK").unwrap();

        // All tables of a change of several are locked as if they were written, and so is what a
        // query locks.
        let written = locks.iter().filter(|lock| lock.mode == "MDL_SHARED_WRITE");
        let clear = written.count() == 1 && changes(sql);
        let mut used = Used::default();
        for lock in &locks {
            let tables = match lock.mode.as_str() {
                "MDL_SHARED_WRITE" if clear => &mut used.written,
                "MDL_SHARED_WRITE" => &mut used.either,
                _ => &mut used.read,
            };
            tables.insert(compared(&lock.name));
        }
        accepted.then_some(used)
    }
}

fn changes(sql: &str) -> bool {
    let verb = sql
        .split(|c: char| !c.is_alphabetic())
        .find(|word| !word.is_empty());
    verb.is_some_and(|verb| {
        ["insert", "replace", "update", "delete"]
            .iter()
            .any(|change| change.eq_ignore_ascii_case(verb))
    })
}

#[derive(QueryableByName)]
struct Cached {
    #[diesel(sql_type = Text, column_name = "Value")]
    statements: String,
}

impl Server {
    /// Whether MariaDB's own query cache keeps the result; `None` if it did not come to that.
    fn keeps(&mut self, sql: &str) -> Option<bool> {
        let before = self.kept();
        let text = format!("{}\n", sql.replace('?', "1"));
        self.conn.batch_execute(&text).ok()?;
        // A result with a warning is not kept.
        let warnings: Warnings = sql_query("SELECT @@warning_count AS warnings")
            .get_result(&mut self.conn)
            .unwrap();
        (warnings.warnings == 0).then(|| self.kept() > before)
    }

    fn kept(&mut self) -> u64 {
        let status = "SHOW STATUS WHERE Variable_name IN ('Qcache_inserts', 'Qcache_hits')";
        let counts: Vec<Cached> = sql_query(status).load(&mut self.conn).unwrap();
        let counts = counts
            .iter()
            .map(|count| count.statements.parse::<u64>().unwrap());
        counts.sum()
    }
}

#[derive(QueryableByName)]
struct Warnings {
    #[diesel(sql_type = BigInt)]
    warnings: i64,
}

/// What MariaDB keeps, it has found to be the same for as long as its tables are.
#[test]
fn what_may_be_cached_the_query_cache_keeps() {
    if !db::takes_as_mariadb("SET SESSION query_cache_type = 1") {
        return;
    }
    let mut cases = corpus::cases(DIALECT);
    // It looks at no text that begins otherwise, nor at several statements.
    cases.retain(|case| {
        let text = case.sql.to_ascii_lowercase();
        let looked_at = text.starts_with("select") && !text.contains(';');
        case.is_cacheable() && looked_at && !text.contains("sql_no_cache")
    });
    let analyses = cases.iter().map(|case| Analysis::of(&case.sql, DIALECT));
    let tables = analyses.flat_map(|analysis| analysis.reads().to_vec());
    let mut server = Server::start(&tables.map(|table| table.to_string()).collect());
    if let Err(error) = server
        .conn
        .batch_execute("SET SESSION query_cache_type = ON")
    {
        let own = env::var_os("CACHALOT_TEST_MYSQL_URL").is_none();
        assert!(!own, "the test's own server has a query cache: {error}");
        return;
    }
    let mut kept = 0;
    for case in &cases {
        match server.keeps(&case.sql) {
            Some(true) => kept += 1,
            Some(false) => panic!("{}: {} is not kept", case.place, case.sql),
            None => {}
        }
    }
    assert!(kept > 300, "{kept} of {} statements were kept", cases.len());
}
