//! Every type of MariaDB.

use bigdecimal::BigDecimal;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use diesel::prelude::*;
use serde_json::{Value, json};

use super::db;
use super::schema::every_type;

#[derive(Clone, Debug, Default, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = every_type)]
struct EveryType {
    id: i32,
    a_tinyint: Option<i8>,
    a_smallint: Option<i16>,
    an_integer: Option<i32>,
    a_bigint: Option<i64>,
    an_unsigned_tinyint: Option<u8>,
    an_unsigned_smallint: Option<u16>,
    an_unsigned_integer: Option<u32>,
    an_unsigned_bigint: Option<u64>,
    a_float: Option<f32>,
    a_double: Option<f64>,
    a_numeric: Option<BigDecimal>,
    a_bool: Option<bool>,
    a_text: Option<String>,
    a_varchar: Option<String>,
    a_char: Option<String>,
    bytes: Option<Vec<u8>>,
    a_varbinary: Option<Vec<u8>>,
    a_binary: Option<Vec<u8>>,
    a_date: Option<NaiveDate>,
    a_time: Option<NaiveTime>,
    a_datetime: Option<NaiveDateTime>,
    a_timestamp: Option<NaiveDateTime>,
    a_json: Option<Value>,
}

impl EveryType {
    /// A value in every column.
    fn full(id: i32) -> Self {
        Self {
            id,
            a_tinyint: Some(i8::MIN),
            a_smallint: Some(i16::MIN),
            an_integer: Some(i32::MAX),
            a_bigint: Some(i64::MIN),
            an_unsigned_tinyint: Some(u8::MAX),
            an_unsigned_smallint: Some(u16::MAX),
            an_unsigned_integer: Some(u32::MAX),
            an_unsigned_bigint: Some(u64::MAX),
            a_float: Some(-0.5),
            a_double: Some(f64::MAX),
            a_numeric: Some("12345678901234567890.0123456789".parse().unwrap()),
            a_bool: Some(true),
            a_text: Some("naïve \u{1F40B}".into()),
            a_varchar: Some("a,b".into()),
            a_char: Some("c".into()),
            bytes: Some(vec![0, 255, 39]),
            a_varbinary: Some(vec![0]),
            a_binary: Some(vec![1, 2, 3, 4, 5, 6, 7, 8]),
            a_date: Some("2024-02-29".parse().unwrap()),
            a_time: Some("23:59:59.000001".parse().unwrap()),
            a_datetime: Some("2024-02-29T23:59:59.000001".parse().unwrap()),
            a_timestamp: Some("2024-02-29T12:00:00.5".parse().unwrap()),
            a_json: Some(json!({"a": [1, null]})),
        }
    }

    /// Null in every column.
    fn empty(id: i32) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }
}

#[test]
fn every_type_comes_back_as_it_was_stored() {
    let database = db::database();
    let mut conn = db::establish(database.url());
    let stored = vec![EveryType::full(1), EveryType::empty(2)];

    for row in &stored {
        diesel::insert_into(every_type::table)
            .values(row.clone())
            .execute(&mut conn)
            .unwrap();
    }

    let read = every_type::table
        .order(every_type::id)
        .select(EveryType::as_select())
        .load(&mut conn);
    assert_eq!(read, Ok(stored));
}
