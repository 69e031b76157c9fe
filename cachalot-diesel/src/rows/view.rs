//! Rows whose fields are borrowed from the entry's bytes (PostgreSQL and MySQL).

use std::{marker::PhantomData, ops::Range};

use diesel::{
    QueryResult,
    backend::Backend,
    deserialize::FromSqlRow,
    result::Error,
    row::{Field, PartialRow, Row, RowIndex, RowSealed},
};

use super::{Block, BlockWriter, Unstorable};

/// Splits a backend's raw value into bytes and a type, and restores it.
pub(crate) trait RawBytes: Backend {
    type Type;

    /// The type's code in a block; never 0.
    fn type_code(value: &Self::RawValue<'_>) -> u32;
    fn type_of(code: u32) -> Option<Self::Type>;
    fn bytes<'v>(value: &'v Self::RawValue<'_>) -> &'v [u8];
    fn value<'v>(bytes: &'v [u8], tpe: &'v Self::Type) -> Self::RawValue<'v>;
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

pub(crate) fn read_rows<ST, DB: RawBytes, U: FromSqlRow<ST, DB>>(
    mut block: Block<'_>,
    limit: usize,
) -> QueryResult<Vec<U>> {
    let names: Vec<_> = block.columns().iter().map(|column| column.name).collect();
    let types: Vec<_> = block
        .columns()
        .iter()
        .map(|column| DB::type_of(column.type_code))
        .collect();
    let mut cells = Vec::with_capacity(names.len());
    let mut rows = Vec::with_capacity(block.rows().min(limit));
    while rows.len() < limit && block.next_row(&mut cells) {
        let row = ViewRow::<DB> {
            names: &names,
            types: &types,
            cells: &cells,
        };
        rows.push(U::build_from_row(&row).map_err(Error::DeserializationError)?);
    }
    Ok(rows)
}

struct ViewRow<'a, DB: RawBytes> {
    names: &'a [Option<&'a str>],
    types: &'a [Option<DB::Type>],
    cells: &'a [Option<&'a [u8]>],
}

struct ViewField<'a, DB: RawBytes> {
    name: Option<&'a str>,
    cell: Option<(&'a [u8], &'a DB::Type)>,
    backend: PhantomData<DB>,
}

impl<DB: RawBytes> RowSealed for ViewRow<'_, DB> {}

impl<'a, DB: RawBytes> Row<'a, DB> for ViewRow<'a, DB> {
    type Field<'f>
        = ViewField<'f, DB>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.cells.len()
    }

    fn get<'f, I>(&'f self, idx: I) -> Option<Self::Field<'f>>
    where
        'a: 'f,
        Self: RowIndex<I>,
    {
        let idx = self.idx(idx)?;
        let cell = (*self.cells.get(idx)?).zip(self.types.get(idx)?.as_ref());
        Some(ViewField {
            name: *self.names.get(idx)?,
            cell,
            backend: PhantomData,
        })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl<DB: RawBytes> RowIndex<usize> for ViewRow<'_, DB> {
    fn idx(&self, idx: usize) -> Option<usize> {
        (idx < self.cells.len()).then_some(idx)
    }
}

impl<'i, DB: RawBytes> RowIndex<&'i str> for ViewRow<'_, DB> {
    fn idx(&self, name: &'i str) -> Option<usize> {
        self.names.iter().position(|column| *column == Some(name))
    }
}

impl<'a, DB: RawBytes> Field<'a, DB> for ViewField<'a, DB> {
    fn field_name(&self) -> Option<&str> {
        self.name
    }

    fn value(&self) -> Option<DB::RawValue<'_>> {
        self.cell.map(|(bytes, tpe)| DB::value(bytes, tpe))
    }
}
