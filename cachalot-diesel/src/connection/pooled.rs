use diesel::{
    QueryResult,
    connection::Instrumentation,
    r2d2::{ConnectionManager, PooledConnection, R2D2Connection},
};

use super::{
    CacheConnection, CatalogAnswer, Lookup, ProbeAnswer, ProbeQuestion, Question,
    ReplicationAnswer, Sealed,
};

impl<C> Sealed for PooledConnection<ConnectionManager<C>> where C: R2D2Connection + 'static {}

impl<C> CacheConnection for PooledConnection<ConnectionManager<C>>
where
    C: CacheConnection + R2D2Connection + 'static,
{
    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T {
        (**self).with_lookup(run)
    }

    fn tracking(&mut self) -> &mut dyn Instrumentation {
        (**self).tracking()
    }

    fn hide(&mut self, hides: bool) {
        (**self).hide(hides);
    }

    fn probe(&mut self, question: &ProbeQuestion) -> QueryResult<ProbeAnswer> {
        (**self).probe(question)
    }

    fn in_transaction(&mut self) -> Option<bool> {
        (**self).in_transaction()
    }

    fn replication(&mut self) -> QueryResult<Option<ReplicationAnswer>> {
        (**self).replication()
    }

    fn catalog(&mut self, question: &Question) -> QueryResult<CatalogAnswer> {
        (**self).catalog(question)
    }
}
