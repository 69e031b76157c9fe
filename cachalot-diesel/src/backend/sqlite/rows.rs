//! SQLite's raw values cannot be constructed outside SQLite, so a hit binds the cached values in a
//! private in-memory connection and reads them back as rows.

use std::{cell::RefCell, mem, ops::Range, slice, sync::Arc, vec};

use diesel::{
    Connection, QueryResult, SqliteConnection,
    connection::{InstrumentationEvent, LoadConnection},
    expression::QueryMetadata,
    query_builder::{
        AstPass, CollectedQuery, MoveableBindCollector, Query, QueryFragment, QueryId,
    },
    result::{ConnectionError, Error},
    row::{Field, IntoOwnedRow, PartialRow, Row, RowIndex, RowSealed},
    sql_types::{BigInt, Binary, Double, Integer, Nullable, Text, Untyped},
    sqlite::{Sqlite, SqliteType, SqliteValue},
};

use crate::{
    rows::{BlockWriter, CacheBackend, StoredRows, Unstorable, private},
    thread_flag::untracked,
};
use cachalot_sql::Dialect;

// The first byte of a cell. In SQLite each value has a type of its own.
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// The maximum number of values that one statement reads back. SQLite's limit is 32,766; the connection
/// keeps the statement, which takes about 30 bytes for each.
const MAX_PARAMETERS: usize = 8_000;
/// More private connections than this are closed once they are not needed.
const MAX_IDLE_CONNECTIONS: usize = 4;

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
        let mut binds = BindCollector::default();
        query.collect_binds(&mut binds, lookup, &Self)?;
        fingerprint
            .0
            .formatted(&binds.moveable())
            .map_err(|error| Error::SerializationError(Box::new(error)))?;
        Ok(private::Binds::default())
    }

    /// Diesel shows none, so a private connection gets them and returns them as a row.
    fn binds<Q: QueryFragment<Self>>(
        query: &Q,
        lookup: &mut (),
        reader: &mut PrivateConnections,
    ) -> QueryResult<Vec<private::Bind>> {
        let mut binds = BindCollector::default();
        query.collect_binds(&mut binds, lookup, &Self)?;
        let data = binds.moveable();
        let mut shown = Vec::new();
        BindCollector::push_debug_binds(&data, &mut shown);
        let count = shown.len();
        drop(shown);
        if count == 0 {
            return Ok(Vec::new());
        }
        let sql = format!("VALUES (?{})", ", ?".repeat(count - 1));
        let values = CollectedQuery::new(sql, false, data);
        let [conn, ..] = reader.some(1)? else {
            return Err(malformed());
        };
        let row = LoadConnection::load(conn, values)?.next();
        let row = row.unwrap_or_else(|| Err(malformed()))?;
        let mut block = private::Writer(BlockWriter::default());
        Self::append_row(&row, &private::ExpectedTypes::default(), &mut block)
            .map_err(|_| malformed())?;
        let mut bytes = Vec::new();
        block.0.finish(&mut bytes);
        let rows = StoredRows::parse(&Arc::new(bytes), 0).ok_or_else(malformed)?;
        let bind = |column| {
            let value = rows.cell(0, column).and_then(<[u8]>::split_first);
            private::Bind {
                type_code: value.map_or(0, |(class, _)| u32::from(*class)),
                value: value.map(|(_, bytes)| bytes.to_vec()),
            }
        };
        Ok((0..count).map(bind).collect())
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

    type Reader = PrivateConnections;
    type StoredRow<'r> = NamedRow<SqliteRow<'r>>;
    type StoredCursor<'r> = StoredCursor<'r>;

    fn cursor(rows: StoredRows, reader: &mut PrivateConnections) -> Option<StoredCursor<'_>> {
        StoredCursor::new(rows, reader)
    }

    /// If a `FromSql` implementation reads from the cache itself, that read opens other connections.
    fn with_reader<T>(run: impl FnOnce(&mut PrivateConnections) -> T) -> T {
        let own = PRIVATE.with(|cell| cell.try_borrow_mut().ok().map(|mut it| mem::take(&mut *it)));
        let mut own = own.unwrap_or_default();
        let result = run(&mut own);
        PRIVATE.with(|cell| {
            if let Ok(mut slot) = cell.try_borrow_mut() {
                *slot = own;
            }
        });
        result
    }
}

type BindCollector<'a> = <Sqlite as diesel::backend::Backend>::BindCollector<'a>;

thread_local! {
    static PRIVATE: RefCell<PrivateConnections> = RefCell::default();
}

/// In-memory connections, opened when they are needed (about 9 µs each). There are several since a
/// statement borrows its connection while its rows are read.
#[derive(Default)]
pub struct PrivateConnections(Vec<SqliteConnection>);

impl PrivateConnections {
    /// At least this many; those that only a huge result needed are closed again.
    fn some(&mut self, count: usize) -> QueryResult<&mut [SqliteConnection]> {
        self.0.truncate(count.max(MAX_IDLE_CONNECTIONS));
        while self.0.len() < count {
            let opened = untracked(|| SqliteConnection::establish(":memory:"));
            let mut conn = opened.map_err(open_error)?;
            // What runs here is no statement of the program.
            conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
            self.0.push(conn);
        }
        Ok(&mut self.0)
    }
}

fn open_error(error: ConnectionError) -> Error {
    Error::DeserializationError(Box::new(error))
}

/// The numbers of rows that the statements read which read `rows` of them. There are few different
/// numbers, so that few statements are prepared; the last may be more than what is left.
fn batches(rows: usize, columns: usize) -> Vec<usize> {
    let max = (MAX_PARAMETERS / columns.max(1)).max(1);
    // 2ⁿ or 3·2ⁿ: not more than a number, and not less.
    let below = |number: usize| {
        let power = 1 << number.ilog2();
        if number >= power + power / 2 {
            power + power / 2
        } else {
            power
        }
    };
    let above = |number: usize| {
        let power = number.next_power_of_two();
        let between = power / 4 * 3;
        if between >= number { between } else { power }
    };
    let mut batches = Vec::with_capacity(2);
    let mut left = rows;
    while left > 0 {
        let next = match batches.len() {
            0 => below(left.min(max)),
            _ if left > max => max,
            _ => above(left).min(max),
        };
        batches.push(next);
        left = left.saturating_sub(next);
    }
    batches
}

/// The rows of an entry, read from private connections.
pub struct StoredCursor<'r> {
    rows: StoredRows,
    connections: slice::IterMut<'r, SqliteConnection>,
    batches: vec::IntoIter<usize>,
    /// The next row to return, and the first that the running statement does not read.
    next: usize,
    batch_end: usize,
    running: Option<Running<'r>>,
}

type Running<'r> = <SqliteConnection as LoadConnection>::Cursor<'r, 'static>;

impl<'r> StoredCursor<'r> {
    fn new(rows: StoredRows, reader: &'r mut PrivateConnections) -> Option<Self> {
        let places =
            || (0..rows.rows()).flat_map(|row| (0..rows.columns()).map(move |it| (row, it)));
        if !places().all(|(row, column)| Cell::parse(rows.cell(row, column)).is_some()) {
            return None;
        }
        let batches = batches(rows.rows(), rows.columns());
        let connections = reader.some(batches.len()).ok()?.iter_mut();
        Some(Self {
            rows,
            connections,
            batches: batches.into_iter(),
            next: 0,
            batch_end: 0,
            running: None,
        })
    }

    fn next_batch(&mut self) -> QueryResult<()> {
        let (Some(count), Some(conn)) = (self.batches.next(), self.connections.next()) else {
            return Err(malformed());
        };
        let values = Values::of(&self.rows, self.next, count);
        self.running = Some(LoadConnection::load(conn, values)?);
        self.batch_end = self.next + count;
        Ok(())
    }
}

impl<'r> Iterator for StoredCursor<'r> {
    type Item = QueryResult<NamedRow<SqliteRow<'r>>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.rows.rows() {
            return None;
        }
        if self.next >= self.batch_end
            && let Err(error) = self.next_batch()
        {
            return Some(Err(error));
        }
        self.next += 1;
        let row = self.running.as_mut().and_then(Iterator::next);
        Some(
            row.unwrap_or_else(|| Err(malformed()))
                .map(|inner| NamedRow {
                    inner,
                    names: self.rows.clone(),
                }),
        )
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rows.rows() - self.next;
        (left, Some(left))
    }
}

/// `VALUES (?, ?), (?, ?), …` with the cells of some rows, and nulls behind the last row.
struct Values {
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
    fn of(rows: &StoredRows, first: usize, count: usize) -> Self {
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

enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
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

/// A row of a private connection, with the column names of the user's statement.
pub struct NamedRow<R, N = StoredRows> {
    inner: R,
    names: N,
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

type SqliteRow<'r> = <SqliteConnection as LoadConnection>::Row<'r, 'static>;

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

impl std::fmt::Debug for PrivateConnections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateConnections").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for StoredCursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredCursor").finish_non_exhaustive()
    }
}

impl<R, N> std::fmt::Debug for NamedRow<R, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedRow").finish_non_exhaustive()
    }
}

impl<F> std::fmt::Debug for NamedField<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedField").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::batches;

    #[test]
    fn rows_are_read_in_few_statements_of_few_sizes() {
        assert!(batches(0, 3).is_empty());
        assert_eq!(batches(1, 3), [1]);
        assert_eq!(batches(100, 5), [96, 4]);
        assert_eq!(batches(1_000, 5), [768, 256]);
        assert_eq!(batches(10, 8_000), [1; 10]);
        assert_eq!(batches(3, 100_000), [1; 3]);
        let mut sizes = std::collections::BTreeSet::new();
        for rows in 1..5_000 {
            let batches = batches(rows, 4);
            assert!(batches.iter().sum::<usize>() >= rows);
            assert!(batches[..batches.len() - 1].iter().sum::<usize>() < rows);
            sizes.extend(batches);
        }
        assert!(sizes.len() < 30, "{sizes:?}");
    }
}
