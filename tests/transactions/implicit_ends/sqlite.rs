//! Transactions that SQLite ends by itself, or does not end when it is told to.

use diesel::connection::SimpleConnection as _;

use super::Conn;
use super::counter::{two, value};

/// Ends the open transaction by a statement that fails.
fn end_by_an_error(conn: &mut Conn) {
    conn.batch_execute("INSERT OR ROLLBACK INTO counters (id, value) VALUES (1, 0)")
        .unwrap_err();
}

#[test]
fn t05_what_is_written_after_an_error_has_ended_the_transaction_is_seen_at_once() {
    let (mut world, mut reader) = two();
    world.conn.batch_execute("BEGIN").unwrap();
    end_by_an_error(&mut world.conn);

    world
        .conn
        .batch_execute("UPDATE counters SET value = 5")
        .unwrap();

    assert_eq!(reader.sent(value).0, 5);
    world.conn.batch_execute("ROLLBACK").unwrap_err();
    assert_eq!(reader.sent(value).0, 5);
}

#[test]
fn t05_a_savepoint_after_a_transaction_that_did_not_end_well_commits_when_it_is_released() {
    let (mut world, mut reader) = two();
    world.conn.batch_execute("BEGIN").unwrap();
    end_by_an_error(&mut world.conn);
    world.conn.batch_execute("COMMIT").unwrap_err();

    world.conn.batch_execute("SAVEPOINT one").unwrap();
    world
        .conn
        .batch_execute("UPDATE counters SET value = 5")
        .unwrap();
    assert_eq!(reader.sent(value).0, 0, "it is not committed yet");
    world.conn.batch_execute("RELEASE one").unwrap();

    assert_eq!(reader.sent(value).0, 5);
}
