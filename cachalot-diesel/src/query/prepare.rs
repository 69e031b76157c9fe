//! Decides whether a query may be answered from the cache, and under which key.

use std::{sync::Arc, time::Duration};

use diesel::{
    QueryResult,
    expression::QueryMetadata,
    query_builder::{QueryFragment, QueryId},
};

use super::{
    Options,
    read_plan::{PlannedRead, names, plan_read, refuses},
};
use crate::{
    bypass::BypassReason,
    cache::Cache,
    connection::CacheConnection,
    planner::{CatalogSnapshot, KeyValues, Plan},
    protocol::{Key, KeyNames, Records},
    rows::{CacheBackend, private},
    tracker::{cache_of, with_session},
};
use cachalot_sql::Analysis;

/// How often a read is prepared before it bypasses the cache, if the catalog is outdated each time.
const MAX_ATTEMPTS: usize = 3;

/// A read that may be answered from the cache.
pub(super) struct PreparedRead {
    pub(super) cache: Cache,
    pub(super) key: String,
    /// By table, the rows that it sees, where they are known.
    pub(super) row_keys: Vec<(Arc<str>, Key)>,
    pub(super) plan: Arc<Plan>,
    pub(super) ttl: Option<Duration>,
    /// The connection holds no locks, so it may wait for the rows of another reader.
    pub(super) may_wait: bool,
    /// The server may lag behind: entries may be used, but none stored.
    pub(super) replica: bool,
    /// The database, and the catalog that the plan was made with.
    database: Arc<str>,
    pub(super) snapshot: CatalogSnapshot,
}

impl PreparedRead {
    /// The version records that decide whether an entry is valid.
    pub(super) fn records(&self) -> Records<'_> {
        self.plan.records(&self.snapshot, &self.row_keys)
    }
}

/// A read that must go to the database.
pub(super) struct Bypass {
    pub(super) cache: Option<Cache>,
    pub(super) reason: BypassReason,
    pub(super) tables: Vec<Arc<str>>,
}

/// Prepares a query and looks it up. `look_up` returns `None` if the catalog is outdated; then the query is
/// prepared again, a few times.
///
/// # Errors
/// If the query cannot be built. Diesel would not send it either.
pub(super) fn prepare_with_retry<ST, Q, Conn, T>(
    conn: &mut Conn,
    query: &Q,
    analysis: &Analysis,
    options: &Options,
    mut look_up: impl FnMut(&mut PreparedRead) -> Option<T>,
) -> QueryResult<Result<(PreparedRead, Option<T>), Bypass>>
where
    Q: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<ST>,
{
    let mut attempts = 1;
    loop {
        let mut read = match prepare::<ST, _, _>(conn, query, analysis, options)? {
            Ok(read) => read,
            Err(bypass) => return Ok(Err(bypass)),
        };
        let found = look_up(&mut read);
        if found.is_some() || attempts >= MAX_ATTEMPTS {
            return Ok(Ok((read, found)));
        }
        attempts += 1;
        let planner = read.cache.planner();
        planner.forget_catalog(&read.database, &read.snapshot);
    }
}

fn prepare<ST, Q, Conn>(
    conn: &mut Conn,
    query: &Q,
    analysis: &Analysis,
    options: &Options,
) -> QueryResult<Result<PreparedRead, Bypass>>
where
    Q: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<ST>,
{
    let cache = match cache_of(conn) {
        Ok(cache) => cache,
        Err((cache, reason)) => {
            return Ok(Err(Bypass {
                cache,
                reason,
                tables: Vec::new(),
            }));
        }
    };
    let planned = match refuses(&cache, analysis) {
        Some(reason) => Err(reason.into()),
        None => with_session(conn, |conn, session| {
            plan_read(conn, session, &cache, analysis, options)
        })
        .unwrap_or_else(|| Err(BypassReason::NotTracked.into())),
    };
    let planned = match planned {
        Ok(planned) => planned,
        Err(refusal) => {
            let named = || analysis.reads().to_vec();
            return Ok(Err(Bypass {
                cache: Some(cache),
                reason: refusal.reason,
                tables: refusal.tables.unwrap_or_else(named),
            }));
        }
    };
    let keys = keys_of::<ST, _, _>(conn, query, &cache, analysis, &planned)?;
    let PlannedRead {
        context,
        database,
        snapshot,
        plan,
        ttl,
    } = planned;
    Ok(match keys {
        Ok(keys) => Ok(PreparedRead {
            cache,
            key: keys.entry,
            row_keys: keys.rows,
            plan,
            ttl,
            may_wait: !context.in_transaction,
            replica: context.replica,
            database,
            snapshot,
        }),
        Err(reason) => Err(Bypass {
            cache: Some(cache),
            reason,
            tables: names(&plan.dependencies),
        }),
    })
}

/// What an execution of a read is looked up by.
struct LookupKeys {
    entry: String,
    rows: Vec<(Arc<str>, Key)>,
}

/// The key of a read's entry and those of its rows, unless the binds depend on the time of the read.
fn keys_of<ST, Q, Conn>(
    conn: &mut Conn,
    query: &Q,
    cache: &Cache,
    analysis: &Analysis,
    planned: &PlannedRead,
) -> QueryResult<Result<LookupKeys, BypassReason>>
where
    Q: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<ST>,
{
    let text = analysis.text();
    let mut key = private::Key(cache.entries().fingerprint());
    key.0.digest(text.hash());
    key.0.digest(&planned.context.identity);
    // Reads with different times to live share no entry: the store's own expiry then limits the age
    // of each.
    let ttl = planned.ttl.unwrap_or_default();
    key.0.number(ttl.as_secs());
    key.0.number(u64::from(ttl.subsec_nanos()));
    <Conn::Backend as CacheBackend>::fingerprint_abi(&mut key);
    <Conn::Backend as CacheBackend>::fingerprint_result::<ST>(&mut key);
    let keys = &planned.plan.keys;
    let binds = conn.with_lookup(|lookup| {
        let keep = keys.are_bound();
        <Conn::Backend as CacheBackend>::fingerprint_binds(query, lookup, &mut key, keep)
    })?;
    let time_dependent = if binds.time_dependent && casts(text.sql()) {
        Some("now")
    } else {
        (binds.times && planned.plan.date_dependent_with_times).then_some("time")
    };
    if let Some(name) = time_dependent {
        return Ok(Err(BypassReason::VolatileFunction(name.to_owned())));
    }
    let values = KeyValues {
        dialect: <Conn::Backend as CacheBackend>::dialect(),
        binds: &binds.kept,
        exact_texts: planned.context.exact_texts,
    };
    let rows = keys.of_values(&values, &planned.snapshot.key_names);
    // Programs that declare other keys store the rows under other tokens.
    for (table, rows) in &rows {
        key.0.part(table.as_bytes());
        key.0.part(KeyNames::column_of(&rows.column).as_bytes());
    }
    let entry = key.0.finish();
    Ok(Ok(LookupKeys { entry, rows }))
}

/// May the text convert a bind to another type? `date($1)` and `json_to_record($1)` do.
fn casts(sql: &str) -> bool {
    let sql = sql.to_ascii_lowercase();
    ["::", "cast", "date", "time", "record"]
        .iter()
        .any(|word| sql.contains(word))
}
