use diesel::{
    PgConnection, QueryResult, QueryableByName, RunQueryDsl,
    dsl::sql,
    sql_types::{Array, Bool, Text},
};

use super::{CacheConnection, CatalogAnswer, Lookup, Probe, ProbeAnswer, Question, Sealed};
use crate::statement::Isolation;

/// Settings that decide what rows a statement returns, or how their values look; the operators of
/// `pg_trgm` among them.
const SETTINGS: [&str; 26] = [
    "array_nulls",
    "backslash_quote",
    "bytea_output",
    "client_encoding",
    "datestyle",
    "default_text_search_config",
    "extra_float_digits",
    "gin_fuzzy_search_limit",
    "intervalstyle",
    "lc_collate",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "pg_trgm.similarity_threshold",
    "pg_trgm.strict_word_similarity_threshold",
    "pg_trgm.word_similarity_threshold",
    "quote_all_identifiers",
    "role",
    "row_security",
    "search_path",
    "standard_conforming_strings",
    "timezone",
    "timezone_abbreviations",
    "transform_null_equals",
    "xmlbinary",
    "xmloption",
];

/// One statement for everything, as every answer costs a round trip. A setting that does not
/// exist is null.
///
/// A server is named by when it started: whoever may connect may ask for that (a statement that is
/// refused would end the caller's transaction), and what a server answered before it was restored
/// or failed over is not asked for again.
const PROBE: &str = "\
SELECT ARRAY[\
 pg_catalog.pg_postmaster_start_time()::text, \
 (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()), \
 session_user::text, current_user::text, \
 pg_catalog.current_schemas(true)::text] \
 || ARRAY(SELECT name || '=' || coalesce(pg_catalog.current_setting(name, true), '\\') \
 FROM pg_catalog.unnest($1) AS name ORDER BY name) AS identity, \
pg_catalog.current_setting('default_transaction_isolation') AS isolation, \
pg_catalog.pg_is_in_recovery() AS replica, \
pg_catalog.pg_my_temp_schema() <> 0 AS temporary, \
EXISTS (SELECT FROM pg_catalog.pg_class \
 WHERE relnamespace = pg_catalog.pg_my_temp_schema() AND relkind = 'v') AS unseen";

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Array<Text>)]
    identity: Vec<String>,
    #[diesel(sql_type = Text)]
    isolation: String,
    #[diesel(sql_type = Bool)]
    replica: bool,
    #[diesel(sql_type = Bool)]
    temporary: bool,
    #[diesel(sql_type = Bool)]
    unseen: bool,
}

impl Sealed for PgConnection {}

impl CacheConnection for PgConnection {
    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T {
        run(self)
    }

    fn probe(&mut self, named: &[String]) -> QueryResult<ProbeAnswer> {
        let names: Vec<&str> = SETTINGS
            .into_iter()
            .chain(named.iter().map(String::as_str))
            .collect();
        let answer: Answer = diesel::sql_query(PROBE)
            .bind::<Array<Text>, _>(names)
            .get_result(self)?;
        Ok(ProbeAnswer(Probe {
            // The server and the database: every role may read the system catalogs.
            database: answer.identity.iter().take(2).cloned().collect(),
            identity: answer.identity,
            isolation: Isolation::parse(&answer.isolation),
            autocommit: true,
            replica: answer.replica,
            temporary: answer.temporary,
            unseen: answer.unseen,
        }))
    }

    fn in_transaction(&mut self) -> Option<bool> {
        // The time stands still in one.
        let mut now = || diesel::select(sql::<Text>("pg_catalog.now()::text")).get_result(self);
        let (first, second): (String, String) = (now().ok()?, now().ok()?);
        Some(first == second)
    }

    fn catalog(&mut self, question: &Question) -> QueryResult<CatalogAnswer> {
        crate::catalog::load_postgres(self, question.in_transaction).map(CatalogAnswer)
    }
}
