//! How a write of certain rows ends.

use super::*;
use crate::{Error, store::Command};

fn deletes(command: &Command<'_>) -> bool {
    matches!(command, Command::Delete { key } if key.contains(':'))
}

fn swaps(command: &Command<'_>) -> bool {
    matches!(command, Command::CompareAndSwap { .. })
}

#[test]
fn the_buckets_are_deleted_before_the_record_changes_in_one_batch() {
    let process = Process::new();
    process.write(&[1]);
    let write = process.begin(&writes(&[1, 2]));
    process.store.batches();
    process.versions.end(write, WriteOutcome::Success).unwrap();
    let [batch] = &process.store.batches()[..] else {
        panic!("one batch")
    };
    let expected = [
        format!("delete {}", process.bucket_key(1)),
        format!("delete {}", process.bucket_key(2)),
        format!("swap {}", process.record_key()),
    ];
    // Between a record of the epoch and the lease.
    assert_eq!(batch[1..4], expected);
    assert_eq!(batch.len(), 5);
    assert_eq!(process.invalidations(), (0, 2));
}

#[test]
fn a_write_that_did_not_happen_deletes_nothing() {
    let process = Process::new();
    process.store_entry(&[1]);
    let write = process.begin(&writes(&[1]));
    process.store.batches();
    process.versions.end(write, WriteOutcome::Failure).unwrap();
    let sent = process.store.batches().concat();
    assert!(!sent.iter().any(|it| it.contains(':')), "{sent:?}");
    assert!(process.hits(&[1]));
}

#[test]
fn a_conflict_at_the_record_leaves_the_entries_of_other_buckets() {
    let process = Process::new();
    process.store_entry(&[1]);
    process.store_entry(&[2]);
    let write = process.begin(&writes(&[2]));
    let other = process.begin(&writes(&[3]));
    process.store.batches();
    process.versions.end(write, WriteOutcome::Success).unwrap();
    let swaps = format!("swap {}", process.record_key());
    let sent = process.store.batches().concat();
    assert_eq!(sent.iter().filter(|it| **it == swaps).count(), 2);
    assert!(process.hits(&[1]));
    assert!(!process.hits(&[2]));
    process.versions.end(other, WriteOutcome::Success).unwrap();
    assert!(process.hits(&[1]));
}

#[test]
fn a_write_whose_bucket_cannot_be_deleted_ends_as_one_of_unknown_rows() {
    let process = Process::new();
    process.store_entry(&[1]);
    process.store_entry(&[2]);
    let write = process.begin(&writes(&[2]));
    process.store.break_if(deletes);
    process.versions.end(write, WriteOutcome::Success).unwrap();
    process.store.repair();
    assert!(process.store.get(&process.bucket_key(2)).is_some());
    assert!(!process.hits(&[2]));
    assert!(!process.hits(&[1]));
    assert_eq!(process.invalidations(), (1, 0));
}

#[test]
fn what_is_pending_is_of_unknown_rows() {
    let process = Process::new();
    process.store_entry(&[1]);
    process.store_entry(&[2]);
    for broken in [deletes, swaps] {
        let write = process.begin(&writes(&[2]));
        process
            .store
            .break_if(move |command| broken(command) || swaps(command));
        let ended = process.versions.end(write, WriteOutcome::Success);
        assert!(matches!(ended, Err(Error::Undelivered { .. })));
        let found = process.look(&[1]);
        let reason = crate::BypassReason::StoreUnavailable;
        assert!(matches!(found, Lookup::Bypass(it) if it == reason));
        process.store.repair();
        crate::store::contract::eventually("it is delivered", || {
            (!process.versions.is_pending(&process.dependencies)).then_some(())
        });
        process.store_entry(&[1]);
        process.store_entry(&[2]);
    }
    assert_eq!(process.invalidations(), (2, 0));
}

/// The store gives no versions, so `end` has to read the record, after it has deleted the buckets.
#[test]
fn a_record_that_has_to_be_read_again_is_written_behind_the_deletes() {
    let process = Process::new();
    process.store_entry(&[1]);
    process.store_entry(&[2]);
    let write = process.begin(&writes(&[2]));
    process.store.delete(process.record_key());
    process.store.batches();
    process.versions.end(write, WriteOutcome::Success).unwrap();
    let sent = process.store.batches().concat();
    let place = |sought: String| sent.iter().rposition(|it| *it == sought);
    let deleted = place(format!("delete {}", process.bucket_key(2)));
    let added = place(format!("add {}", process.record_key()));
    assert!(deleted.is_some() && deleted < added, "{sent:?}");
    // The record was lost, and with it all proofs.
    assert!(!process.hits(&[2]));
    assert!(!process.hits(&[1]));
}

#[test]
fn a_write_to_everything_has_no_buckets() {
    let process = Process::new();
    process.store_entry(&[1]);
    // The table is in no catalog, and has never been announced.
    process.store.delete(process.record_key());
    let write = process.versions.begin(&writes(&[1]), Origin::default());
    process.store.batches();
    process.versions.end(write, WriteOutcome::Success).unwrap();
    let sent = process.store.batches().concat();
    assert!(!sent.iter().any(|it| it.contains(':')), "{sent:?}");
    assert_eq!(process.invalidations(), (1, 0));
    let process = process.other();
    assert!(!process.hits(&[1]));
}

#[test]
fn a_write_is_keyed_if_the_rows_are_known_in_all_its_tables() {
    let process = Process::new();
    let mut both = writes(&[1]);
    both.merge(&RowWrites::of_unknown_rows(Writes::table(
        "tags".into(),
        Events::INSERT,
    )));
    process.store_entry(&[1]);
    process.store_entry(&[2]);
    process.run(&both);
    assert_eq!(process.invalidations(), (1, 0));
    assert!(process.hits(&[2]));
    assert!(!process.hits(&[1]));
}
