//! Cached reads: `.cached(conn)`.

mod analysis;
mod disabled;
mod explain;
mod fill;
mod find;
mod load;
mod prepare;
mod read_plan;

use std::time::Duration;

use diesel::{
    QueryResult,
    expression::QueryMetadata,
    query_builder::{AsQuery, QueryFragment, QueryId},
    query_dsl::methods::LimitDsl,
    result::Error,
};

pub(crate) use analysis::analysis_of;
pub use disabled::disabled;
pub use explain::{Explanation, Outcome};
pub(crate) use fill::Fill;
pub(crate) use find::{Found, find};
pub use load::CachedQuery;

use crate::{
    Cacheable,
    connection::CacheConnection,
    policy::{exact, normalise},
};

/// `.cached(conn)` on everything that Diesel can load from: tables, select statements, boxed
/// queries, joins, `sql_query`.
///
/// ```
/// # mod schema { diesel::table! { users { id -> Integer, name -> Text } } }
/// # use schema::users;
/// use cachalot_diesel::prelude::*;
/// use diesel::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cachalot::builder().url("memory://").build()?;
/// let mut conn = SqliteConnection::establish(":memory:")?;
/// cache.watch(&mut conn)?;
/// # use diesel::connection::SimpleConnection;
/// # conn.batch_execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")?;
///
/// let names: Vec<String> = users::table
///     .filter(users::id.gt(10))
///     .select(users::name)
///     .cached(&mut conn)
///     .load()?;
/// # assert!(names.is_empty());
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be loaded through the cache",
    note = "`.cached(conn)` works on what Diesel's `.load(conn)` works on: tables, select \
            statements, boxed queries, joins and `sql_query`"
)]
pub trait CachedDsl: AsQuery + Sized {
    /// Reads through the cache that watches the connection.
    ///
    /// A connection that is not watched yet is attached to the cache that
    /// [`install`](crate::install) set up, with a warning: its earlier writes invalidated nothing.
    fn cached<Conn: CacheConnection>(self, conn: &mut Conn) -> Cached<'_, Self, Conn> {
        Cached {
            conn,
            query: self,
            options: Options::default(),
        }
    }
}

impl<Q: AsQuery> CachedDsl for Q {}

/// A query that is about to be read through the cache.
#[must_use = "a query does nothing until `load`, `get_result` or `first`"]
pub struct Cached<'c, Query, Conn> {
    conn: &'c mut Conn,
    query: Query,
    options: Options,
}

impl<Query, Conn> std::fmt::Debug for Cached<'_, Query, Conn> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Options {
    ttl: Option<Duration>,
    depends_on: Vec<String>,
}

/// All rows, for callers who want them all.
const ALL: usize = usize::MAX;

impl<Query, Conn> Cached<'_, Query, Conn> {
    /// The time to live of this result; zero is for ever. Overrides that of the model and of the cache.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = Cachalot::builder().url("memory://").build()?;
    /// # let mut conn = connection(&cache);
    /// use std::time::Duration;
    ///
    /// let count: i64 = users::table.count().cached(&mut conn).ttl(Duration::from_secs(60)).get_result()?;
    /// # assert_eq!(count, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.options.ttl = Some(ttl);
        self
    }

    /// Also invalidates the result when the tables of `M` are written to: for dependencies that the
    /// statement does not show. The `ttl` and `uncacheable` of those tables' models apply too.
    pub fn depends_on<M: Cacheable>(mut self) -> Self {
        let names = M::tables().iter().map(|name| exact(name));
        self.options.depends_on.extend(names);
        self
    }

    /// Also invalidates the result when these tables (named as in SQL) are written to: for
    /// dependencies that the statement does not show. The `ttl` and `uncacheable` of their models
    /// apply too.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = Cachalot::builder().url("memory://").build()?;
    /// # let mut conn = connection(&cache);
    /// let query = users::table.count();
    /// let explanation = query.cached(&mut conn).depends_on_tables(["Posts"]).explain()?;
    /// assert_eq!(explanation.tables, ["posts", "users"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn depends_on_tables<S: AsRef<str>>(mut self, tables: impl IntoIterator<Item = S>) -> Self {
        let names = tables.into_iter().map(|table| normalise(table.as_ref()));
        self.options.depends_on.extend(names);
        self
    }
}

impl<'c, Query, Conn> Cached<'c, Query, Conn> {
    /// All rows, as Diesel's `load`.
    ///
    /// # Errors
    /// Those of the database, as Diesel returns them. The cache adds none.
    pub fn load<U>(self) -> QueryResult<Vec<U>>
    where
        Query: CachedQuery<'c, Conn, U>,
    {
        Query::rows(self, ALL)
    }

    /// All rows, as Diesel's `get_results`: another name for [`load`](Self::load).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn get_results<U>(self) -> QueryResult<Vec<U>>
    where
        Query: CachedQuery<'c, Conn, U>,
    {
        Query::rows(self, ALL)
    }

    /// The first row, as Diesel's `get_result`.
    ///
    /// # Errors
    /// As [`load`](Self::load), and [`Error::NotFound`] if there is no row. An empty result is cached
    /// too.
    pub fn get_result<U>(self) -> QueryResult<U>
    where
        Query: CachedQuery<'c, Conn, U>,
    {
        Query::rows(self, 1)?.pop().ok_or(Error::NotFound)
    }

    /// Adds `LIMIT 1` and returns the row, as Diesel's `first`.
    ///
    /// # Errors
    /// As [`get_result`](Self::get_result).
    pub fn first<U>(self) -> QueryResult<U>
    where
        Query: LimitDsl,
        Query::Output: CachedQuery<'c, Conn, U>,
    {
        let query = LimitDsl::limit(self.query, 1);
        Cached {
            conn: self.conn,
            query,
            options: self.options,
        }
        .get_result()
    }
}

impl<Query, Conn> Cached<'_, Query, Conn>
where
    Query: AsQuery,
    Query::Query: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Query::SqlType>,
{
    /// What [`load`](Self::load) would do now. Neither runs the query nor stores anything, and counts
    /// only errors of the store.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use cachalot_diesel::{BypassReason, Outcome};
    ///
    /// let cache = Cachalot::builder().url("memory://").build()?;
    /// let mut conn = connection(&cache);
    /// let explanation = users::table.inner_join(posts::table).cached(&mut conn).explain()?;
    /// assert_eq!(explanation.outcome, Outcome::Miss);
    /// assert_eq!(explanation.tables, ["posts", "users"]);
    ///
    /// let names = users::table.select(users::name).order(users::id);
    /// let explanation = names.cached(&mut conn).explain()?;
    /// assert_eq!(explanation.dependencies, ["users(id, name)"]); // not an update of other columns
    ///
    /// let dice = diesel::dsl::sql::<diesel::sql_types::BigInt>("random()");
    /// let explanation = users::table.select(dice).cached(&mut conn).explain()?;
    /// println!("{explanation}"); // bypass: the function `random` is volatile or unknown; depends on users
    /// # let reason = BypassReason::VolatileFunction("random".to_owned());
    /// # assert_eq!(explanation.outcome, Outcome::Bypass(reason));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the query cannot be built.
    pub fn explain(self) -> QueryResult<Explanation> {
        explain::explain::<Query::SqlType, _, _>(self.conn, &self.query.as_query(), &self.options)
    }
}
