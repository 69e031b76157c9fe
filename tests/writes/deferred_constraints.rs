//! Constraints that are checked at COMMIT, which SQLite and PostgreSQL have.

use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};

use super::Conn;
use super::failures::*;

fn insert_a_child_without_a_parent(conn: &mut Conn) -> Error {
    conn.transaction(|conn| {
        set(conn, 1, 5);
        conn.batch_execute("INSERT INTO children (author_id) VALUES (99)")
    })
    .unwrap_err()
}

#[test]
fn t05_a_deferred_constraint_that_fails_at_commit_gives_diesels_error() {
    let (mut world, mut other) = two();
    let mut outsider = world.outsider();
    outsider
        .batch_execute(
            "CREATE TABLE children (author_id INTEGER NOT NULL \
             REFERENCES authors (id) DEFERRABLE INITIALLY DEFERRED)",
        )
        .unwrap();
    let expected = insert_a_child_without_a_parent(&mut outsider);
    assert_same(&insert_a_child_without_a_parent(&mut world.conn), &expected);
    if super::DATABASE == "postgres" {
        // With SQLite the tables are invalidated, although nothing has changed.
        assert_eq!(other.sent(|conn| value(conn, 1)), (0, 0), "it is undone");
    }
    agree(&world, &mut other, [0, 0]);
    set(&mut world.conn, 1, 7);
    agree(&world, &mut other, [7, 0]);
}
