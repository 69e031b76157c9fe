//! A database, a cache and a counted connection between them: what a test of behaviour starts from.

use std::time::Duration;

use cachalot_diesel::Cachalot;
use cachalot_tests::{Counter, Database, memcached, unique};

use super::{Conn, db};

/// What one test has for its own: an empty migrated database and an empty cache.
pub(crate) struct World {
    /// Watched by `cache`, and counted by `counter`.
    pub(crate) conn: Conn,
    /// The statements that `conn` sent; the library's own probe of the session is not among them.
    pub(crate) counter: Counter,
    /// The cache that watches `conn`.
    pub(crate) cache: Cachalot,
    /// What `cache` has to itself on the shared memcached.
    pub(crate) namespace: String,
    /// Goes last: it may be removed when it is dropped.
    pub(crate) database: Database,
    url: String,
}

/// A further connection to a world's database, watched and counted.
pub(crate) struct Reader {
    /// Watched by the cache that it was made for.
    pub(crate) conn: Conn,
    /// The statements that `conn` sent.
    pub(crate) counter: Counter,
}

impl World {
    /// A world whose cache is in the shared memcached.
    pub(crate) fn new() -> Self {
        Self::at(memcached::shared().url())
    }

    /// A world whose cache is in this process.
    pub(crate) fn in_process() -> Self {
        Self::at("memory://".to_owned())
    }

    /// A world whose cache is at `url`.
    pub(crate) fn at(url: String) -> Self {
        Self::with(url, |builder| builder)
    }

    /// A world whose cache is at `url` and has further `settings`.
    pub(crate) fn with(
        url: String,
        settings: impl FnOnce(cachalot_diesel::Builder) -> cachalot_diesel::Builder,
    ) -> Self {
        Self::made_of(db::database(), url, settings)
    }

    /// A world on a database that is not one of the shared server's.
    #[allow(dead_code, reason = "no other kind of SQLite database")]
    pub(crate) fn on(database: Database) -> Self {
        Self::on_with(database, |builder| builder)
    }

    /// The same, with further `settings` of its cache.
    #[allow(dead_code, reason = "no other kind of SQLite database")]
    pub(crate) fn on_with(
        database: Database,
        settings: impl FnOnce(cachalot_diesel::Builder) -> cachalot_diesel::Builder,
    ) -> Self {
        Self::made_of(database, memcached::shared().url(), settings)
    }

    fn made_of(
        database: Database,
        url: String,
        settings: impl FnOnce(cachalot_diesel::Builder) -> cachalot_diesel::Builder,
    ) -> Self {
        let namespace = unique::name("world");
        let builder = patient(&url, &namespace);
        let cache = settings(builder).build().unwrap();
        let Reader { conn, counter } = connect(&database, &cache);
        Self {
            conn,
            counter,
            cache,
            namespace,
            database,
            url,
        }
    }

    /// Runs `body` in a world of each store.
    pub(crate) fn each(mut body: impl FnMut(&mut Self)) {
        body(&mut Self::new());
        body(&mut Self::in_process());
    }

    /// A second connection that the same cache watches, with a counter of its own.
    pub(crate) fn reader(&self) -> Reader {
        self.connect(&self.cache)
    }

    /// A further connection that `cache` watches, with a counter of its own.
    pub(crate) fn connect(&self, cache: &Cachalot) -> Reader {
        connect(&self.database, cache)
    }

    /// A second cache on the same store and namespace: another process, for all the library knows.
    ///
    /// # Panics
    ///
    /// In a world whose cache is in this process, which no other can see.
    pub(crate) fn other_process(&self) -> Cachalot {
        assert_ne!(self.url, "memory://", "no other process sees this cache");
        patient(&self.url, &self.namespace).build().unwrap()
    }

    /// A connection that nobody watches or counts.
    pub(crate) fn outsider(&self) -> Conn {
        db::establish(self.database.url())
    }

    /// What `work` returns, and the number of statements that it sent.
    pub(crate) fn sent<T>(&mut self, work: impl FnOnce(&mut Conn) -> T) -> (T, usize) {
        self.counter.during(|| work(&mut self.conn))
    }

    /// 1→0: what `work` returns both times that it runs, with a statement only the first time.
    #[track_caller]
    pub(crate) fn once<T: PartialEq + std::fmt::Debug>(
        &mut self,
        work: impl Fn(&mut Conn) -> T,
    ) -> T {
        let (first, sent) = self.sent(&work);
        assert_eq!(sent, 1, "first: {:?}", self.counter.statements());
        let (second, sent) = self.sent(&work);
        assert_eq!(sent, 0, "second: {:?}", self.counter.statements());
        assert_eq!(first, second, "as read, and as cached");
        first
    }
}

impl Reader {
    /// What `work` returns, and the number of statements that it sent.
    pub(crate) fn sent<T>(&mut self, work: impl FnOnce(&mut Conn) -> T) -> (T, usize) {
        self.counter.during(|| work(&mut self.conn))
    }
}

/// Waits for a store that has hundreds of tests to answer: what is slow there is no outage.
fn patient(url: &str, namespace: &str) -> cachalot_diesel::Builder {
    Cachalot::builder()
        .url(url)
        .namespace(namespace)
        .store_timeout(Duration::from_secs(5))
}

fn connect(database: &Database, cache: &Cachalot) -> Reader {
    let mut conn = db::establish(database.url());
    let counter = Counter::new();
    cache.watch_with(&mut conn, counter.instrumentation());
    Reader { conn, counter }
}

/// 1→0, with the rows that Diesel's own `load` gives; the value is these rows.
///
/// `$world` is a [`World`] or a [`Reader`]; the query expression is evaluated for each read.
macro_rules! assert_cached {
    ($world:expr, $type:ty, $query:expr $(,)?) => {{
        let plain: Vec<$type> = diesel::RunQueryDsl::load($query, &mut $world.conn).unwrap();
        let counter = $world.counter.clone();
        let (first, sent) = counter.during(|| {
            cachalot_diesel::CachedDsl::cached($query, &mut $world.conn).load::<$type>()
        });
        assert_eq!(sent, 1, "first cached read: {:?}", counter.statements());
        assert_eq!(first.as_ref(), Ok(&plain), "first cached read");
        let (second, sent) = counter.during(|| {
            cachalot_diesel::CachedDsl::cached($query, &mut $world.conn).load::<$type>()
        });
        assert_eq!(sent, 0, "second cached read: {:?}", counter.statements());
        assert_eq!(second.as_ref(), Ok(&plain), "second cached read");
        plain
    }};
}

/// 1→1, and the reason that `explain` gives, a pattern of [`BypassReason`](cachalot_diesel::BypassReason);
/// the value is the rows of the second read.
macro_rules! assert_not_cached {
    ($world:expr, $type:ty, $query:expr, $reason:pat $(,)?) => {{
        let explanation = cachalot_diesel::CachedDsl::cached($query, &mut $world.conn)
            .explain()
            .unwrap();
        assert!(
            matches!(
                explanation.outcome,
                cachalot_diesel::Outcome::Bypass($reason)
            ),
            "{explanation}"
        );
        let counter = $world.counter.clone();
        let (first, sent) = counter.during(|| {
            cachalot_diesel::CachedDsl::cached($query, &mut $world.conn).load::<$type>()
        });
        first.unwrap();
        assert_eq!(sent, 1, "first read: {:?}", counter.statements());
        let (second, sent) = counter.during(|| {
            cachalot_diesel::CachedDsl::cached($query, &mut $world.conn).load::<$type>()
        });
        assert_eq!(sent, 1, "second read: {:?}", counter.statements());
        second.unwrap()
    }};
}

/// The exact tables that a cached read of the query depends on, sorted.
macro_rules! assert_tables {
    ($world:expr, $query:expr, $tables:expr $(,)?) => {{
        let explanation = cachalot_diesel::CachedDsl::cached($query, &mut $world.conn)
            .explain()
            .unwrap();
        assert_eq!(explanation.tables, $tables);
    }};
}

pub(crate) use {assert_cached, assert_not_cached, assert_tables};
