use std::collections::BTreeSet;

use diesel::{
    PgConnection, QueryResult, QueryableByName, RunQueryDsl,
    dsl::sql,
    sql_types::{Array, Bool, Text},
};

use super::{
    CacheConnection, CatalogAnswer, Lookup, Probe, ProbeAnswer, ProbeQuestion, Question, Sealed,
    harmless::{POSTGRES, POSTGRES_FAMILIES},
    options,
};
use crate::{statement::Isolation, tracker::TemporaryTables};

/// Settings that the server does not list: its own `role`, and those of extensions, of which it lists
/// none before the extension is loaded.
const UNLISTED: [&str; 46] = [
    "age.enable_containment",
    "anon.masking_policies",
    "anon.transparent_dynamic_masking",
    "citus.use_secondary_nodes",
    "diskann.query_rescore",
    "diskann.query_search_list_size",
    "hnsw.ef_search",
    "hnsw.iterative_scan",
    "hnsw.max_scan_tuples",
    "hnsw.scan_mem_multiplier",
    "ivfflat.iterative_scan",
    "ivfflat.max_probes",
    "ivfflat.probes",
    "orafce.nls_date_format",
    "orafce.oracle_compatibility_date_limit",
    "orafce.timezone",
    "orafce.umask",
    "orafce.using_mode_keyword_in_dbms_output",
    "orafce.varchar2_null_safe_concat",
    "pg_bigm.enable_recheck",
    "pg_bigm.gin_key_limit",
    "pg_bigm.similarity_limit",
    "pg_hint_plan.enable_hint",
    "pg_hint_plan.enable_hint_table",
    "pg_similarity.cosine_threshold",
    "pg_similarity.jaccard_threshold",
    "pg_similarity.levenshtein_threshold",
    "pg_trgm.similarity_threshold",
    "pg_trgm.strict_word_similarity_threshold",
    "pg_trgm.word_similarity_threshold",
    "pgroonga.enable_crash_safe",
    "pgroonga.force_match_escalation",
    "pgroonga.libgroonga_version",
    "pgroonga.match_escalation_threshold",
    "plpgsql.variable_conflict",
    "plv8.start_proc",
    "postgis.backend",
    "postgis.enable_outdb_rasters",
    "postgis.gdal_datapath",
    "postgis.gdal_enabled_drivers",
    "postgis.gdal_vsi_options",
    "role",
    "timescaledb.enable_constraint_aware_append",
    "vchordrq.epsilon",
    "vchordrq.max_scan_tuples",
    "vchordrq.probes",
];

/// Settings that tell of transactions: they decide whether the cache is asked.
const OF_TRANSACTIONS: [&str; 6] = [
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
];

/// One statement for everything, as every answer costs a round trip.
///
/// A server is named by when it started: whoever may connect may ask for that (a statement that is
/// refused would end the caller's transaction), and what a server answered before it was restored
/// or failed over is not asked for again.
///
/// A setting counts if a session can have its own, it is not as the server was built, and it is not
/// harmless. So does what is asked for by its name: what is listed unless it is as built, and what is
/// not listed if it has a value (that of an extension is empty once it was reset). Of the names that
/// `ALTER ROLE` and `ALTER DATABASE` give, those of extensions are asked for. The schema of temporary
/// objects does not count: while it has any, nothing is cached.
const PROBE: &str = "\
WITH listed AS (\
 SELECT pg_catalog.lower(name) AS name, setting, context \
 FROM pg_catalog.pg_settings WHERE setting IS DISTINCT FROM boot_val), \
given AS (\
 SELECT DISTINCT pg_catalog.lower(pg_catalog.split_part(given, '=', 1)) AS name \
 FROM pg_catalog.pg_db_role_setting, pg_catalog.unnest(setconfig) AS given \
 WHERE given LIKE '%.%=%' AND setdatabase IN (0, \
 (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))), \
asked AS (\
 SELECT name FROM given WHERE name LIKE '%.%' \
 UNION SELECT name FROM pg_catalog.unnest($1) AS name \
 UNION SELECT name FROM pg_catalog.unnest($4) AS name), \
unlisted AS (\
 SELECT name, pg_catalog.current_setting(name, true) AS setting FROM asked \
 WHERE name NOT IN (SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings)) \
SELECT ARRAY[\
 pg_catalog.pg_postmaster_start_time()::text, \
 (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()), \
 session_user::text, current_user::text, \
 ARRAY(SELECT name FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS path (name, place) \
 WHERE name NOT LIKE 'pg\\_temp\\_%' ORDER BY place)::text] AS identity, \
ARRAY(SELECT name || '=' || setting FROM listed \
 WHERE name IN (SELECT name FROM asked) \
 OR (context IN ('user', 'superuser', 'backend', 'superuser-backend') \
 AND name <> ALL ($2) AND name !~ $3) \
 UNION ALL SELECT name || '=' || setting FROM unlisted WHERE setting <> '' OR (setting = '' AND name <> ALL ($4))) AS settings, \
ARRAY(SELECT name FROM given) AS given, \
pg_catalog.current_setting('default_transaction_isolation') AS isolation, \
pg_catalog.pg_is_in_recovery() AS replica, \
EXISTS (SELECT FROM pg_catalog.pg_depend \
 WHERE refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass \
 AND refobjid = pg_catalog.pg_my_temp_schema()) AS temporary, \
EXISTS (SELECT FROM pg_catalog.pg_class \
 WHERE relnamespace = pg_catalog.pg_my_temp_schema() \
 AND (relkind = 'v' OR relhasrules OR relhastriggers)) AS unseen";

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Array<Text>)]
    identity: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    settings: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    given: Vec<String>,
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

    fn probe(&mut self, question: &ProbeQuestion) -> QueryResult<ProbeAnswer> {
        options::remember(&question.settings);
        let mut asked: BTreeSet<String> = question.settings.iter().cloned().collect();
        asked.extend(options::met());
        let ignored: Vec<&str> = POSTGRES.into_iter().chain(OF_TRANSACTIONS).collect();
        let mut answer: Answer = diesel::sql_query(PROBE)
            .bind::<Array<Text>, _>(asked.into_iter().collect::<Vec<_>>())
            .bind::<Array<Text>, _>(ignored)
            .bind::<Text, _>(format!(
                "^({})",
                POSTGRES_FAMILIES.join("|").replace('.', "[.]")
            ))
            .bind::<Array<Text>, _>(UNLISTED.to_vec())
            .get_result(self)?;
        options::remember(&answer.given);
        let mut identity = answer.identity;
        // The server and the database: every role may read the system catalogs.
        let database = identity.iter().take(2).cloned().collect();
        answer.settings.sort_unstable();
        identity.append(&mut answer.settings);
        Ok(ProbeAnswer(Probe {
            database,
            identity,
            isolation: Isolation::parse(&answer.isolation),
            autocommit: true,
            replica: answer.replica,
            temporary: TemporaryTables::Listed(answer.temporary),
            unseen: answer.unseen,
            functions: BTreeSet::new(),
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
