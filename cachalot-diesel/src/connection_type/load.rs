//! How a read is answered: from the cache, or by the database while its rows are kept as they pass.

use diesel::{
    QueryResult,
    connection::LoadConnection,
    expression::QueryMetadata,
    query_builder::{Query, QueryFragment, QueryId},
};

use super::{CachalotConnection, CachedCursor, CachedRow};
use crate::{
    connection::PlainConnection,
    events,
    query::{Found, Options, analysis_of, find},
    rows::CacheBackend,
    tracker::{NextRead, Tracker},
};

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
        'conn,
        <C as LoadConnection<B>>::Row<'conn, 'query>,
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
        let planned = match self.reclaim().take_expected() {
            // A query of `.cached()`.
            Some(NextRead::Planned) => Planned::LookedUp,
            Some(NextRead::Uncached) => Planned::Statement,
            None if self.writes(&source) => Planned::Statement,
            None => {
                let told = events::Read::start();
                match find::<T::SqlType, _, _>(self, &source, &Options::default(), &told) {
                    // What cannot be built is refused by the connection itself.
                    Ok(Found::Bypass) | Err(_) => Planned::Statement,
                    Ok(found) => Planned::Read(found, told),
                }
            }
        };
        if matches!(planned, Planned::Statement) {
            let analysis = analysis_of(self, &source).ok();
            if let Err(refused) = self.reclaim().start(analysis) {
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
            Planned::Read(found, told) => {
                match found {
                    Found::Hit(hit) => {
                        let rows = hit.rows();
                        let rows = rows.and_then(|rows| C::Backend::cursor(rows, reader));
                        if let Some(rows) = rows {
                            hit.served(&told);
                            return Ok(CachedCursor::stored(rows));
                        }
                        hit.discard(&told);
                    }
                    Found::Miss(kept) => fill = Some(kept),
                    Found::Bypass => {}
                }
                tracker.start_planned();
            }
        }
        match LoadConnection::<B>::load(inner, source) {
            Ok(rows) => Ok(CachedCursor::live(rows, tracker, fill)),
            Err(error) => {
                tracker.finish(Some(&error));
                Err(error)
            }
        }
    }
}

impl<C: PlainConnection> CachalotConnection<C> {
    /// Does the query write, as far as its text shows?
    fn writes<T: QueryFragment<C::Backend> + QueryId>(&mut self, source: &T) -> bool {
        analysis_of(self, source).is_ok_and(|analysis| !analysis.writes().is_nothing())
    }
}
