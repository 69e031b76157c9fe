//! Every type of SQLite.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    BigInt, Binary, Bool, Date, Double, Float, Integer, Json, Jsonb, Numeric, SmallInt, Text, Time,
    Timestamp, TimestamptzSqlite,
};
use serde_json::Value;

use super::schema::every_type;
use super::values::{BIGINTS, assert_values, bytes, json_values, texts_with_nul, times};
use super::world::World;

#[test]
fn r11_integers() {
    World::each(|world| {
        assert_values!(world, a_smallint: i16 as SmallInt, [0, 1, -1, i16::MIN, i16::MAX]);
        assert_values!(world, an_integer: i32 as Integer, [0, 1, -1, i32::MIN, i32::MAX]);
        assert_values!(world, a_bigint: i64 as BigInt, BIGINTS);
    });
}

/// SQLite makes a null of NaN.
#[test]
fn r11_floats() {
    World::each(|world| {
        let floats = [
            0.0,
            -0.0,
            1.5,
            0.1,
            f32::MIN_POSITIVE,
            f32::MAX,
            f32::INFINITY,
        ];
        assert_values!(world, a_float: f32 as Float, floats);
        assert_values!(world, a_float: f32 as Float, [f32::NEG_INFINITY, f32::NAN, f32::EPSILON]);
        let doubles = [
            0.0,
            -0.0,
            0.1 + 0.2,
            5e-324,
            f64::MAX,
            f64::INFINITY,
            1e23,
            -1e-7,
        ];
        assert_values!(world, a_double: f64 as Double, doubles);
        assert_values!(world, a_double: f64 as Double, [f64::NEG_INFINITY, f64::NAN]);
    });
}

#[test]
fn r11_numerics() {
    World::each(|world| {
        let numbers = ["0", "12.5", "-0.25", "1234567", "1e10"];
        let numbers = numbers.map(|number| number.parse::<BigDecimal>().unwrap());
        assert_values!(world, a_numeric: BigDecimal as Numeric, numbers);
    });
}

#[test]
fn r11_booleans() {
    World::each(|world| {
        assert_values!(world, a_bool: bool as Bool, [false, true]);
    });
}

#[test]
fn r11_texts_and_bytes() {
    World::each(|world| {
        assert_values!(world, a_text: String as Text, texts_with_nul());
        let long = ["x".repeat(100_000), "x".repeat(100_001)];
        assert_values!(world, a_text: String as Text, long);
        let mut bytes = bytes();
        bytes.push((0..=255).collect());
        assert_values!(world, bytes: Vec<u8> as Binary, bytes);
    });
}

#[test]
fn r11_dates_and_times() {
    World::each(|world| {
        let dates = [
            "0001-01-01",
            "1815-12-10",
            "1970-01-01",
            "2024-02-29",
            "9999-12-31",
        ];
        let dates = dates.map(|date| date.parse::<NaiveDate>().unwrap());
        assert_values!(world, a_date: NaiveDate as Date, dates);
        assert_values!(world, a_time: NaiveTime as Time, times());
        let moments = [
            "1970-01-01T00:00:00",
            "2024-02-29T23:59:59.000001",
            "0001-01-01T00:00:00",
        ];
        let naive = moments.map(|moment| moment.parse::<NaiveDateTime>().unwrap());
        assert_values!(world, a_timestamp: NaiveDateTime as Timestamp, naive);
        let zoned = naive.map(|moment| moment.and_utc());
        assert_values!(world, a_timestamptz: DateTime<Utc> as TimestamptzSqlite, zoned);
    });
}

#[test]
fn r11_json() {
    World::each(|world| {
        assert_values!(world, a_json: Value as Json, json_values());
        assert_values!(world, a_jsonb: Value as Jsonb, json_values());
    });
}
