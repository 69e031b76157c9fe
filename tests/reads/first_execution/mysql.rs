//! As `first_execution`, for what only MySQL computes with.

use bigdecimal::BigDecimal;
use diesel::{prelude::*, sql_query, sql_types::Numeric};

use super::Conn;
use super::world::World;
use super::{CachedDsl as _, connections};

diesel::table! {
    prices (id) {
        id -> Integer,
        d -> Numeric,
        f -> Float,
    }
}

diesel::define_sql_function! {
    /// The larger of two numbers.
    fn greatest(one: Numeric, other: Numeric) -> Numeric;
}

fn world() -> World {
    let mut world = World::new();
    for statement in [
        "CREATE TABLE prices (id INTEGER PRIMARY KEY, d DECIMAL(12, 4) NOT NULL, f FLOAT NOT NULL)",
        "INSERT INTO prices VALUES (1, 1, 1.5)",
    ] {
        sql_query(statement).execute(&mut world.conn).unwrap();
    }
    world
}

/// The query is evaluated for each read; see `first_execution`.
macro_rules! assert_as_later {
    ($type:ty, $query:expr) => {{
        let world = world();
        let plain = |conn: &mut Conn| RunQueryDsl::load::<$type>($query, conn).unwrap();
        let cached = |conn: &mut Conn| $query.cached(conn).load::<$type>().unwrap();
        let mut outsider = world.outsider();
        let early = plain(&mut outsider);
        let expected = plain(&mut outsider);
        assert_eq!(plain(&mut outsider), expected, "what Diesel itself gives");
        let mut first = world.reader();
        if !connections::REPEATS_FIRST_EXECUTIONS {
            assert_eq!(first.sent(cached), (early, 1));
        }
        for _ in 0..3 {
            assert_eq!(first.sent(cached).0, expected, "the same connection");
        }
        assert_eq!(world.reader().sent(cached), (expected.clone(), 0), "a hit");
        expected
    }};
}

#[test]
fn f07_quotients_that_were_read_first_are_exact() {
    let quotients = assert_as_later!(
        BigDecimal,
        prices::table.select(prices::d / BigDecimal::from(3))
    );
    assert_eq!(quotients[0].to_string(), "0.33333333");
}

#[test]
fn f07_functions_of_a_column_and_a_bind_that_were_read_first_are_exact() {
    let tenth: BigDecimal = "1.1".parse().unwrap();
    let greatest = assert_as_later!(
        BigDecimal,
        prices::table.select(greatest(prices::d, tenth.clone()))
    );
    assert_eq!(greatest, [tenth]);
    assert_as_later!(f32, prices::table.select(prices::f * 0.1_f32));
}

/// Diesel prepares a literal's statement anew each time: each execution is a first one.
#[test]
fn f07_statements_that_are_never_kept_prepared_give_what_diesel_gives() {
    let mut world = world();
    let query = || {
        let third = diesel::dsl::sql::<Numeric>("d / ").bind::<Numeric, _>(BigDecimal::from(3));
        prices::table.select(third)
    };
    let plain: Vec<BigDecimal> = query()
        .load(connections::uncached(&mut world.conn))
        .unwrap();
    let cached: Vec<BigDecimal> = world.once(|conn| query().cached(conn).load().unwrap());
    assert_eq!(cached, plain);
    // A statement of the same text that is kept has entries of its own.
    let kept = || prices::table.select(prices::d / BigDecimal::from(3));
    let mut reader = world.reader();
    for _ in 0..2 {
        kept()
            .cached(&mut reader.conn)
            .load::<BigDecimal>()
            .unwrap();
    }
    let exact: Vec<BigDecimal> = kept()
        .load(connections::uncached(&mut reader.conn))
        .unwrap();
    let cached: Vec<BigDecimal> = kept().cached(&mut reader.conn).load().unwrap();
    assert_eq!(cached, exact);
}
