use std::collections::{BTreeMap, BTreeSet};

use diesel::{
    PgConnection, QueryResult, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    dsl::sql,
    result::{DatabaseErrorKind, Error},
    sql_types::{Array, Bool, Text},
};

use super::{catalog, names, replication::replication_state};
use crate::connection::{
    CacheConnection, CatalogAnswer, Lookup, PlainConnection, Probe, ProbeAnswer, ProbeQuestion,
    Question, ReplicationAnswer, Sealed, ServerRole, TemporaryTables, never_affects_rows,
};
use cachalot_sql::{Dialect, Isolation};

/// Settings that `pg_settings` does not list: `role`, and those of extensions before the extension is
/// loaded.
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

/// Settings of transactions: they decide whether the cache is used, not which rows are returned.
const OF_TRANSACTIONS: [&str; 6] = [
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
];

/// A single statement, as each one costs a round trip.
///
/// The server is identified by its start time. Every role can read it (an error from a missing privilege
/// would abort the caller's transaction), and it changes when the server is restored or fails over, so
/// that entries from before are not used.
///
/// The settings are: those that a session can change and that differ from the built-in default, marked
/// with `+`; those asked for by name; and extension settings in `ALTER ROLE` or `ALTER DATABASE`, as the
/// role can change. The search path is without the schema of temporary objects: while that has any,
/// nothing is cached.
const PROBE: &str = "\
SELECT ARRAY[\
 (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint::text, \
 (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()), \
 session_user::text, current_user::text, \
 ARRAY(SELECT name FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS path (name, place) \
 WHERE name NOT LIKE 'pg\\_temp\\_%' ORDER BY place)::text] AS identity, \
ARRAY(SELECT CASE WHEN setting IS DISTINCT FROM boot_val THEN '+' ELSE '-' END \
 || pg_catalog.lower(name) || '=' || coalesce(setting, '') FROM pg_catalog.pg_settings \
 WHERE (setting IS DISTINCT FROM boot_val \
 AND context IN ('user', 'superuser', 'backend', 'superuser-backend')) \
 OR pg_catalog.lower(name) = ANY ($1)) AS listed, \
ARRAY(SELECT name || '=' || pg_catalog.current_setting(name, true) \
 FROM pg_catalog.unnest($1) AS name \
 WHERE pg_catalog.current_setting(name, true) IS NOT NULL) AS asked, \
ARRAY(SELECT DISTINCT coalesce(name || '=' || pg_catalog.current_setting(name, true), name) \
 FROM pg_catalog.pg_db_role_setting, pg_catalog.unnest(setconfig) AS given, \
 pg_catalog.lower(pg_catalog.split_part(given, '=', 1)) AS name \
 WHERE name LIKE '%.%' AND setdatabase IN (0, \
 (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))) AS given, \
pg_catalog.current_setting('default_transaction_isolation') AS isolation, \
pg_catalog.pg_is_in_recovery() AS replica, \
EXISTS (SELECT FROM pg_catalog.pg_depend \
 WHERE refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass \
 AND refobjid = pg_catalog.pg_my_temp_schema()) AS temporary, \
EXISTS (SELECT FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_class AS c ON c.oid = d.objid \
 WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass \
 AND d.refobjid = pg_catalog.pg_my_temp_schema() \
 AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
 AND (c.relkind = 'v' OR c.relhasrules OR c.relhastriggers)) AS hidden_writes";

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Array<Text>)]
    identity: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    listed: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    asked: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    given: Vec<String>,
    #[diesel(sql_type = Text)]
    isolation: String,
    #[diesel(sql_type = Bool)]
    replica: bool,
    #[diesel(sql_type = Bool)]
    temporary: bool,
    #[diesel(sql_type = Bool)]
    hidden_writes: bool,
}

impl Answer {
    /// The settings that distinguish this session from others. `named`: those that statements or plans use.
    fn settings(&self, named: &[String]) -> BTreeMap<&str, &str> {
        let mut listed = BTreeMap::new();
        let mut settings = BTreeMap::new();
        for (name, value) in pairs(&self.listed) {
            let (Some(name), changed) = (name.get(1..), name.starts_with('+')) else {
                continue;
            };
            listed.insert(name, value);
            let counts = || named.iter().any(|it| it == name) || !is_ignored(name);
            if changed && counts() {
                settings.insert(name, value);
            }
        }
        // After a reset, an extension's setting is an empty string.
        let unset = |name, value: &str| value.is_empty() && UNLISTED.contains(&name);
        for (name, value) in pairs(&self.asked) {
            if !unset(name, value) && !listed.contains_key(name) {
                settings.insert(name, value);
            }
        }
        for (name, value) in pairs(&self.given) {
            if !unset(name, value) && !is_ignored(name) {
                settings.insert(name, value);
            }
        }
        settings
    }
}

fn pairs(assignments: &[String]) -> impl Iterator<Item = (&str, &str)> {
    assignments.iter().filter_map(|pair| pair.split_once('='))
}

fn is_ignored(name: &str) -> bool {
    OF_TRANSACTIONS.contains(&name) || never_affects_rows(name, Dialect::Postgres)
}

/// Runs a query, a second time if a `COPY TO` is still open.
///
/// The iterator of Diesel's `copy_to` does not read the end of the copy. Until then libpq refuses to execute
/// prepared statements; a simple query reads what is left.
fn ask<T>(
    conn: &mut PgConnection,
    question: impl Fn(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let answer = question(conn);
    let refused = |error: &Error| {
        matches!(
            error,
            Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, _)
        )
    };
    if answer.as_ref().is_err_and(refused) && conn.batch_execute("SELECT").is_ok() {
        return question(conn);
    }
    answer
}

impl Sealed for PgConnection {}

impl PlainConnection for PgConnection {}

impl CacheConnection for PgConnection {
    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T {
        run(self)
    }

    fn probe(&mut self, question: &ProbeQuestion) -> QueryResult<ProbeAnswer> {
        names::remember(question.settings.iter().map(String::as_str));
        let mut asked: BTreeSet<String> = question.settings.iter().cloned().collect();
        asked.extend(names::remembered());
        asked.extend(UNLISTED.map(str::to_owned));
        let asked: Vec<String> = asked.into_iter().collect();
        let answer: Answer = ask(self, |conn| {
            let probe = diesel::sql_query(PROBE).bind::<Array<Text>, _>(&asked);
            probe.get_result(conn)
        })?;
        // No value if it is set for another role only.
        let given = answer.given.iter().filter_map(|it| it.split('=').next());
        names::remember(given);
        let settings = answer.settings(&question.settings);
        let exact_texts = settings.get("client_encoding") == Some(&"UTF8");
        let settings = settings
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let identity: Vec<String> = answer.identity.iter().cloned().chain(settings).collect();
        // Server and database only: every role can read the system catalogs, so the catalog is the same.
        let database = identity.iter().take(2).cloned().collect();
        Ok(ProbeAnswer(Probe {
            database,
            identity,
            isolation: Isolation::parse(&answer.isolation),
            autocommit: true,
            role: match answer.replica {
                true => ServerRole::Replica,
                false => ServerRole::Primary,
            },
            temporary: TemporaryTables::Listed(answer.temporary),
            hidden_writes: answer.hidden_writes,
            functions: BTreeSet::new(),
            exact_texts,
            replication: None,
        }))
    }

    fn in_transaction(&mut self) -> Option<bool> {
        // Inside a transaction `now()` does not change.
        let mut now = || {
            let now = |conn: &mut Self| {
                diesel::select(sql::<Text>("pg_catalog.now()::text")).get_result(conn)
            };
            ask(self, now)
        };
        let (first, second): (String, String) = (now().ok()?, now().ok()?);
        Some(first == second)
    }

    fn replication(&mut self) -> QueryResult<Option<ReplicationAnswer>> {
        Ok(replication_state(self)?.map(ReplicationAnswer))
    }

    fn catalog(&mut self, question: &Question) -> QueryResult<CatalogAnswer> {
        ask(self, |conn| catalog::load(conn, question)).map(CatalogAnswer)
    }
}
