use cachalot_diesel::Cachalot;
use diesel::{
    Connection, PgConnection, QueryResult, RunQueryDsl,
    dsl::sql,
    sql_types::{Bool, Text},
};

use super::{Database, Survey, secret, survey::survey};
use crate::Failure;

/// In seconds. The default would be minutes for a host that drops packets.
const CONNECT_TIMEOUT: (&str, &str) = ("connect_timeout", "5");

pub(super) fn open(url: &str) -> Result<Result<Box<dyn Database>, String>, Failure> {
    let mut url = secret::parse(url)?;
    if url.query_pairs().all(|(name, _)| name != CONNECT_TIMEOUT.0) {
        url.query_pairs_mut()
            .append_pair(CONNECT_TIMEOUT.0, CONNECT_TIMEOUT.1);
    }
    Ok(match PgConnection::establish(url.as_str()) {
        Ok(conn) => Ok(Box::new(conn)),
        Err(error) => Err(secret::hidden(&error.to_string(), &url)),
    })
}

impl Database for PgConnection {
    fn describe(&mut self) -> Result<String, String> {
        let version = sql::<Text>("SELECT current_setting('server_version')");
        let version: QueryResult<String> = version.get_result(self);
        version
            .map(|version| format!("PostgreSQL {version}"))
            .map_err(|error| error.to_string())
    }

    fn survey(&mut self, cache: &Cachalot) -> Result<Survey, String> {
        let relations = sql::<(Text, Text, Bool)>(
            "SELECT c.relname::text, format('%I.%I', n.nspname, c.relname), c.relkind IN ('r', 'p') \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' \
             AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 2",
        );
        let relations = relations.load(self);
        survey(self, cache, relations)
    }
}
