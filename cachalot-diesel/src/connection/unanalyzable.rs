use std::collections::BTreeSet;

use diesel::{QueryResult, connection::TransactionManager};

use super::{CacheConnection, Question};
use crate::catalog::UnanalyzableCode;

/// The code in a connection's database that cannot be analysed. `trusted`: functions declared pure.
pub(crate) fn unanalyzable_code<C: CacheConnection>(
    conn: &mut C,
    trusted: &BTreeSet<String>,
) -> QueryResult<Vec<UnanalyzableCode>> {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    let question = Question {
        in_transaction: status.transaction_depth()?.is_some(),
        schemas: Default::default(),
    };
    let mut facts = conn.catalog(&question)?.0;
    facts.trust(trusted);
    Ok(facts.unanalyzable())
}
