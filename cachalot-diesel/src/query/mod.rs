//! The door for reads: `.cached(conn)`.

mod disabled;
mod explain;
mod opaque;
mod prepare;
mod text;

use std::time::Duration;

use diesel::{
    QueryResult,
    deserialize::FromSqlRow,
    expression::QueryMetadata,
    query_builder::{AsQuery, QueryFragment, QueryId},
    query_dsl::{CompatibleType, methods::LimitDsl},
    result::Error,
};

pub use disabled::disabled;
pub use explain::{Explanation, Outcome};

use crate::{
    Cacheable,
    bypass::BypassReason,
    cache::{Cachalot, Dependency, Lookup, Permit},
    connection::CacheConnection,
    events::{self, Names},
    policy::{exact, normalise},
    rows::{BlockWriter, CacheBackend, private},
    tracker::Tracker,
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
    /// A connection that nobody watches yet is attached to the cache that
    /// [`install`](crate::install) set up, with a warning: what it wrote before is not known.
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
struct Options {
    ttl: Option<Duration>,
    depends_on: Vec<String>,
}

/// All rows, for callers who want them all.
const ALL: usize = usize::MAX;

impl<Query, Conn> Cached<'_, Query, Conn> {
    /// How long this result may live; zero is for ever. Replaces the model's and the cache's own.
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

    /// Also invalidated by writes to the tables of `M`: for what the statement does not show. What
    /// models say of those tables (`ttl`, `uncacheable`) holds for this result too.
    pub fn depends_on<M: Cacheable>(mut self) -> Self {
        let names = M::tables().iter().map(|name| exact(name));
        self.options.depends_on.extend(names);
        self
    }

    /// Also invalidated by writes to these tables (named as in SQL): for what the statement does not
    /// show. What models say of them (`ttl`, `uncacheable`) holds for this result too.
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

impl<Query, Conn> Cached<'_, Query, Conn>
where
    Query: AsQuery,
    Query::Query: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Query::SqlType>,
{
    /// All rows, as Diesel's `load`.
    ///
    /// # Errors
    /// Those of the database, as Diesel gives them. The cache adds none.
    pub fn load<U>(self) -> QueryResult<Vec<U>>
    where
        Query::SqlType: CompatibleType<U, Conn::Backend>,
        U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
    {
        self.rows(ALL)
    }

    /// All rows, as Diesel's `get_results`: another name for [`load`](Self::load).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn get_results<U>(self) -> QueryResult<Vec<U>>
    where
        Query::SqlType: CompatibleType<U, Conn::Backend>,
        U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
    {
        self.rows(ALL)
    }

    /// The first row, as Diesel's `get_result`.
    ///
    /// # Errors
    /// As [`load`](Self::load), and [`Error::NotFound`] if there is no row; that there is none is
    /// cached too.
    pub fn get_result<U>(self) -> QueryResult<U>
    where
        Query::SqlType: CompatibleType<U, Conn::Backend>,
        U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
    {
        self.rows(1)?.pop().ok_or(Error::NotFound)
    }

    /// Adds `LIMIT 1` and gives the row, as Diesel's `first`.
    ///
    /// # Errors
    /// As [`get_result`](Self::get_result).
    #[allow(
        clippy::type_complexity,
        reason = "the bounds of `get_result` over the limited query"
    )]
    pub fn first<U>(self) -> QueryResult<U>
    where
        Query: LimitDsl,
        Query::Output: AsQuery,
        <Query::Output as AsQuery>::Query: QueryFragment<Conn::Backend> + QueryId,
        Conn::Backend: QueryMetadata<<Query::Output as AsQuery>::SqlType>,
        <Query::Output as AsQuery>::SqlType: CompatibleType<U, Conn::Backend>,
        U: FromSqlRow<
                <<Query::Output as AsQuery>::SqlType as CompatibleType<U, Conn::Backend>>::SqlType,
                Conn::Backend,
            >,
    {
        let query = LimitDsl::limit(self.query, 1);
        Cached {
            conn: self.conn,
            query,
            options: self.options,
        }
        .get_result()
    }

    /// What a `load` would do just now. Does not run the query, stores nothing, counts nothing but
    /// what the store does not answer.
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
    /// let dice = diesel::dsl::sql::<diesel::sql_types::BigInt>("random()");
    /// let explanation = users::table.select(dice).cached(&mut conn).explain()?;
    /// println!("{explanation}"); // bypass: `random` may answer differently each time; depends on users
    /// # let reason = BypassReason::VolatileFunction("random".to_owned());
    /// # assert_eq!(explanation.outcome, Outcome::Bypass(reason));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A query that cannot be built.
    pub fn explain(self) -> QueryResult<Explanation> {
        explain::explain::<Query::SqlType, _, _>(self.conn, &self.query.as_query(), &self.options)
    }

    fn rows<U>(self, limit: usize) -> QueryResult<Vec<U>>
    where
        Query::SqlType: CompatibleType<U, Conn::Backend>,
        U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
    {
        let Self {
            conn,
            query,
            options,
        } = self;
        let told = events::Read::start();
        let query = query.as_query();
        let (read, found) = match look_up::<Query::SqlType, _, _>(conn, &query, &options)? {
            Ok(found) => found,
            Err((cache, reason, tables)) => {
                let counters = cache.as_ref().map(Cachalot::counters);
                told.bypass(counters, Names(&tables), &reason);
                return run(conn, query, limit, None);
            }
        };
        let cache = read.cache;
        let (counters, tables) = (cache.counters(), Names(&read.plan.dependencies));
        match found {
            Lookup::Hit(entry, key) => {
                let decoded = entry.block().map(|block| {
                    <Conn::Backend as CacheBackend>::read_rows(private::Reader(block), limit)
                });
                if let Some(Ok(rows)) = decoded {
                    told.hit(counters, tables, entry.len());
                    return Ok(rows);
                }
                // Forged, or the type's own decoding fails: the database decides.
                cache.discard(&key);
                told.miss(counters, tables);
                run(conn, query, limit, None)
            }
            Lookup::Miss(permit) => {
                told.miss(counters, tables);
                let fill = Fill {
                    cache: &cache,
                    permit,
                    ttl: read.ttl,
                    stored: false,
                    told: &told,
                    tables,
                };
                run(conn, query, limit, Some(fill))
            }
            Lookup::Bypass(reason) => {
                told.bypass(Some(counters), tables, &reason);
                run(conn, query, limit, None)
            }
            Lookup::Outdated => {
                told.bypass(Some(counters), tables, &BypassReason::CatalogUnknown);
                run(conn, query, limit, None)
            }
        }
    }
}

/// How often a read is prepared anew because the epoch was another than it was prepared for.
const ATTEMPTS: usize = 3;

/// What a look-up came to, or why there was none.
type Found = Result<(Box<prepare::Read>, Lookup), (Option<Cachalot>, BypassReason, Vec<String>)>;

/// Prepares a query and looks it up; again, where what was known of the database is outdated.
fn look_up<ST, Q, Conn>(conn: &mut Conn, query: &Q, options: &Options) -> QueryResult<Found>
where
    Q: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<ST>,
{
    let mut attempts = 1;
    loop {
        let mut read = match prepare::prepare::<ST, _, _>(conn, query, options)? {
            prepare::Prepared::Read(read) => read,
            prepare::Prepared::Bypass {
                cache,
                reason,
                tables,
            } => return Ok(Err((cache, reason, tables))),
        };
        let key = std::mem::take(&mut read.key);
        let (cache, dependencies, known) = (&read.cache, &read.plan.dependencies, &read.known);
        let found = match cache.lookup(key, dependencies, known) {
            Lookup::Miss(permit) if read.may_wait => cache.board(permit, dependencies, known),
            found => found,
        };
        if matches!(found, Lookup::Outdated) && attempts < ATTEMPTS {
            attempts += 1;
            read.is_outdated();
            continue;
        }
        return Ok(Ok((read, found)));
    }
}

/// Where the rows of a miss go.
struct Fill<'a> {
    cache: &'a Cachalot,
    permit: Permit,
    ttl: Option<Duration>,
    stored: bool,
    told: &'a events::Read,
    tables: Names<'a, Dependency>,
}

impl Drop for Fill<'_> {
    fn drop(&mut self) {
        if !self.stored {
            self.cache.give_up(&self.permit);
        }
    }
}

/// Asks the database, and keeps what it sends if that is allowed.
fn run<Query, U, Conn>(
    conn: &mut Conn,
    query: Query,
    limit: usize,
    fill: Option<Fill<'_>>,
) -> QueryResult<Vec<U>>
where
    Query: diesel::query_builder::Query + QueryFragment<Conn::Backend> + QueryId,
    Query::SqlType: CompatibleType<U, Conn::Backend>,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Query::SqlType>,
    U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
{
    let Some(mut fill) = fill else {
        return collect(conn, query, limit, &mut None);
    };
    let most = fill.cache.config().max_value_bytes;
    expect_read(conn, true);
    let mut copy = Some(Copy {
        rows: private::Writer(BlockWriter::default()),
        most,
        refused: None,
    });
    let rows = collect(conn, query, limit, &mut copy);
    expect_read(conn, false);
    let rows = rows?;
    let Some(copy) = copy else { return Ok(rows) };
    let stored = match copy.refused {
        Some(reason) => Err(reason),
        None => fill.cache.store(&fill.permit, &copy.rows.0, fill.ttl),
    };
    match stored {
        Ok(()) => fill.stored = true,
        Err(reason) => fill
            .told
            .not_kept(Some(fill.cache.counters()), fill.tables, &reason),
    }
    Ok(rows)
}

/// The tracker need not analyse what has been found to be a plain read.
fn expect_read<Conn: CacheConnection>(conn: &mut Conn, expected: bool) {
    if let Some(tracker) = conn.instrumentation().downcast_mut::<Tracker>() {
        tracker.expect_read(expected);
    }
}

/// The rows as they come, copied until one cannot be.
struct Copy {
    rows: private::Writer,
    most: usize,
    refused: Option<BypassReason>,
}

impl Copy {
    fn take<'r, DB: CacheBackend>(&mut self, row: &impl diesel::row::Row<'r, DB>) {
        if self.refused.is_some() {
            return;
        }
        if DB::append_row(row, &mut self.rows).is_err() {
            self.refused = Some(BypassReason::Unstorable);
        } else if self.rows.0.len() > self.most {
            self.refused = Some(BypassReason::TooLarge);
        }
        if self.refused.is_some() {
            self.rows = private::Writer(BlockWriter::default());
        }
    }
}

fn collect<Query, U, Conn>(
    conn: &mut Conn,
    query: Query,
    limit: usize,
    copy: &mut Option<Copy>,
) -> QueryResult<Vec<U>>
where
    Query: diesel::query_builder::Query + QueryFragment<Conn::Backend> + QueryId,
    Query::SqlType: CompatibleType<U, Conn::Backend>,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Query::SqlType>,
    U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
{
    let mut rows = Vec::new();
    for row in diesel::connection::LoadConnection::load(conn, query)? {
        let row = row?;
        if let Some(copy) = copy {
            copy.take::<Conn::Backend>(&row);
        }
        if rows.len() < limit {
            rows.push(U::build_from_row(&row).map_err(Error::DeserializationError)?);
        }
        // Whoever wants one row still keeps them all, unless they cannot be kept.
        if rows.len() >= limit && copy.as_ref().is_none_or(|copy| copy.refused.is_some()) {
            break;
        }
    }
    Ok(rows)
}
