//! Puts the tracker on connections: on new ones as Diesel's default instrumentation, and on open ones.

use std::{any::TypeId, sync::Once};

use diesel::connection::{
    DynInstrumentation, Instrumentation, TransactionManager, get_default_instrumentation,
    set_default_instrumentation,
};
use parking_lot::{Mutex, RwLock};

use super::{Relay, Tracker, replaced, tracker, with_session};
use crate::{
    Error,
    bypass::BypassReason,
    cache::{Cache, installed, publish, set_installed},
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

/// For a program that only changes the type of its connections: these report by themselves. The others do
/// too, if Diesel's default instrumentation is not the program's own.
pub(crate) fn install_implicitly(cache: &Cache) -> Cache {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _guard = INSTALLING.lock();
    if let Some(cache) = installed() {
        return cache;
    }
    if let Err(error) = install_default(cache) {
        publish(cache);
        events::plain_connections_unwatched(&error);
    }
    cache.clone()
}

fn set_default(cache: &Cache) -> Result<(), Error> {
    // Connections opened in between are not watched, even if no read has detected it.
    if installed().is_some() && replaced::default() != replaced::Default::Ours {
        replaced::default_was_replaced();
    }
    // In this order: other threads that use the cache already check whose the default is.
    set_default_instrumentation(tracker_of_new_connection).map_err(Error::Install)?;
    set_installed(cache);
    Ok(())
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
    let present = match conn.tracking().is::<Tracker>() {
        true => tracker(conn),
        false => lent_by(conn),
    };
    if let Some(tracker) = present {
        tracker.watch(cache);
        tracker.set_dialect(C::Backend::dialect());
        return Ok(());
    }
    let own = own_alike(conn).ok_or(Error::ForeignInstrumentation)?;
    set_tracker(conn, cache, own);
    Ok(())
}

/// An instrumentation like the connection's: Diesel cannot return it, but it can make another of the same
/// type. The outer `None`: it cannot.
#[allow(clippy::option_option, reason = "a connection without one needs none")]
fn own_alike<C: CacheConnection>(conn: &mut C) -> Option<Option<Box<dyn Instrumentation>>> {
    let present = type_of(&*conn.instrumentation());
    let user_constructor = *USER_CONSTRUCTOR.read();
    let user_constructor = || user_constructor.and_then(|make| make());
    if present == type_of(&*DynInstrumentation::none()) {
        // A connection opened after `install_with` would have got this one.
        return Some(user_constructor());
    }
    let made = [user_constructor(), untracked(get_default_instrumentation)];
    let alike = made
        .into_iter()
        .flatten()
        .find(|made| type_of(&**made) == present)?;
    Some(Some(alike))
}

/// Makes the connection report to a cache, with this instrumentation of the program's own.
pub(crate) fn watch_with<C: CacheConnection>(
    conn: &mut C,
    cache: &Cache,
    own: Box<dyn Instrumentation>,
) {
    if conn.instrumentation().is::<Tracker>() {
        set_tracker(conn, cache, Some(own));
    } else if let Some(tracker) = tracker(conn) {
        tracker.watch(cache);
        conn.set_instrumentation(own);
    } else {
        set_tracker(conn, cache, Some(own));
    }
}

fn set_tracker<C: CacheConnection>(
    conn: &mut C,
    cache: &Cache,
    own: Option<Box<dyn Instrumentation>>,
) {
    let was_watched = conn.instrumentation().is::<Tracker>();
    let mut tracker = Tracker::new(cache.clone(), own);
    tracker.set_dialect(C::Backend::dialect());
    let open = found_open(conn);
    conn.set_instrumentation(tracker);
    with_session(conn, |conn, session| {
        // Raw SQL may have begun one too.
        if open || conn.in_transaction() == Some(true) {
            session.set_already_open();
        }
    });
    if !was_watched && cache.was_installed() {
        watched_again(cache);
    }
}

/// Does Diesel know of an open transaction?
fn found_open<C: CacheConnection>(conn: &mut C) -> bool {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    !matches!(status.transaction_depth(), Ok(None))
}

fn watched_again(cache: &Cache) {
    let replaced = replaced::may_have_had_a_tracker();
    if replaced {
        events::connection_replaced();
    }
    cache.watched_again(replaced);
}

/// Takes the tracker off a connection, or makes one, and puts a relay in its place. An instrumentation of
/// the program's own that the library cannot make again stays where it is. `url`: the connection has just
/// been opened with it.
pub(crate) fn detach<C: CacheConnection>(
    conn: &mut C,
    cache: &Cache,
    url: Option<&str>,
) -> Tracker {
    if let Some(tracker) = tracker(conn) {
        let mut taken = std::mem::replace(tracker, Tracker::new(cache.clone(), None));
        // The empty one goes without a trace.
        tracker.writes.caches.clear();
        let own = taken.inner.take();
        conn.set_instrumentation(Relay::new(own));
        taken.watch(cache);
        taken.set_dialect(C::Backend::dialect());
        return taken;
    }
    let mut tracker = Tracker::new(cache.clone(), None);
    tracker.set_dialect(C::Backend::dialect());
    if let Some(own) = own_alike(conn) {
        conn.set_instrumentation(Relay::new(own));
    }
    let Some(session) = &mut tracker.session else {
        return tracker;
    };
    if let Some(url) = url {
        session.opened(url, Some(C::Backend::dialect()));
        session.established();
        return tracker;
    }
    hide(conn, true);
    if found_open(conn) || conn.in_transaction() == Some(true) {
        session.set_already_open();
    }
    hide(conn, false);
    if cache.was_installed() {
        watched_again(cache);
    }
    tracker
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
    if conn.instrumentation().is::<Relay>() {
        return Err((installed(), BypassReason::InnerConnection));
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

/// Hides the library's own statements on a connection inside a `CachalotConnection`.
pub(crate) fn hide<C: CacheConnection>(conn: &mut C, hides: bool) {
    if let Some(relay) = conn.instrumentation().downcast_mut::<Relay>() {
        relay.hide(hides);
    }
}

/// The tracker of a connection inside a `CachalotConnection`, while the program uses it by itself.
fn lent_by<C: CacheConnection>(conn: &mut C) -> Option<&mut Tracker> {
    conn.instrumentation().downcast_mut::<Relay>()?.lent()
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
