//! Rows with the column names of the user's statement.

use std::{fmt, ops::Range, sync::Arc};

use diesel::{
    row::{Field, IntoOwnedRow, PartialRow, Row, RowIndex, RowSealed},
    sqlite::{Sqlite, SqliteValue},
};

use crate::rows::StoredRows;

/// A row of a private connection, with the column names of the user's statement.
pub struct NamedRow<R, N = StoredRows> {
    pub(super) inner: R,
    pub(super) names: N,
}

/// The names of the columns.
pub trait Names {
    fn name(&self, column: usize) -> Option<&str>;
    fn column_named(&self, name: &str) -> Option<usize>;
}

impl Names for StoredRows {
    fn name(&self, column: usize) -> Option<&str> {
        self.name(column)
    }

    fn column_named(&self, name: &str) -> Option<usize> {
        self.column_named(name)
    }
}

/// Those of rows that are sent to another thread.
impl Names for Arc<[Option<String>]> {
    fn name(&self, column: usize) -> Option<&str> {
        self.get(column)?.as_deref()
    }

    fn column_named(&self, name: &str) -> Option<usize> {
        self.iter().position(|it| it.as_deref() == Some(name))
    }
}

pub struct NamedField<'f, F> {
    inner: F,
    name: Option<&'f str>,
}

impl<R, N> RowSealed for NamedRow<R, N> {}

impl<'r, R: Row<'r, Sqlite>, N: Names> Row<'r, Sqlite> for NamedRow<R, N> {
    type Field<'f>
        = NamedField<'f, R::Field<'f>>
    where
        'r: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.inner.field_count()
    }

    fn get<'f, I>(&'f self, idx: I) -> Option<Self::Field<'f>>
    where
        'r: 'f,
        Self: RowIndex<I>,
    {
        let idx = self.idx(idx)?;
        Some(NamedField {
            inner: self.inner.get(idx)?,
            name: self.names.name(idx),
        })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl<'r, R: IntoOwnedRow<'r, Sqlite>> IntoOwnedRow<'r, Sqlite> for NamedRow<R> {
    type OwnedRow = NamedRow<R::OwnedRow, Arc<[Option<String>]>>;
    type Cache = (R::Cache, Option<Arc<[Option<String>]>>);

    fn into_owned(self, (inner, names): &mut Self::Cache) -> Self::OwnedRow {
        let columns = 0..self.names.columns();
        let name = |column| self.names.name(column).map(ToOwned::to_owned);
        let names = names.get_or_insert_with(|| columns.map(name).collect());
        NamedRow {
            names: Arc::clone(names),
            inner: self.inner.into_owned(inner),
        }
    }
}

impl<R: RowIndex<usize>, N> RowIndex<usize> for NamedRow<R, N> {
    fn idx(&self, idx: usize) -> Option<usize> {
        self.inner.idx(idx)
    }
}

impl<'i, R, N: Names> RowIndex<&'i str> for NamedRow<R, N> {
    fn idx(&self, name: &'i str) -> Option<usize> {
        self.names.column_named(name)
    }
}

impl<'f, F: Field<'f, Sqlite>> Field<'f, Sqlite> for NamedField<'_, F> {
    fn field_name(&self) -> Option<&str> {
        self.name
    }

    fn value(&self) -> Option<SqliteValue<'_, '_, '_>> {
        self.inner.value()
    }
}

impl<R, N> fmt::Debug for NamedRow<R, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedRow").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for NamedField<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedField").finish_non_exhaustive()
    }
}
