//! Stored rows as Diesel's rows, whose fields are borrowed from the entry's bytes (PostgreSQL and MySQL).

use std::{marker::PhantomData, num::NonZeroU32, ops::Range};

use diesel::{
    QueryResult,
    backend::Backend,
    row::{Field, PartialRow, Row, RowIndex, RowSealed},
};

use super::{BlockWriter, StoredRows, Unstorable};

/// Splits a backend's raw value into bytes and a type, and restores it.
pub trait RawBytes: Backend {
    /// The type's code in a block; 0 if the type is unknown.
    fn type_code(value: &Self::RawValue<'_>) -> u32;
    fn bytes<'v>(value: &'v Self::RawValue<'_>) -> &'v [u8];
    /// `None` if the code is unknown.
    fn value<'v>(bytes: &'v [u8], type_code: &'v NonZeroU32) -> Option<Self::RawValue<'v>>;
}

pub(crate) fn append_row<'r, DB: RawBytes, R: Row<'r, DB>>(
    row: &R,
    block: &mut BlockWriter,
) -> Result<(), Unstorable> {
    let count = row.field_count();
    block.start_row((0..count).map(|i| {
        row.get(i)
            .and_then(|f| f.field_name().map(ToOwned::to_owned))
    }));
    for column in 0..count {
        let field = row.get(column).ok_or(Unstorable)?;
        match field.value() {
            Some(value) => {
                let code = DB::type_code(&value);
                if code == 0 {
                    return Err(Unstorable);
                }
                block.cell(column, code, [DB::bytes(&value), b""]);
            }
            None => block.null(),
        }
    }
    Ok(())
}

/// Stored rows, one after the other. `None` if a value has no type that the backend knows.
pub(crate) fn cursor<DB: RawBytes>(rows: StoredRows) -> Option<ViewCursor<DB>> {
    for column in 0..rows.columns() {
        let is_known = match rows.type_code(column) {
            Some(code) => DB::value(&[], code).is_some(),
            None => (0..rows.rows()).all(|row| rows.cell(row, column).is_none()),
        };
        if !is_known {
            return None;
        }
    }
    Some(ViewCursor {
        rows,
        next: 0,
        backend: PhantomData,
    })
}

#[derive(Debug)]
pub struct ViewCursor<DB> {
    rows: StoredRows,
    next: usize,
    backend: PhantomData<DB>,
}

#[derive(Debug)]
pub struct ViewRow<DB> {
    rows: StoredRows,
    row: usize,
    columns: usize,
    backend: PhantomData<DB>,
}

#[derive(Debug)]
pub struct ViewField<'a, DB> {
    rows: &'a StoredRows,
    row: usize,
    column: usize,
    backend: PhantomData<DB>,
}

impl<DB: RawBytes> Iterator for ViewCursor<DB> {
    type Item = QueryResult<ViewRow<DB>>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.next;
        if row >= self.rows.rows() {
            return None;
        }
        self.next += 1;
        Some(Ok(ViewRow {
            rows: self.rows.clone(),
            row,
            columns: self.rows.columns(),
            backend: PhantomData,
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rows.rows() - self.next;
        (left, Some(left))
    }
}

impl<DB: RawBytes> RowSealed for ViewRow<DB> {}

impl<'a, DB: RawBytes> Row<'a, DB> for ViewRow<DB> {
    type Field<'f>
        = ViewField<'f, DB>
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
        let column = self.idx(idx)?;
        Some(ViewField {
            rows: &self.rows,
            row: self.row,
            column,
            backend: PhantomData,
        })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl<DB: RawBytes> RowIndex<usize> for ViewRow<DB> {
    fn idx(&self, idx: usize) -> Option<usize> {
        (idx < self.columns).then_some(idx)
    }
}

impl<'i, DB: RawBytes> RowIndex<&'i str> for ViewRow<DB> {
    fn idx(&self, name: &'i str) -> Option<usize> {
        self.rows.column_named(name)
    }
}

impl<'a, DB: RawBytes> Field<'a, DB> for ViewField<'a, DB> {
    fn field_name(&self) -> Option<&str> {
        self.rows.name(self.column)
    }

    fn value(&self) -> Option<DB::RawValue<'_>> {
        let bytes = self.rows.cell(self.row, self.column)?;
        DB::value(bytes, self.rows.type_code(self.column)?)
    }
}
