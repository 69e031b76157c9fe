use diesel::{
    QueryResult,
    deserialize::FromSqlRow,
    expression::QueryMetadata,
    mysql::{Mysql, MysqlType, MysqlValue, data_types::MysqlTime},
    query_builder::{QueryFragment, bind_collector::RawBytesBindCollector},
    row::Row,
};

use super::{
    CacheBackend, Unstorable, private,
    view::{self, RawBytes},
};
use crate::statement::Dialect;

impl private::Sealed for Mysql {}

impl CacheBackend for Mysql {
    fn dialect() -> Dialect {
        Dialect::Mysql
    }

    /// Numbers are in the machine's byte order and dates are the client library's own memory.
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
    ) -> QueryResult<bool> {
        let mut binds = RawBytesBindCollector::<Self>::new();
        query.collect_binds(&mut binds, lookup, &Self)?;
        for (tpe, bytes) in binds.metadata.iter().zip(&binds.binds) {
            fingerprint
                .0
                .number(u64::from(code(*tpe)) << 1 | u64::from(bytes.is_some()));
            fingerprint.0.part(bytes.as_deref().unwrap_or_default());
        }
        Ok(true)
    }

    /// The client library converts every column to the type that the caller asks for.
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

    fn append_row<'r, R: Row<'r, Self>>(
        row: &R,
        block: &mut private::Writer,
    ) -> Result<(), Unstorable> {
        view::append_row(row, &mut block.0)
    }

    fn read_rows<ST, U: FromSqlRow<ST, Self>>(
        block: private::Reader<'_>,
        limit: usize,
    ) -> QueryResult<Vec<U>> {
        view::read_rows(block.0, limit)
    }
}

impl RawBytes for Mysql {
    type Type = MysqlType;

    fn type_code(value: &MysqlValue<'_>) -> u32 {
        code(value.value_type())
    }

    fn type_of(code: u32) -> Option<MysqlType> {
        TYPES
            .get(usize::try_from(code).ok()?.checked_sub(1)?)
            .copied()
    }

    fn bytes<'v>(value: &'v MysqlValue<'_>) -> &'v [u8] {
        value.as_bytes()
    }

    fn value<'v>(bytes: &'v [u8], tpe: &'v MysqlType) -> MysqlValue<'v> {
        MysqlValue::new(bytes, *tpe)
    }
}

/// A type's code is its place here, from 1. Append only: entries outlive releases.
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

/// 0 for a type that a later Diesel may add: its rows are not kept.
fn code(tpe: MysqlType) -> u32 {
    TYPES
        .iter()
        .zip(1..)
        .find_map(|(known, code)| (*known == tpe).then_some(code))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_code_and_comes_back() {
        for tpe in TYPES {
            assert_eq!(Mysql::type_of(code(tpe)), Some(tpe));
        }
    }

    #[test]
    fn unknown_codes_are_no_types() {
        for code in [0, 21, u32::MAX] {
            assert_eq!(Mysql::type_of(code), None);
        }
    }
}
