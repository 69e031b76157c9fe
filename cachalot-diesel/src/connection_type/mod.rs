//! `CachalotConnection`: a Diesel connection that caches every read.

mod connection;
mod cursor;
mod load;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{fmt, sync::Arc};

use diesel::{
    QueryResult,
    connection::{AnsiTransactionManager, Instrumentation, TransactionManager},
    query_builder::{QueryFragment, QueryId},
    result::Error as DieselError,
};

pub use cursor::{CachedCursor, CachedField, CachedRow};

use crate::{
    Cachalot, Error,
    cache::Cache,
    connection::{
        CacheConnection, CatalogAnswer, Lookup, PlainConnection, ProbeAnswer, ProbeQuestion,
        Question, ReplicationAnswer, Sealed,
    },
    rows::CacheBackend,
    tracker::{Relay, Statement, Tracker, detach, hide},
};
use cachalot_sql::Analysis;

/// A Diesel connection that caches every read: change the connection's type, and no query.
///
/// `C` is `PgConnection`, `MysqlConnection` or `SqliteConnection`. The type implements what Diesel implements
/// for these, so it can be used wherever they can: in r2d2 pools, as an arm of `MultiConnection`, in migrations, in
/// `transaction` and `build_transaction`. Every `load`, `get_result`, `first` and `load_iter` is cached under the
/// rules of [`.cached()`](crate::CachedDsl::cached); writes invalidate as they do on any other connection.
/// `.cached(conn)` still works, for [`ttl`](crate::Cached::ttl) and the other options of one read.
///
/// [`establish`](diesel::Connection::establish) uses the [installed](crate::install) cache. If there is none, it
/// installs one with the settings from the environment. The store may be down; an invalid setting is a
/// `BadConnection` that names the variable.
///
/// ```
/// # diesel::table! { users { id -> Integer, name -> Text } }
/// use cachalot_diesel::{Cachalot, CachalotConnection};
/// use diesel::{connection::SimpleConnection, prelude::*};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cachalot::builder().url("memory://").build()?;
/// let conn = SqliteConnection::establish(":memory:")?;
/// let mut conn = CachalotConnection::new(conn, &cache)?;
/// conn.batch_execute(
///     "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
///      INSERT INTO users VALUES (1, 'Ann')",
/// )?;
///
/// let name = |conn: &mut CachalotConnection<SqliteConnection>| -> QueryResult<String> {
///     users::table.find(1).select(users::name).get_result(conn)
/// };
/// assert_eq!(name(&mut conn)?, "Ann"); // a miss
/// assert_eq!(name(&mut conn)?, "Ann"); // a hit
/// diesel::update(users::table.find(1)).set(users::name.eq("Bea")).execute(&mut conn)?;
/// assert_eq!(name(&mut conn)?, "Bea");
/// assert_eq!((cache.stats().misses, cache.stats().hits), (2, 1));
/// # Ok(())
/// # }
/// ```
///
/// A `load_iter` that is dropped before its end stores nothing. Rows are of the type [`CachedRow`], from which Diesel
/// decodes values as usual.
pub struct CachalotConnection<C: PlainConnection> {
    inner: C,
    /// `None` while the inner connection is used by itself, whose relay has it then.
    tracker: Option<Tracker>,
    cache: Cache,
    /// The tracker's caches when the inner connection was used last, if there are several.
    caches: Vec<Cache>,
    reader: <C::Backend as CacheBackend>::Reader,
}

impl<C: PlainConnection> fmt::Debug for CachalotConnection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachalotConnection")
            .field("backend", &C::Backend::dialect())
            .field("store", &self.cache.store_name())
            .finish_non_exhaustive()
    }
}

impl<C: PlainConnection> CachalotConnection<C> {
    /// Makes an open connection cache its reads in `cache`.
    ///
    /// If the connection was not [watched](Cachalot::watch), its earlier writes are not known: what it has committed
    /// invalidates nothing, and the commit of a transaction that is still open invalidates everything.
    ///
    /// An instrumentation that Diesel's default constructor made is replaced by another one that it makes. If one was
    /// set on the connection itself, it stays. Reads are cached in this case too, but each use of
    /// [`inner_mut`](Self::inner_mut) invalidates everything, because the library does not see what is done through
    /// it.
    ///
    /// # Errors
    /// None at present.
    pub fn new(conn: C, cache: &Cachalot) -> Result<Self, Error> {
        Ok(Self::wrap(conn, cache.inner(), None))
    }

    pub(crate) fn wrap(mut inner: C, cache: &Cache, url: Option<&str>) -> Self {
        Self {
            tracker: Some(detach(&mut inner, cache, url)),
            inner,
            cache: cache.clone(),
            caches: Vec::new(),
            reader: Default::default(),
        }
    }

    /// The connection itself.
    pub fn inner(&self) -> &C {
        &self.inner
    }

    /// The connection itself, for what only it can do: registering SQL functions, `notifications_iter`, or a
    /// function of another crate that takes it. Reads through it go to the database. Its writes invalidate as
    /// usual.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # use cachalot_diesel::CachalotConnection;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = Cachalot::builder().url("memory://").build()?;
    /// # let mut conn = CachalotConnection::new(connection(&cache), &cache)?;
    /// fn rename_all(conn: &mut SqliteConnection) -> QueryResult<usize> {
    ///     diesel::update(users::table).set(users::name.eq("Bea")).execute(conn)
    /// }
    ///
    /// let before: Vec<String> = users::table.select(users::name).load(&mut conn)?;
    /// rename_all(conn.inner_mut())?;
    /// let after: Vec<String> = users::table.select(users::name).load(&mut conn)?;
    /// assert_ne!(before, after);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Set an instrumentation with the `set_instrumentation` of this type, not on the inner connection: there it
    /// would replace the library's, which then sees nothing of what is done through `inner_mut`. The next use of
    /// the connection finds that out, and invalidates everything.
    pub fn inner_mut(&mut self) -> &mut C {
        self.reclaim();
        if let Some(mut tracker) = self.tracker.take() {
            tracker.may_change_session();
            self.caches = tracker.several_caches();
            match self.inner.instrumentation().downcast_mut::<Relay>() {
                Some(relay) => relay.lend(tracker),
                None => {
                    tracker.start_unseen();
                    self.tracker = Some(tracker);
                }
            }
        }
        &mut self.inner
    }

    /// Gives the connection back, [watched](Cachalot::watch) like any other: its writes invalidate.
    ///
    /// If an instrumentation of the program's own was set on the connection itself, before it was wrapped or through
    /// [`inner_mut`](Self::inner_mut), the connection keeps that instrumentation and is not watched.
    pub fn into_inner(mut self) -> C {
        self.reclaim();
        if let Some(mut tracker) = self.tracker.take()
            && let Some(relay) = self.inner.instrumentation().downcast_mut::<Relay>()
        {
            tracker.set_own(relay.take_own());
            self.inner.set_instrumentation(tracker);
        }
        self.inner
    }

    /// Takes the tracker back from the inner connection.
    fn reclaim(&mut self) -> &mut Tracker {
        if self.tracker.is_none() {
            let relay = self.inner.instrumentation().downcast_mut::<Relay>();
            self.tracker = relay.and_then(Relay::take_back);
        }
        let (inner, cache, caches) = (&mut self.inner, &self.cache, &self.caches);
        self.tracker.get_or_insert_with(|| {
            // The program has replaced the instrumentation that had it.
            let mut tracker = detach(inner, cache, None);
            caches.iter().for_each(|cache| tracker.watch(cache));
            tracker.lost_sight();
            tracker
        })
    }

    /// What is known of a statement before it is sent.
    fn statement<T>(&mut self, source: &T, analysis: Option<Arc<Analysis>>) -> Statement
    where
        T: QueryFragment<C::Backend> + QueryId,
    {
        // What cannot be built is refused by the connection itself, and its instrumentation hears of it.
        let Some(analysis) = analysis else {
            return Statement::default();
        };
        let mut binds = Vec::new();
        if !analysis.writes().is_nothing() {
            let reader = &mut self.reader;
            let collected = self
                .inner
                .with_lookup(|lookup| C::Backend::binds(source, lookup, reader));
            binds = collected.unwrap_or_default();
        }
        Statement {
            analysis: Some(analysis),
            binds,
        }
    }

    fn statement_of_text(&self, sql: &str) -> Statement {
        Statement {
            analysis: Some(cachalot_sql::analysis(sql, C::Backend::dialect())),
            binds: Vec::new(),
        }
    }

    /// Runs a statement that is tracked.
    fn tracked<T>(
        &mut self,
        statement: Statement,
        run: impl FnOnce(&mut C) -> QueryResult<T>,
    ) -> QueryResult<T> {
        if let Err(refused) = self.reclaim().start(statement) {
            return Err(self.refuse(refused));
        }
        let result = run(&mut self.inner);
        self.reclaim().finish(result.as_ref().err());
        result
    }

    /// A statement was refused. Diesel rolls a transaction of its own back, and this one that it does not know.
    fn refuse(&mut self, refused: Error) -> DieselError {
        let status = AnsiTransactionManager::transaction_manager_status_mut(&mut self.inner);
        if matches!(status.transaction_depth(), Ok(None)) && self.reclaim().is_in_transaction() {
            let rollback = self.statement_of_text("ROLLBACK");
            // If it fails, so does the next statement.
            let _ = self.tracked(rollback, |conn| conn.batch_execute("ROLLBACK"));
        }
        DieselError::QueryBuilderError(Box::new(refused))
    }
}

impl<C: PlainConnection> Sealed for CachalotConnection<C> {}

impl<C: PlainConnection> CacheConnection for CachalotConnection<C> {
    fn tracking(&mut self) -> &mut dyn Instrumentation {
        let relay = self.inner.instrumentation().downcast_mut::<Relay>();
        let prepared = relay.is_some_and(|relay| relay.just_prepared());
        let tracker = self.reclaim();
        tracker.set_just_prepared(prepared);
        tracker
    }

    fn hide(&mut self, hides: bool) {
        hide(&mut self.inner, hides);
    }

    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T {
        self.inner.with_lookup(run)
    }

    fn probe(&mut self, question: &ProbeQuestion) -> QueryResult<ProbeAnswer> {
        self.inner.probe(question)
    }

    fn in_transaction(&mut self) -> Option<bool> {
        self.inner.in_transaction()
    }

    fn replication(&mut self) -> QueryResult<Option<ReplicationAnswer>> {
        self.inner.replication()
    }

    fn catalog(&mut self, question: &Question) -> QueryResult<CatalogAnswer> {
        self.inner.catalog(question)
    }
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diesel::{Connection, SqliteConnection, connection::SimpleConnection, prelude::*};

    use super::*;
    use crate::{cache::Cache, config::Config, query::analysis_of, store::MemoryStore};

    diesel::table! { notes (id) { id -> Integer, text -> Nullable<Text>, score -> Double } }

    fn connection() -> CachalotConnection<SqliteConnection> {
        let cache = Cache::new(Config::default(), Arc::new(MemoryStore::new(1 << 20)));
        let conn = SqliteConnection::establish(":memory:").unwrap();
        let mut conn = CachalotConnection::wrap(conn, &cache, None);
        conn.batch_execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, score REAL)")
            .unwrap();
        conn
    }

    fn statement<T>(conn: &mut CachalotConnection<SqliteConnection>, source: &T) -> Statement
    where
        T: QueryFragment<diesel::sqlite::Sqlite> + QueryId,
    {
        let analysis = analysis_of(conn, source).ok();
        conn.statement(source, analysis)
    }

    #[test]
    fn a_write_is_handed_over_with_its_typed_binds() {
        let mut conn = connection();
        let note = (
            notes::id.eq(7),
            notes::text.eq("seven"),
            notes::score.eq(0.5),
        );
        let insert = diesel::insert_into(notes::table).values(note);
        let handed = statement(&mut conn, &insert);
        let analysis = handed.analysis.unwrap();
        assert!(!analysis.writes().is_nothing());
        let binds: Vec<_> = handed
            .binds
            .iter()
            .map(|bind| (bind.type_code, bind.value.clone()))
            .collect();
        assert_eq!(
            binds,
            [
                (1, Some(7_i64.to_le_bytes().to_vec())),
                (3, Some(b"seven".to_vec())),
                (2, Some(0.5_f64.to_le_bytes().to_vec())),
            ]
        );
        let clear = diesel::update(notes::table.find(7)).set(notes::text.eq(None::<String>));
        let binds = statement(&mut conn, &clear).binds;
        assert_eq!((binds[0].type_code, &binds[0].value), (0, &None));
        let read = notes::table.find(7);
        assert!(
            statement(&mut conn, &read).binds.is_empty(),
            "only those of writes"
        );
        assert!(!format!("{:?}", statement(&mut conn, &insert).binds).contains("seven"));
    }
}
