//! Converts rows from the database to bytes, and back to rows that Diesel's own `FromSqlRow` decodes.
//!
//! Knows Diesel's backends, but not caching. The format of a [`block`] is the same for all backends;
//! they differ in how raw values are read from fields and restored.

#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "only the backends make rows and read them")
)]
mod block;
#[cfg_attr(
    not(all(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "each backend has its own types")
)]
mod value;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod view;

use diesel::{
    QueryResult, backend::Backend, deserialize::FromSqlRow, expression::QueryMetadata,
    query_builder::QueryFragment, result::Error::DeserializationError, row::Row,
    sql_types::TypeMetadata,
};

pub(crate) use block::{BlockWriter, StoredRows};
pub(crate) use value::Value;

use crate::fingerprint::Fingerprint;
use cachalot_sql::Dialect;

/// The result has a value that cannot be stored, so it is not cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unstorable;

/// A Diesel backend whose rows can be cached: those of PostgreSQL, MySQL and SQLite. Sealed.
///
/// The methods are internal and may change.
pub trait CacheBackend:
    Backend<QueryBuilder: Default> + TypeMetadata + Default + private::Sealed + Sized + 'static
{
    #[doc(hidden)]
    fn dialect() -> Dialect;

    /// Adds everything about this program that affects the meaning of raw bytes.
    #[doc(hidden)]
    fn fingerprint_abi(fingerprint: &mut private::Key);

    /// Feeds the type and the exact bytes of every bind. `keep`: returns the binds, too.
    #[doc(hidden)]
    fn fingerprint_binds<Q>(
        query: &Q,
        lookup: &mut Self::MetadataLookup,
        fingerprint: &mut private::Key,
        keep: bool,
    ) -> QueryResult<private::Binds>
    where
        Q: QueryFragment<Self>;

    /// The binds of a statement, in their order.
    #[doc(hidden)]
    fn binds<Q>(
        query: &Q,
        lookup: &mut Self::MetadataLookup,
        reader: &mut Self::Reader,
    ) -> QueryResult<Vec<private::Bind>>
    where
        Q: QueryFragment<Self>;

    /// Adds the types that the caller requests, if the raw bytes depend on them.
    #[doc(hidden)]
    fn fingerprint_result<ST>(fingerprint: &mut private::Key)
    where
        Self: QueryMetadata<ST>;

    /// The types that the fields of a row must have, if Diesel may read them as other types.
    ///
    /// # Errors
    /// If the query cannot be built.
    #[doc(hidden)]
    fn expected_types<ST, Q>(_: &Q) -> QueryResult<private::ExpectedTypes>
    where
        Q: QueryFragment<Self>,
        Self: QueryMetadata<ST>,
    {
        Ok(private::ExpectedTypes::default())
    }

    /// Copies the raw values of a row from the database.
    #[doc(hidden)]
    fn append_row<'r, R: Row<'r, Self>>(
        row: &R,
        expected: &private::ExpectedTypes,
        block: &mut private::Writer,
    ) -> Result<(), Unstorable>;

    /// What stored rows are read back through: nothing, or connections of the library's own.
    #[doc(hidden)]
    type Reader: Default + Send;

    #[doc(hidden)]
    type StoredRow<'r>: Row<'r, Self>;

    #[doc(hidden)]
    type StoredCursor<'r>: Iterator<Item = QueryResult<Self::StoredRow<'r>>>;

    /// The rows of an entry; `None` if they are not this backend's.
    #[doc(hidden)]
    fn cursor(rows: StoredRows, reader: &mut Self::Reader) -> Option<Self::StoredCursor<'_>>;

    /// Lends this thread's reader.
    #[doc(hidden)]
    fn with_reader<T>(run: impl FnOnce(&mut Self::Reader) -> T) -> T;
}

/// Decodes at most `limit` rows; `None` if they are not the backend's.
pub(crate) fn read_rows<DB, ST, U>(rows: StoredRows, limit: usize) -> Option<QueryResult<Vec<U>>>
where
    DB: CacheBackend,
    U: FromSqlRow<ST, DB>,
{
    DB::with_reader(|reader| {
        let mut read = Vec::with_capacity(rows.rows().min(limit));
        for row in DB::cursor(rows, reader)?.take(limit) {
            let built = row.and_then(|row| U::build_from_row(&row).map_err(DeserializationError));
            match built {
                Ok(row) => read.push(row),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(read))
    })
}

/// Seals [`CacheBackend`] and hides the types of its arguments.
pub(crate) mod private {
    use super::{BlockWriter, Fingerprint};

    pub trait Sealed {}

    #[derive(Debug)]
    pub struct Key(pub(crate) Fingerprint);

    /// The backend's codes of the types that the caller requests, by field. 0 or no code: any type.
    #[derive(Debug, Default)]
    pub struct ExpectedTypes(pub(crate) Vec<u32>);

    /// A bind as the database gets it.
    #[derive(Clone, PartialEq, Eq)]
    pub struct Bind {
        /// PostgreSQL: the OID. MySQL: the code of the type. SQLite: the storage class.
        pub(crate) type_code: u32,
        /// `None`: NULL. On SQLite, numbers are little-endian.
        pub(crate) value: Option<Vec<u8>>,
    }

    /// Without the value, which is the program's own.
    impl std::fmt::Debug for Bind {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Bind")
                .field("type_code", &self.type_code)
                .finish_non_exhaustive()
        }
    }

    /// A statement's binds.
    #[derive(Debug, Default)]
    pub struct Binds {
        /// All of them in their order, if they are kept.
        pub(crate) kept: Vec<Bind>,
        /// The meaning of one of them may change, such as `now`.
        pub(crate) time_dependent: bool,
        /// MySQL: one of them is a time.
        pub(crate) times: bool,
    }

    #[derive(Debug)]
    pub struct Writer(pub(crate) BlockWriter);
}
