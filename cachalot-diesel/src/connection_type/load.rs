//! How a read is answered: from the cache, or by the database while its rows are kept as they pass.

use diesel::{
    QueryResult,
    connection::LoadConnection,
    expression::QueryMetadata,
    query_builder::{Query, QueryFragment, QueryId},
};

use super::{
    CachalotConnection, CachedCursor, CachedRow,
    cursor::{LiveRow, Statement},
};
use crate::{
    connection::PlainConnection,
    events,
    query::{Found, Options, analysis_of, find},
    rows::CacheBackend,
    tracker::{NextRead, Tracker},
};
use cachalot_sql::Analysis;

/// What is known of a query before it is sent.
enum Planned {
    /// A read, and perhaps an entry that answers it.
    Read(Found, events::Read),
    /// A read that has been looked up.
    LookedUp,
    /// Anything.
    Statement,
}

impl<B, C> LoadConnection<B> for CachalotConnection<C>
where
    C: PlainConnection + LoadConnection<B>,
{
    type Cursor<'conn, 'query> = CachedCursor<
        'conn,
        C::Backend,
        <C as LoadConnection<B>>::Cursor<'conn, 'query>,
        <C::Backend as CacheBackend>::StoredCursor<'conn>,
    >;
    type Row<'conn, 'query> = CachedRow<
        LiveRow<'conn, <C as LoadConnection<B>>::Row<'conn, 'query>>,
        <C::Backend as CacheBackend>::StoredRow<'conn>,
    >;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> QueryResult<<Self as LoadConnection<B>>::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        let expected = self.reclaim().take_expected();
        // What cannot be built is refused by the connection itself.
        let analysis = match expected {
            Some(NextRead::Planned) => None,
            _ => analysis_of(self, &source).ok(),
        };
        let planned = match (expected, &analysis) {
            // A query of `.cached()`.
            (Some(NextRead::Planned), _) => Planned::LookedUp,
            (None, Some(analysis)) if may_be_read(analysis) => {
                let event = events::Read::start();
                let options = Options::default();
                match find::<T::SqlType, _, _>(self, &source, analysis, &options, &event) {
                    Ok(Found::Bypass) | Err(_) => Planned::Statement,
                    Ok(found) => Planned::Read(found, event),
                }
            }
            _ => Planned::Statement,
        };
        let mut is_read = true;
        if matches!(planned, Planned::Statement) {
            is_read = analysis.as_ref().is_some_and(|it| it.only_reads());
            let statement = self.statement(&source, analysis);
            if let Err(refused) = self.reclaim().start(statement) {
                return Err(self.refuse(refused));
            }
        }
        let Self {
            inner,
            tracker,
            cache,
            reader,
            ..
        } = self;
        let tracker = tracker.get_or_insert_with(|| Tracker::new(cache.clone(), None));
        let mut fill = None;
        match planned {
            Planned::Statement => {}
            Planned::LookedUp => tracker.start_planned(),
            Planned::Read(found, event) => {
                match found {
                    Found::Hit(hit) => {
                        let rows = hit.rows();
                        let rows = rows.and_then(|rows| C::Backend::cursor(rows, reader));
                        if let Some(rows) = rows {
                            hit.served(&event);
                            return Ok(CachedCursor::stored(rows));
                        }
                        hit.discard(&event);
                    }
                    Found::Miss(kept) => fill = Some(kept),
                    Found::Bypass => {}
                }
                tracker.start_planned();
            }
        }
        match LoadConnection::<B>::load(inner, source) {
            Ok(rows) => {
                let statement = Statement::started(tracker, is_read);
                Ok(CachedCursor::live(rows, statement, fill))
            }
            Err(error) => {
                tracker.finish(Some(&error));
                Err(error)
            }
        }
    }
}

/// A write is no read, whatever rows it returns. What could not be parsed may be one.
fn may_be_read(analysis: &Analysis) -> bool {
    analysis.writes().is_nothing() || !analysis.parsed
}
