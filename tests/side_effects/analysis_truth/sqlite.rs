//! SQLite tells by the program that it compiles a statement to which tables it opens.

use std::collections::{BTreeMap, BTreeSet};

use cachalot_sql::{Analysis, Dialect};
use cachalot_tests::Database;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Integer, Text};

use super::analysis_truth::{Used, compared};
use super::{Conn, db};

pub(crate) const DIALECT: Dialect = Dialect::Sqlite;

/// At least this many statements of the corpus are valid in the schema below.
pub(crate) const MIN_ACCEPTED: usize = 600;

/// What every table has that the migrations do not make.
const COLUMNS: &str = "id INTEGER PRIMARY KEY, a, b, c, d, e, f, g, h, i, n, x, y, z, up, boss, \
    user_id, post_id, name, title, body, at, js, \"from\"";

/// The indexes of `t` that statements name, and their columns.
const INDEXES: [(&str, &str); 2] = [("t_a", "a"), ("i", "b")];

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    opcode: String,
    #[diesel(sql_type = Integer)]
    p1: i32,
    #[diesel(sql_type = Integer)]
    p2: i32,
    #[diesel(sql_type = Integer)]
    p3: i32,
}

/// A table or an index of one.
#[derive(QueryableByName)]
struct Tree {
    #[diesel(sql_type = Integer)]
    rootpage: i32,
    #[diesel(sql_type = Text)]
    tbl_name: String,
}

pub(crate) struct Server {
    conn: Conn,
    /// The tables of the main database and of the attached one, by the number of the database and
    /// of the page where they begin.
    tables: BTreeMap<(i32, i32), String>,
    _database: Database,
}

impl Server {
    /// A database with these tables beside the migrated ones.
    pub(crate) fn start(tables: &BTreeSet<String>) -> Self {
        let database = db::database();
        let mut conn = db::establish(database.url());
        // A change would open the parents, too: that is for the catalog to know.
        conn.batch_execute("PRAGMA foreign_keys = OFF; ATTACH ':memory:' AS aux")
            .unwrap();
        for table in tables.iter().filter(|name| may_be_made(name)) {
            let name = table.replace('"', "\"\"");
            conn.batch_execute(&format!(
                "CREATE TABLE IF NOT EXISTS main.\"{name}\" ({COLUMNS}); \
                 CREATE TABLE IF NOT EXISTS aux.\"{name}\" ({COLUMNS});"
            ))
            .unwrap();
        }
        for (index, column) in INDEXES {
            conn.batch_execute(&format!("CREATE INDEX {index} ON t ({column})"))
                .unwrap();
        }
        let mut pages = BTreeMap::new();
        for (number, schema) in [(0, "main"), (2, "aux")] {
            let trees = sql_query(format!(
                "SELECT rootpage, tbl_name FROM {schema}.sqlite_schema WHERE rootpage > 0"
            ));
            for tree in trees.load::<Tree>(&mut conn).unwrap() {
                pages.insert((number, tree.rootpage), tree.tbl_name);
            }
        }
        Self {
            conn,
            tables: pages,
            _database: database,
        }
    }

    /// What SQLite would do for a statement, or `None` if it refuses it.
    pub(crate) fn uses(&mut self, sql: &str) -> Option<Used> {
        let program = sql_query(format!("EXPLAIN {sql}\n"));
        let program: Vec<Step> = program.load(&mut self.conn).ok()?;
        let mut used = Used::default();
        for step in &program {
            let (tree, written) = match step.opcode.as_str() {
                "OpenRead" | "ReopenIdx" => ((step.p3, step.p2), false),
                "OpenWrite" => ((step.p3, step.p2), true),
                "Clear" => ((step.p2, step.p1), true),
                _ => continue,
            };
            if let Some(table) = self.tables.get(&tree) {
                let tables = if written {
                    &mut used.written
                } else {
                    &mut used.read
                };
                tables.insert(compared(table));
            }
        }
        // What is changed is read, too.
        used.read.retain(|table| !used.written.contains(table));
        Some(used)
    }
}

/// Neither SQLite's own nor the name of an index below.
fn may_be_made(table: &str) -> bool {
    let indexes = INDEXES.map(|(index, _)| index);
    !table.starts_with("sqlite_") && !table.starts_with("pragma_") && !indexes.contains(&table)
}

/// The scalar functions that SQLite does not say to give the same result for the same arguments,
/// but for its version, which is in the key of each entry.
const VOLATILE: &str = "SELECT DISTINCT name, max(narg, 0) AS arguments \
    FROM pragma_function_list WHERE type = 's' AND builtin AND flags & 2048 = 0 \
    AND name NOT IN ('sqlite_version', 'sqlite_source_id')";

#[derive(QueryableByName)]
struct Function {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Integer)]
    arguments: i32,
}

#[test]
fn a_function_that_may_give_another_result_is_not_cached() {
    let database = db::database();
    let functions: Vec<Function> = sql_query(VOLATILE)
        .load(&mut db::establish(database.url()))
        .unwrap();
    assert!(functions.len() > 10, "{}", functions.len());
    for Function { name, arguments } in functions {
        let arguments = vec!["a"; usize::try_from(arguments).unwrap()].join(", ");
        let sql = format!("SELECT \"{name}\"({arguments}) FROM t");
        assert!(Analysis::of(&sql, DIALECT).uncacheable().is_some(), "{sql}");
    }
}
