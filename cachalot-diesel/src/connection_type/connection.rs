//! What Diesel implements for each connection.

#[cfg(feature = "r2d2")]
use diesel::r2d2::R2D2Connection;
use diesel::{
    ConnectionError, ConnectionResult, QueryResult,
    connection::{
        AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, Instrumentation,
        MultiConnectionHelper, SimpleConnection, WithMetadataLookup,
    },
    migration::MigrationConnection,
    query_builder::{QueryFragment, QueryId},
    sql_types::TypeMetadata,
};

use super::CachalotConnection;
use crate::{
    Cachalot,
    cache::installed,
    connection::PlainConnection,
    events::Chain,
    tracker::{Relay, install_implicitly},
};

impl<C: PlainConnection> SimpleConnection for CachalotConnection<C> {
    fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        let statement = self.statement_of_text(sql);
        self.tracked(statement, |conn| conn.batch_execute(sql))
    }
}

impl<C: PlainConnection> ConnectionSealed for CachalotConnection<C> {}

impl<C: PlainConnection> Connection for CachalotConnection<C> {
    type Backend = C::Backend;
    type TransactionManager = AnsiTransactionManager;

    fn establish(url: &str) -> ConnectionResult<Self> {
        let cache = match installed() {
            Some(cache) => cache,
            None => {
                let cache = Cachalot::from_env()
                    .map_err(|error| ConnectionError::BadConnection(Chain(&error).to_string()))?;
                install_implicitly(cache.inner())
            }
        };
        Ok(Self::wrap(C::establish(url)?, &cache, Some(url)))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Self::Backend> + QueryId,
    {
        let statement = self.statement(source);
        self.tracked(statement, |conn| conn.execute_returning_count(source))
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        self.inner.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.inner.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        let own = Box::new(instrumentation);
        match self.inner.instrumentation().downcast_mut::<Relay>() {
            Some(relay) => relay.set_own(own),
            None => self.inner.set_instrumentation(Relay::new(Some(own))),
        }
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.inner.set_prepared_statement_cache_size(size);
    }
}

impl<C: PlainConnection + MigrationConnection> MigrationConnection for CachalotConnection<C> {
    fn setup(&mut self) -> QueryResult<usize> {
        self.inner_mut().setup()
    }
}

#[cfg(feature = "r2d2")]
impl<C: PlainConnection + R2D2Connection> R2D2Connection for CachalotConnection<C> {
    fn ping(&mut self) -> QueryResult<()> {
        self.inner.ping()
    }

    fn is_broken(&mut self) -> bool {
        self.inner.is_broken()
    }
}

impl<C: PlainConnection + WithMetadataLookup> WithMetadataLookup for CachalotConnection<C> {
    fn metadata_lookup(&mut self) -> &mut <Self::Backend as TypeMetadata>::MetadataLookup {
        self.inner.metadata_lookup()
    }
}

impl<C: PlainConnection + MultiConnectionHelper> MultiConnectionHelper for CachalotConnection<C> {
    fn to_any<'a>(
        lookup: &mut <Self::Backend as TypeMetadata>::MetadataLookup,
    ) -> &mut (dyn std::any::Any + 'a) {
        C::to_any(lookup)
    }

    fn from_any(
        lookup: &mut dyn std::any::Any,
    ) -> Option<&mut <Self::Backend as TypeMetadata>::MetadataLookup> {
        C::from_any(lookup)
    }
}
