//! Puts the tracker on connections: on new ones as Diesel's default instrumentation, and on open ones.

use std::{any::TypeId, sync::Once};

use diesel::connection::{
    DynInstrumentation, Instrumentation, TransactionManager, get_default_instrumentation,
    set_default_instrumentation,
};
use parking_lot::RwLock;

use super::{Tracker, replaced, tracker, with_session};
use crate::{
    Error,
    bypass::BypassReason,
    cache::{Cache, installed, set_installed},
    connection::CacheConnection,
    events::{self, Chain, TARGET},
    rows::CacheBackend,
    thread_flag::{is_untracked, untracked},
};
use cachalot_sql::Dialect;

/// Makes the program's own instrumentation of a new connection.
pub(crate) type Constructor = fn() -> Option<Box<dyn Instrumentation>>;

static USER_CONSTRUCTOR: RwLock<Option<Constructor>> = RwLock::new(None);

/// Makes the tracker Diesel's default instrumentation, unless the program has one of its own.
pub(crate) fn install_default(cache: &Cache) -> Result<(), Error> {
    if replaced::default() == replaced::Default::Foreign {
        return Err(Error::ForeignDefault);
    }
    set_default(cache)
}

/// As [`install_default`], with the program's own instrumentation behind the tracker.
pub(crate) fn install_default_with(cache: &Cache, constructor: Constructor) -> Result<(), Error> {
    *USER_CONSTRUCTOR.write() = Some(constructor);
    set_default(cache)
}

fn set_default(cache: &Cache) -> Result<(), Error> {
    // Connections opened in between are not watched, even if no read has detected it.
    if installed().is_some() && replaced::default() != replaced::Default::Ours {
        replaced::default_was_replaced();
    }
    set_installed(cache);
    set_default_instrumentation(tracker_of_new_connection).map_err(Error::Install)
}

/// What Diesel calls for every new connection.
fn tracker_of_new_connection() -> Option<Box<dyn Instrumentation>> {
    if is_untracked() {
        return None;
    }
    if let Some(marker) = replaced::marker() {
        return Some(marker);
    }
    let cache = installed()?;
    let own = USER_CONSTRUCTOR.read().and_then(|make| make());
    Some(Box::new(Tracker::new(cache, own)))
}

/// Puts a tracker on a connection, or makes its tracker use another cache too.
pub(crate) fn attach<C: CacheConnection>(conn: &mut C, cache: &Cache) -> Result<(), Error> {
    if let Some(tracker) = tracker(conn) {
        tracker.watch(cache);
        tracker.set_dialect(C::Backend::dialect());
        return Ok(());
    }
    let present = type_of(&*conn.instrumentation());
    if present == type_of(&*DynInstrumentation::none()) {
        // A connection opened after `install_with` would have got this one.
        let own = USER_CONSTRUCTOR.read().and_then(|make| make());
        set_tracker(conn, cache, own);
        return Ok(());
    }
    // Diesel cannot return a connection's instrumentation, but it can make another of the same type.
    let user_constructor = *USER_CONSTRUCTOR.read();
    let alike = [
        user_constructor.and_then(|make| make()),
        untracked(get_default_instrumentation),
    ]
    .into_iter()
    .flatten()
    .find(|made| type_of(&**made) == present)
    .ok_or(Error::ForeignInstrumentation)?;
    set_tracker(conn, cache, Some(alike));
    Ok(())
}

pub(crate) fn set_tracker<C: CacheConnection>(
    conn: &mut C,
    cache: &Cache,
    own: Option<Box<dyn Instrumentation>>,
) {
    let was_watched = conn.instrumentation().is::<Tracker>();
    let mut tracker = Tracker::new(cache.clone(), own);
    tracker.set_dialect(C::Backend::dialect());
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    let diesel_has_one = !matches!(status.transaction_depth(), Ok(None));
    conn.set_instrumentation(tracker);
    with_session(conn, |conn, session| {
        // Raw SQL may have begun one that Diesel does not know.
        if diesel_has_one || conn.in_transaction() == Some(true) {
            session.set_already_open();
        }
    });
    if !was_watched && cache.was_installed() {
        let replaced = replaced::may_have_had_a_tracker();
        if replaced {
            events::connection_replaced();
        }
        cache.watched_again(replaced);
    }
}

/// The cache for the connection's reads, if it sees the writes of all connections.
pub(crate) fn cache_of<Conn: CacheConnection>(
    conn: &mut Conn,
) -> Result<Cache, (Option<Cache>, BypassReason)> {
    let cache = watching(conn)?;
    if replaced::misses_writes(&cache) {
        return Err((Some(cache), BypassReason::InstrumentationReplaced));
    }
    Ok(cache)
}

/// The cache that watches the connection. Attaches the installed one if none does.
fn watching<Conn: CacheConnection>(
    conn: &mut Conn,
) -> Result<Cache, (Option<Cache>, BypassReason)> {
    if let Some(tracker) = tracker(conn) {
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

fn type_of(instrumentation: &dyn Instrumentation) -> TypeId {
    instrumentation.as_any().type_id()
}

/// The dialect of a connection's URL. A URL of no other form is a path, for SQLite.
pub(super) fn dialect_of(url: &str) -> Option<Dialect> {
    let scheme = url
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("postgres" | "postgresql") => Some(Dialect::Postgres),
        Some("mysql") => Some(Dialect::Mysql),
        Some("file" | "sqlite") => Some(Dialect::Sqlite),
        Some(_) => None,
        // `host=… dbname=…` is libpq's other form.
        None if url.contains('=') && !url.starts_with("file:") => Some(Dialect::Postgres),
        None => Some(Dialect::Sqlite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_follows_from_the_url() {
        assert_eq!(dialect_of("postgres://u:p@h/db"), Some(Dialect::Postgres));
        assert_eq!(
            dialect_of("host=localhost dbname=x"),
            Some(Dialect::Postgres)
        );
        assert_eq!(dialect_of("mysql://u@h/db"), Some(Dialect::Mysql));
        assert_eq!(dialect_of(":memory:"), Some(Dialect::Sqlite));
        assert_eq!(dialect_of("file:test.db?mode=ro"), Some(Dialect::Sqlite));
        assert_eq!(dialect_of("/var/lib/app.db"), Some(Dialect::Sqlite));
    }
}
