//! SQLite's tables.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

pub use super::shared::*;

table! {
    every_type (id) {
        id -> Integer,
        a_smallint -> Nullable<SmallInt>,
        an_integer -> Nullable<Integer>,
        a_bigint -> Nullable<BigInt>,
        a_float -> Nullable<Float>,
        a_double -> Nullable<Double>,
        a_numeric -> Nullable<Numeric>,
        a_bool -> Nullable<Bool>,
        a_text -> Nullable<Text>,
        bytes -> Nullable<Binary>,
        a_date -> Nullable<Date>,
        a_time -> Nullable<Time>,
        a_timestamp -> Nullable<Timestamp>,
        a_timestamptz -> Nullable<TimestamptzSqlite>,
        a_json -> Nullable<Json>,
        a_jsonb -> Nullable<Jsonb>,
    }
}

table! {
    /// Go to owner 0 when their owner is deleted.
    kennels (id) {
        id -> Integer,
        owner_id -> Integer,
    }
}

joinable!(kennels -> owners (owner_id));
allow_tables_to_appear_in_same_query!(kennels, owners);
allow_tables_to_appear_in_same_query!(every_type, posts);
