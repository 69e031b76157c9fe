//! Converts rows from the database to bytes, and back to rows that Diesel's own `FromSqlRow` decodes.
//!
//! Knows Diesel's backends, but not caching. The format of a [`block`] is the same for all backends;
//! they differ in how raw values are read from fields and restored.

#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "only the backends make rows and read them")
)]
mod block;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod view;

use diesel::{
    QueryResult, backend::Backend, deserialize::FromSqlRow, expression::QueryMetadata,
    query_builder::QueryFragment, row::Row, sql_types::TypeMetadata,
};

pub(crate) use block::{Block, BlockWriter};

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

    /// Feeds the type and the exact bytes of every bind.
    #[doc(hidden)]
    fn fingerprint_binds<Q>(
        query: &Q,
        lookup: &mut Self::MetadataLookup,
        fingerprint: &mut private::Key,
    ) -> QueryResult<private::Binds>
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

    /// Decodes at most `limit` rows.
    #[doc(hidden)]
    fn read_rows<ST, U>(block: private::Reader<'_>, limit: usize) -> QueryResult<Vec<U>>
    where
        U: FromSqlRow<ST, Self>;
}

/// Seals [`CacheBackend`] and hides the types of its arguments.
pub(crate) mod private {
    use super::{Block, BlockWriter, Fingerprint};

    pub trait Sealed {}

    #[derive(Debug)]
    pub struct Key(pub(crate) Fingerprint);

    /// The backend's codes of the types that the caller requests, by field. 0 or no code: any type.
    #[derive(Debug, Default)]
    pub struct ExpectedTypes(pub(crate) Vec<u32>);

    /// Properties of a statement's binds.
    #[derive(Debug, Default)]
    pub struct Binds {
        /// The meaning of one of them may change, such as `now`.
        pub(crate) time_dependent: bool,
        /// MySQL: one of them is a time.
        pub(crate) times: bool,
    }

    #[derive(Debug)]
    pub struct Writer(pub(crate) BlockWriter);

    #[derive(Debug)]
    #[cfg_attr(
        not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
        allow(dead_code, reason = "only the backends make rows and read them")
    )]
    pub struct Reader<'a>(pub(crate) Block<'a>);
}
