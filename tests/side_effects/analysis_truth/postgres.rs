//! PostgreSQL tells by its locks which relations a statement names, and by its plan which it scans.

use std::collections::BTreeSet;

use cachalot_sql::{Analysis, Dialect};
use cachalot_tests::Database;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Json, Text};

use super::analysis_truth::{Used, compared};
use super::{Conn, db};

pub(crate) const DIALECT: Dialect = Dialect::Postgres;

/// At least this many statements of the corpus are valid in the schema below.
pub(crate) const MIN_ACCEPTED: usize = 800;

/// What every table has that the migrations do not make.
const COLUMNS: &str = "id int PRIMARY KEY, a int, b int, c int, d int, e int, f int, g int, h int, \
    n int, x int, y int, z int, up int, boss int, user_id int, post_id int, q tsquery, \
    v tsvector, name text, title text, body text, owner text, flag bool, at timestamptz, \
    born timestamptz, died timestamptz, js jsonb, ar int[], r int4range";

/// One lock a relation is enough: the strongest.
const LOCKS: &str = "SELECT c.relname::text AS name, \
    bool_or(l.mode IN ('AccessShareLock', 'RowShareLock')) AS read, \
    bool_or(l.mode NOT IN ('AccessShareLock', 'RowShareLock')) AS written \
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
    WHERE l.pid = pg_backend_pid() AND c.relkind IN ('r', 'p', 'f', 'v', 'm') \
    AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) \
    GROUP BY c.relname";

#[derive(QueryableByName)]
struct Lock {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    read: bool,
    #[diesel(sql_type = Bool)]
    written: bool,
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Json, column_name = "QUERY PLAN")]
    plan: serde_json::Value,
}

/// Makes what the statements of the corpus speak of, and these tables.
pub(crate) fn furnish(conn: &mut Conn, tables: &BTreeSet<String>) {
    conn.batch_execute(
        "CREATE SCHEMA IF NOT EXISTS other; CREATE TABLE other.t (id int, a int); \
         CREATE FUNCTION f(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'; \
         CREATE FUNCTION g(int) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT 1'; \
         CREATE TYPE comp AS (p int, q int); CREATE SEQUENCE s;",
    )
    .unwrap();
    for table in tables.iter().filter(|table| !table.starts_with("pg_")) {
        let name = table.replace('"', "\"\"");
        conn.batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS \"{name}\" ({COLUMNS})"
        ))
        .unwrap();
    }
}

pub(crate) struct Server {
    conn: Conn,
    _database: Database,
}

impl Server {
    /// A server with these tables beside the migrated ones.
    pub(crate) fn start(tables: &BTreeSet<String>) -> Self {
        let database = db::database();
        let mut conn = db::establish(database.url());
        furnish(&mut conn, tables);
        Self {
            conn,
            _database: database,
        }
    }

    /// What the server does for a statement, or `None` if it refuses it.
    pub(crate) fn uses(&mut self, sql: &str) -> Option<Used> {
        let prepared = format!("PREPARE truth AS {sql}\n");
        self.tried(|conn| {
            // What a statement with parameters does shows when it is prepared.
            let plans = sql_query(format!("EXPLAIN (VERBOSE, FORMAT JSON) {sql}\n"));
            plans.load::<Plan>(conn)
        })
        .or_else(|| self.tried(|conn| conn.batch_execute(&prepared).map(|()| Vec::new())))
    }

    fn tried(&mut self, ask: impl FnOnce(&mut Conn) -> QueryResult<Vec<Plan>>) -> Option<Used> {
        let mut used = Used::default();
        self.conn.batch_execute("BEGIN").unwrap();
        let plans = ask(&mut self.conn);
        if let Ok(plans) = &plans {
            for lock in sql_query(LOCKS).load::<Lock>(&mut self.conn).unwrap() {
                if lock.read {
                    used.read.insert(compared(&lock.name));
                }
                if lock.written {
                    used.written.insert(compared(&lock.name));
                }
            }
            let mut scans = BTreeSet::new();
            for plan in plans {
                scanned(&plan.plan, &mut scans);
            }
            // What is changed is scanned, too.
            used.read.extend(scans.difference(&used.written).cloned());
        }
        self.conn.batch_execute("ROLLBACK; DEALLOCATE ALL").unwrap();
        plans.is_ok().then_some(used)
    }
}

/// The relations that a plan scans.
fn scanned(plan: &serde_json::Value, found: &mut BTreeSet<String>) {
    match plan {
        serde_json::Value::Array(plans) => plans.iter().for_each(|plan| scanned(plan, found)),
        serde_json::Value::Object(node) => {
            let text = |key: &str| node.get(key).and_then(serde_json::Value::as_str);
            let ours = text("Schema").is_none_or(|schema| schema != "pg_catalog");
            let scans = text("Node Type").is_some_and(|kind| kind.ends_with("Scan"));
            if let Some(relation) = text("Relation Name").filter(|_| ours && scans) {
                found.insert(compared(relation));
            }
            node.values().for_each(|part| scanned(part, found));
        }
        _ => {}
    }
}

/// Calls of the functions whose results the server says to change by themselves.
const VOLATILE: &str = "SELECT format('pg_catalog.%I(%s)', proname, \
    array_to_string(array_fill('NULL'::text, ARRAY[pronargs]), ', ')) AS call FROM pg_proc \
    WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v' AND prokind = 'f'";

#[derive(QueryableByName)]
struct Call {
    #[diesel(sql_type = Text)]
    call: String,
}

#[test]
fn a_function_that_the_server_calls_volatile_is_not_cached() {
    let database = db::database();
    let calls: Vec<Call> = sql_query(VOLATILE)
        .load(&mut db::establish(database.url()))
        .unwrap();
    assert!(calls.len() > 200, "{}", calls.len());
    for Call { call } in calls {
        let sql = format!("SELECT {call} FROM t");
        assert!(Analysis::of(&sql, DIALECT).uncacheable().is_some(), "{sql}");
    }
}
