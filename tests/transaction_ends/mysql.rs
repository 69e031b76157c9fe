//! Transactions that MariaDB ends by itself.

use std::{thread, time::Duration};

use cachalot_diesel::CachedDsl as _;
use cachalot_tests::wait_until;
use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    result::{DatabaseErrorKind, Error},
};

use super::Conn;
use super::dialect::lock_waits;
use super::schema::*;
use super::world::World;

fn value(conn: &mut Conn) -> i64 {
    counters::table
        .find(1)
        .select(counters::value)
        .cached(conn)
        .get_result()
        .unwrap()
}

/// A deadlock undoes the whole transaction, and what follows in it is committed at once.
#[test]
fn t05_what_is_written_after_a_deadlock_has_ended_the_transaction_is_seen_at_once() {
    let mut world = World::new();
    let rows: Vec<_> = (1..100)
        .map(|id| (counters::id.eq(id), counters::value.eq(0)))
        .collect();
    diesel::insert_into(counters::table)
        .values(rows)
        .execute(&mut world.conn)
        .unwrap();
    assert_eq!(world.once(value), 0);
    let mut reader = world.reader();

    world
        .conn
        .batch_execute("BEGIN; UPDATE counters SET value = 1 WHERE id = 1")
        .unwrap();
    // The heavier transaction survives.
    let mut heavy = world.outsider();
    heavy
        .batch_execute("BEGIN; UPDATE counters SET value = 2 WHERE id > 1")
        .unwrap();
    let heavy = thread::spawn(move || {
        heavy
            .batch_execute("UPDATE counters SET value = 2 WHERE id = 1")
            .unwrap();
        heavy.batch_execute("ROLLBACK").unwrap();
    });
    let mut watcher = world.outsider();
    wait_until("the other waits", Duration::from_secs(20), || {
        lock_waits(&mut watcher, &world.database, "counters") > 0
    });
    let deadlock = diesel::update(counters::table.find(2))
        .set(counters::value.eq(1))
        .execute(&mut world.conn);
    assert!(
        matches!(
            deadlock,
            Err(Error::DatabaseError(
                DatabaseErrorKind::SerializationFailure,
                _
            ))
        ),
        "{deadlock:?}"
    );
    heavy.join().unwrap();

    world
        .conn
        .batch_execute("UPDATE counters SET value = 5 WHERE id = 1")
        .unwrap();

    assert_eq!(reader.sent(value).0, 5);
    world.conn.batch_execute("ROLLBACK").unwrap();
    assert_eq!(reader.sent(value).0, 5);
}
