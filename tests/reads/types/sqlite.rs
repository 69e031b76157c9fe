//! Every type of SQLite.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    BigInt, Binary, Bool, Date, Double, Float, Integer, Json, Jsonb, Numeric, SmallInt, Text, Time,
    Timestamp, TimestamptzSqlite,
};
use serde_json::{Value, json};

use super::schema::every_type;
use super::values::assert_values;
use super::world::World;

#[test]
fn r11_integers() {
    World::each(|world| {
        assert_values!(world, a_smallint: i16 as SmallInt, [0, 1, -1, i16::MIN, i16::MAX]);
        assert_values!(world, an_integer: i32 as Integer, [0, 1, -1, i32::MIN, i32::MAX]);
        let big = [0, 1, -1, i64::MIN, i64::MAX, 1 << 53, (1 << 53) + 1];
        assert_values!(world, a_bigint: i64 as BigInt, big);
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
        let texts = [
            "",
            " ",
            "a",
            "A",
            "a\0b",
            "\0",
            "naïve",
            "nai\u{308}ve",
            "\u{1F40B}",
            "'",
            "\"",
            "\\",
            "NULL",
            "a\r\nb",
            "%s{}",
            "\u{202e}x",
            "1",
            "1.0",
        ];
        assert_values!(world, a_text: String as Text, texts.map(str::to_owned));
        let long = ["x".repeat(100_000), "x".repeat(100_001)];
        assert_values!(world, a_text: String as Text, long);
        let bytes = [
            vec![],
            vec![0],
            vec![0, 0],
            vec![255, 0, 39],
            b"a".to_vec(),
            (0..=255).collect(),
        ];
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
        let times = [
            "00:00:00",
            "00:00:00.000001",
            "12:00:00.5",
            "23:59:59.999999",
        ];
        let times = times.map(|time| time.parse::<NaiveTime>().unwrap());
        assert_values!(world, a_time: NaiveTime as Time, times);
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
        let values = || {
            [
                json!(null),
                json!(true),
                json!(1),
                json!("1"),
                json!(0.1),
                json!([]),
                json!({}),
                json!({"a": [1, null, {"ï": "\u{1F40B}"}]}),
                json!(["a,b"]),
                json!(["a", "b"]),
            ]
        };
        assert_values!(world, a_json: Value as Json, values());
        assert_values!(world, a_jsonb: Value as Jsonb, values());
    });
}
