//! The SQL types of columns that can be declared as keys.

use diesel::{
    Column,
    sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, SmallInt, Text, TinyInt},
};

/// An SQL type by whose values rows can be told apart, as equal values are equal bytes. Whether this is so for a
/// column, its collation for example, the catalog of the database tells.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be a key",
    label = "rows cannot be told apart by this type",
    note = "keys are integers, booleans, dates, UUIDs, texts and bytes; remove the column from `keys`"
)]
pub trait KeyType {}

macro_rules! key_types {
    ($($name:ty),*) => { $(impl KeyType for $name {})* };
}

key_types!(TinyInt, SmallInt, Integer, BigInt, Bool, Date, Text, Binary);
#[cfg(feature = "postgres")]
key_types!(diesel::pg::sql_types::Uuid);
#[cfg(feature = "mysql")]
impl<T: KeyType> KeyType for diesel::mysql::sql_types::Unsigned<T> {}
impl<T> KeyType for Nullable<T> where T: KeyType + diesel::sql_types::SqlType {}

/// The SQL name of a column that is a key.
#[must_use]
pub const fn key_name<C>() -> &'static str
where
    C: Column<SqlType: KeyType>,
{
    C::NAME
}
