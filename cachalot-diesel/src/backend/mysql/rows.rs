use std::num::NonZeroU32;

use diesel::{
    QueryResult,
    expression::QueryMetadata,
    mysql::{Mysql, MysqlType, MysqlValue, data_types::MysqlTime},
    query_builder::{QueryFragment, bind_collector::RawBytesBindCollector},
    row::{Field, Row},
};

use crate::rows::{
    CacheBackend, StoredRows, Unstorable, private,
    view::{self, RawBytes, ViewCursor, ViewRow},
};
use cachalot_sql::Dialect;

impl private::Sealed for Mysql {}

impl CacheBackend for Mysql {
    fn dialect() -> Dialect {
        Dialect::Mysql
    }

    /// Numbers are in the machine's byte order, and dates in the client library's memory layout.
    fn fingerprint_abi(fingerprint: &mut private::Key) {
        let endian = if cfg!(target_endian = "big") { 1 } else { 0 };
        fingerprint.0.number(endian);
        fingerprint.0.number(size_of::<MysqlTime>() as u64);
        fingerprint.0.number(size_of::<std::ffi::c_ulong>() as u64);
        fingerprint.0.part(std::env::consts::OS.as_bytes());
    }

    fn fingerprint_binds<Q: QueryFragment<Self>>(
        query: &Q,
        lookup: &mut (),
        fingerprint: &mut private::Key,
        keep: bool,
    ) -> QueryResult<private::Binds> {
        let mut binds = RawBytesBindCollector::<Self>::new();
        query.collect_binds(&mut binds, lookup, &Self)?;
        // Statements that Diesel prepares each time may return other values; see `expected_types`.
        let kept = query.is_safe_to_cache_prepared(&Self)?;
        fingerprint.0.number(u64::from(kept));
        let mut found = private::Binds::default();
        for (tpe, bytes) in binds.metadata.iter().zip(&binds.binds) {
            fingerprint
                .0
                .number(u64::from(code(*tpe)) << 1 | u64::from(bytes.is_some()));
            fingerprint.0.part(bytes.as_deref().unwrap_or_default());
            found.times |= *tpe == MysqlType::Time;
        }
        if keep {
            found.kept = kept_binds(binds);
        }
        Ok(found)
    }

    fn binds<Q: QueryFragment<Self>>(
        query: &Q,
        lookup: &mut (),
        (): &mut (),
    ) -> QueryResult<Vec<private::Bind>> {
        let mut binds = RawBytesBindCollector::<Self>::new();
        query.collect_binds(&mut binds, lookup, &Self)?;
        Ok(kept_binds(binds))
    }

    /// The client library converts every column to the type that the caller requests.
    fn fingerprint_result<ST>(fingerprint: &mut private::Key)
    where
        Self: QueryMetadata<ST>,
    {
        let mut types = Vec::new();
        Self::row_metadata(&mut (), &mut types);
        fingerprint.0.number(types.len() as u64);
        for tpe in types {
            fingerprint
                .0
                .number(tpe.map_or(0, |tpe| u64::from(code(tpe))));
        }
    }

    /// Diesel allocates its buffers from the prepared statement's metadata *before* the execution. The
    /// server does not yet know the types of binds then: for `n + ?` it reports DOUBLE, and the correct
    /// type from the second execution on. Values of the first execution are not exact. This concerns
    /// statements with binds that Diesel keeps prepared. Others are prepared again each time, so their
    /// values are always the same.
    fn expected_types<ST, Q>(query: &Q) -> QueryResult<private::ExpectedTypes>
    where
        Q: QueryFragment<Self>,
        Self: QueryMetadata<ST>,
    {
        let mut binds = RawBytesBindCollector::<Self>::new();
        query.collect_binds(&mut binds, &mut (), &Self)?;
        if binds.binds.is_empty() || !query.is_safe_to_cache_prepared(&Self)? {
            return Ok(private::ExpectedTypes::default());
        }
        let mut types = Vec::new();
        Self::row_metadata(&mut (), &mut types);
        let codes = types.into_iter().map(|tpe| tpe.map_or(0, code));
        Ok(private::ExpectedTypes(codes.collect()))
    }

    fn append_row<'r, R: Row<'r, Self>>(
        row: &R,
        expected: &private::ExpectedTypes,
        block: &mut private::Writer,
    ) -> Result<(), Unstorable> {
        for (column, expected) in expected.0.iter().enumerate() {
            let field = row.get(column).ok_or(Unstorable)?;
            if let (Some(value), Some(expected)) = (field.value(), type_of(*expected))
                && !is_exact(value.value_type(), expected)
            {
                return Err(Unstorable);
            }
        }
        view::append_row(row, &mut block.0)
    }

    type Reader = ();
    type StoredRow<'r> = ViewRow<Self>;
    type StoredCursor<'r> = ViewCursor<Self>;

    fn cursor(rows: StoredRows, (): &mut ()) -> Option<ViewCursor<Self>> {
        view::cursor(rows)
    }

    fn with_reader<T>(run: impl FnOnce(&mut ()) -> T) -> T {
        run(&mut ())
    }
}

fn kept_binds(binds: RawBytesBindCollector<Mysql>) -> Vec<private::Bind> {
    let typed = binds.metadata.into_iter().zip(binds.binds);
    let typed = typed.map(|(tpe, value)| private::Bind {
        type_code: code(tpe),
        value,
    });
    typed.collect()
}

impl RawBytes for Mysql {
    fn type_code(value: &MysqlValue<'_>) -> u32 {
        code(value.value_type())
    }

    fn bytes<'v>(value: &'v MysqlValue<'_>) -> &'v [u8] {
        value.as_bytes()
    }

    fn value<'v>(bytes: &'v [u8], code: &'v NonZeroU32) -> Option<MysqlValue<'v>> {
        Some(MysqlValue::new(bytes, type_of(code.get())?))
    }
}

pub(super) fn type_of(code: u32) -> Option<MysqlType> {
    TYPES
        .get(usize::try_from(code).ok()?.checked_sub(1)?)
        .copied()
}

/// A type's code is its position here, from 1. Append only: entries outlive releases.
const TYPES: [MysqlType; 20] = [
    MysqlType::Tiny,
    MysqlType::UnsignedTiny,
    MysqlType::Short,
    MysqlType::UnsignedShort,
    MysqlType::Long,
    MysqlType::UnsignedLong,
    MysqlType::LongLong,
    MysqlType::UnsignedLongLong,
    MysqlType::Float,
    MysqlType::Double,
    MysqlType::Numeric,
    MysqlType::Time,
    MysqlType::Date,
    MysqlType::DateTime,
    MysqlType::Timestamp,
    MysqlType::String,
    MysqlType::Blob,
    MysqlType::Bit,
    MysqlType::Set,
    MysqlType::Enum,
];

/// 0 for a type that a later Diesel may add: its rows are not cached.
fn code(tpe: MysqlType) -> u32 {
    TYPES
        .iter()
        .zip(1..)
        .find_map(|(known, code)| (*known == tpe).then_some(code))
        .unwrap_or(0)
}

/// Can a buffer of type `read` hold every value that a column of the requested type `asked` may have?
///
/// Diesel reads only numbers as other types than requested.
fn is_exact(read: MysqlType, asked: MysqlType) -> bool {
    let read_float = matches!(read, MysqlType::Float | MysqlType::Double);
    match asked {
        MysqlType::Numeric => read == MysqlType::Numeric,
        MysqlType::Float => read_float || read == MysqlType::Numeric,
        asked if is_integer(asked) => !read_float,
        _ => true,
    }
}

fn is_integer(tpe: MysqlType) -> bool {
    matches!(
        tpe,
        MysqlType::Tiny
            | MysqlType::UnsignedTiny
            | MysqlType::Short
            | MysqlType::UnsignedShort
            | MysqlType::Long
            | MysqlType::UnsignedLong
            | MysqlType::LongLong
            | MysqlType::UnsignedLongLong
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f07_numbers_are_exact_only_in_suitable_buffers() {
        use MysqlType::{Double, Float, Long, LongLong, Numeric, Short, String, UnsignedLongLong};
        for (read, asked) in [
            (Double, Long),
            (Double, UnsignedLongLong),
            (Float, Short),
            (Double, Numeric),
            (LongLong, Numeric),
            (Long, Float),
        ] {
            assert!(!is_exact(read, asked), "{asked:?} read as {read:?}");
        }
        for (read, asked) in [
            (Long, Long),
            (LongLong, Long),
            (Numeric, LongLong),
            (Numeric, Numeric),
            (Double, Double),
            (Double, Float),
            (Float, Float),
            (String, String),
        ] {
            assert!(is_exact(read, asked), "{asked:?} read as {read:?}");
        }
    }

    #[test]
    fn type_codes_round_trip() {
        for tpe in TYPES {
            assert_eq!(type_of(code(tpe)), Some(tpe));
        }
    }

    #[test]
    fn unknown_codes_are_rejected() {
        for code in [0, 21, u32::MAX] {
            assert_eq!(type_of(code), None);
        }
    }
}
