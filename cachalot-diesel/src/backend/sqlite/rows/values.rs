//! Stored cells, and the statement that returns them as rows.

use diesel::{
    QueryResult,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::Error,
    sql_types::{BigInt, Binary, Double, Integer, Nullable, Text, Untyped},
    sqlite::Sqlite,
};

use crate::rows::StoredRows;

// The first byte of a cell. In SQLite each value has a type of its own.
pub(in crate::backend::sqlite) const INTEGER: u8 = 1;
pub(super) const REAL: u8 = 2;
pub(in crate::backend::sqlite) const TEXT: u8 = 3;
pub(in crate::backend::sqlite) const BLOB: u8 = 4;

/// A cell of a stored row.
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

pub(super) fn malformed() -> Error {
    Error::DeserializationError("a cached SQLite value is malformed".into())
}

impl<'a> Cell<'a> {
    pub(super) fn parse(bytes: Option<&'a [u8]>) -> Option<Self> {
        let Some(bytes) = bytes else {
            return Some(Self::Null);
        };
        let (kind, bytes) = bytes.split_first()?;
        match *kind {
            INTEGER => Some(Self::Integer(i64::from_le_bytes(bytes.try_into().ok()?))),
            REAL => Some(Self::Real(f64::from_le_bytes(bytes.try_into().ok()?))),
            TEXT => std::str::from_utf8(bytes).ok().map(Self::Text),
            BLOB => Some(Self::Blob(bytes)),
            _ => None,
        }
    }
}

/// `VALUES (?, ?), (?, ?), …` with the cells of some rows, and nulls behind the last row.
pub(super) struct Values {
    rows: StoredRows,
    first: usize,
    numbers: Vec<Number>,
}

/// A number of its own, as a bind has to be borrowed, or what is borrowed from the rows.
enum Number {
    Integer(i64),
    Real(f64),
    None,
}

impl Values {
    pub(super) fn of(rows: &StoredRows, first: usize, count: usize) -> Self {
        let columns = rows.columns();
        let cells = (0..count * columns).map(|at| cell(rows, first, at));
        let numbers = cells.map(|cell| match cell {
            Some(Cell::Integer(value)) => Number::Integer(value),
            Some(Cell::Real(value)) => Number::Real(value),
            _ => Number::None,
        });
        Self {
            numbers: numbers.collect(),
            rows: rows.clone(),
            first,
        }
    }
}

/// The cell at a place that is counted from the row `first`.
fn cell(rows: &StoredRows, first: usize, at: usize) -> Option<Cell<'_>> {
    let columns = rows.columns();
    Cell::parse(rows.cell(first + at / columns, at % columns))
}

impl QueryFragment<Sqlite> for Values {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let columns = self.rows.columns();
        for (at, number) in self.numbers.iter().enumerate() {
            out.push_sql(match at {
                0 => "VALUES (",
                _ if at % columns == 0 => "), (",
                _ => ", ",
            });
            match number {
                Number::Integer(value) => out.push_bind_param::<BigInt, i64>(value)?,
                Number::Real(value) => out.push_bind_param::<Double, f64>(value)?,
                Number::None => match cell(&self.rows, self.first, at).ok_or_else(malformed)? {
                    Cell::Text(value) => out.push_bind_param::<Text, str>(value)?,
                    Cell::Blob(value) => out.push_bind_param::<Binary, [u8]>(value)?,
                    _ => out.push_bind_param::<Nullable<Integer>, Option<i32>>(&None)?,
                },
            }
        }
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for Values {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Values {
    type SqlType = Untyped;
}
