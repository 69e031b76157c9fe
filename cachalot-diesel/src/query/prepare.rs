use std::{
    collections::BTreeSet,
    sync::{Arc, Once},
    time::Duration,
};

use diesel::{
    QueryResult,
    expression::QueryMetadata,
    query_builder::{QueryFragment, QueryId},
};

use super::{Options, disabled::is_disabled, text::analysis_of};
use crate::{
    bypass::BypassReason,
    cache::{Cache, installed},
    chain::Chain,
    connection::{CacheConnection, Question},
    events::{self, TARGET},
    fingerprint::Digest,
    planner::{CatalogSnapshot, Plan},
    protocol::Dependency,
    rows::{CacheBackend, private},
    statement::Analysis,
    tracker::{Snapshot, Tracker, attach, misses_writes},
};

/// A catalog older than this is read again for a relation that it does not have.
const STRANGE: Duration = Duration::from_secs(1);

/// So often it is looked whether a catalog that refuses a read is still the present one.
const REFUSED: Duration = Duration::from_secs(1);

/// A read that may be answered from the cache.
pub(super) struct Read {
    pub(super) cache: Cache,
    pub(super) key: String,
    pub(super) plan: Arc<Plan>,
    pub(super) ttl: Option<Duration>,
    /// Its connection holds no locks that another reader could wait for.
    pub(super) may_wait: bool,
    /// The database, and what was known of it when the plan was worked out.
    database: Arc<str>,
    pub(super) known: CatalogSnapshot,
}

impl Read {
    /// What was known of the database is no longer true: whoever prepares again asks anew.
    pub(super) fn is_outdated(&self) {
        self.cache
            .planner()
            .forget_catalog(&self.database, &self.known);
    }
}

pub(super) enum Prepared {
    Read(Box<Read>),
    Bypass {
        cache: Option<Cache>,
        reason: BypassReason,
        tables: Vec<String>,
    },
}

/// Why a read is not answered from the cache, and what is known of its tables.
struct Refusal {
    reason: BypassReason,
    tables: Option<Vec<String>>,
}

impl From<BypassReason> for Refusal {
    fn from(reason: BypassReason) -> Self {
        Self {
            reason,
            tables: None,
        }
    }
}

/// Decides whether a query may be answered from the cache, and under which key.
///
/// # Errors
/// A query that cannot be built; the database would not have got it either.
pub(super) fn prepare<ST, Q, Conn>(
    conn: &mut Conn,
    query: &Q,
    options: &Options,
) -> QueryResult<Prepared>
where
    Q: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<ST>,
{
    let cache = match cache_of(conn) {
        Ok(cache) => cache,
        Err((cache, reason)) => {
            return Ok(Prepared::Bypass {
                cache,
                reason,
                tables: Vec::new(),
            });
        }
    };
    let analysis = analysis_of(conn, query)?;
    let ready = match ready(conn, &cache, &analysis, options) {
        Ok(ready) => ready,
        Err(Refusal { reason, tables }) => {
            let named = || analysis.reads().iter().map(ToString::to_string).collect();
            return Ok(Prepared::Bypass {
                cache: Some(cache),
                reason,
                tables: tables.unwrap_or_else(named),
            });
        }
    };
    let text = analysis.text();
    let mut key = private::Key(cache.entries().fingerprint());
    key.0.digest(text.hash());
    key.0.digest(&ready.session);
    // Reads that allow different ages share no entry: the store's own expiry then bounds the age of
    // what each is given.
    let ttl = ready.ttl.unwrap_or_default();
    key.0.number(ttl.as_secs());
    key.0.number(u64::from(ttl.subsec_nanos()));
    <Conn::Backend as CacheBackend>::fingerprint_abi(&mut key);
    <Conn::Backend as CacheBackend>::fingerprint_result::<ST>(&mut key);
    let binds = conn.with_lookup(|lookup| {
        <Conn::Backend as CacheBackend>::fingerprint_binds(query, lookup, &mut key)
    })?;
    let moving = if binds.moving && casts(text.sql()) {
        Some("now")
    } else {
        (binds.times && ready.plan.times_move).then_some("time")
    };
    if let Some(moving) = moving {
        return Ok(Prepared::Bypass {
            cache: Some(cache),
            reason: BypassReason::VolatileFunction(moving.to_owned()),
            tables: names(&ready.plan.dependencies),
        });
    }
    Ok(Prepared::Read(Box::new(Read {
        cache,
        key: key.0.finish(),
        plan: ready.plan,
        ttl: ready.ttl,
        may_wait: ready.snapshot == Snapshot::Committed,
        database: ready.database,
        known: ready.known,
    })))
}

/// What the key and the look-up of a read are made of.
struct Ready {
    /// The hash of whose rows the connection sees.
    session: Digest,
    snapshot: Snapshot,
    database: Arc<str>,
    known: CatalogSnapshot,
    plan: Arc<Plan>,
    ttl: Option<Duration>,
}

fn ready<Conn: CacheConnection>(
    conn: &mut Conn,
    cache: &Cache,
    analysis: &Analysis,
    options: &Options,
) -> Result<Ready, Refusal> {
    if !cache.config().enabled || is_disabled() {
        return Err(BypassReason::Disabled.into());
    }
    if let Some(reason) = cache.planner().refuses(analysis) {
        return Err(reason.into());
    }
    let mut session = session_of(conn)?;
    let mut schemas = BTreeSet::new();
    let (mut database, mut known) = catalog_of(conn, cache, session.snapshot, &schemas)?;
    let left_out = known.catalog.left_out(analysis);
    if !left_out.is_empty() {
        schemas = left_out;
        (database, known) = catalog_of(conn, cache, session.snapshot, &schemas)?;
    }
    let (mut plan, _) = cache.planner().plan(analysis, &known.catalog);
    if plan.unknown_relation && session.snapshot == Snapshot::CommittedAndOwn {
        // Made by the open transaction: no newer catalog that others may use would have it.
        let transactions = &tracker(conn)?.transactions;
        let own = |table: &Arc<str>| !known.catalog.has(table) && transactions.wrote_to(table);
        if analysis.reads().iter().any(own) {
            return Err(BypassReason::OwnWrites.into());
        }
    }
    // No look at the store ever tells a read that is refused of a new epoch.
    let refused =
        plan.bypass.is_some() && known.is_due(REFUSED) && !cache.planner().is_current(&known);
    if refused
        || plan.unknown_relation
            && !(known.is_younger_than(STRANGE) && cache.planner().is_current(&known))
    {
        // Made since the catalog was read, perhaps by somebody who is not watched.
        cache.planner().forget_catalog(&database, &known);
        (database, known) = catalog_of(conn, cache, session.snapshot, &schemas)?;
        (plan, _) = cache.planner().plan(analysis, &known.catalog);
    }
    if plan.unknown_relation && plan.bypass.is_none() {
        return Err(BypassReason::CatalogUnknown.into());
    }
    if !options.depends_on.is_empty() {
        plan = cache
            .planner()
            .extra(&plan, &options.depends_on, &known.catalog);
    }
    let refusal = |reason| Refusal {
        reason,
        tables: Some(names(&plan.dependencies)),
    };
    if let Some(reason) = &plan.bypass {
        return Err(refusal(reason.clone()));
    }
    let tracker = tracker(conn)?;
    if session.snapshot == Snapshot::CommittedAndOwn
        && plan
            .dependencies
            .iter()
            .any(|table| tracker.transactions.wrote_to(&table.table))
    {
        return Err(refusal(BypassReason::OwnWrites));
    }
    if !tracker.session.asks_for(&plan.settings) {
        session = session_of(conn).map_err(|refused| refusal(refused.reason))?;
    }
    if let Some(function) = redefined(conn, cache, &plan)? {
        return Err(refusal(BypassReason::VolatileFunction(function)));
    }
    let ttl = match options.ttl {
        Some(ttl) => (!ttl.is_zero()).then_some(ttl),
        None => plan.ttl,
    };
    Ok(Ready {
        session: session.identity,
        snapshot: session.snapshot,
        database,
        known,
        plan,
        ttl,
    })
}

/// SQLite: a function that the read calls and that the program has defined on this connection, perhaps
/// in the place of SQLite's own.
fn redefined<Conn: CacheConnection>(
    conn: &mut Conn,
    cache: &Cache,
    plan: &Plan,
) -> Result<Option<String>, BypassReason> {
    let functions = tracker(conn)?.session.functions();
    let trusted = &cache.config().pure_functions;
    let mut own = functions.intersection(&plan.functions);
    Ok(own.find(|name| !trusted.contains(*name)).cloned())
}

pub(super) fn names(dependencies: &[Dependency]) -> Vec<String> {
    let tables = dependencies.iter();
    tables.map(|table| table.table.to_string()).collect()
}

/// May the text turn a bind into another type? `date($1)` and `json_to_record($1)` do.
fn casts(sql: &str) -> bool {
    let sql = sql.to_ascii_lowercase();
    ["::", "cast", "date", "time", "record"]
        .iter()
        .any(|sign| sql.contains(sign))
}

/// The cache that answers the connection's reads, if it sees the writes of all connections.
fn cache_of<Conn: CacheConnection>(
    conn: &mut Conn,
) -> Result<Cache, (Option<Cache>, BypassReason)> {
    let cache = watching(conn)?;
    if misses_writes(&cache) {
        return Err((Some(cache), BypassReason::InstrumentationReplaced));
    }
    Ok(cache)
}

/// The cache that watches the connection; attaches it if it only has to be.
fn watching<Conn: CacheConnection>(
    conn: &mut Conn,
) -> Result<Cache, (Option<Cache>, BypassReason)> {
    if let Some(tracker) = conn.instrumentation().downcast_mut::<Tracker>() {
        tracker.set_dialect(<Conn::Backend as CacheBackend>::dialect());
        tracker.close_unreported();
        let cache = tracker.cache().cloned();
        return cache.ok_or((None, BypassReason::NotInstalled));
    }
    let Some(cache) = installed() else {
        static WARNED: Once = Once::new();
        WARNED.call_once(|| {
            tracing::warn!(
                name: "cachalot.not_installed", target: TARGET,
                "no cache is installed: reads go to the database; \
                 call `cachalot_diesel::install()` before connecting"
            );
        });
        return Err((None, BypassReason::NotInstalled));
    };
    match attach(conn, &cache) {
        Ok(()) => {
            static WARNED: Once = Once::new();
            WARNED.call_once(|| {
                tracing::warn!(
                    name: "cachalot.watched_late", target: TARGET,
                    "a connection was not watched and is from now on; what it wrote before \
                     invalidated nothing: install the cache before connecting, or `watch` it"
                );
            });
            Ok(cache)
        }
        Err(error) => {
            static WARNED: Once = Once::new();
            WARNED.call_once(|| {
                tracing::error!(
                    name: "cachalot.not_watched", target: TARGET, error = %Chain(&error),
                    "a connection cannot be watched, so its writes are not seen: reads of this \
                     process go to the database until it is; pass its instrumentation to \
                     `watch_with` or its constructor to `install_with`"
                );
            });
            cache.found_unwatched();
            Err((Some(cache), BypassReason::NotTracked))
        }
    }
}

/// Whose rows the connection sees, and at which state.
struct Session {
    identity: Digest,
    snapshot: Snapshot,
}

/// The session of a connection, if what it sees is what everybody like it sees.
fn session_of<Conn: CacheConnection>(conn: &mut Conn) -> Result<Session, Refusal> {
    let tracker = tracker(conn)?;
    if tracker.session.identity().is_none() {
        let question = tracker.session.question();
        if tracker.transactions.is_uncertain() {
            let open = silently(conn, CacheConnection::in_transaction)?;
            self::tracker(conn)?.transactions.found(open);
        }
        let answer = silently(conn, |conn| conn.probe(&question))?;
        let tracker = self::tracker(conn)?;
        let cache = tracker.cache().cloned();
        match answer {
            Ok(answer) => {
                tracker
                    .transactions
                    .probed(answer.0.isolation, answer.0.autocommit);
                tracker.session.probed(&answer.0);
                let (url, database) = (tracker.session.url(), tracker.session.database());
                if let (Some(cache), Some(url), Some(database)) = (cache, url, database) {
                    cache.planner().learn_database(url, database);
                }
                if answer.0.unseen {
                    tracker.transactions.writes_unseen();
                } else if !tracker.session.has_temporary_tables() {
                    tracker.transactions.has_nothing_temporary();
                }
            }
            Err(error) => {
                events::session_unknown(&error);
                return Err(BypassReason::UnknownSession.into());
            }
        }
    }
    let tracker = self::tracker(conn)?;
    let (session, transactions) = (&tracker.session, &tracker.transactions);
    if session.replica {
        return Err(BypassReason::Replica.into());
    }
    if session.has_temporary_tables() {
        return Err(BypassReason::TemporaryTable.into());
    }
    let snapshot = transactions.snapshot();
    match snapshot {
        Snapshot::Committed | Snapshot::CommittedAndOwn => {}
        Snapshot::Old => return Err(BypassReason::OldSnapshot.into()),
        Snapshot::Dirty => return Err(BypassReason::ReadUncommitted.into()),
    }
    let identity = session.identity().ok_or(BypassReason::UnknownSession)?;
    Ok(Session { identity, snapshot })
}

/// What is known of the connection's database, and of these schemas besides; asks where nothing is.
fn catalog_of<Conn: CacheConnection>(
    conn: &mut Conn,
    cache: &Cache,
    snapshot: Snapshot,
    schemas: &BTreeSet<Arc<str>>,
) -> Result<(Arc<str>, CatalogSnapshot), Refusal> {
    let tracker = tracker(conn)?;
    let database = tracker.session.database().cloned();
    let mut database = database.ok_or(BypassReason::UnknownSession)?;
    for schema in schemas {
        database = format!("{database} {schema:?}").into();
    }
    // A schema that only this transaction sees is nobody else's.
    let tx_has_writes = tracker.transactions.has_written();
    let question = Question {
        in_transaction: snapshot != Snapshot::Committed,
        schemas: schemas.clone(),
    };
    let known = cache
        .planner()
        .catalog(&database, !question.in_transaction, || {
            if tx_has_writes {
                return Ok(None);
            }
            match silently(conn, |conn| conn.catalog(&question)) {
                Ok(Ok(answer)) => Ok(Some(answer.0)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(reason) => Err(reason.to_string()),
            }
        });
    match known {
        Ok(known) => Ok((database, known)),
        Err(BypassReason::CatalogUnknown) if tx_has_writes => Err(BypassReason::OwnWrites.into()),
        Err(reason) => Err(reason.into()),
    }
}

/// Asks the database something that nobody needs to see.
fn silently<Conn: CacheConnection, T>(
    conn: &mut Conn,
    ask: impl FnOnce(&mut Conn) -> T,
) -> Result<T, BypassReason> {
    tracker(conn)?.silence(true);
    let answer = ask(conn);
    tracker(conn)?.silence(false);
    Ok(answer)
}

fn tracker<Conn: CacheConnection>(conn: &mut Conn) -> Result<&mut Tracker, BypassReason> {
    conn.instrumentation()
        .downcast_mut::<Tracker>()
        .ok_or(BypassReason::NotTracked)
}
