//! Deadlocks between rows, which PostgreSQL and MariaDB find. SQLite locks no rows.

use std::thread::{self, JoinHandle};

use cachalot_tests::{Database, wait_until};
use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};

use super::dialect::lock_waits;
use super::failures::*;
use super::{Conn, connections};

super::on_postgres! {
    /// A transaction that does not look for deadlocks, so that the other is undone.
    fn begin_as_survivor(conn: &mut Conn) {
        conn.batch_execute("SET deadlock_timeout = '1h'; BEGIN").unwrap();
    }
}

super::on_mysql! {
    /// A transaction of many rows, so that the other, which has fewer, is undone.
    fn begin_as_survivor(conn: &mut Conn) {
        conn.batch_execute("BEGIN").unwrap();
        for label in 0..50 {
            let insert = format!("INSERT INTO tags (label) VALUES ('rival {label}')");
            conn.batch_execute(&insert).unwrap();
        }
    }
}

/// Locks counter 2, waits for counter 1 in a thread, and rolls back once it has it.
fn rival(url: &str) -> JoinHandle<()> {
    let mut rival = connections::unwatched(url);
    begin_as_survivor(&mut rival);
    set(&mut rival, 2, 99);
    thread::spawn(move || {
        set(&mut rival, 1, 99);
        rival.batch_execute("ROLLBACK").unwrap();
    })
}

/// Writes to counters 1 and 2 in the open transaction, which a deadlock undoes at the second write.
pub(super) fn deadlock(conn: &mut Conn, database: &Database) -> Error {
    set(conn, 1, 5);
    let rival = rival(database.url());
    let mut outsider = connections::unwatched(database.url());
    wait_until("the rival waits for the row", WAIT_TIMEOUT, || {
        lock_waits(&mut outsider, database, "counters") > 0
    });
    let deadlock = try_set(conn, 2, 6).unwrap_err();
    assert!(deadlock.to_string().contains("eadlock"), "{deadlock:?}");
    rival.join().unwrap();
    deadlock
}

#[test]
fn t05_a_transaction_that_a_deadlock_undid_is_not_published() {
    let (mut world, mut other) = two();
    let undone = world
        .conn
        .transaction(|conn| Err::<(), _>(deadlock(conn, &world.database)));
    assert!(undone.is_err());
    agree(&world, &mut other, [0, 0]);
    set(&mut world.conn, 1, 8);
    agree(&world, &mut other, [8, 0]);
}
