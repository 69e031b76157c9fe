//! Hit, miss and write on PostgreSQL and memcached against the least that they could cost.
//!
//! `cargo bench -p cachalot-benches` starts its own servers. It prints a table of medians and, for
//! each figure, one line of JSON: `{"name": …, "value": …, "target": …}`. `-- --quick` takes fewer
//! rounds.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops on any error"
)]

use cachalot_benches::{Figure, RawSocket, Turns};
use cachalot_diesel::prelude::*;
use cachalot_tests::{
    Database, flights as sample, memcached, postgres, schema::postgres::flights, unique,
};
use diesel::prelude::*;

type Flight = (i32, String, String, i32, Option<i32>);

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let rounds = if quick { 2_000 } else { 20_000 };

    let database = postgres::database();
    let server = memcached::shared();
    let mut plain = postgres::establish(database.url());
    sample::load(&mut plain);
    let cache = Cachalot::builder()
        .url(server.url())
        .namespace(unique::name("bench"))
        .build()
        .unwrap();
    let mut cached = postgres::establish(database.url());
    cache.watch(&mut cached).unwrap();
    let raw = &mut RawSocket::connect(server.address());
    let aside = memcache::Client::connect(format!("{}?protocol=ascii", server.url())).unwrap();

    println!("PostgreSQL and memcached on loopback, {rounds} rounds, in turns");
    let mut figures = reads(rounds, raw, &mut plain, &mut cached, &aside);
    figures.extend(misses(rounds / 4, raw, &mut plain, &mut cached));
    figures.extend(writes(rounds / 10, raw, &mut plain, &mut cached));
    figures.extend(outages(rounds / 4, &database, &mut plain));
    for figure in figures {
        println!("{}", figure.json());
    }
}

/// A multi-get of an entry of that size and the two records that a one-table read looks at.
fn raw_get(raw: &mut RawSocket, name: &str, entry: usize) -> Vec<u8> {
    let keys = [
        format!("{name}-entry"),
        format!("{name}-epoch"),
        format!("{name}-table"),
    ];
    raw.set(&keys[0], &vec![b'x'; entry]);
    raw.set(&keys[1], &[b'x'; 240]);
    raw.set(&keys[2], &[b'x'; 240]);
    format!("get {}\r\n", keys.join(" ")).into_bytes()
}

fn columns() -> (
    flights::id,
    flights::carrier,
    flights::origin,
    flights::distance,
    flights::arr_delay,
) {
    (
        flights::id,
        flights::carrier,
        flights::origin,
        flights::distance,
        flights::arr_delay,
    )
}

fn reads(
    rounds: usize,
    raw: &mut RawSocket,
    plain: &mut PgConnection,
    cached: &mut PgConnection,
    aside: &memcache::Client,
) -> Vec<Figure> {
    macro_rules! one {
        () => {
            flights::table.find(1).select(columns())
        };
    }
    macro_rules! hundred {
        () => {
            flights::table.filter(flights::id.le(100)).select(columns())
        };
    }
    let one: Vec<Flight> = one!().cached(cached).load().unwrap();
    let hundred: Vec<Flight> = hundred!().cached(cached).load().unwrap();
    assert_eq!((one.len(), hundred.len()), (1, 100));
    let size = |key: Option<String>| {
        memcached::shared()
            .wire()
            .get(&key.unwrap())
            .expect("the entry was stored")
            .len()
    };
    let one_size = size(one!().cached(cached).explain().unwrap().key);
    let hundred_size = size(hundred!().cached(cached).explain().unwrap().key);
    let raw_one = raw_get(raw, "one", one_size);
    let raw_hundred = raw_get(raw, "hundred", hundred_size);
    aside
        .set("aside-one", &*serde_json::to_string(&one).unwrap(), 0)
        .unwrap();
    aside
        .set(
            "aside-hundred",
            &*serde_json::to_string(&hundred).unwrap(),
            0,
        )
        .unwrap();

    let raw = std::cell::RefCell::new(raw);
    let cached = std::cell::RefCell::new(cached);
    let plain = std::cell::RefCell::new(plain);
    let mut turns = Turns::new(rounds);
    turns.run(&mut [
        ("raw multi-get, 1 row", &mut || {
            raw.borrow_mut().get(&raw_one);
        }),
        ("hit, 1 row", &mut || {
            one!()
                .cached(&mut **cached.borrow_mut())
                .load::<Flight>()
                .unwrap();
        }),
        ("cache-aside, 1 row", &mut || {
            let text: String = aside.get("aside-one").unwrap().unwrap();
            serde_json::from_str::<Vec<Flight>>(&text).unwrap();
        }),
        ("plain Diesel, 1 row", &mut || {
            one!().load::<Flight>(&mut **plain.borrow_mut()).unwrap();
        }),
        ("raw multi-get, 100 rows", &mut || {
            raw.borrow_mut().get(&raw_hundred);
        }),
        ("hit, 100 rows", &mut || {
            hundred!()
                .cached(&mut **cached.borrow_mut())
                .load::<Flight>()
                .unwrap();
        }),
        ("cache-aside, 100 rows", &mut || {
            let text: String = aside.get("aside-hundred").unwrap().unwrap();
            serde_json::from_str::<Vec<Flight>>(&text).unwrap();
        }),
        ("plain Diesel, 100 rows", &mut || {
            hundred!()
                .load::<Flight>(&mut **plain.borrow_mut())
                .unwrap();
        }),
    ]);
    print!("{}", turns.table());
    let ratio = |a, b| turns.median(a) / turns.median(b);
    vec![
        Figure {
            name: "hit, 1 row ÷ raw multi-get",
            value: ratio("hit, 1 row", "raw multi-get, 1 row"),
            target: 2.0,
        },
        Figure {
            name: "hit, 100 rows ÷ raw multi-get",
            value: ratio("hit, 100 rows", "raw multi-get, 100 rows"),
            target: 3.0,
        },
        Figure {
            name: "hit, 1 row ÷ hand-written cache-aside",
            value: ratio("hit, 1 row", "cache-aside, 1 row"),
            target: 0.5,
        },
        Figure {
            name: "hit, 1 row ÷ plain Diesel",
            value: ratio("hit, 1 row", "plain Diesel, 1 row"),
            target: 1.0,
        },
    ]
}

fn misses(
    rounds: usize,
    raw: &mut RawSocket,
    plain: &mut PgConnection,
    cached: &mut PgConnection,
) -> Vec<Figure> {
    let get = raw_get(raw, "miss", 240);
    let raw = std::cell::RefCell::new(raw);
    let mut turns = Turns::new(rounds);
    let mut number = 0;
    turns.run(&mut [
        ("plain Diesel and two raw round trips", &mut || {
            flights::table
                .find(1)
                .filter(flights::distance.ne(-1))
                .select(columns())
                .load::<Flight>(plain)
                .unwrap();
            raw.borrow_mut().get(&get);
            raw.borrow_mut().set("miss-store", &[b'x'; 240]);
        }),
        ("miss, 1 row", &mut || {
            number += 1;
            flights::table
                .find(1)
                .filter(flights::distance.ne(-number))
                .select(columns())
                .cached(cached)
                .load::<Flight>()
                .unwrap();
        }),
    ]);
    print!("{}", turns.table());
    let value = turns.median("miss, 1 row") / turns.median("plain Diesel and two raw round trips");
    vec![Figure {
        name: "miss ÷ (plain + two raw round trips)",
        value,
        target: 1.3,
    }]
}

fn writes(
    rounds: usize,
    raw: &mut RawSocket,
    plain: &mut PgConnection,
    cached: &mut PgConnection,
) -> Vec<Figure> {
    let get = raw_get(raw, "write", 240);
    let update = |conn: &mut PgConnection, delay: i32| {
        conn.transaction(|conn| {
            diesel::update(flights::table.find(1))
                .set(flights::arr_delay.eq(delay))
                .execute(conn)
        })
        .unwrap();
    };
    let mut turns = Turns::new(rounds);
    turns.run(&mut [
        ("plain UPDATE and three raw round trips", &mut || {
            update(plain, 1);
            for _ in 0..3 {
                raw.get(&get);
            }
        }),
        ("UPDATE that invalidates", &mut || update(cached, 2)),
    ]);
    print!("{}", turns.table());
    let value = turns.median("UPDATE that invalidates")
        / turns.median("plain UPDATE and three raw round trips");
    vec![Figure {
        name: "UPDATE ÷ (plain + three raw round trips)",
        value,
        target: 1.3,
    }]
}

/// What a read costs more than a plain one while the store is down, and while it is frozen.
fn outages(rounds: usize, database: &Database, plain: &mut PgConnection) -> Vec<Figure> {
    let (dead, frozen) = (memcached::start(&[]), memcached::start(&[]));
    let watched = |server: &memcached::Server| {
        let cache = Cachalot::builder().url(server.url()).build().unwrap();
        let mut conn = postgres::establish(database.url());
        cache.watch(&mut conn).unwrap();
        conn
    };
    let (mut down, mut stuck) = (watched(&dead), watched(&frozen));
    let read = |conn: &mut PgConnection| {
        let query = flights::table.find(1).select(columns());
        query.cached(conn).load::<Flight>().unwrap();
    };
    read(&mut down);
    read(&mut stuck);
    dead.stop();
    frozen.freeze();
    // The first failure.
    read(&mut down);
    read(&mut stuck);
    let mut turns = Turns::new(rounds);
    turns.run(&mut [
        ("plain Diesel, 1 row, beside an outage", &mut || {
            let query = flights::table.find(1).select(columns());
            query.load::<Flight>(plain).unwrap();
        }),
        ("cached read, store down", &mut || read(&mut down)),
        ("cached read, store frozen", &mut || read(&mut stuck)),
    ]);
    print!("{}", turns.table());
    let added =
        |subject| turns.median(subject) - turns.median("plain Diesel, 1 row, beside an outage");
    vec![
        Figure {
            name: "added latency of a read while the store is down, µs",
            value: added("cached read, store down"),
            target: 50.0,
        },
        Figure {
            name: "added latency of a read while the store is frozen, µs",
            value: added("cached read, store frozen"),
            target: 50.0,
        },
    ]
}
