//! Every type of PostgreSQL.

use std::ops::Bound;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::data_types::Cents;
use diesel::prelude::*;
use ipnet::IpNet;
use serde_json::{Value, json};
use uuid::Uuid;

use super::db;
use super::schema::{Mood, every_type};

type Range<T> = (Bound<T>, Bound<T>);

#[derive(Clone, Debug, Default, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = every_type)]
struct EveryType {
    id: i32,
    a_smallint: Option<i16>,
    an_integer: Option<i32>,
    a_bigint: Option<i64>,
    an_oid: Option<u32>,
    a_real: Option<f32>,
    a_double: Option<f64>,
    a_numeric: Option<BigDecimal>,
    a_money: Option<Cents>,
    a_bool: Option<bool>,
    a_text: Option<String>,
    a_varchar: Option<String>,
    a_char: Option<String>,
    bytes: Option<Vec<u8>>,
    a_date: Option<NaiveDate>,
    a_time: Option<NaiveTime>,
    a_timestamp: Option<NaiveDateTime>,
    a_timestamptz: Option<DateTime<Utc>>,
    an_interval: Option<Duration>,
    a_uuid: Option<Uuid>,
    a_json: Option<Value>,
    a_jsonb: Option<Value>,
    an_inet: Option<IpNet>,
    a_cidr: Option<IpNet>,
    a_macaddr: Option<[u8; 6]>,
    integers: Option<Vec<Option<i32>>>,
    texts: Option<Vec<Option<String>>>,
    integer_range: Option<Range<i32>>,
    numeric_range: Option<Range<BigDecimal>>,
    date_range: Option<Range<NaiveDate>>,
    timestamptz_range: Option<Range<DateTime<Utc>>>,
    a_mood: Option<Mood>,
}

impl EveryType {
    /// A value in every column.
    fn full(id: i32) -> Self {
        Self {
            id,
            a_smallint: Some(i16::MIN),
            an_integer: Some(i32::MAX),
            a_bigint: Some(i64::MIN),
            an_oid: Some(u32::MAX),
            a_real: Some(-0.5),
            a_double: Some(f64::MAX),
            a_numeric: Some("12345678901234567890.0123456789".parse().unwrap()),
            a_money: Some(Cents(-1250)),
            a_bool: Some(true),
            a_text: Some("naïve \u{1F40B}".into()),
            a_varchar: Some("a,b".into()),
            a_char: Some("padded  ".into()),
            bytes: Some(vec![0, 255, 39]),
            a_date: Some("2024-02-29".parse().unwrap()),
            a_time: Some("23:59:59.000001".parse().unwrap()),
            a_timestamp: Some("2024-02-29T23:59:59.000001".parse().unwrap()),
            a_timestamptz: Some("2024-02-29T23:59:59.000001Z".parse().unwrap()),
            an_interval: Some(Duration::microseconds(90_061_000_001)),
            a_uuid: Some(Uuid::from_u128(u128::MAX - 7)),
            a_json: Some(json!({"a": [1, null]})),
            a_jsonb: Some(json!({"b": ["x", 2.5]})),
            an_inet: Some("192.168.0.1/24".parse().unwrap()),
            a_cidr: Some("2001:db8::/32".parse().unwrap()),
            a_macaddr: Some([8, 0, 43, 1, 2, 3]),
            integers: Some(vec![Some(1), None, Some(-3)]),
            texts: Some(vec![Some("a,b".into()), None]),
            integer_range: Some((Bound::Included(1), Bound::Excluded(5))),
            numeric_range: Some((Bound::Excluded("1.5".parse().unwrap()), Bound::Unbounded)),
            date_range: Some((
                Bound::Included("2024-02-28".parse().unwrap()),
                Bound::Excluded("2024-03-01".parse().unwrap()),
            )),
            timestamptz_range: Some((
                Bound::Unbounded,
                Bound::Included("2024-02-29T23:59:59Z".parse().unwrap()),
            )),
            a_mood: Some(Mood::Naive),
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
