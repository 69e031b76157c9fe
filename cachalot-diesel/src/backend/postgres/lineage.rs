//! Asks a PostgreSQL server which history of changes it takes part in.

use diesel::{
    PgConnection, QueryResult, QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use crate::protocol::Lineage;

/// Asked first, as a statement that is refused would end the caller's transaction.
const MAY_ASK: &str = "\
SELECT pg_catalog.bool_and(coalesce(pg_catalog.has_function_privilege(\
pg_catalog.to_regprocedure(name), 'EXECUTE'), false)) AS allowed \
FROM pg_catalog.unnest(ARRAY['pg_catalog.pg_control_system()', 'pg_catalog.pg_current_wal_lsn()', \
'pg_catalog.pg_walfile_name(pg_catalog.pg_lsn)', 'pg_catalog.pg_stat_get_wal_receiver()']) AS name";

/// The timeline of `pg_control_checkpoint()` would be that of the last checkpoint, on a server that was
/// promoted after it the former one. A standby tells it while it receives, to those who may read
/// statistics: one that has lost its primary may be about to follow another.
const LINEAGE: &str = "\
SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS cluster, \
pg_catalog.pg_is_in_recovery() AS in_recovery, \
CASE WHEN pg_catalog.pg_is_in_recovery() THEN \
(SELECT pg_catalog.lpad(pg_catalog.upper(pg_catalog.to_hex(received_tli)), 8, '0') \
FROM pg_catalog.pg_stat_get_wal_receiver() WHERE status = 'streaming') \
ELSE pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END AS timeline, \
(extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint AS started";

#[derive(QueryableByName)]
struct MayAsk {
    #[diesel(sql_type = Bool)]
    allowed: bool,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    cluster: String,
    #[diesel(sql_type = Bool)]
    in_recovery: bool,
    #[diesel(sql_type = Nullable<Text>)]
    timeline: Option<String>,
    #[diesel(sql_type = BigInt)]
    started: i64,
}

pub(super) fn lineage(conn: &mut PgConnection) -> QueryResult<Option<Lineage>> {
    let may_ask: MayAsk = diesel::sql_query(MAY_ASK).get_result(conn)?;
    if !may_ask.allowed {
        return Ok(None);
    }
    let answer: Answer = diesel::sql_query(LINEAGE).get_result(conn)?;
    Ok(answer.timeline.map(|timeline| Lineage {
        cluster: answer.cluster,
        timeline,
        started: answer.started,
        in_recovery: answer.in_recovery,
    }))
}
