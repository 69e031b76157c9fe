use std::sync::Arc;

use diesel::{
    QueryResult,
    backend::Backend,
    query_builder::{QueryBuilder, QueryFragment},
};

use crate::{
    rows::CacheBackend,
    statement::{self, Analysis},
};

/// The analysis of a query's text.
///
/// # Errors
/// A query that cannot be built.
pub(super) fn analysis_of<Q, DB>(query: &Q) -> QueryResult<Arc<Analysis>>
where
    Q: QueryFragment<DB>,
    DB: CacheBackend,
{
    let mut builder = <DB as Backend>::QueryBuilder::default();
    query.to_sql(&mut builder, &DB::default())?;
    Ok(statement::analysis(&builder.finish(), DB::dialect()))
}
