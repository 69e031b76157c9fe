use diesel::{
    QueryResult, RunQueryDsl, SqliteConnection, Table,
    associations::{HasTable, Identifiable},
    connection::{AnsiTransactionManager, TransactionManager},
    dsl::{Find, Update},
    expression::{MixedAggregates, ValidGrouping, is_aggregate},
    query_builder::{AsChangeset, IntoUpdateTarget},
    query_dsl::{
        LoadQuery, UpdateAndFetchResults,
        methods::{ExecuteDsl, FindDsl},
    },
    result::Error,
};

use super::CachalotConnection;

impl CachalotConnection<SqliteConnection> {
    /// As [`SqliteConnection::immediate_transaction`].
    ///
    /// # Errors
    /// As there.
    pub fn immediate_transaction<T, E, F>(&mut self, run: F) -> Result<T, E>
    where
        F: FnOnce(&mut Self) -> Result<T, E>,
        E: From<Error>,
    {
        self.transaction_sql(run, "BEGIN IMMEDIATE")
    }

    /// As [`SqliteConnection::exclusive_transaction`].
    ///
    /// # Errors
    /// As there.
    pub fn exclusive_transaction<T, E, F>(&mut self, run: F) -> Result<T, E>
    where
        F: FnOnce(&mut Self) -> Result<T, E>,
        E: From<Error>,
    {
        self.transaction_sql(run, "BEGIN EXCLUSIVE")
    }

    fn transaction_sql<T, E, F>(&mut self, run: F, sql: &str) -> Result<T, E>
    where
        F: FnOnce(&mut Self) -> Result<T, E>,
        E: From<Error>,
    {
        AnsiTransactionManager::begin_transaction_sql(self, sql)?;
        match run(self) {
            Ok(value) => {
                AnsiTransactionManager::commit_transaction(self)?;
                Ok(value)
            }
            Err(error) => {
                AnsiTransactionManager::rollback_transaction(self)?;
                Err(error)
            }
        }
    }
}

/// As for [`SqliteConnection`]: updates, and reads the row again.
impl<'q, Changes, Output> UpdateAndFetchResults<Changes, Output>
    for CachalotConnection<SqliteConnection>
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
