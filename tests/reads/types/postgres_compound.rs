//! PostgreSQL's types that are made of others or by the user: arrays, ranges, enums, records.

use std::ops::Bound::{Excluded, Included, Unbounded};

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Date, Integer, Nullable, Numeric, Range, Text, Timestamptz};

use super::CachedDsl as _;
use super::schema::{Mood, every_type, sql_types};
use super::values::{assert_distinct, assert_values};
use super::world::World;

type Bounds<T> = (std::ops::Bound<T>, std::ops::Bound<T>);

#[test]
fn r11_enums_in_conditions() {
    World::each(|world| {
        for (id, mood) in [(1, Mood::Calm), (2, Mood::Naive), (3, Mood::Calm)] {
            diesel::insert_into(every_type::table)
                .values((every_type::id.eq(id), every_type::a_mood.eq(mood)))
                .execute(&mut world.conn)
                .unwrap();
        }
        let ids = |mood: Mood| {
            every_type::table
                .filter(every_type::a_mood.eq(mood))
                .order(every_type::id)
                .select(every_type::id)
        };

        for (mood, expected) in [(Mood::Calm, vec![1, 3]), (Mood::Naive, vec![2])] {
            let found = world.once(|conn| ids(mood).cached(conn).load::<i32>());
            assert_eq!(found, Ok(expected));
        }
        assert_eq!(
            world.once(|conn| ids(Mood::Curious).cached(conn).load::<i32>()),
            Ok(vec![])
        );
    });
}

#[test]
fn r11_arrays() {
    World::each(|world| {
        let integers = [
            vec![],
            vec![Some(1)],
            vec![None],
            vec![None, None],
            vec![Some(1), Some(2)],
            vec![Some(12)],
            vec![Some(i32::MIN), None, Some(-3)],
        ];
        let word = |text: &str| Some(text.to_owned());
        let texts = [
            vec![],
            vec![None],
            vec![word("")],
            vec![word("NULL")],
            vec![word("a,b")],
            vec![word("a"), word("b")],
            vec![word("a"), None, word("b")],
            vec![word("{a}")],
            vec![word("a\",\"b")],
            vec![word("\u{1F40B}"), word("ï")],
        ];
        let keys = [
            assert_values!(world, integers: Vec<Option<i32>> as Array<Nullable<Integer>>, integers),
            assert_values!(world, texts: Vec<Option<String>> as Array<Nullable<Text>>, texts),
        ];
        assert_distinct(&keys.concat());
    });
}

#[test]
fn r11_ranges() {
    World::each(|world| {
        let integers = [
            (Included(1), Excluded(5)),
            (Included(1), Excluded(6)),
            (Excluded(1), Excluded(5)),
            (Unbounded, Excluded(5)),
            (Included(1), Unbounded),
            (Unbounded, Unbounded),
        ];
        assert_values!(world, integer_range: Bounds<i32> as Range<Integer>, integers);
        let number = |text: &str| text.parse::<BigDecimal>().unwrap();
        let numbers = [
            (Excluded(number("1.5")), Unbounded),
            (Included(number("1.5")), Unbounded),
            (Included(number("-1")), Included(number("1e20"))),
        ];
        assert_values!(world, numeric_range: Bounds<BigDecimal> as Range<Numeric>, numbers);
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let days = [
            (Included(day("2024-02-28")), Excluded(day("2024-03-01"))),
            (Unbounded, Excluded(day("2024-03-01"))),
        ];
        assert_values!(world, date_range: Bounds<NaiveDate> as Range<Date>, days);
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let moments = [
            (Unbounded, Included(moment("2024-02-29T23:59:59Z"))),
            (Unbounded, Excluded(moment("2024-02-29T23:59:59Z"))),
        ];
        assert_values!(world, timestamptz_range: Bounds<DateTime<Utc>> as Range<Timestamptz>, moments);
    });
}

/// Arrays of enums and composite values: types that Diesel must look up in the database.
#[test]
fn r11_types_that_are_looked_up() {
    #[derive(Debug, PartialEq, QueryableByName)]
    struct Looked {
        #[diesel(sql_type = Array<sql_types::Mood>)]
        moods: Vec<Mood>,
        #[diesel(sql_type = diesel::sql_types::Record<(Integer, Text)>)]
        pair: (i32, String),
    }

    World::each(|world| {
        diesel::insert_into(every_type::table)
            .values(every_type::id.eq(1))
            .execute(&mut world.conn)
            .unwrap();
        let query = || {
            sql_query(
                "SELECT ARRAY['calm', 'naïve']::mood[] AS moods, (id, 'x'::text) AS pair \
                 FROM every_type WHERE 'curious'::mood = ANY($1)",
            )
            .bind::<Array<sql_types::Mood>, _>(vec![Mood::Curious, Mood::Calm])
        };

        let plain = query()
            .load::<Looked>(super::connections::uncached(&mut world.conn))
            .unwrap();
        assert_eq!(plain[0].moods, [Mood::Calm, Mood::Naive]);
        assert_eq!(plain[0].pair, (1, "x".to_owned()));
        let cached = world.once(|conn| query().cached(conn).load::<Looked>());
        assert_eq!(cached, Ok(plain));
    });
}
