//! How a read is answered: from the cache, or by the database and then stored.

use std::time::{Duration, Instant};

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
    prepare::{PreparedRead, prepare_with_retry},
};
use crate::{
    bypass::BypassReason,
    cache::Cache,
    connection::CacheConnection,
    entries::{FillPermit, Lookup, RemainingTtl},
    events::{self, Names},
    protocol::Dependency,
    rows::{BlockWriter, CacheBackend, private},
    tracker::tracker,
};

/// A query whose rows can be read through the cache as values of `U`, on a connection of type
/// `Conn`.
///
/// The counterpart of Diesel's [`LoadQuery`](diesel::query_dsl::LoadQuery): the bound for functions
/// that are generic over queries. Every query that can be loaded implements it.
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
    /// At max_bytes `limit` rows.
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
        let (prepared, found) =
            match prepare_with_retry::<Q::SqlType, _, _, _>(conn, &query, &options, look_up)? {
                Ok(found) => found,
                Err(bypass) => {
                    let counters = bypass.cache.as_ref().map(Cache::counters);
                    event.bypass(counters, Names(&bypass.tables), &bypass.reason);
                    return query_database(conn, query, limit, None);
                }
            };
        let cache = prepared.cache;
        let (counters, tables) = (cache.counters(), Names(&prepared.plan.dependencies));
        match found.unwrap_or(Lookup::Outdated) {
            Lookup::Hit(entry, key) => {
                let decoded = entry.block().map(|block| {
                    <Conn::Backend as CacheBackend>::read_rows(private::Reader(block), limit)
                });
                if let Some(Ok(rows)) = decoded {
                    event.hit(counters, tables, entry.len());
                    return Ok(rows);
                }
                // The bytes are forged, or the type's own decoding fails: query the database.
                cache.entries().discard(&key);
                event.miss(counters, tables);
                query_database(conn, query, limit, None)
            }
            Lookup::Miss(permit) => {
                event.miss(counters, tables);
                let fill = CacheFill {
                    cache: &cache,
                    permit,
                    ttl: prepared.ttl,
                    stored: false,
                    event: &event,
                    tables,
                };
                query_database(conn, query, limit, Some(fill))
            }
            Lookup::Bypass(reason) => {
                event.bypass(Some(counters), tables, &reason);
                query_database(conn, query, limit, None)
            }
            Lookup::Outdated => {
                event.bypass(Some(counters), tables, &BypassReason::CatalogUnknown);
                query_database(conn, query, limit, None)
            }
        }
    }
}

/// Looks up a prepared read; `None` if the catalog is outdated.
fn look_up(read: &mut PreparedRead) -> Option<Lookup> {
    let key = std::mem::take(&mut read.key);
    let entries = read.cache.entries();
    let records = read.plan.records(&read.snapshot);
    let found = match read.replica {
        true => entries.lookup_on_replica(key, records),
        false => entries.lookup(key, records),
    };
    let found = match found {
        Lookup::Miss(permit) if read.may_wait => entries.join_flight(permit, records),
        found => found,
    };
    (!matches!(found, Lookup::Outdated)).then_some(found)
}

/// Stores the rows of a miss.
struct CacheFill<'a> {
    cache: &'a Cache,
    permit: FillPermit,
    ttl: Option<Duration>,
    stored: bool,
    event: &'a events::Read,
    tables: Names<'a, Dependency>,
}

impl CacheFill<'_> {
    /// Stores the rows of a query that was sent at that moment.
    fn store(&self, rows: &BlockWriter, sent_at: Instant) -> Result<(), BypassReason> {
        self.cache
            .entries()
            .store(&self.permit, rows, RemainingTtl::since(sent_at, self.ttl))
    }
}

impl Drop for CacheFill<'_> {
    fn drop(&mut self) {
        if !self.stored {
            self.cache.entries().give_up(&self.permit);
        }
    }
}

/// Queries the database, and stores the rows if `fill` is set.
fn query_database<Query, U, Conn>(
    conn: &mut Conn,
    query: Query,
    limit: usize,
    fill: Option<CacheFill<'_>>,
) -> QueryResult<Vec<U>>
where
    Query: diesel::query_builder::Query + QueryFragment<Conn::Backend> + QueryId,
    Query::SqlType: CompatibleType<U, Conn::Backend>,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Query::SqlType>,
    U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
{
    let Some(mut fill) = fill else {
        return collect(conn, query, limit, None);
    };
    let max_bytes = fill.cache.config().max_value_bytes;
    let expected = Conn::Backend::expected_types::<Query::SqlType, _>(&query)?;
    // The rows may be as old as this, however long they take to arrive.
    let mut sent_at = Instant::now();
    let (mut rows, mut copy) = load_and_copy(conn, &query, limit, &expected, max_bytes);
    // The types are known from the second execution on; a number that does not fit the type that
    // was assumed for the first is an error.
    if just_prepared(conn)
        && !expected.0.is_empty()
        && match &rows {
            Ok(_) => copy.refused == Some(BypassReason::Unstorable),
            Err(error) => matches!(error, Error::DeserializationError(_)),
        }
    {
        sent_at = Instant::now();
        (rows, copy) = load_and_copy(conn, &query, limit, &expected, max_bytes);
    }
    let rows = rows?;
    let stored = match copy.refused {
        Some(reason) => Err(reason),
        None => fill.store(&copy.rows.0, sent_at),
    };
    match stored {
        Ok(()) => fill.stored = true,
        Err(reason) => fill
            .event
            .not_stored(Some(fill.cache.counters()), fill.tables, &reason),
    }
    Ok(rows)
}

/// Queries the database; returns the rows and a copy of their raw values.
fn load_and_copy<'e, Query, U, Conn>(
    conn: &mut Conn,
    query: &Query,
    limit: usize,
    expected: &'e private::ExpectedTypes,
    max_bytes: usize,
) -> (QueryResult<Vec<U>>, RowCopy<'e>)
where
    Query: diesel::query_builder::Query + QueryFragment<Conn::Backend> + QueryId,
    Query::SqlType: CompatibleType<U, Conn::Backend>,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<Query::SqlType>,
    U: FromSqlRow<<Query::SqlType as CompatibleType<U, Conn::Backend>>::SqlType, Conn::Backend>,
{
    let mut copy = RowCopy {
        rows: private::Writer(BlockWriter::default()),
        expected,
        max_bytes,
        refused: None,
    };
    expect_read(conn, true);
    let rows = collect(conn, query, limit, Some(&mut copy));
    expect_read(conn, false);
    (rows, copy)
}

/// Did Diesel prepare the last statement just before it ran?
fn just_prepared<Conn: CacheConnection>(conn: &mut Conn) -> bool {
    tracker(conn).is_some_and(|tracker| tracker.just_prepared())
}

/// Tells the tracker not to analyse the next statement, which is known to be a plain read.
fn expect_read<Conn: CacheConnection>(conn: &mut Conn, expected: bool) {
    if let Some(tracker) = tracker(conn) {
        tracker.expect_read(expected);
    }
}

/// A copy of the rows, until one of them cannot be stored.
struct RowCopy<'e> {
    rows: private::Writer,
    expected: &'e private::ExpectedTypes,
    max_bytes: usize,
    refused: Option<BypassReason>,
}

impl RowCopy<'_> {
    fn append<'r, DB: CacheBackend>(&mut self, row: &impl diesel::row::Row<'r, DB>) {
        if self.refused.is_some() {
            return;
        }
        if DB::append_row(row, self.expected, &mut self.rows).is_err() {
            self.refused = Some(BypassReason::Unstorable);
        } else if self.rows.0.len() > self.max_bytes {
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
    mut copy: Option<&mut RowCopy<'_>>,
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
        if let Some(copy) = &mut copy {
            copy.append::<Conn::Backend>(&row);
        }
        if rows.len() < limit {
            rows.push(U::build_from_row(&row).map_err(Error::DeserializationError)?);
        }
        // The entry holds all rows, whatever the limit; read on unless they cannot be stored.
        if rows.len() >= limit && copy.as_ref().is_none_or(|copy| copy.refused.is_some()) {
            break;
        }
    }
    Ok(rows)
}
