//! The plan of a read in the context of its connection.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Options, disabled::is_disabled, prepare::names};
use crate::{
    bypass::BypassReason,
    cache::Cache,
    connection::{CacheConnection, Question},
    planner::{CatalogSnapshot, Plan},
    session::{ReadContext, Session},
};
use cachalot_sql::Analysis;

/// A catalog older than this is loaded again for a relation that it does not have.
const UNKNOWN_RELATION_AGE: Duration = Duration::from_secs(1);

/// How often a catalog that refuses a read is checked for being current.
const REFUSAL_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What the key and the look-up of a read are made of.
pub(super) struct Planned {
    pub(super) context: ReadContext,
    pub(super) database: Arc<str>,
    pub(super) known: CatalogSnapshot,
    pub(super) plan: Arc<Plan>,
    pub(super) ttl: Option<Duration>,
}

/// Why a read is not answered from the cache, and the tables that it depends on if it was planned.
pub(super) struct Refusal {
    pub(super) reason: BypassReason,
    pub(super) tables: Option<Vec<String>>,
}

impl From<BypassReason> for Refusal {
    fn from(reason: BypassReason) -> Self {
        Self {
            reason,
            tables: None,
        }
    }
}

pub(super) fn planned<Conn: CacheConnection>(
    conn: &mut Conn,
    session: &mut Session,
    cache: &Cache,
    analysis: &Analysis,
    options: &Options,
) -> Result<Planned, Refusal> {
    if !cache.config().enabled || is_disabled() {
        return Err(BypassReason::Disabled.into());
    }
    let planner = cache.planner();
    if let Some(reason) = planner.refuses(analysis) {
        return Err(reason.into());
    }
    let mut context = session.for_read(conn, cache)?;
    let mut schemas = BTreeSet::new();
    let (mut database, mut known) = catalog_of(conn, session, cache, &context, &schemas)?;
    let left_out = known.catalog.skipped_schemas(analysis);
    if !left_out.is_empty() {
        schemas = left_out;
        (database, known) = catalog_of(conn, session, cache, &context, &schemas)?;
    }
    let (mut plan, _) = planner.plan(analysis, &known.catalog);
    if plan.unknown_relation && context.in_transaction {
        // Created by the open transaction: no newer catalog that others may use would have it.
        let own = |table: &Arc<str>| !known.catalog.has(table) && session.wrote_to(table);
        if analysis.reads().iter().any(own) {
            return Err(BypassReason::OwnWrites.into());
        }
    }
    // A read that is refused does not look at the store, and so does not learn of a new epoch.
    let refused = plan.bypass.is_some()
        && known.is_due(REFUSAL_CHECK_INTERVAL)
        && !planner.is_current(&known);
    if refused
        || plan.unknown_relation
            && !(known.is_younger_than(UNKNOWN_RELATION_AGE) && planner.is_current(&known))
    {
        // Created since the catalog was loaded, perhaps by a program that is not watched.
        planner.forget_catalog(&database, &known);
        (database, known) = catalog_of(conn, session, cache, &context, &schemas)?;
        (plan, _) = planner.plan(analysis, &known.catalog);
    }
    if plan.unknown_relation && plan.bypass.is_none() {
        return Err(BypassReason::CatalogUnknown.into());
    }
    if !options.depends_on.is_empty() {
        plan = planner.with_extra_dependencies(&plan, &options.depends_on, &known.catalog);
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
    Ok(Planned {
        context,
        database,
        known,
        plan,
        ttl,
    })
}

/// SQLite: a function that the read calls and that the program has defined on this connection, perhaps
/// in place of SQLite's own.
fn redefined(session: &Session, cache: &Cache, plan: &Plan) -> Option<String> {
    let trusted = &cache.config().pure_functions;
    let mut own = session.functions().intersection(&plan.functions);
    own.find(|name| !trusted.contains(*name)).cloned()
}

/// The catalog of the connection's database, and of these schemas besides. Loads it if it is unknown.
fn catalog_of<Conn: CacheConnection>(
    conn: &mut Conn,
    session: &Session,
    cache: &Cache,
    context: &ReadContext,
    schemas: &BTreeSet<Arc<str>>,
) -> Result<(Arc<str>, CatalogSnapshot), BypassReason> {
    let mut database = Arc::clone(&context.database);
    for schema in schemas {
        database = format!("{database} {schema:?}").into();
    }
    // What only this transaction sees must not be shared.
    let has_written = session.has_written();
    let question = Question {
        in_transaction: context.in_transaction,
        schemas: schemas.clone(),
    };
    let load = || {
        if has_written {
            return Ok(None);
        }
        conn.catalog(&question).map(|answer| Some(answer.0))
    };
    let planner = cache.planner();
    let known = match context.replica {
        true => planner.agreed_catalog(&database, load),
        false => planner.catalog(&database, !question.in_transaction, load),
    };
    match known {
        Ok(known) => Ok((database, known)),
        Err(BypassReason::CatalogUnknown) if has_written => Err(BypassReason::OwnWrites),
        Err(reason) => Err(reason),
    }
}
