//! Looks a query up in the cache.

use std::sync::Arc;

use diesel::{
    QueryResult,
    expression::QueryMetadata,
    query_builder::{QueryFragment, QueryId},
};

use super::{
    Options,
    fill::Fill,
    prepare::{PreparedRead, prepare_with_retry},
};
use crate::{
    bypass::BypassReason,
    cache::Cache,
    connection::CacheConnection,
    entries::{Entry, Lookup},
    events::{self, Names},
    planner::Plan,
    rows::{CacheBackend, StoredRows},
};
use cachalot_sql::Analysis;

/// How a read is answered.
pub(crate) enum Found {
    /// From the cache.
    Hit(Hit),
    /// By the database; its rows are stored.
    Miss(Box<Fill>),
    /// By the database.
    Bypass,
}

/// An entry that answers a read.
pub(crate) struct Hit {
    cache: Cache,
    plan: Arc<Plan>,
    entry: Arc<Entry>,
    key: String,
}

impl Hit {
    /// `None` if the entry does not hold rows.
    pub(crate) fn rows(&self) -> Option<StoredRows> {
        self.entry.rows()
    }

    /// The read is answered with these rows.
    pub(crate) fn served(&self, event: &events::Read) {
        let tables = Names(&self.plan.dependencies);
        event.hit(self.cache.counters(), tables, self.entry.len());
    }

    /// The rows cannot be used: the next read stores others.
    pub(crate) fn discard(&self, event: &events::Read) {
        self.cache.entries().discard(&self.key);
        event.miss(self.cache.counters(), Names(&self.plan.dependencies));
    }
}

/// Finds out how a read is answered, and reports what is certain: a miss or a bypass.
///
/// # Errors
/// The query cannot be built.
pub(crate) fn find<ST, Q, Conn>(
    conn: &mut Conn,
    query: &Q,
    analysis: &Analysis,
    options: &Options,
    event: &events::Read,
) -> QueryResult<Found>
where
    Q: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<ST>,
{
    let (read, found) =
        match prepare_with_retry::<ST, _, _, _>(conn, query, analysis, options, look_up)? {
            Ok(found) => found,
            Err(bypass) => {
                let counters = bypass.cache.as_ref().map(Cache::counters);
                event.bypass(counters, Names(&bypass.tables), &bypass.reason);
                return Ok(Found::Bypass);
            }
        };
    let (cache, plan) = (read.cache, read.plan);
    let bypass = |reason: &BypassReason| {
        event.bypass(Some(cache.counters()), Names(&plan.dependencies), reason);
        Ok(Found::Bypass)
    };
    match found.unwrap_or(Lookup::Outdated) {
        Lookup::Hit(entry, key) => Ok(Found::Hit(Hit {
            cache,
            plan,
            entry,
            key,
        })),
        Lookup::Miss(permit) => {
            event.miss(cache.counters(), Names(&plan.dependencies));
            let expected = Conn::Backend::expected_types::<ST, _>(query)?;
            let fill = Fill::new(cache, plan, permit, read.ttl, expected);
            Ok(Found::Miss(Box::new(fill)))
        }
        Lookup::Bypass(reason) => bypass(&reason),
        Lookup::Outdated => bypass(&BypassReason::CatalogUnknown),
    }
}

/// Looks a prepared read up; `None` if the catalog is outdated.
fn look_up(read: &mut PreparedRead) -> Option<Lookup> {
    let key = std::mem::take(&mut read.key);
    let entries = read.cache.entries();
    let records = read.records();
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
