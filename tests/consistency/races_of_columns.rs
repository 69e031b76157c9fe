//! The races of updates that set some columns with reads that use others.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use cachalot_diesel::{BypassReason, Outcome, prelude::*};
use cachalot_tests::{Database, memcached, unique, wait_until};
use diesel::{connection::SimpleConnection, prelude::*};

use super::races::{Process, swaps_a_record};
use super::races_with_faults::at_the_end;
use super::schema::authors;
use super::world::store;
use super::{Conn, db};

const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// A database with one author, and processes that share a cache.
fn processes<const N: usize>() -> (Database, [Process; N]) {
    let database = db::database();
    diesel::insert_into(authors::table)
        .values((
            authors::id.eq(1),
            authors::name.eq("Ann"),
            authors::email.eq("ann@example.org"),
            authors::active.eq(true),
            authors::created_at.eq(chrono::NaiveDateTime::default()),
        ))
        .execute(&mut db::establish(database.url()))
        .unwrap();
    let namespace = unique::name("race");
    let processes =
        [(); N].map(|()| Process::with(&database, &namespace, store(memcached::shared())));
    (database, processes)
}

macro_rules! author {
    ($column:ident) => {
        authors::table.find(1).select(authors::$column)
    };
}

/// A column of the author, and how many statements it took.
macro_rules! read {
    ($process:ident, $column:ident as $type:ty) => {{
        let counter = $process.counter.clone();
        counter.during(|| -> $type {
            let query = author!($column).cached(&mut $process.conn);
            query.get_result().unwrap()
        })
    }};
}

fn name(process: &mut Process) -> (String, usize) {
    read!(process, name as String)
}

fn email(process: &mut Process) -> (Option<String>, usize) {
    read!(process, email as Option<String>)
}

fn active(process: &mut Process) -> (bool, usize) {
    read!(process, active as bool)
}

fn outcome_of_name(process: &mut Process) -> Outcome {
    let query = author!(name).cached(&mut process.conn);
    query.explain().unwrap().outcome
}

fn in_flight() -> Outcome {
    Outcome::Bypass(BypassReason::WriterInFlight)
}

fn rename(conn: &mut Conn) {
    diesel::update(authors::table.find(1))
        .set(authors::name.eq("Bea"))
        .execute(conn)
        .unwrap();
}

fn set_email(conn: &mut Conn) {
    diesel::update(authors::table.find(1))
        .set(authors::email.eq("bea@example.org"))
        .execute(conn)
        .unwrap();
}

/// Holds the writer when it has committed: `begin` swaps first and `end` second, if the record is there.
fn hold_at_the_end(writer: &Process) {
    let begun = AtomicBool::new(false);
    writer
        .gate
        .hold(move |command| swaps_a_record(command) && begun.swap(true, Ordering::Relaxed));
}

/// Opens a transaction that keeps others from writing the author.
fn begin_with_lock() -> &'static str {
    if std::any::type_name::<Conn>().contains("Sqlite") {
        "BEGIN IMMEDIATE"
    } else {
        "BEGIN; UPDATE authors SET born = NULL WHERE id = 1"
    }
}

fn ann() -> String {
    "Ann".to_owned()
}

fn bea() -> String {
    "Bea".to_owned()
}

fn ann_at() -> Option<String> {
    Some("ann@example.org".to_owned())
}

fn bea_at() -> Option<String> {
    Some("bea@example.org".to_owned())
}

#[test]
fn k01_an_update_in_flight_holds_up_the_reads_of_its_columns_and_no_others() {
    let (database, [mut reader, mut writer]) = processes();
    assert_eq!(name(&mut reader), (ann(), 1));
    assert_eq!(email(&mut reader), (ann_at(), 1));
    let mut holder = db::establish(database.url());
    holder.batch_execute(begin_with_lock()).unwrap();
    hold_at_the_end(&writer);
    let gate = writer.gate.clone();

    let writing = thread::spawn(move || {
        rename(&mut writer.conn);
        writer
    });
    wait_until("the writer is announced", WAIT_TIMEOUT, || {
        outcome_of_name(&mut reader) == in_flight()
    });
    assert_eq!(name(&mut reader), (ann(), 1), "before the COMMIT");
    assert_eq!(email(&mut reader), (ann_at(), 0), "before the COMMIT");

    holder.batch_execute("ROLLBACK").unwrap();
    gate.wait_until_held();
    assert_eq!(name(&mut reader), (bea(), 1), "before the end");
    assert_eq!(outcome_of_name(&mut reader), in_flight());
    assert_eq!(email(&mut reader), (ann_at(), 0), "before the end");
    assert_eq!(active(&mut reader), (true, 1), "stored before the end");
    assert_eq!(active(&mut reader), (true, 0));

    gate.release();
    let mut writer = writing.join().unwrap();
    assert_eq!(name(&mut reader), (bea(), 1));
    assert_eq!(name(&mut writer), (bea(), 0));
    assert_eq!(email(&mut reader), (ann_at(), 0));
    assert_eq!(active(&mut reader), (true, 0));
}

#[test]
fn k01_of_two_updates_in_flight_each_holds_up_the_reads_of_its_own_columns() {
    let (_database, [mut reader, mut slow, mut quick]) = processes();
    assert_eq!(name(&mut reader), (ann(), 1));
    assert_eq!(email(&mut reader), (ann_at(), 1));
    assert_eq!(active(&mut reader), (true, 1));
    let gates = [&slow, &quick].map(|writer| {
        hold_at_the_end(writer);
        writer.gate.clone()
    });
    let renaming = thread::spawn(move || rename(&mut slow.conn));
    gates[0].wait_until_held();
    let moving = thread::spawn(move || set_email(&mut quick.conn));
    gates[1].wait_until_held();

    assert_eq!(name(&mut reader), (bea(), 1));
    assert_eq!(email(&mut reader), (bea_at(), 1));
    assert_eq!(email(&mut reader), (bea_at(), 1), "nothing is stored");
    assert_eq!(active(&mut reader), (true, 0));

    gates[1].release();
    moving.join().unwrap();
    assert_eq!(outcome_of_name(&mut reader), in_flight());
    assert_eq!(name(&mut reader), (bea(), 1));
    assert_eq!(email(&mut reader), (bea_at(), 1));
    assert_eq!(email(&mut reader), (bea_at(), 0), "the other is in flight");

    gates[0].release();
    renaming.join().unwrap();
    assert_eq!(name(&mut reader), (bea(), 1));
    assert_eq!(name(&mut reader), (bea(), 0));
    assert_eq!(email(&mut reader), (bea_at(), 0));
    assert_eq!(active(&mut reader), (true, 0));
}

#[test]
fn k01_a_crashed_writer_of_other_columns_holds_nobody_up() {
    let (_database, [mut reader, mut writer]) = processes();
    assert_eq!(name(&mut reader), (ann(), 1));
    assert_eq!(email(&mut reader), (ann_at(), 1));
    at_the_end(&writer);
    rename(&mut writer.conn);
    drop(writer);

    assert_eq!(name(&mut reader), (bea(), 1));
    assert_eq!(outcome_of_name(&mut reader), in_flight());
    assert_eq!(email(&mut reader), (ann_at(), 0));
    wait_until("the lease is over", WAIT_TIMEOUT, || {
        outcome_of_name(&mut reader) != in_flight()
    });
    assert_eq!(email(&mut reader), (ann_at(), 0));
    assert_eq!(name(&mut reader), (bea(), 1), "it removes the writer");
    assert_eq!(name(&mut reader), (bea(), 0));
    let renewed = "who removes a writer does not know what it did";
    assert_eq!(email(&mut reader), (ann_at(), 1), "{renewed}");
    assert_eq!(email(&mut reader), (ann_at(), 0));
}
