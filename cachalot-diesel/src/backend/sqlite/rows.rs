//! SQLite's raw values cannot be constructed outside SQLite, so a hit binds the cached values in a
//! private in-memory connection and reads them back as rows.

use std::{cell::RefCell, ops::Range};

use diesel::{
    Connection, QueryResult, SqliteConnection,
    connection::LoadConnection,
    deserialize::FromSqlRow,
    expression::QueryMetadata,
    query_builder::{AstPass, MoveableBindCollector, Query, QueryFragment, QueryId},
    result::{ConnectionError, Error},
    row::{Field, PartialRow, Row, RowIndex, RowSealed},
    sql_types::{BigInt, Binary, Double, Integer, Nullable, Text, Untyped},
    sqlite::{Sqlite, SqliteType, SqliteValue},
};

use crate::{
    rows::{Block, CacheBackend, Unstorable, private},
    thread_flag::untracked,
};
use cachalot_sql::Dialect;

// The first byte of a cell. In SQLite each value has a type of its own.
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// The maximum number of rows that one statement reads back.
const MAX_ROWS_PER_STATEMENT: usize = 64;
/// SQLite's limit is 32,766.
const MAX_PARAMETERS: usize = 32_000;

impl private::Sealed for Sqlite {}

impl CacheBackend for Sqlite {
    fn dialect() -> Dialect {
        Dialect::Sqlite
    }

    /// Values are stored in little-endian order.
    fn fingerprint_abi(_fingerprint: &mut private::Key) {}

    /// Diesel exposes SQLite binds only through `Debug`, which names the variant and escapes text, so
    /// different binds have different output.
    fn fingerprint_binds<Q: QueryFragment<Self>>(
        query: &Q,
        lookup: &mut (),
        fingerprint: &mut private::Key,
    ) -> QueryResult<private::Binds> {
        let mut binds = <Self as diesel::backend::Backend>::BindCollector::default();
        query.collect_binds(&mut binds, lookup, &Self)?;
        fingerprint
            .0
            .formatted(&binds.moveable())
            .map_err(|error| Error::SerializationError(Box::new(error)))?;
        Ok(private::Binds::default())
    }

    fn fingerprint_result<ST>(_fingerprint: &mut private::Key)
    where
        Self: QueryMetadata<ST>,
    {
    }

    fn append_row<'r, R: Row<'r, Self>>(
        row: &R,
        _: &private::ExpectedTypes,
        block: &mut private::Writer,
    ) -> Result<(), Unstorable> {
        let block = &mut block.0;
        let count = row.field_count();
        block.start_row((0..count).map(|i| {
            row.get(i)
                .and_then(|f| f.field_name().map(ToOwned::to_owned))
        }));
        for column in 0..count {
            let field = row.get(column).ok_or(Unstorable)?;
            let Some(mut value) = field.value() else {
                block.null();
                continue;
            };
            match value.value_type() {
                Some(SqliteType::Long | SqliteType::Integer | SqliteType::SmallInt) => {
                    block.cell(column, 1, [&[INTEGER], &value.read_long().to_le_bytes()]);
                }
                Some(SqliteType::Double | SqliteType::Float) => {
                    block.cell(column, 1, [&[REAL], &value.read_double().to_le_bytes()]);
                }
                Some(SqliteType::Text) => {
                    // Text that is not UTF-8 cannot be bound again.
                    let bytes = value.read_blob();
                    std::str::from_utf8(bytes).map_err(|_| Unstorable)?;
                    block.cell(column, 1, [&[TEXT], bytes]);
                }
                Some(SqliteType::Binary) => block.cell(column, 1, [&[BLOB], value.read_blob()]),
                None => return Err(Unstorable),
            }
        }
        Ok(())
    }

    fn read_rows<ST, U: FromSqlRow<ST, Self>>(
        block: private::Reader<'_>,
        limit: usize,
    ) -> QueryResult<Vec<U>> {
        let mut block = block.0;
        let names: Vec<_> = block.columns().iter().map(|column| column.name).collect();
        let mut rows = Vec::with_capacity(block.rows().min(limit));
        while rows.len() < limit {
            let Some(values) = Values::next(&mut block, limit - rows.len())? else {
                break;
            };
            on_private_connection(|conn| {
                for row in LoadConnection::load(conn, values)? {
                    let row = NamedRow {
                        inner: row?,
                        names: &names,
                    };
                    rows.push(U::build_from_row(&row).map_err(Error::DeserializationError)?);
                }
                Ok(())
            })?;
        }
        Ok(rows)
    }
}

thread_local! {
    static PRIVATE: RefCell<Option<SqliteConnection>> = const { RefCell::new(None) };
}

/// Runs `run` on this thread's private connection, which the first hit opens (about 9 µs).
///
/// If a `FromSql` implementation reads from the cache itself, that read opens another connection.
fn on_private_connection<T>(
    run: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let existing = PRIVATE.with(|cell| cell.try_borrow_mut().ok().and_then(|mut slot| slot.take()));
    let mut conn = match existing {
        Some(conn) => conn,
        None => untracked(|| SqliteConnection::establish(":memory:")).map_err(open_error)?,
    };
    let result = run(&mut conn);
    PRIVATE.with(|cell| {
        if let Ok(mut slot) = cell.try_borrow_mut() {
            *slot = Some(conn);
        }
    });
    result
}

fn open_error(error: ConnectionError) -> Error {
    Error::DeserializationError(Box::new(error))
}

/// `VALUES (?, ?), (?, ?), …` with the cells of some rows.
struct Values<'a> {
    columns: usize,
    cells: Vec<Cell<'a>>,
}

enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl<'a> Values<'a> {
    /// Takes the next rows. Their number is a power of two, so that few different statements are
    /// prepared.
    fn next(block: &mut Block<'a>, limit: usize) -> QueryResult<Option<Self>> {
        let columns = block.columns().len();
        let max_rows = (MAX_PARAMETERS / columns.max(1)).clamp(1, MAX_ROWS_PER_STATEMENT);
        let wanted = block.rows().min(limit).min(max_rows);
        if wanted == 0 {
            return Ok(None);
        }
        let rows = 1 << wanted.ilog2();
        let mut cells = Vec::with_capacity(rows * columns);
        let mut row = Vec::with_capacity(columns);
        for _ in 0..rows {
            block.next_row(&mut row);
            for cell in &row {
                cells.push(Cell::parse(*cell).ok_or_else(malformed)?);
            }
        }
        Ok(Some(Self { columns, cells }))
    }
}

fn malformed() -> Error {
    Error::DeserializationError("a cached SQLite value is malformed".into())
}

impl<'a> Cell<'a> {
    fn parse(bytes: Option<&'a [u8]>) -> Option<Self> {
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

impl QueryFragment<Sqlite> for Values<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        for (place, cell) in self.cells.iter().enumerate() {
            out.push_sql(match place {
                0 => "VALUES (",
                _ if place % self.columns == 0 => "), (",
                _ => ", ",
            });
            match cell {
                Cell::Null => out.push_bind_param::<Nullable<Integer>, Option<i32>>(&None)?,
                Cell::Integer(value) => out.push_bind_param::<BigInt, i64>(value)?,
                Cell::Real(value) => out.push_bind_param::<Double, f64>(value)?,
                Cell::Text(value) => out.push_bind_param::<Text, str>(value)?,
                Cell::Blob(value) => out.push_bind_param::<Binary, [u8]>(value)?,
            }
        }
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for Values<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Values<'_> {
    type SqlType = Untyped;
}

/// A row of the private connection, with the column names of the user's statement.
struct NamedRow<'n, R> {
    inner: R,
    names: &'n [Option<&'n str>],
}

struct NamedField<'f, F> {
    inner: F,
    name: Option<&'f str>,
}

impl<R> RowSealed for NamedRow<'_, R> {}

impl<'a, R: Row<'a, Sqlite>> Row<'a, Sqlite> for NamedRow<'_, R> {
    type Field<'f>
        = NamedField<'f, R::Field<'f>>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.inner.field_count()
    }

    fn get<'f, I>(&'f self, idx: I) -> Option<Self::Field<'f>>
    where
        'a: 'f,
        Self: RowIndex<I>,
    {
        let idx = self.idx(idx)?;
        Some(NamedField {
            inner: self.inner.get(idx)?,
            name: *self.names.get(idx)?,
        })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl<R: RowIndex<usize>> RowIndex<usize> for NamedRow<'_, R> {
    fn idx(&self, idx: usize) -> Option<usize> {
        self.inner.idx(idx)
    }
}

impl<'i, R> RowIndex<&'i str> for NamedRow<'_, R> {
    fn idx(&self, name: &'i str) -> Option<usize> {
        self.names.iter().position(|column| *column == Some(name))
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
