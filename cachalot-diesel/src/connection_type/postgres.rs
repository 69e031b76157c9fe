use diesel::{
    PgConnection, QueryResult, RunQueryDsl, Table,
    associations::HasTable,
    dsl::Update,
    expression::{MixedAggregates, ValidGrouping, is_aggregate},
    pg::{CopyFromQuery, GetPgMetadataCache, PgMetadataCache, TransactionBuilder},
    prelude::ExecuteCopyFromDsl,
    query_builder::{AsChangeset, IntoUpdateTarget},
    query_dsl::{LoadQuery, UpdateAndFetchResults},
};

use super::CachalotConnection;

impl CachalotConnection<PgConnection> {
    /// As [`PgConnection::build_transaction`].
    pub fn build_transaction(&mut self) -> TransactionBuilder<'_, Self> {
        TransactionBuilder::new(self)
    }
}

impl GetPgMetadataCache for CachalotConnection<PgConnection> {
    fn get_metadata_cache(&mut self) -> &mut PgMetadataCache {
        self.inner.get_metadata_cache()
    }
}

/// As for [`PgConnection`].
impl<'q, Changes, Output> UpdateAndFetchResults<Changes, Output>
    for CachalotConnection<PgConnection>
where
    Changes: Copy + AsChangeset<Target = <Changes as HasTable>::Table> + IntoUpdateTarget,
    Update<Changes, Changes>: LoadQuery<'q, Self, Output>,
    <Changes::Table as Table>::AllColumns: ValidGrouping<()>,
    <<Changes::Table as Table>::AllColumns as ValidGrouping<()>>::IsAggregate:
        MixedAggregates<is_aggregate::No, Output = is_aggregate::No>,
{
    fn update_and_fetch(&mut self, changes: Changes) -> QueryResult<Output> {
        diesel::update(changes).set(changes).get_result(self)
    }
}

/// The copied rows are a write, reported by the inner connection.
impl<T, Action> ExecuteCopyFromDsl<CachalotConnection<PgConnection>> for CopyFromQuery<T, Action>
where
    Self: ExecuteCopyFromDsl<PgConnection>,
{
    type Error = <Self as ExecuteCopyFromDsl<PgConnection>>::Error;

    fn execute(self, conn: &mut CachalotConnection<PgConnection>) -> Result<usize, Self::Error> {
        self.execute(conn.inner_mut())
    }
}
