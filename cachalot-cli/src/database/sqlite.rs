use cachalot_diesel::{Cachalot, CachedDsl as _, Explanation};
use std::path::Path;

use diesel::{
    Connection, QueryResult, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    dsl::sql,
    sql_query,
    sql_types::{Bool, Text},
};

use super::{Database, Relation};

pub(super) fn open(url: &str) -> Result<Box<dyn Database>, String> {
    let path = url.strip_prefix("sqlite://").unwrap_or(url);
    // SQLite would make it. A `file:` URL may say by itself that it must not.
    if !path.starts_with("file:") && path != ":memory:" && !Path::new(path).is_file() {
        return Err(format!("there is no file `{path}`"));
    }
    let mut conn = SqliteConnection::establish(url).map_err(|error| error.to_string())?;
    let query_only = conn.batch_execute("PRAGMA query_only = ON");
    query_only.map_err(|error| error.to_string())?;
    Ok(Box::new(conn))
}

impl Database for SqliteConnection {
    fn describe(&mut self) -> Result<String, String> {
        let version: QueryResult<String> = sql::<Text>("SELECT sqlite_version()").get_result(self);
        version
            .map(|version| format!("SQLite {version}"))
            .map_err(|error| error.to_string())
    }

    fn relations(&mut self) -> Result<Vec<Relation>, String> {
        let relations = sql::<(Text, Text, Bool)>(
            "SELECT name, '\"' || replace(name, '\"', '\"\"') || '\"', type = 'table' FROM sqlite_master \
             WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1",
        );
        relations.load(self).map_err(|error| error.to_string())
    }

    fn explain(&mut self, cache: &Cachalot, relation: &str) -> Result<Explanation, String> {
        cache.watch(self).map_err(|error| error.to_string())?;
        let query = sql_query(format!("SELECT * FROM {relation}"));
        let explained = query.cached(self).explain();
        explained.map_err(|error| error.to_string())
    }
}
