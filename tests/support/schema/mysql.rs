//! MariaDB's tables. InnoDB knows no SET DEFAULT, so there are no `kennels`.

use diesel::{allow_tables_to_appear_in_same_query, table};

pub use super::shared::*;

table! {
    every_type (id) {
        id -> Integer,
        a_tinyint -> Nullable<TinyInt>,
        a_smallint -> Nullable<SmallInt>,
        an_integer -> Nullable<Integer>,
        a_bigint -> Nullable<BigInt>,
        an_unsigned_tinyint -> Nullable<Unsigned<TinyInt>>,
        an_unsigned_smallint -> Nullable<Unsigned<SmallInt>>,
        an_unsigned_integer -> Nullable<Unsigned<Integer>>,
        an_unsigned_bigint -> Nullable<Unsigned<BigInt>>,
        a_float -> Nullable<Float>,
        a_double -> Nullable<Double>,
        a_numeric -> Nullable<Numeric>,
        a_bool -> Nullable<Bool>,
        a_text -> Nullable<Text>,
        a_varchar -> Nullable<VarChar>,
        a_char -> Nullable<Text>,
        bytes -> Nullable<Blob>,
        a_varbinary -> Nullable<Varbinary>,
        a_binary -> Nullable<Binary>,
        a_date -> Nullable<Date>,
        a_time -> Nullable<Time>,
        a_datetime -> Nullable<Datetime>,
        a_timestamp -> Nullable<Timestamp>,
        a_json -> Nullable<Json>,
    }
}

allow_tables_to_appear_in_same_query!(every_type, posts);
