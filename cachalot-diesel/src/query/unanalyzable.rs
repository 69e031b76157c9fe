use diesel::{QueryResult, connection::TransactionManager};

use crate::{
    cache::Cachalot,
    catalog::UnanalyzableCode,
    connection::{CacheConnection, Question},
};

impl Cachalot {
    /// What the database of a connection keeps that this cache cannot see through.
    ///
    /// # Errors
    /// Those of the database, if its catalog cannot be read.
    #[doc(hidden)]
    pub fn unanalyzable_code<C: CacheConnection>(
        &self,
        conn: &mut C,
    ) -> QueryResult<Vec<UnanalyzableCode>> {
        let status = C::TransactionManager::transaction_manager_status_mut(conn);
        let question = Question {
            in_transaction: status.transaction_depth()?.is_some(),
            schemas: Default::default(),
        };
        let mut facts = conn.catalog(&question)?.0;
        facts.trust(&self.config().pure_functions);
        Ok(facts.opaque())
    }
}
