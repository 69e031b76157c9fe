//! Several databases in one process, and one database that goes by several names.

use cachalot_diesel::CachedDsl as _;
use cachalot_tests::Counter;
use diesel::{connection::SimpleConnection as _, prelude::*};

use super::counter::{set, value};
use super::dialect::other_names;
use super::schema::{counters, tags};
use super::world::{Reader, World};
use super::{Conn, db};

/// A database with a counter at 0, its writer and its reader.
struct Side {
    writer: Reader,
    reader: Reader,
    committed: i64,
    written: i64,
    _world: World,
}

impl Side {
    fn new(cache: &cachalot_diesel::Cachalot) -> Self {
        let world = World::new();
        diesel::insert_into(counters::table)
            .values((counters::id.eq(1), counters::value.eq(0)))
            .execute(&mut world.outsider())
            .unwrap();
        Self {
            writer: world.connect(cache),
            reader: world.connect(cache),
            committed: 0,
            written: 0,
            _world: world,
        }
    }

    /// The steps of a transaction: it begins, writes, and ends.
    fn step(&mut self, step: usize, end: &str) {
        let conn = &mut self.writer.conn;
        match step {
            0 => conn.batch_execute("BEGIN").unwrap(),
            1 => {
                self.written += 1;
                set(conn, self.written);
                assert_eq!(value(conn), self.written, "its own row");
            }
            _ => {
                conn.batch_execute(end).unwrap();
                if end == "COMMIT" {
                    self.committed = self.written;
                }
            }
        }
    }
}

/// Lost by caches that keep what a transaction wrote for a thread, and not for each connection.
#[test]
fn m02_transactions_of_two_databases_in_every_order_and_with_either_end() {
    let world = World::new();
    let mut sides = [Side::new(&world.cache), Side::new(&world.cache)];
    // Which of the two makes each of the six steps.
    let orders = (0u8..64).filter(|order| order.count_ones() == 3);
    for order in orders {
        for ends in [
            ["COMMIT", "COMMIT"],
            ["COMMIT", "ROLLBACK"],
            ["ROLLBACK", "COMMIT"],
            ["ROLLBACK", "ROLLBACK"],
        ] {
            let mut steps = [0, 0];
            for place in 0..6 {
                let side = usize::from(order >> place & 1);
                sides[side].step(steps[side], ends[side]);
                steps[side] += 1;
                for side in &mut sides {
                    let seen = value(&mut side.reader.conn);
                    assert_eq!(seen, side.committed, "{order:06b} {ends:?} {place}");
                }
            }
        }
    }
    assert!(world.cache.stats().hits > 0);
}

fn labels(conn: &mut Conn) -> Vec<String> {
    let query = tags::table.order(tags::id).select(tags::label);
    query.cached(conn).load().unwrap()
}

fn add(conn: &mut Conn, label: &str) {
    diesel::insert_into(tags::table)
        .values(tags::label.eq(label))
        .execute(conn)
        .unwrap();
}

/// Lost by caches that name a database by its URL.
#[test]
fn m03_a_write_by_one_name_of_a_database_is_seen_by_the_others() {
    let names = other_names(&World::new().database);
    assert!(!names.is_empty());
    for place in 0..names.len() {
        let mut world = World::new();
        let (name, url, _way) = other_names(&world.database).swap_remove(place);
        let mut conn = db::establish(&url);
        let counter = Counter::new();
        let process = world.other_process();
        process.watch_with(&mut conn, counter.instrumentation());
        let mut other = Reader { conn, counter };
        let mut expected = Vec::new();
        for number in 0..3 {
            for (mine, writes) in [("first", true), (name, false)] {
                labels(&mut world.conn);
                labels(&mut other.conn);
                assert_eq!(world.sent(labels), (expected.clone(), 0), "{name}");
                assert_eq!(other.sent(labels), (expected.clone(), 0), "{name}");
                let label = format!("{mine} {number}");
                add(
                    if writes {
                        &mut world.conn
                    } else {
                        &mut other.conn
                    },
                    &label,
                );
                expected.push(label);
                assert_eq!(world.sent(labels).0, expected, "{name}");
                assert_eq!(other.sent(labels).0, expected, "{name}");
            }
        }
    }
}
