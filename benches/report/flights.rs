//! As many flights as left New York in 2013, on PostgreSQL.

use cachalot_tests::flights as sample;
use diesel::{dsl, prelude::*};

use super::{
    postgres::{
        Conn,
        schema::{airlines, flights},
        world::World,
    },
    reads::reads,
};

/// As many as the whole data set has. These are the sample over and over: what they say does not
/// matter here, how many they are does.
pub(crate) const COUNT: i32 = 336_776;

/// The airlines with the most flights.
pub(crate) const CARRIERS: [&str; 4] = ["UA", "B6", "EV", "DL"];

const COLUMNS: &str = "year, month, day, dep_time, sched_dep_time, dep_delay, arr_time, \
    sched_arr_time, arr_delay, carrier, flight, tailnum, origin, dest, air_time, distance, hour, \
    minute, time_hour";

pub(crate) type Flight = (i32, String, String, i32, Option<i32>);
pub(crate) type Delays = (String, i64, Option<i64>);

pub(crate) fn load(world: &World) {
    sample::load(&mut world.connect());
    let mut count = sample::COUNT;
    while count < COUNT {
        let more = count.min(COUNT - count);
        world.run(&format!(
            "INSERT INTO flights (id, {COLUMNS}) \
             SELECT id + {count}, {COLUMNS} FROM flights WHERE id <= {more}"
        ));
        count += more;
    }
    world.run("ANALYZE");
}

macro_rules! flight {
    () => {
        (
            flights::id,
            flights::carrier,
            flights::origin,
            flights::distance,
            flights::arr_delay,
        )
    };
}

macro_rules! delays {
    ($by:expr) => {
        (
            $by,
            dsl::count(flights::arr_delay),
            dsl::sum(flights::arr_delay),
        )
    };
}

// Distances are never negative: a `salt` that was not used before makes a question that was not
// asked before, with the same answer.
reads! {
    fn one(id: i32) -> Flight {
        flights::table.find(id).select(flight!())
    }

    fn one_anew(salt: i32) -> Flight {
        flights::table.find(1).filter(flights::distance.ne(-salt)).select(flight!())
    }

    fn one_uncacheable(id: i32) -> Flight {
        flights::table.find(id).filter(flights::time_hour.lt(dsl::now)).select(flight!())
    }

    fn several(rows: i32) -> Flight {
        flights::table.filter(flights::id.le(rows)).select(flight!())
    }

    /// All flights, summed up.
    fn by_airline(salt: i32) -> Delays {
        flights::table
            .inner_join(airlines::table)
            .filter(flights::distance.ne(-salt))
            .group_by(airlines::name)
            .select(delays!(airlines::name))
            .order(airlines::name)
    }

    fn of_airline(carrier: &str) -> Delays {
        flights::table
            .filter(flights::carrier.eq(carrier))
            .group_by(flights::origin)
            .select(delays!(flights::origin))
            .order(flights::origin)
    }
}

/// Changes one flight in a transaction.
pub(crate) fn update(conn: &mut Conn, id: i32, delay: i32) {
    conn.transaction(|conn| {
        diesel::update(flights::table.find(id))
            .set(flights::arr_delay.eq(delay))
            .execute(conn)
    })
    .unwrap();
}
