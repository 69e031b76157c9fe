//! Connections to a server that are lost around a COMMIT. SQLite has no server.

use std::thread;

use cachalot_diesel::{BypassReason, Outcome};
use cachalot_tests::{Counter, proxy::Proxy};
use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};

use super::failures::*;
use super::world::World;
use super::{Conn, connections, db};

super::on_postgres! {
    use diesel::sql_types::Integer as Id;
    const OWN_ID: &str = "SELECT pg_backend_pid()";

    /// Ends the connection, and waits until it is gone.
    fn end(killer: &mut Conn, id: i32) {
        killer
            .batch_execute(&format!("SELECT pg_terminate_backend({id}, 20000)"))
            .unwrap();
    }
}

super::on_mysql! {
    use diesel::sql_types::BigInt as Id;
    const OWN_ID: &str = "SELECT CONNECTION_ID()";

    /// Ends the connection, and waits until it is gone.
    fn end(killer: &mut Conn, id: i64) {
        killer.batch_execute(&format!("KILL {id}")).unwrap();
        let alive = format!("SELECT count(*) FROM information_schema.processlist WHERE id = {id}");
        cachalot_tests::wait_until("the connection is gone", WAIT_TIMEOUT, || {
            let alive = diesel::dsl::sql::<Id>(&alive).get_result::<i64>(killer);
            alive.unwrap() == 0
        });
    }
}

fn ended_before_commit(conn: &mut Conn, killer: &mut Conn) -> Error {
    let id = diesel::dsl::sql::<Id>(OWN_ID).get_result(conn).unwrap();
    conn.transaction(|conn| {
        set(conn, 1, 5);
        end(killer, id);
        Ok::<_, Error>(())
    })
    .unwrap_err()
}

#[test]
fn t05_a_connection_that_is_ended_before_commit_has_changed_nothing() {
    let (mut world, mut other) = two();
    let (mut outsider, mut victim) = (world.outsider(), world.outsider());
    let expected = ended_before_commit(&mut victim, &mut outsider);
    let error = ended_before_commit(&mut world.conn, &mut outsider);
    assert_same(&error, &expected);
    agree(&world, &mut other, [0, 0]);
}

/// A watched connection to the world's database through a proxy.
fn through_a_proxy(world: &World) -> (Proxy, Conn) {
    let (proxy, url) = Proxy::before(world.database.url());
    let conn = connections::watched(db::establish(&url), &world.cache, &Counter::new());
    (proxy, conn)
}

/// django-cachalot invalidates nothing if COMMIT fails.
#[test]
fn t05_a_commit_whose_answer_is_lost_counts_as_a_success() {
    let (world, mut other) = two();
    let (proxy, mut conn) = through_a_proxy(&world);
    proxy.swallow_answer_to("COMMIT");
    let error = conn
        .transaction(|conn| try_set(conn, 1, 5))
        .expect_err("the answer is lost");
    assert!(!matches!(error, Error::NotFound), "{error:?}");
    agree(&world, &mut other, [5, 0]);
}

#[test]
fn t05_a_write_whose_answer_is_lost_counts_as_a_success() {
    let (world, mut other) = two();
    let (proxy, mut conn) = through_a_proxy(&world);
    proxy.swallow_answer_to("UPDATE");
    let error = conn.batch_execute("UPDATE counters SET value = 5 WHERE id = 1");
    assert!(error.is_err());
    agree(&world, &mut other, [5, 0]);
}

/// The server has carried out the COMMIT, and the writer has no answer yet: it is in flight.
#[test]
fn t05_until_a_commit_is_answered_others_read_the_database() {
    let (world, mut other) = two();
    let (proxy, mut conn) = through_a_proxy(&world);
    conn.batch_execute("BEGIN").unwrap();
    set(&mut conn, 1, 5);
    proxy.hold_answer_to("COMMIT");
    let committing = thread::spawn(move || conn.batch_execute("COMMIT"));
    proxy.wait_until_held();
    assert_eq!(
        outcome(&mut other.conn),
        Outcome::Bypass(BypassReason::WriterInFlight)
    );
    assert_eq!(other.sent(|conn| value(conn, 1)), (5, 1));
    proxy.cut();
    assert!(committing.join().unwrap().is_err(), "its answer is lost");
    agree(&world, &mut other, [5, 0]);
}
