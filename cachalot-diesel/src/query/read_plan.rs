//! The plan of a read in the context of its connection.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Options, disabled::is_disabled};
use crate::{
    bypass::BypassReason,
    cache::Cache,
    connection::{CacheConnection, Question},
    planner::{CatalogSnapshot, Plan},
    protocol::Dependency,
    session::{ReadContext, Session},
};
use cachalot_sql::Analysis;

/// A catalog older than this is loaded again if a query names a relation that it does not have.
const UNKNOWN_RELATION_AGE: Duration = Duration::from_secs(1);

/// How often a catalog by which a read bypasses the cache is checked for being current.
const REFUSAL_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What the key and the lookup of a read are computed from.
pub(super) struct PlannedRead {
    pub(super) context: ReadContext,
    pub(super) database: Arc<str>,
    pub(super) snapshot: CatalogSnapshot,
    pub(super) plan: Arc<Plan>,
    pub(super) ttl: Option<Duration>,
}

/// Why a read is not answered from the cache, and the tables that it depends on if it was planned.
pub(super) struct Refusal {
    pub(super) reason: BypassReason,
    pub(super) tables: Option<Vec<Arc<str>>>,
}

impl From<BypassReason> for Refusal {
    fn from(reason: BypassReason) -> Self {
        Self {
            reason,
            tables: None,
        }
    }
}

/// Why a read is not answered from the cache, whatever its connection and the catalog.
pub(super) fn refuses(cache: &Cache, analysis: &Analysis) -> Option<BypassReason> {
    if !cache.config().enabled || is_disabled() {
        return Some(BypassReason::Disabled);
    }
    cache.planner().refuses(analysis)
}

/// The plan of a read that is not [refused](refuses).
pub(super) fn plan_read<Conn: CacheConnection>(
    conn: &mut Conn,
    session: &mut Session,
    cache: &Cache,
    analysis: &Analysis,
    options: &Options,
) -> Result<PlannedRead, Refusal> {
    let planner = cache.planner();
    let mut context = session.for_read(conn, cache)?;
    let (mut database, mut snapshot) = catalog_of(conn, session, cache, &context, None)?;
    let schemas = snapshot.catalog.skipped_schemas(analysis);
    let schemas = schemas.as_ref();
    if schemas.is_some() {
        (database, snapshot) = catalog_of(conn, session, cache, &context, schemas)?;
    }
    let (mut plan, _) = planner.plan(analysis, &snapshot.catalog);
    if plan.unknown_relation && context.in_transaction {
        // Created by the open transaction: a newer catalog that others may use would not have it.
        let own = |table: &Arc<str>| !snapshot.catalog.has(table) && session.wrote_to(table);
        if analysis.reads().iter().any(own) {
            return Err(BypassReason::OwnWrites.into());
        }
    }
    // A read that bypasses the cache does not query the store, so it would not detect a new epoch.
    let outdated = plan.bypass.is_some()
        && snapshot.is_due(REFUSAL_CHECK_INTERVAL)
        && !planner.is_current(&snapshot);
    if outdated
        || plan.unknown_relation
            && !(snapshot.is_younger_than(UNKNOWN_RELATION_AGE) && planner.is_current(&snapshot))
    {
        // Created since the catalog was loaded, possibly by a program that is not watched.
        planner.forget_catalog(&database, &snapshot);
        (database, snapshot) = catalog_of(conn, session, cache, &context, schemas)?;
        (plan, _) = planner.plan(analysis, &snapshot.catalog);
    }
    if plan.unknown_relation && plan.bypass.is_none() {
        return Err(BypassReason::CatalogUnknown.into());
    }
    if !options.depends_on.is_empty() {
        plan = planner.with_extra_dependencies(&plan, &options.depends_on, &snapshot.catalog);
    }
    let refusal = |reason| Refusal {
        reason,
        tables: Some(names(&plan.dependencies)),
    };
    if let Some(reason) = &plan.bypass {
        return Err(refusal(reason.clone()));
    }
    let mut tables = plan.dependencies.iter();
    if context.in_transaction && tables.any(|table| session.wrote_to(&table.table)) {
        return Err(refusal(BypassReason::OwnWrites));
    }
    if !session.knows_settings(&plan.settings) {
        context = session.for_read(conn, cache).map_err(refusal)?;
    }
    if let Some(function) = redefined(session, cache, &plan) {
        return Err(refusal(BypassReason::VolatileFunction(function)));
    }
    let ttl = match options.ttl {
        Some(ttl) => (!ttl.is_zero()).then_some(ttl),
        None => plan.ttl,
    };
    Ok(PlannedRead {
        context,
        database,
        snapshot,
        plan,
        ttl,
    })
}

/// The tables of these dependencies.
pub(super) fn names(dependencies: &[Dependency]) -> Vec<Arc<str>> {
    let tables = dependencies.iter();
    tables.map(|table| Arc::clone(&table.table)).collect()
}

/// SQLite: a function that the read calls and that the program has defined on this connection. It may
/// replace one of SQLite's own.
fn redefined(session: &Session, cache: &Cache, plan: &Plan) -> Option<String> {
    let trusted = &cache.config().pure_functions;
    let mut own = session.functions().intersection(&plan.functions);
    own.find(|name| !trusted.contains(*name)).cloned()
}

/// The catalog of the connection's database, including these schemas. Loads it if it is unknown.
fn catalog_of<Conn: CacheConnection>(
    conn: &mut Conn,
    session: &Session,
    cache: &Cache,
    context: &ReadContext,
    schemas: Option<&BTreeSet<Arc<str>>>,
) -> Result<(Arc<str>, CatalogSnapshot), BypassReason> {
    let mut database = Arc::clone(&context.database);
    for schema in schemas.into_iter().flatten() {
        database = format!("{database} {schema:?}").into();
    }
    // A catalog that has the transaction's own changes must not be shared.
    let has_written = session.has_written();
    let planner = cache.planner();
    let load = || {
        if has_written {
            return Ok(None);
        }
        let question = Question {
            in_transaction: context.in_transaction,
            schemas: schemas.cloned().unwrap_or_default(),
            declared_keys: planner.declared_keys(),
        };
        conn.catalog(&question).map(|answer| Some(answer.0))
    };
    let snapshot = match context.replica {
        true => planner.catalog_for_replica(&database, load),
        false => planner.catalog(&database, !context.in_transaction, load),
    };
    match snapshot {
        Ok(snapshot) => Ok((database, snapshot)),
        Err(BypassReason::CatalogUnknown) if has_written => Err(BypassReason::OwnWrites),
        Err(reason) => Err(reason),
    }
}
