use cachalot_diesel::Cachalot;
use diesel::{
    Connection, MysqlConnection, QueryResult, RunQueryDsl,
    dsl::sql,
    sql_types::{Bool, Text},
};

use super::{Database, Survey, secret, survey::survey};
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

    fn survey(&mut self, cache: &Cachalot) -> Result<Survey, String> {
        let relations = sql::<(Text, Text, Bool)>(
            "SELECT table_name, concat('`', replace(table_name, '`', '``'), '`'), \
             table_type = 'BASE TABLE' FROM information_schema.tables \
             WHERE table_schema = database() ORDER BY 1",
        );
        let relations = relations.load(self);
        survey(self, cache, relations)
    }
}
