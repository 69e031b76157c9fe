//! A hit, a miss and a plain read of more and more rows from more and more tables.

use cachalot_tests::memcached::Server;

use super::{
    super::{pace::Pace, results::Size, store},
    Conn, DATABASE,
    posts::{Post, of_1_table, of_3_tables, of_5_tables},
    world::World,
};

type Read = fn(&mut Conn, i32, i64) -> Vec<Post>;

const READS: [(usize, Read, Read); 3] = [
    (1, of_1_table::plain, of_1_table::cached),
    (3, of_3_tables::plain, of_3_tables::cached),
    (5, of_5_tables::plain, of_5_tables::cached),
];
const ROWS: [i32; 4] = [1, 10, 100, 1_000];

pub(crate) fn measure(world: &World, memcached: &Server, pace: Pace) -> Vec<Size> {
    let mut sizes = Vec::new();
    for (tables, plain, cached) in READS {
        for rows in ROWS {
            sizes.push(one(world, memcached, pace, (tables, rows), plain, cached));
        }
    }
    sizes
}

fn one(
    world: &World,
    memcached: &Server,
    pace: Pace,
    (tables, rows): (usize, i32),
    plain: Read,
    cached: Read,
) -> Size {
    let cache = store::cache(&[memcached]);
    let mut asking = world.connect();
    let (mut hitting, mut missing) = (world.watched_by(&cache), world.watched_by(&cache));
    let expected = plain(&mut asking, rows, 1);
    assert_eq!(usize::try_from(rows), Ok(expected.len()));
    assert_eq!(cached(&mut hitting, rows, 1), expected, "as read");
    assert_eq!(cached(&mut hitting, rows, 1), expected, "as kept");
    let mut salt = 1;
    let results = pace
        .rounds()
        .subject("plain", || plain(&mut asking, rows, 1))
        .subject("hit", || cached(&mut hitting, rows, 1))
        .subject("miss", || {
            salt += 1;
            cached(&mut missing, rows, salt)
        })
        .run();
    eprint!("{DATABASE}, {tables} tables, {rows} rows\n{results}");
    Size {
        database: DATABASE.to_owned(),
        tables,
        rows,
        plain: results["plain"].spread(),
        hit: results["hit"].spread(),
        miss: results["miss"].spread(),
    }
}
