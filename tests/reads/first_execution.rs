//! Values of expressions with binds. Diesel may read those of a statement's first execution on a
//! MySQL connection by a type that the server guessed; the cache gives what later executions give.

use diesel::{prelude::*, sql_query};

use super::Conn;
use super::world::World;
use super::{CachedDsl as _, connections};

diesel::table! {
    sums (id) {
        id -> Integer,
        n -> Integer,
        big -> BigInt,
    }
}

/// The first number that a double cannot tell from the next.
const EDGE: i64 = 1 << 53;

fn world() -> World {
    let mut world = World::new();
    for statement in [
        "CREATE TABLE sums (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, big BIGINT NOT NULL)"
            .to_owned(),
        format!("INSERT INTO sums VALUES (1, 7, {EDGE})"),
    ] {
        sql_query(statement).execute(&mut world.conn).unwrap();
    }
    world
}

/// What a new connection is given by Diesel itself and, each on a connection of its own, by the
/// cache; from the first read on.
fn assert_as_later<T: PartialEq + std::fmt::Debug>(
    plain: impl Fn(&mut Conn) -> T,
    cached: impl Fn(&mut Conn) -> T,
    expected: &T,
) {
    let world = world();
    let mut outsider = world.outsider();
    // It may be an error, for a number that does not fit the type that was guessed.
    let early = plain(&mut outsider);
    assert_eq!(&plain(&mut outsider), expected, "what Diesel itself gives");
    let mut first = world.reader();
    if !connections::REPEATS_FIRST_EXECUTIONS {
        // Two errors of decoding are never equal.
        let first = format!("{:?}", first.sent(&cached));
        assert_eq!(first, format!("{:?}", (early, 1)));
    }
    for _ in 0..3 {
        assert_eq!(&first.sent(&cached).0, expected, "the same connection");
    }
    let mut second = world.reader();
    let (hit, sent) = second.sent(&cached);
    assert_eq!((&hit, sent), (expected, 0), "a hit");
}

#[test]
fn f07_large_numbers_that_were_read_first_are_exact() {
    let query = || sums::table.select(sums::big + 1_i64);
    assert_as_later(
        |conn| query().load::<i64>(conn),
        |conn| query().cached(conn).load::<i64>(),
        &Ok(vec![EDGE + 1]),
    );
}

#[test]
fn f07_small_numbers_that_were_read_first_are_exact() {
    let query = || sums::table.select((sums::n + 1, sums::n * 3, sums::n - 9));
    assert_as_later(
        |conn| query().load::<(i32, i32, i32)>(conn),
        |conn| query().cached(conn).load::<(i32, i32, i32)>(),
        &Ok(vec![(8, 21, -2)]),
    );
}

/// Columns have their type from the start: their first read is stored, whatever the binds.
#[test]
fn f07_columns_are_stored_by_their_first_read() {
    let mut world = world();
    let rows = world.once(|conn| {
        let query = sums::table.filter(sums::big.eq(EDGE));
        query.cached(conn).load::<(i32, i32, i64)>().unwrap()
    });
    assert_eq!(rows, [(1, 7, EDGE)]);
}
