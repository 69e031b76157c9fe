//! SQLite's raw values cannot be constructed outside SQLite, so a hit binds the cached values in a
//! private in-memory connection and reads them back as rows.

mod connections;
mod cursor;
mod named;
mod values;

use std::sync::Arc;

use diesel::{
    QueryResult,
    connection::LoadConnection,
    expression::QueryMetadata,
    query_builder::{CollectedQuery, MoveableBindCollector, QueryFragment},
    result::Error,
    row::{Field, Row},
    sqlite::{Sqlite, SqliteType},
};

use self::{
    connections::{PrivateConnections, SqliteRow},
    cursor::StoredCursor,
    named::NamedRow,
    values::{REAL, malformed},
};
use crate::rows::{BlockWriter, CacheBackend, StoredRows, Unstorable, private};
use cachalot_sql::Dialect;

pub(super) use values::{BLOB, INTEGER, TEXT};

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
        keep: bool,
    ) -> QueryResult<private::Binds> {
        let mut binds = BindCollector::default();
        query.collect_binds(&mut binds, lookup, &Self)?;
        let data = binds.moveable();
        let formatted = fingerprint.0.formatted(&data);
        formatted.map_err(|error| Error::SerializationError(Box::new(error)))?;
        let mut found = private::Binds::default();
        if keep {
            found.kept = Self::with_reader(|reader| kept_binds(data, reader))?;
        }
        Ok(found)
    }

    fn binds<Q: QueryFragment<Self>>(
        query: &Q,
        lookup: &mut (),
        reader: &mut PrivateConnections,
    ) -> QueryResult<Vec<private::Bind>> {
        let mut binds = BindCollector::default();
        query.collect_binds(&mut binds, lookup, &Self)?;
        kept_binds(binds.moveable(), reader)
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
        connections::lend(run)
    }
}

type BindCollector<'a> = <Sqlite as diesel::backend::Backend>::BindCollector<'a>;

/// Diesel shows none, so a private connection gets them and returns them as a row.
fn kept_binds(data: BindData, reader: &mut PrivateConnections) -> QueryResult<Vec<private::Bind>> {
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
    Sqlite::append_row(&row, &private::ExpectedTypes::default(), &mut block)
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

type BindData = <BindCollector<'static> as MoveableBindCollector<Sqlite>>::BindData;
