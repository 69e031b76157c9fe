use diesel::{
    MysqlConnection, QueryResult, RunQueryDsl, Table,
    associations::{HasTable, Identifiable},
    dsl::{Find, Update},
    expression::{MixedAggregates, ValidGrouping, is_aggregate},
    query_builder::{AsChangeset, IntoUpdateTarget},
    query_dsl::{
        LoadQuery, UpdateAndFetchResults,
        methods::{ExecuteDsl, FindDsl},
    },
};

use super::CachalotConnection;

/// As for [`MysqlConnection`]: updates, and reads the row again.
impl<'q, Changes, Output> UpdateAndFetchResults<Changes, Output>
    for CachalotConnection<MysqlConnection>
where
    Changes: Copy + Identifiable,
    Changes: AsChangeset<Target = <Changes as HasTable>::Table> + IntoUpdateTarget,
    Changes::Table: FindDsl<Changes::Id>,
    Update<Changes, Changes>: ExecuteDsl<Self>,
    Find<Changes::Table, Changes::Id>: LoadQuery<'q, Self, Output>,
    <Changes::Table as Table>::AllColumns: ValidGrouping<()>,
    <<Changes::Table as Table>::AllColumns as ValidGrouping<()>>::IsAggregate:
        MixedAggregates<is_aggregate::No, Output = is_aggregate::No>,
{
    fn update_and_fetch(&mut self, changes: Changes) -> QueryResult<Output> {
        diesel::update(changes).set(changes).execute(self)?;
        Changes::table().find(changes.id()).get_result(self)
    }
}
