use std::sync::Arc;

use diesel::{
    QueryResult,
    backend::Backend,
    query_builder::{QueryBuilder, QueryFragment, QueryId},
};

use crate::{connection::CacheConnection, rows::CacheBackend, tracker::with_session};
use cachalot_sql::Analysis;

/// The analysis of a query's text, which is not written anew where the query's type says what it is.
///
/// That is so where Diesel's cache of prepared statements takes it to be so: under these conditions
/// it runs, for a query of a type, what it prepared on the connection for the first of that type.
/// Like Diesel, nothing is concluded from one connection for another.
///
/// # Errors
/// A query that cannot be built.
pub(crate) fn analysis_of<Q, Conn>(conn: &mut Conn, query: &Q) -> QueryResult<Arc<Analysis>>
where
    Q: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
{
    let backend = Conn::Backend::default();
    // A fragment of the program's own may derive a static id and still say that its text varies.
    let id = match Q::query_id() {
        Some(id) if query.is_safe_to_cache_prepared(&backend)? => Some(id),
        _ => None,
    };
    let known = id.and_then(|id| with_session(conn, |_, session| session.typed(id).cloned()));
    if let Some(analysis) = known.flatten() {
        return Ok(analysis);
    }
    let mut builder = <Conn::Backend as Backend>::QueryBuilder::default();
    query.to_sql(&mut builder, &backend)?;
    let dialect = <Conn::Backend as CacheBackend>::dialect();
    let analysis = cachalot_sql::analysis(&builder.finish(), dialect);
    if let Some(id) = id {
        with_session(conn, |_, session| session.analysed(id, &analysis));
    }
    Ok(analysis)
}
