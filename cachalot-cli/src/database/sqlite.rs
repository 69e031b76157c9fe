use std::path::Path;

use cachalot_diesel::Cachalot;
use diesel::{
    Connection, QueryResult, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    dsl::sql,
    sql_types::{Bool, Text},
};

use super::{Database, Survey, survey::survey};

pub(super) fn open(url: &str) -> Result<Box<dyn Database>, String> {
    let path = url.strip_prefix("sqlite://").unwrap_or(url);
    // SQLite would create the file. A `file:` URL has its own option for that.
    if !path.starts_with("file:") && path != ":memory:" && !Path::new(path).is_file() {
        return Err(format!("no such file: `{path}`"));
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

    fn survey(&mut self, cache: &Cachalot) -> Result<Survey, String> {
        let relations = sql::<(Text, Text, Bool)>(
            "SELECT name, '\"' || replace(name, '\"', '\"\"') || '\"', type = 'table' FROM sqlite_master \
             WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1",
        );
        let relations = relations.load(self);
        survey(self, cache, relations)
    }
}
