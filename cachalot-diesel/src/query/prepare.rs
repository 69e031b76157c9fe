use std::sync::Once;

use diesel::{
    QueryResult,
    expression::QueryMetadata,
    query_builder::{QueryBuilder, QueryFragment},
};

use super::{Options, disabled::is_disabled};
use crate::{
    bypass::BypassReason,
    cache::{Cachalot, Dependency, installed},
    connection::CacheConnection,
    events::TARGET,
    rows::{CacheBackend, private},
    tracker::{Snapshot, Tracker, attach},
};

/// A read that may be answered from the cache.
pub(super) struct Read {
    pub(super) cache: Cachalot,
    pub(super) key: String,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) ttl: Option<std::time::Duration>,
    /// Its connection holds no locks that another reader could wait for.
    pub(super) may_wait: bool,
}

pub(super) enum Prepared {
    Read(Read),
    Bypass {
        cache: Option<Cachalot>,
        reason: BypassReason,
        tables: Vec<String>,
    },
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
    Q: QueryFragment<Conn::Backend>,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<ST>,
{
    let cache = match cache_of(conn) {
        Ok(cache) => cache,
        Err(reason) => {
            return Ok(Prepared::Bypass {
                cache: None,
                reason,
                tables: Vec::new(),
            });
        }
    };
    let dialect = <Conn::Backend as CacheBackend>::dialect();
    let mut builder = <Conn::Backend as diesel::backend::Backend>::QueryBuilder::default();
    query.to_sql(&mut builder, &Default::default())?;
    let sql = builder.finish();
    let plan = cache.plan(&sql, dialect);
    let dependencies = if options.depends_on.is_empty() {
        plan.dependencies.clone()
    } else {
        cache.with_extra(&plan, &options.depends_on)
    };
    let bypass = |cache, reason, dependencies: &[Dependency]| {
        let tables = dependencies
            .iter()
            .map(|table| table.table.to_string())
            .collect();
        Ok(Prepared::Bypass {
            cache: Some(cache),
            reason,
            tables,
        })
    };
    if !cache.config().enabled || is_disabled() {
        return bypass(cache, BypassReason::Disabled, &dependencies);
    }
    if let Some(reason) = &plan.bypass {
        return bypass(cache, reason.clone(), &dependencies);
    }
    let session = match session_of(conn, &dependencies) {
        Ok(session) => session,
        Err(reason) => return bypass(cache, reason, &dependencies),
    };
    let mut key = private::Key(cache.entry_fingerprint());
    key.0.part(dialect.to_string().as_bytes());
    <Conn::Backend as CacheBackend>::fingerprint_abi(&mut key);
    key.0.part(session.as_bytes());
    key.0.part(sql.as_bytes());
    <Conn::Backend as CacheBackend>::fingerprint_result::<ST>(&mut key);
    let fixed = conn.with_lookup(|lookup| {
        <Conn::Backend as CacheBackend>::fingerprint_binds(query, lookup, &mut key)
    })?;
    if !fixed && casts(&sql) {
        let reason = BypassReason::VolatileFunction("now".to_owned());
        return bypass(cache, reason, &dependencies);
    }
    let ttl = match options.ttl {
        Some(ttl) => (!ttl.is_zero()).then_some(ttl),
        None => plan.ttl,
    };
    let may_wait = tracker(conn).is_ok_and(|it| it.transactions.snapshot() == Snapshot::Committed);
    Ok(Prepared::Read(Read {
        may_wait,
        cache,
        key: key.0.finish(),
        dependencies,
        ttl,
    }))
}

/// May the text turn a bind into another type?
fn casts(sql: &str) -> bool {
    sql.contains("::") || sql.to_ascii_lowercase().contains("cast")
}

/// The cache that watches the connection; attaches it if it only has to be.
fn cache_of<Conn: CacheConnection>(conn: &mut Conn) -> Result<Cachalot, BypassReason> {
    if let Some(tracker) = conn.instrumentation().downcast_mut::<Tracker>() {
        tracker.set_dialect(<Conn::Backend as CacheBackend>::dialect());
        tracker.settle();
        return tracker.cache().cloned().ok_or(BypassReason::NotInstalled);
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
        return Err(BypassReason::NotInstalled);
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
                tracing::warn!(name: "cachalot.not_watched", target: TARGET, %error, "a connection cannot be watched: its reads go to the database");
            });
            Err(BypassReason::NotTracked)
        }
    }
}

/// The hash of whose rows the connection sees, if what it sees is what everybody like it sees.
fn session_of<Conn: CacheConnection>(
    conn: &mut Conn,
    dependencies: &[Dependency],
) -> Result<String, BypassReason> {
    let tracker = tracker(conn)?;
    if tracker.session.identity().is_none() {
        let named = tracker.session.named();
        tracker.silence(true);
        let answer = conn.probe(&named);
        let tracker = self::tracker(conn)?;
        tracker.silence(false);
        match answer {
            Ok(answer) => {
                tracker
                    .transactions
                    .probed(answer.0.isolation, answer.0.autocommit);
                tracker.session.probed(&answer.0);
            }
            Err(error) => {
                tracing::debug!(name: "cachalot.session_unknown", target: TARGET, %error, "the session could not be probed");
                return Err(BypassReason::UnknownSession);
            }
        }
    }
    let tracker = self::tracker(conn)?;
    let (session, transactions) = (&tracker.session, &tracker.transactions);
    if session.is_opaque() {
        return Err(BypassReason::UnknownSession);
    }
    if session.replica {
        return Err(BypassReason::Replica);
    }
    if session.temporary {
        return Err(BypassReason::TemporaryTable);
    }
    match transactions.snapshot() {
        Snapshot::Committed => {}
        Snapshot::CommittedAndOwn => {
            if dependencies
                .iter()
                .any(|table| transactions.wrote_to(&table.table))
            {
                return Err(BypassReason::OwnWrites);
            }
        }
        Snapshot::Old => return Err(BypassReason::OldSnapshot),
        Snapshot::Dirty => return Err(BypassReason::ReadUncommitted),
    }
    session
        .identity()
        .map(str::to_owned)
        .ok_or(BypassReason::UnknownSession)
}

fn tracker<Conn: CacheConnection>(conn: &mut Conn) -> Result<&mut Tracker, BypassReason> {
    conn.instrumentation()
        .downcast_mut::<Tracker>()
        .ok_or(BypassReason::NotTracked)
}
