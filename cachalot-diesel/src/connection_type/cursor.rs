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
    pub(super) fn live(rows: L, tracker: &'conn mut Tracker, fill: Option<Box<Fill>>) -> Self {
        Self(Rows::Live(Live {
            rows: Some(rows),
            fill,
            taken: 0,
            statement: Statement(Rc::new(Running(RefCell::new(Some(tracker))))),
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
    type Item = QueryResult<CachedRow<'conn, LR, SR>>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Rows::Live(live) => live.next(),
            Rows::Stored(rows) => match rows.next()? {
                Ok(row) => Some(Ok(CachedRow::stored(row.field_count(), row))),
                Err(error) => Some(Err(error)),
            },
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
    fn next<SR>(&mut self) -> Option<QueryResult<CachedRow<'conn, R, SR>>> {
        match self.rows.as_mut()?.next() {
            Some(Ok(row)) => {
                self.taken += 1;
                if let Some(fill) = &mut self.fill {
                    if self.taken == 1 {
                        fill.is_streamed();
                    }
                    fill.take::<DB>(&row);
                }
                let columns = row.field_count();
                Some(Ok(CachedRow::live(columns, row, self.statement.clone())))
            }
            Some(Err(error)) => {
                self.fill = None;
                self.statement.0.end(Some(&error));
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

/// A statement, which has ended once the cursor and all its rows are gone: until then SQLite has not committed
/// what an `INSERT … RETURNING` has written.
#[derive(Clone)]
struct Statement<'conn>(Rc<Running<'conn>>);

struct Running<'conn>(RefCell<Option<&'conn mut Tracker>>);

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

/// A row on a [`CachalotConnection`](crate::CachalotConnection): one that the database has sent (`L`), or one of a
/// cache entry (`S`).
pub struct CachedRow<'conn, L, S> {
    row: Either<L, S>,
    /// Read for every value of a hit.
    columns: usize,
    // Dropped after the row.
    _statement: Option<Statement<'conn>>,
}

/// A field of a [`CachedRow`].
pub struct CachedField<L, S>(Either<L, S>);

/// One that the database has sent, or one of a cache entry.
pub enum Either<L, S> {
    Live(L),
    Stored(S),
}

impl<'conn, L, S> CachedRow<'conn, L, S> {
    fn live(columns: usize, row: L, statement: Statement<'conn>) -> Self {
        Self {
            row: Either::Live(row),
            columns,
            _statement: Some(statement),
        }
    }

    fn stored(columns: usize, row: S) -> Self {
        Self {
            row: Either::Stored(row),
            columns,
            _statement: None,
        }
    }
}

impl<L, S> RowSealed for CachedRow<'_, L, S> {}

impl<'a, DB, L, S> Row<'a, DB> for CachedRow<'_, L, S>
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
        self.row.field(self.idx(idx)?)
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl<L, S> RowIndex<usize> for CachedRow<'_, L, S> {
    fn idx(&self, idx: usize) -> Option<usize> {
        (idx < self.columns).then_some(idx)
    }
}

impl<'i, L: RowIndex<&'i str>, S: RowIndex<&'i str>> RowIndex<&'i str> for CachedRow<'_, L, S> {
    fn idx(&self, name: &'i str) -> Option<usize> {
        self.row.idx(name)
    }
}

/// For diesel-async's `SyncConnectionWrapper`.
impl<'a, DB, L, S> IntoOwnedRow<'a, DB> for CachedRow<'_, L, S>
where
    DB: Backend,
    L: IntoOwnedRow<'a, DB>,
    S: IntoOwnedRow<'a, DB>,
{
    type OwnedRow = Either<L::OwnedRow, S::OwnedRow>;
    type Cache = (L::Cache, S::Cache);

    fn into_owned(self, (live, stored): &mut Self::Cache) -> Self::OwnedRow {
        match self.row {
            Either::Live(row) => Either::Live(row.into_owned(live)),
            Either::Stored(row) => Either::Stored(row.into_owned(stored)),
        }
    }
}

impl<L, S> Either<L, S> {
    /// Called for every value of a hit.
    #[inline(always)]
    fn field<'f, 'a: 'f, DB>(
        &'f self,
        idx: usize,
    ) -> Option<CachedField<L::Field<'f>, S::Field<'f>>>
    where
        DB: Backend,
        L: Row<'a, DB>,
        S: Row<'a, DB>,
    {
        Some(CachedField(match self {
            Self::Live(row) => Either::Live(row.get(idx)?),
            Self::Stored(row) => Either::Stored(row.get(idx)?),
        }))
    }
}

impl<L, S> RowSealed for Either<L, S> {}

impl<'a, DB, L, S> Row<'a, DB> for Either<L, S>
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
        match self {
            Self::Live(row) => row.field_count(),
            Self::Stored(row) => row.field_count(),
        }
    }

    fn get<'f, I>(&'f self, idx: I) -> Option<Self::Field<'f>>
    where
        'a: 'f,
        Self: RowIndex<I>,
    {
        self.field(self.idx(idx)?)
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl<L: RowIndex<usize>, S: RowIndex<usize>> RowIndex<usize> for Either<L, S> {
    fn idx(&self, idx: usize) -> Option<usize> {
        match self {
            Self::Live(row) => row.idx(idx),
            Self::Stored(row) => row.idx(idx),
        }
    }
}

impl<'i, L: RowIndex<&'i str>, S: RowIndex<&'i str>> RowIndex<&'i str> for Either<L, S> {
    fn idx(&self, name: &'i str) -> Option<usize> {
        match self {
            Self::Live(row) => row.idx(name),
            Self::Stored(row) => row.idx(name),
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

impl<L, S> std::fmt::Debug for Either<L, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnedCachedRow").finish_non_exhaustive()
    }
}

impl<L, S> std::fmt::Debug for CachedRow<'_, L, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedRow").finish_non_exhaustive()
    }
}

impl<L, S> std::fmt::Debug for CachedField<L, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedField").finish_non_exhaustive()
    }
}
