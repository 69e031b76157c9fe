//! Every type of MariaDB.

use bigdecimal::BigDecimal;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use diesel::mysql::data_types::MysqlTime;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{
    BigInt, Binary, Bool, Date, Datetime, Double, Float, Integer, Json, Nullable, Numeric,
    SmallInt, Text, Time, Timestamp, TinyInt, Unsigned,
};
use serde_json::Value;

use super::CachedDsl as _;
use super::schema::every_type;
use super::values::{BIGINTS, assert_values, bytes, json_values, texts_with_nul, times};
use super::world::World;

#[test]
fn r11_integers() {
    World::each(|world| {
        assert_values!(world, a_tinyint: i8 as TinyInt, [0, 1, -1, i8::MIN, i8::MAX]);
        assert_values!(world, a_smallint: i16 as SmallInt, [0, 1, -1, i16::MIN, i16::MAX]);
        assert_values!(world, an_integer: i32 as Integer, [0, 1, -1, i32::MIN, i32::MAX]);
        assert_values!(world, a_bigint: i64 as BigInt, BIGINTS);
    });
}

#[test]
fn r11_unsigned_integers() {
    World::each(|world| {
        assert_values!(world, an_unsigned_tinyint: u8 as Unsigned<TinyInt>, [0, 1, 128, u8::MAX]);
        let small = [0, 1, 1 << 15, u16::MAX];
        assert_values!(world, an_unsigned_smallint: u16 as Unsigned<SmallInt>, small);
        let middle = [0, 1, 1 << 31, u32::MAX];
        assert_values!(world, an_unsigned_integer: u32 as Unsigned<Integer>, middle);
        let big = [0, 1, 1 << 63, u64::MAX, u64::MAX - 1];
        assert_values!(world, an_unsigned_bigint: u64 as Unsigned<BigInt>, big);
    });
}

/// MariaDB stores no NaN and no infinity.
#[test]
fn r11_floats() {
    World::each(|world| {
        let floats = [0.0, -0.0, 1.5, 0.1, f32::MIN_POSITIVE, -1e-7, 16_777_216.0];
        assert_values!(world, a_float: f32 as Float, floats);
        let doubles = [
            0.0,
            -0.0,
            0.1 + 0.2,
            f64::MIN_POSITIVE,
            f64::MAX,
            1e23,
            -1e-7,
        ];
        assert_values!(world, a_double: f64 as Double, doubles);
    });
}

#[test]
fn r11_floats_that_are_no_numbers_are_what_the_database_makes_of_them() {
    World::each(|world| {
        diesel::insert_into(every_type::table)
            .values(every_type::id.eq(1))
            .execute(&mut world.conn)
            .unwrap();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let query = || every_type::table.select(value.into_sql::<Double>().nullable());
            let plain = query().load::<Option<f64>>(&mut world.conn);
            for _ in 0..2 {
                let (cached, sent) = world.sent(|conn| query().cached(conn).load::<Option<f64>>());
                assert_eq!(format!("{cached:?}"), format!("{plain:?}"), "{value}");
                assert!(sent <= 1);
            }
        }
    });
}

#[test]
fn r11_numerics() {
    World::each(|world| {
        let numbers = [
            "0",
            "12.5",
            "-0.25",
            "12345678901234567890.0123456789",
            "-0.0000000001",
        ];
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
        assert_values!(world, a_varchar: String as Text, texts_with_nul());
        assert_values!(world, a_char: String as Text, texts_with_nul());
        let long = ["x".repeat(60_000), "x".repeat(60_001)];
        assert_values!(world, a_text: String as Text, long);
        assert_values!(world, bytes: Vec<u8> as Binary, bytes());
        assert_values!(world, a_varbinary: Vec<u8> as Binary, bytes());
        assert_values!(world, a_binary: Vec<u8> as Binary, bytes());
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
            "1970-01-02T00:00:00",
            "2024-02-29T23:59:59.000001",
            "2037-12-31T00:00:00",
        ];
        let moments = moments.map(|moment| moment.parse::<NaiveDateTime>().unwrap());
        assert_values!(world, a_datetime: NaiveDateTime as Datetime, moments);
        assert_values!(world, a_timestamp: NaiveDateTime as Timestamp, moments);
    });
}

/// What chrono has no type for comes back in MySQL's own.
#[test]
fn r11_times_of_more_than_a_day_and_dates_that_are_none() {
    World::each(|world| {
        sql_query("SET SESSION sql_mode = ''")
            .execute(&mut world.conn)
            .unwrap();
        sql_query(
            "INSERT INTO every_type (id, a_time, a_date) VALUES \
             (1, '26:59:59', '0000-00-00'), (2, '838:59:59.999999', '2024-00-00'), \
             (3, NULL, NULL), (4, '-00:00:00.000001', '2024-02-01')",
        )
        .execute(&mut world.conn)
        .unwrap();
        type Row = (Option<MysqlTime>, Option<MysqlTime>);
        let query = |ids: [i32; 2]| {
            every_type::table
                .filter(every_type::id.between(ids[0], ids[1]))
                .order(every_type::id)
                .select((every_type::a_time, every_type::a_date))
        };

        let plain = query([1, 3])
            .load::<Row>(super::connections::uncached(&mut world.conn))
            .unwrap();
        assert_eq!(plain[1].0.as_ref().unwrap().hour, 838);
        assert_eq!(plain[0].1.as_ref().unwrap().year, 0);
        for expected in [1, 0] {
            let (cached, sent) = world.sent(|conn| query([1, 3]).cached(conn).load::<Row>());
            assert_eq!(format!("{:?}", cached.unwrap()), format!("{plain:?}"));
            assert_eq!(sent, expected);
        }
        // Diesel reads none below zero.
        let plain = query([4, 4])
            .load::<Row>(super::connections::uncached(&mut world.conn))
            .unwrap_err();
        for _ in 0..2 {
            let cached = query([4, 4]).cached(&mut world.conn).load::<Row>();
            assert_eq!(cached.unwrap_err().to_string(), plain.to_string());
        }
    });
}

#[test]
fn r11_json() {
    World::each(|world| {
        assert_values!(world, a_json: Value as Json, json_values());
    });
}

/// Columns that Diesel has no type for are read as text.
#[test]
fn r11_enums_sets_years_and_bits() {
    #[derive(Debug, PartialEq, QueryableByName)]
    struct Odd {
        #[diesel(sql_type = Nullable<Text>)]
        mood: Option<String>,
        #[diesel(sql_type = Nullable<Text>)]
        days: Option<String>,
        #[diesel(sql_type = Nullable<SmallInt>)]
        vintage: Option<i16>,
        #[diesel(sql_type = Nullable<Binary>)]
        flags: Option<Vec<u8>>,
        #[diesel(sql_type = Nullable<Integer>)]
        medium: Option<i32>,
    }

    World::each(|world| {
        for sql in [
            "CREATE TABLE odd (id INTEGER PRIMARY KEY, mood ENUM('calm', 'naïve'), \
             days SET('mo', 'tu'), vintage YEAR, flags BIT(12), medium MEDIUMINT)",
            "INSERT INTO odd VALUES (1, 'naïve', 'mo,tu', 2024, b'101000000001', -8388608), \
             (2, NULL, NULL, NULL, NULL, NULL), (3, 'calm', '', 1901, b'0', 8388607)",
        ] {
            sql_query(sql).execute(&mut world.conn).unwrap();
        }
        let query = || sql_query("SELECT * FROM odd ORDER BY id");

        let plain = query()
            .load::<Odd>(super::connections::uncached(&mut world.conn))
            .unwrap();
        assert_eq!(plain[0].days.as_deref(), Some("mo,tu"));
        let cached = world.once(|conn| query().cached(conn).load::<Odd>());
        assert_eq!(cached, Ok(plain));
    });
}
