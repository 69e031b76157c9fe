//! Readers of the same rows share one query, whatever is written to other rows.

use std::{sync::mpsc, thread, time::Duration};

use super::*;
use crate::store::Command;

fn join(process: &Process, permit: FillPermit) -> Lookup {
    let keys = keys(&[1]);
    process.entries.join_flight(permit, process.records(&keys))
}

fn lead(process: &Process) -> FillPermit {
    match join(process, process.miss(&[1])) {
        Lookup::Miss(permit) => permit,
        other => panic!("no leader: {other:?}"),
    }
}

#[test]
fn a_reader_takes_the_rows_of_one_that_began_before_a_write_of_another_bucket() {
    let process = Process::new();
    let leader = lead(&process);
    process.write(&[2]);
    let second = process.miss(&[1]);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| join(&process, second));
        process.fill(&leader);
        drop(leader);
        assert!(matches!(waiter.join().unwrap(), Lookup::Hit(..)));
    });
    // It has just completed.
    process.store.delete(&entry_key(&[1]));
    let third = process.miss(&[1]);
    process.fill(&third);
    assert!(matches!(join(&process, third), Lookup::Hit(..)));
}

#[test]
fn a_reader_does_not_take_the_rows_of_one_that_began_before_a_write_of_its_bucket() {
    let process = Process::new();
    let leader = lead(&process);
    process.write(&[1]);
    let second = process.miss(&[1]);
    // At once, as it does not wait.
    assert!(matches!(join(&process, second), Lookup::Miss(_)));
    drop(leader);
}

#[test]
fn processes_wait_for_each_other_whatever_is_written_to_other_buckets() {
    let wait = |config: &mut Config| config.stampede_wait = Duration::from_secs(20);
    let one = Process::with_config(wait);
    let other = Process::with_store(Arc::clone(&one.store), wait);
    let leader = lead(&one);
    one.write(&[2]);
    let second = other.miss(&[1]);
    let (polls, polled) = mpsc::channel();
    let entry = entry_key(&[1]);
    let is_poll = move |command: &Command<'_>| command.key() == entry;
    one.store.before(is_poll, move || polls.send(()).unwrap());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| join(&other, second));
        polled.recv_timeout(Duration::from_secs(20)).unwrap();
        one.fill(&leader);
        assert!(matches!(waiter.join().unwrap(), Lookup::Hit(..)));
    });
}
