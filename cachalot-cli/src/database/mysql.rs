use cachalot_diesel::{Cachalot, CachedDsl as _, Explanation};
use diesel::{
    Connection, MysqlConnection, QueryResult, RunQueryDsl,
    dsl::sql,
    sql_query,
    sql_types::{Bool, Text},
};

use super::{Database, Relation, secret};
use crate::Failure;

pub(super) fn open(url: &str) -> Result<Result<Box<dyn Database>, String>, Failure> {
    let url = secret::parse(url)?;
    Ok(match MysqlConnection::establish(url.as_str()) {
        Ok(conn) => Ok(Box::new(conn)),
        Err(error) => Err(secret::hidden(&error.to_string(), &url)),
    })
}

impl Database for MysqlConnection {
    fn describe(&mut self) -> Result<String, String> {
        let version: QueryResult<String> = sql::<Text>("SELECT version()").get_result(self);
        version
            .map(|version| match version.contains("MariaDB") {
                true => version.replace("-MariaDB", " (MariaDB)"),
                false => format!("MySQL {version}"),
            })
            .map_err(|error| error.to_string())
    }

    fn relations(&mut self) -> Result<Vec<Relation>, String> {
        let relations = sql::<(Text, Text, Bool)>(
            "SELECT table_name, concat('`', replace(table_name, '`', '``'), '`'), \
             table_type = 'BASE TABLE' FROM information_schema.tables \
             WHERE table_schema = database() ORDER BY 1",
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
