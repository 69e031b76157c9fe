//! Every type of SQLite.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::prelude::*;
use serde_json::{Value, json};

use super::db;
use super::schema::every_type;

#[derive(Clone, Debug, Default, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = every_type)]
struct EveryType {
    id: i32,
    a_smallint: Option<i16>,
    an_integer: Option<i32>,
    a_bigint: Option<i64>,
    a_float: Option<f32>,
    a_double: Option<f64>,
    a_numeric: Option<BigDecimal>,
    a_bool: Option<bool>,
    a_text: Option<String>,
    bytes: Option<Vec<u8>>,
    a_date: Option<NaiveDate>,
    a_time: Option<NaiveTime>,
    a_timestamp: Option<NaiveDateTime>,
    a_timestamptz: Option<DateTime<Utc>>,
    a_json: Option<Value>,
    a_jsonb: Option<Value>,
}

impl EveryType {
    /// A value in every column.
    fn full(id: i32) -> Self {
        Self {
            id,
            a_smallint: Some(i16::MIN),
            an_integer: Some(i32::MAX),
            a_bigint: Some(i64::MIN),
            a_float: Some(-0.5),
            a_double: Some(f64::MAX),
            a_numeric: Some("12.5".parse().unwrap()),
            a_bool: Some(true),
            a_text: Some("naïve \u{1F40B}".into()),
            bytes: Some(vec![0, 255, 39]),
            a_date: Some("2024-02-29".parse().unwrap()),
            a_time: Some("23:59:59.000001".parse().unwrap()),
            a_timestamp: Some("2024-02-29T23:59:59.000001".parse().unwrap()),
            a_timestamptz: Some("2024-02-29T23:59:59Z".parse().unwrap()),
            a_json: Some(json!({"a": [1, null]})),
            a_jsonb: Some(json!({"b": ["x", 2.5]})),
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
