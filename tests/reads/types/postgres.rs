//! Every type of PostgreSQL.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::pg::data_types::{Cents, PgInterval, PgNumeric, PgTimestamp};
use diesel::prelude::*;
use diesel::sql_types::{
    BigInt, Bool, Bpchar, Bytea, Cidr, Date, Double, Float, Inet, Integer, Interval, Json, Jsonb,
    MacAddr, Money, Numeric, Oid, SmallInt, Text, Time, Timestamp, Timestamptz, Uuid, VarChar,
};
use ipnet::IpNet;
use serde_json::Value;

use super::CachedDsl as _;
use super::schema::{Mood, every_type, sql_types};
use super::values::{BIGINTS, assert_distinct, assert_values, bytes, json_values, texts, times};
use super::world::World;

#[test]
fn r11_integers() {
    World::each(|world| {
        let keys = [
            assert_values!(world, a_smallint: i16 as SmallInt, [0, 1, -1, i16::MIN, i16::MAX]),
            assert_values!(world, an_integer: i32 as Integer, [0, 1, -1, i32::MIN, i32::MAX]),
            assert_values!(world, a_bigint: i64 as BigInt, BIGINTS),
            assert_values!(world, an_oid: u32 as Oid, [0, 1, 1 << 31, u32::MAX]),
            assert_values!(world, a_money: Cents as Money, [Cents(0), Cents(1), Cents(i64::MIN)]),
        ];
        assert_distinct(&keys.concat());
    });
}

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
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
        ];
        let doubles = [
            0.0,
            -0.0,
            0.1 + 0.2,
            5e-324,
            f64::MAX,
            1e23,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        let keys = [
            assert_values!(world, a_real: f32 as Float, floats),
            assert_values!(world, a_double: f64 as Double, doubles),
        ];
        assert_distinct(&keys.concat());
    });
}

/// `Debug` shows all NaNs alike: here it is their bits.
#[test]
fn r11_every_bit_of_a_float_comes_back() {
    World::each(|world| {
        let patterns = [
            f64::NAN.to_bits(),
            0x7ff8_0000_0000_0001,
            0xfff8_0000_dead_beef,
            (-0.0_f64).to_bits(),
            0x3fd5_5555_5555_5555,
            1,
        ];
        for (id, bits) in (1..).zip(patterns) {
            diesel::insert_into(every_type::table)
                .values((
                    every_type::id.eq(id),
                    every_type::a_double.eq(f64::from_bits(bits)),
                ))
                .execute(&mut world.conn)
                .unwrap();
        }

        let read = world.once(|conn| {
            let query = every_type::table
                .order(every_type::id)
                .select(every_type::a_double);
            let rows = query.cached(conn).load::<Option<f64>>().unwrap();
            rows.into_iter()
                .map(|row| row.unwrap().to_bits())
                .collect::<Vec<_>>()
        });
        assert_eq!(read, patterns);
    });
}

#[test]
fn r11_numerics() {
    World::each(|world| {
        let numbers = [
            "0",
            "12.5",
            "-0.25",
            "1e40",
            "12345678901234567890.0123456789",
            "12.50",
        ];
        let numbers = numbers.map(|number| number.parse::<BigDecimal>().unwrap());
        assert_values!(world, a_numeric: BigDecimal as Numeric, numbers);
        let raw = [
            PgNumeric::NaN,
            PgNumeric::Positive {
                weight: 0,
                scale: 0,
                digits: vec![1],
            },
            PgNumeric::Positive {
                weight: 0,
                scale: 2,
                digits: vec![1],
            },
            PgNumeric::Negative {
                weight: 0,
                scale: 0,
                digits: vec![1],
            },
        ];
        assert_values!(world, a_numeric: PgNumeric as Numeric, raw);
    });
}

#[test]
fn r11_booleans_and_enums() {
    World::each(|world| {
        assert_values!(world, a_bool: bool as Bool, [false, true]);
        let moods = [Mood::Calm, Mood::Curious, Mood::Naive];
        assert_values!(world, a_mood: Mood as sql_types::Mood, moods);
    });
}

#[test]
fn r11_texts_and_bytes() {
    World::each(|world| {
        let mut bytes = bytes();
        bytes.push((0..=255).collect());
        let keys = [
            assert_values!(world, a_text: String as Text, texts()),
            assert_values!(world, a_varchar: String as VarChar, texts()),
            assert_values!(world, a_char: String as Bpchar, texts()),
            assert_values!(world, bytes: Vec<u8> as Bytea, bytes),
        ];
        // To Diesel, VARCHAR and CHAR are TEXT.
        assert_eq!((&keys[0], &keys[0]), (&keys[1], &keys[2]));
        assert_distinct(&[&keys[0][..], &keys[3]].concat());
        let long = ["x".repeat(100_000), "x".repeat(100_001)];
        assert_values!(world, a_text: String as Text, long);
    });
}

/// PostgreSQL takes no NUL in a text: its error is the caller's.
#[test]
fn r11_a_text_that_the_database_refuses() {
    World::each(|world| {
        let query = || {
            every_type::table
                .filter(every_type::a_text.eq("a\0b"))
                .count()
        };
        let plain = query()
            .get_result::<i64>(super::connections::uncached(&mut world.conn))
            .unwrap_err();
        for _ in 0..2 {
            let (read, sent) = world.sent(|conn| query().cached(conn).get_result::<i64>());
            assert_eq!(
                (read.unwrap_err().to_string(), sent),
                (plain.to_string(), 1)
            );
        }
    });
}

#[test]
fn r11_dates_and_times() {
    World::each(|world| {
        let dates = [
            "-0044-03-15",
            "0001-01-01",
            "1815-12-10",
            "2000-01-01",
            "2024-02-29",
            "+12345-12-31",
        ];
        let dates = dates.map(|date| date.parse::<NaiveDate>().unwrap());
        let moments = [
            "1970-01-01T00:00:00",
            "2024-02-29T23:59:59.000001",
            "0001-01-01T00:00:00",
        ];
        let naive = moments.map(|moment| moment.parse::<NaiveDateTime>().unwrap());
        let zoned = naive.map(|moment| moment.and_utc());
        let spans = [
            (0, 0, 0),
            (0, 0, 1),
            (0, 30, 0),
            (2_592_000_000_000, 0, 0),
            (-1, -1, -1),
        ];
        let spans = spans.map(|(micros, days, months)| PgInterval::new(micros, days, months));
        let keys = [
            assert_values!(world, a_date: NaiveDate as Date, dates),
            assert_values!(world, a_time: NaiveTime as Time, times()),
            assert_values!(world, a_timestamp: NaiveDateTime as Timestamp, naive),
            assert_values!(world, a_timestamptz: DateTime<Utc> as Timestamptz, zoned),
            assert_values!(world, an_interval: PgInterval as Interval, spans),
        ];
        assert_distinct(&keys.concat());
        let ends = [PgTimestamp(i64::MIN), PgTimestamp(i64::MAX), PgTimestamp(0)];
        assert_values!(world, a_timestamp: PgTimestamp as Timestamp, ends);
    });
}

#[test]
fn r11_json() {
    World::each(|world| {
        let keys = [
            assert_values!(world, a_json: Value as Json, json_values()),
            assert_values!(world, a_jsonb: Value as Jsonb, json_values()),
        ];
        assert_distinct(&keys.concat());
    });
}

#[test]
fn r11_uuids_and_addresses() {
    World::each(|world| {
        let uuids = [0, 1, u128::MAX].map(uuid::Uuid::from_u128);
        let inets = [
            "192.168.0.1/24",
            "192.168.0.1/32",
            "0.0.0.0/0",
            "::1/128",
            "2001:db8::1/32",
        ];
        let inets = inets.map(|inet| inet.parse::<IpNet>().unwrap());
        let cidrs = ["192.168.0.0/24", "0.0.0.0/0", "2001:db8::/32"];
        let cidrs = cidrs.map(|cidr| cidr.parse::<IpNet>().unwrap());
        let keys = [
            assert_values!(world, a_uuid: uuid::Uuid as Uuid, uuids),
            assert_values!(world, an_inet: IpNet as Inet, inets),
            assert_values!(world, a_cidr: IpNet as Cidr, cidrs),
            assert_values!(world, a_macaddr: [u8; 6] as MacAddr, [[0; 6], [255; 6], [8, 0, 43, 1, 2, 3]]),
        ];
        assert_distinct(&keys.concat());
    });
}
