use diesel::{Connection, MysqlConnection, QueryResult, RunQueryDsl, dsl::sql, sql_types::Text};

use super::{Database, secret};
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

    fn tables(&mut self) -> Result<Vec<String>, String> {
        let names = sql::<Text>(
            "SELECT table_name FROM information_schema.tables \
             WHERE table_schema = database() AND table_type = 'BASE TABLE' ORDER BY 1",
        );
        names.load(self).map_err(|error| error.to_string())
    }
}
