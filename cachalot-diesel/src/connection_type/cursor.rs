//! The rows of a read: those that the database sends, which are kept as they pass, or those of an entry.

use std::{cell::RefCell, marker::PhantomData, ops::Range, rc::Rc};

use diesel::{
    QueryResult,
    backend::Backend,
    result::Error,
    row::{Field, IntoOwnedRow, PartialRow, Row, RowIndex, RowSealed},
};

use crate::{
    events::{self, Names},
    query::Fill,
    rows::CacheBackend,
    tracker::Tracker,
};

/// The rows of a read on a [`CachalotConnection`](crate::CachalotConnection), one after the other.
///
/// `L` gives those that the database sends, `S` those of a cache entry.
pub struct CachedCursor<'conn, DB: CacheBackend, L: Iterator, S>(Rows<'conn, DB, L, S>);

enum Rows<'conn, DB: CacheBackend, L: Iterator, S> {
    Live(Live<'conn, DB, L>),
    Stored(S),
}

impl<'conn, DB: CacheBackend, L: Iterator, S> CachedCursor<'conn, DB, L, S> {
    /// The statement has started.
    pub(super) fn live(rows: L, statement: Statement<'conn>, fill: Option<Box<Fill>>) -> Self {
        Self(Rows::Live(Live {
            rows: Some(rows),
            fill,
            taken: 0,
            statement,
            backend: PhantomData,
        }))
    }

    pub(super) fn stored(rows: S) -> Self {
        Self(Rows::Stored(rows))
    }
}

impl<'conn, DB, L, S, LR, SR> Iterator for CachedCursor<'conn, DB, L, S>
where
    DB: CacheBackend,
    L: Iterator<Item = QueryResult<LR>>,
    S: Iterator<Item = QueryResult<SR>>,
    LR: Row<'conn, DB>,
    SR: Row<'conn, DB>,
{
    type Item = QueryResult<CachedRow<LiveRow<'conn, LR>, SR>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Rows::Live(live) => Some(live.next()?.map(|row| CachedRow {
                columns: row.field_count(),
                row: Either::Live(row),
            })),
            Rows::Stored(rows) => Some(rows.next()?.map(|row| CachedRow {
                columns: row.field_count(),
                row: Either::Stored(row),
            })),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Rows::Live(live) => live.rows.as_ref().map_or((0, Some(0)), L::size_hint),
            Rows::Stored(rows) => rows.size_hint(),
        }
    }
}

impl<'conn, DB, L, S, LR, SR> ExactSizeIterator for CachedCursor<'conn, DB, L, S>
where
    DB: CacheBackend,
    L: ExactSizeIterator<Item = QueryResult<LR>>,
    S: Iterator<Item = QueryResult<SR>>,
    LR: Row<'conn, DB>,
    SR: Row<'conn, DB>,
{
}

/// The rows that the database sends, kept as they pass.
struct Live<'conn, DB: CacheBackend, L: Iterator> {
    // Dropped before the statement, which it runs.
    rows: Option<L>,
    fill: Option<Box<Fill>>,
    taken: usize,
    statement: Statement<'conn>,
    backend: PhantomData<DB>,
}

impl<'conn, DB, L, R> Live<'conn, DB, L>
where
    DB: CacheBackend,
    L: Iterator<Item = QueryResult<R>>,
    R: Row<'conn, DB>,
{
    // Not inlined, so that what hits need is.
    #[inline(never)]
    fn next(&mut self) -> Option<QueryResult<LiveRow<'conn, R>>> {
        match self.rows.as_mut()?.next() {
            Some(Ok(row)) => {
                self.taken += 1;
                if let Some(fill) = &mut self.fill {
                    if self.taken == 1 {
                        fill.is_streamed();
                    }
                    fill.take::<DB>(&row);
                }
                Some(Ok(LiveRow {
                    row,
                    _statement: self.statement.of_row(),
                }))
            }
            Some(Err(error)) => {
                self.fill = None;
                self.statement.end(Some(&error));
                Some(Err(error))
            }
            None => {
                self.complete();
                None
            }
        }
    }
}

impl<DB: CacheBackend, L: Iterator> Live<'_, DB, L> {
    /// All rows have come.
    fn complete(&mut self) {
        self.rows = None;
        if let Some(mut fill) = self.fill.take()
            && let Err(reason) = fill.complete()
        {
            let tables = Names(&fill.plan.dependencies);
            events::not_stored(fill.cache.counters(), tables, &reason);
        }
    }
}

/// Who takes one row of one has all rows, but does not ask for another. SQLite does not tell how many there
/// are, so it is asked for the second.
impl<DB: CacheBackend, L: Iterator> Drop for Live<'_, DB, L> {
    fn drop(&mut self) {
        let (Some(rows), Some(_)) = (&mut self.rows, &self.fill) else {
            return;
        };
        let is_all = match rows.size_hint() {
            (_, Some(left)) => left == 0,
            (_, None) => self.taken == 1 && rows.next().is_none(),
        };
        if is_all {
            self.complete();
        }
    }
}

/// When a statement ends.
pub(super) enum Statement<'conn> {
    /// A read: with the cursor.
    Read(Running<'conn>),
    /// Once the cursor and all its rows are gone: until then SQLite has not committed what an
    /// `INSERT … RETURNING` has written.
    Write(Rc<Running<'conn>>),
}

impl<'conn> Statement<'conn> {
    pub(super) fn started(tracker: &'conn mut Tracker, is_read: bool) -> Self {
        let running = Running(RefCell::new(Some(tracker)));
        match is_read {
            true => Self::Read(running),
            false => Self::Write(Rc::new(running)),
        }
    }

    fn end(&self, error: Option<&Error>) {
        match self {
            Self::Read(running) => running.end(error),
            Self::Write(running) => running.end(error),
        }
    }

    /// What a row keeps running.
    fn of_row(&self) -> Option<Rc<Running<'conn>>> {
        match self {
            Self::Read(_) => None,
            Self::Write(running) => Some(Rc::clone(running)),
        }
    }
}

pub(super) struct Running<'conn>(RefCell<Option<&'conn mut Tracker>>);

impl Running<'_> {
    fn end(&self, error: Option<&Error>) {
        if let Some(tracker) = self.0.take() {
            tracker.finish(error);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end(None);
    }
}

/// A row of the database, which keeps a write running.
pub struct LiveRow<'conn, R> {
    row: R,
    // Dropped after the row.
    _statement: Option<Rc<Running<'conn>>>,
}

/// A row on a [`CachalotConnection`](crate::CachalotConnection): one that the database has sent (`L`), or one of a
/// cache entry (`S`).
pub struct CachedRow<L, S> {
    row: Either<L, S>,
    /// Read for every value of a hit.
    columns: usize,
}

/// A field of a [`CachedRow`].
pub struct CachedField<L, S>(Either<L, S>);

/// One that the database has sent, or one of a cache entry.
enum Either<L, S> {
    Live(L),
    Stored(S),
}

impl<R> RowSealed for LiveRow<'_, R> {}

impl<'a, DB: Backend, R: Row<'a, DB>> Row<'a, DB> for LiveRow<'_, R> {
    type Field<'f>
        = R::Field<'f>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.row.field_count()
    }

    fn get<'f, I>(&'f self, idx: I) -> Option<Self::Field<'f>>
    where
        'a: 'f,
        Self: RowIndex<I>,
    {
        self.row.get(self.idx(idx)?)
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl<I, R: RowIndex<I>> RowIndex<I> for LiveRow<'_, R> {
    fn idx(&self, idx: I) -> Option<usize> {
        self.row.idx(idx)
    }
}

/// For diesel-async's `SyncConnectionWrapper`.
impl<'a, DB: Backend, R: IntoOwnedRow<'a, DB>> IntoOwnedRow<'a, DB> for LiveRow<'_, R> {
    type OwnedRow = R::OwnedRow;
    type Cache = R::Cache;

    fn into_owned(self, cache: &mut Self::Cache) -> Self::OwnedRow {
        self.row.into_owned(cache)
    }
}

impl<L, S> RowSealed for CachedRow<L, S> {}

impl<'a, DB, L, S> Row<'a, DB> for CachedRow<L, S>
where
    DB: Backend,
    L: Row<'a, DB>,
    S: Row<'a, DB>,
{
    type Field<'f>
        = CachedField<L::Field<'f>, S::Field<'f>>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.columns
    }

    fn get<'f, I>(&'f self, idx: I) -> Option<Self::Field<'f>>
    where
        'a: 'f,
        Self: RowIndex<I>,
    {
        let idx = self.idx(idx)?;
        Some(CachedField(match &self.row {
            Either::Live(row) => Either::Live(row.get(idx)?),
            Either::Stored(row) => Either::Stored(row.get(idx)?),
        }))
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl<L, S> RowIndex<usize> for CachedRow<L, S> {
    fn idx(&self, idx: usize) -> Option<usize> {
        (idx < self.columns).then_some(idx)
    }
}

impl<'i, L: RowIndex<&'i str>, S: RowIndex<&'i str>> RowIndex<&'i str> for CachedRow<L, S> {
    fn idx(&self, name: &'i str) -> Option<usize> {
        match &self.row {
            Either::Live(row) => row.idx(name),
            Either::Stored(row) => row.idx(name),
        }
    }
}

/// For diesel-async's `SyncConnectionWrapper`.
impl<'a, DB, L, S> IntoOwnedRow<'a, DB> for CachedRow<L, S>
where
    DB: Backend,
    L: IntoOwnedRow<'a, DB>,
    S: IntoOwnedRow<'a, DB>,
{
    type OwnedRow = CachedRow<L::OwnedRow, S::OwnedRow>;
    type Cache = (L::Cache, S::Cache);

    fn into_owned(self, (live, stored): &mut Self::Cache) -> Self::OwnedRow {
        CachedRow {
            row: match self.row {
                Either::Live(row) => Either::Live(row.into_owned(live)),
                Either::Stored(row) => Either::Stored(row.into_owned(stored)),
            },
            columns: self.columns,
        }
    }
}

impl<'a, DB, L, S> Field<'a, DB> for CachedField<L, S>
where
    DB: Backend,
    L: Field<'a, DB>,
    S: Field<'a, DB>,
{
    fn field_name(&self) -> Option<&str> {
        match &self.0 {
            Either::Live(field) => field.field_name(),
            Either::Stored(field) => field.field_name(),
        }
    }

    fn value(&self) -> Option<DB::RawValue<'_>> {
        match &self.0 {
            Either::Live(field) => field.value(),
            Either::Stored(field) => field.value(),
        }
    }

    fn is_null(&self) -> bool {
        match &self.0 {
            Either::Live(field) => field.is_null(),
            Either::Stored(field) => field.is_null(),
        }
    }
}

impl<DB: CacheBackend, L: Iterator, S> std::fmt::Debug for CachedCursor<'_, DB, L, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedCursor").finish_non_exhaustive()
    }
}

impl<R> std::fmt::Debug for LiveRow<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveRow").finish_non_exhaustive()
    }
}

impl<L, S> std::fmt::Debug for CachedRow<L, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedRow").finish_non_exhaustive()
    }
}

impl<L, S> std::fmt::Debug for CachedField<L, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedField").finish_non_exhaustive()
    }
}
