//! How a read is answered: from the cache, or by the database and then stored.

use diesel::{
    QueryResult,
    deserialize::FromSqlRow,
    expression::QueryMetadata,
    query_builder::{AsQuery, QueryFragment, QueryId},
    query_dsl::CompatibleType,
    result::Error,
};

use super::{
    Cached, CachedDsl,
    fill::Fill,
    find::{Found, find},
};
use crate::{
    bypass::BypassReason,
    connection::CacheConnection,
    events::{self, Names},
    rows::read_rows,
    tracker::{NextRead, tracker},
};

/// A query whose rows can be read through the cache as values of `U`, on a connection of type
/// `Conn`.
///
/// It is to [`.cached(conn)`](CachedDsl::cached) what Diesel's
/// [`LoadQuery`](diesel::query_dsl::LoadQuery) is to `.load(conn)`: the one bound that a function
/// needs which is generic over queries. Every query that can be loaded has it.
///
/// ```
/// # include!("../doctest_setup.rs");
/// use cachalot_diesel::CachedQuery;
///
/// /// Any query that gives rows of `U`.
/// fn all<'a, Q, U>(query: Q, conn: &'a mut SqliteConnection) -> QueryResult<Vec<U>>
/// where
///     Q: CachedQuery<'a, SqliteConnection, U>,
/// {
///     query.cached(conn).load()
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cachalot::builder().url("memory://").build()?;
/// let mut conn = connection(&cache);
/// let names: Vec<String> = all(users::table.select(users::name), &mut conn)?;
/// let ids: Vec<i32> = all(users::table.select(users::id).order(users::id), &mut conn)?;
/// # assert_eq!((names.len(), ids.len()), (2, 2));
/// # Ok(())
/// # }
/// ```
///
/// A function that is generic over connections as well adds
/// [`Conn: CacheConnection`](crate::CacheConnection), and one that calls
/// [`first`](Cached::first) names the limited query, as with Diesel:
///
/// ```
/// # include!("../doctest_setup.rs");
/// use cachalot_diesel::{CacheConnection, CachedQuery};
/// use diesel::{dsl::Limit, query_dsl::methods::LimitDsl};
///
/// fn one<'a, Q, Conn, U>(query: Q, conn: &'a mut Conn) -> QueryResult<U>
/// where
///     Conn: CacheConnection,
///     Q: CachedDsl + LimitDsl,
///     Limit<Q>: CachedQuery<'a, Conn, U>,
/// {
///     query.cached(conn).first()
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cachalot::builder().url("memory://").build()?;
/// let mut conn = connection(&cache);
/// let name: String = one(users::table.select(users::name), &mut conn)?;
/// # assert!(!name.is_empty());
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "the rows of `{Self}` cannot be read as `{U}` through the cache of a `{Conn}`",
    label = "this query does not give rows of `{U}`",
    note = "the columns that the query selects must be those of `{U}`, in type and number, as for \
            Diesel's `load`; `.select({U}::as_select())` lets the compiler point at the wrong one",
    note = "a function that is generic over the query needs \
            `Q: cachalot_diesel::CachedQuery<'a, Conn, U>` and a connection `&'a mut Conn`"
)]
pub trait CachedQuery<'a, Conn, U>: CachedDsl {
    /// At most `limit` rows.
    #[doc(hidden)]
    fn rows(read: Cached<'a, Self, Conn>, limit: usize) -> QueryResult<Vec<U>>;
}

impl<'a, Q, Conn, U> CachedQuery<'a, Conn, U> for Q
where
    Q: AsQuery,
    Q::Query: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Q::SqlType>,
    Q::SqlType: CompatibleType<U, Conn::Backend>,
    U: FromSqlRow<<Q::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
{
    fn rows(read: Cached<'a, Self, Conn>, limit: usize) -> QueryResult<Vec<U>> {
        let Cached {
            conn,
            query,
            options,
        } = read;
        let event = events::Read::start();
        let query = query.as_query();
        match find::<Q::SqlType, _, _>(conn, &query, &options, &event)? {
            Found::Hit(hit) => {
                let rows = hit.rows().and_then(|rows| read_rows(rows, limit));
                if let Some(Ok(rows)) = rows {
                    hit.served(&event);
                    return Ok(rows);
                }
                // Forged, or the type's own decoding fails: the database decides.
                hit.discard(&event);
                query_database(conn, query, limit)
            }
            Found::Miss(fill) => query_and_store(conn, query, limit, *fill, &event),
            Found::Bypass => query_database(conn, query, limit),
        }
    }
}

/// Asks the database, and keeps what it sends.
fn query_and_store<Query, U, Conn>(
    conn: &mut Conn,
    query: Query,
    limit: usize,
    mut fill: Fill,
    event: &events::Read,
) -> QueryResult<Vec<U>>
where
    Query: diesel::query_builder::Query + QueryFragment<Conn::Backend> + QueryId,
    Query::SqlType: CompatibleType<U, Conn::Backend>,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Query::SqlType>,
    U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
{
    let mut rows = load_and_store(conn, &query, limit, &mut fill);
    // The types are known from the second execution on; a number that does not fit the type that
    // was guessed for the first is an error.
    if just_prepared(conn)
        && fill.expects_types()
        && match &rows {
            Ok(_) => fill.refused() == Some(&BypassReason::Unstorable),
            Err(error) => matches!(error, Error::DeserializationError(_)),
        }
    {
        fill.restart();
        rows = load_and_store(conn, &query, limit, &mut fill);
    }
    let rows = rows?;
    if let Err(reason) = fill.complete() {
        let tables = Names(&fill.plan.dependencies);
        event.not_stored(Some(fill.cache.counters()), tables, &reason);
    }
    Ok(rows)
}

/// Asks the database, and keeps nothing.
fn query_database<Query, U, Conn>(
    conn: &mut Conn,
    query: Query,
    limit: usize,
) -> QueryResult<Vec<U>>
where
    Query: diesel::query_builder::Query + QueryFragment<Conn::Backend> + QueryId,
    Query::SqlType: CompatibleType<U, Conn::Backend>,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Query::SqlType>,
    U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
{
    with_next_read(conn, NextRead::Uncached, |conn| {
        collect(conn, query, limit, None)
    })
}

/// Rows, and a copy of what the database sent.
fn load_and_store<Query, U, Conn>(
    conn: &mut Conn,
    query: &Query,
    limit: usize,
    fill: &mut Fill,
) -> QueryResult<Vec<U>>
where
    Query: diesel::query_builder::Query + QueryFragment<Conn::Backend> + QueryId,
    Query::SqlType: CompatibleType<U, Conn::Backend>,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Query::SqlType>,
    U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
{
    with_next_read(conn, NextRead::Planned, |conn| {
        collect(conn, query, limit, Some(fill))
    })
}

fn collect<Query, U, Conn>(
    conn: &mut Conn,
    query: Query,
    limit: usize,
    mut fill: Option<&mut Fill>,
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
        if let Some(fill) = &mut fill {
            fill.take::<Conn::Backend>(&row);
        }
        if rows.len() < limit {
            rows.push(U::build_from_row(&row).map_err(Error::DeserializationError)?);
        }
        // Whoever wants one row still keeps them all, unless they cannot be kept.
        if rows.len() >= limit && fill.as_ref().is_none_or(|it| it.refused().is_some()) {
            break;
        }
    }
    Ok(rows)
}

/// Did Diesel prepare the statement that ran last for that run?
fn just_prepared<Conn: CacheConnection>(conn: &mut Conn) -> bool {
    tracker(conn).is_some_and(|tracker| tracker.just_prepared())
}

/// Runs a read of which this much is known.
fn with_next_read<Conn: CacheConnection, T>(
    conn: &mut Conn,
    next: NextRead,
    read: impl FnOnce(&mut Conn) -> T,
) -> T {
    if let Some(tracker) = tracker(conn) {
        tracker.expect(Some(next));
    }
    let result = read(conn);
    if let Some(tracker) = tracker(conn) {
        tracker.expect(None);
    }
    result
}
