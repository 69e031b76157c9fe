//! Asks a PostgreSQL server which cluster and timeline it belongs to.

use diesel::{
    PgConnection, QueryResult, QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use crate::connection::ReplicationState;

/// Checked first: an error from a missing privilege would abort the caller's transaction.
const MAY_ASK: &str = "\
SELECT pg_catalog.bool_and(coalesce(pg_catalog.has_function_privilege(\
pg_catalog.to_regprocedure(name), 'EXECUTE'), false)) AS allowed \
FROM pg_catalog.unnest(ARRAY['pg_catalog.pg_control_system()', 'pg_catalog.pg_current_wal_lsn()', \
'pg_catalog.pg_walfile_name(pg_catalog.pg_lsn)', 'pg_catalog.pg_stat_get_wal_receiver()']) AS name";

/// Does not use `pg_control_checkpoint()`: it returns the timeline of the last checkpoint, which is
/// outdated if the server was promoted since. A standby reports a timeline only while it streams: after it
/// has lost its primary it may follow another one. The role needs the privilege to read statistics.
const REPLICATION_STATE: &str = "\
SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system, \
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
    system: String,
    #[diesel(sql_type = Bool)]
    in_recovery: bool,
    #[diesel(sql_type = Nullable<Text>)]
    timeline: Option<String>,
    #[diesel(sql_type = BigInt)]
    started: i64,
}

pub(super) fn replication_state(conn: &mut PgConnection) -> QueryResult<Option<ReplicationState>> {
    let may_ask: MayAsk = diesel::sql_query(MAY_ASK).get_result(conn)?;
    if !may_ask.allowed {
        return Ok(None);
    }
    let answer: Answer = diesel::sql_query(REPLICATION_STATE).get_result(conn)?;
    Ok(answer.timeline.map(|timeline| ReplicationState {
        system: answer.system,
        timeline,
        started: answer.started,
        in_recovery: answer.in_recovery,
    }))
}
