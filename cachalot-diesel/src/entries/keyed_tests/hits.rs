//! Which writes invalidate an entry of certain rows.

use super::*;
use crate::{BypassReason, store::Command};

/// What holds on every store.
pub(super) fn check_all(process: &Process) {
    survives_writes_of_other_buckets(process);
    is_invalid_after_a_write_of_its_bucket(process);
    is_invalid_after_a_wide_write(process);
    is_valid_without_its_bucket_while_the_table_is_unchanged(process);
    of_several_buckets_depends_on_each(process);
}

fn survives_writes_of_other_buckets(process: &Process) {
    process.store_entry(&[1]);
    process.store_entry(&[]);
    for _ in 0..3 {
        process.write(&[2]);
        assert!(process.hits(&[1]));
        assert!(process.other().hits(&[1]));
        assert!(!process.hits(&[]), "a read of all rows");
    }
}

fn is_invalid_after_a_write_of_its_bucket(process: &Process) {
    for outcome in [WriteOutcome::Success, WriteOutcome::Unknown] {
        process.write(&[1]);
        process.store_entry(&[1]);
        let write = process.begin(&writes(&[2, 1]));
        process.versions.end(write, outcome).unwrap();
        assert!(!process.hits(&[1]));
    }
    process.store_entry(&[1]);
    let write = process.begin(&writes(&[1]));
    process.versions.end(write, WriteOutcome::Failure).unwrap();
    assert!(process.hits(&[1]));
}

fn is_invalid_after_a_wide_write(process: &Process) {
    for write in [
        wide(),
        writes_by("another column", &[2]),
        RowWrites::EVERYTHING,
    ] {
        let process = process.other();
        process.write(&[1]);
        process.store_entry(&[1]);
        process.run(&write);
        let process = process.other();
        assert!(!process.hits(&[1]), "{write:?}");
        process.store_entry(&[1]);
        process.write(&[2]);
        assert!(process.hits(&[1]));
    }
}

fn is_valid_without_its_bucket_while_the_table_is_unchanged(process: &Process) {
    let process = process.other();
    process.write(&[1]);
    process.store_entry(&[1]);
    process.store.delete(&process.bucket_key(1));
    assert!(process.hits(&[1]));
    process.write(&[2]);
    assert!(!process.hits(&[1]), "neither proof");
    // The bucket has another token now.
    assert!(!process.hits(&[1]));
    process.store_entry(&[1]);
    process.write(&[2]);
    assert!(process.hits(&[1]));
}

fn of_several_buckets_depends_on_each(process: &Process) {
    let process = process.other();
    for written in [1, 2, 3] {
        process.store_entry_if_missing(&[1, 2, 3]);
        process.write(&[4]);
        assert!(process.hits(&[1, 2, 3]));
        process.write(&[written]);
        assert!(!process.hits(&[1, 2, 3]), "{written}");
    }
}

impl Process {
    fn store_entry_if_missing(&self, buckets: &[Bucket]) {
        if !self.hits(buckets) {
            self.store_entry(buckets);
        }
    }
}

#[test]
fn a_keyed_entry_depends_on_its_buckets() {
    check_all(&Process::new());
}

#[test]
fn a_keyed_entry_with_a_mac_depends_on_its_buckets() {
    let secret = |config: &mut Config| config.secret = Some("s3cret".repeat(4));
    let process = Process::with_config(secret);
    process.store_entry(&[1]);
    process.write(&[2]);
    assert!(process.hits(&[1]));
    process.write(&[1]);
    assert!(!process.hits(&[1]));
}

#[test]
fn a_keyed_entry_in_the_near_cache_depends_on_its_buckets() {
    let process = Process::with_config(|config| config.near_cache_bytes = 1 << 20);
    process.store_entry(&[1]);
    process.store.delete(&entry_key(&[1]));
    process.write(&[2]);
    assert!(process.hits(&[1]));
    process.write(&[1]);
    assert!(!process.hits(&[1]));
}

#[test]
fn a_keyed_read_is_a_hit_beside_a_write_of_another_bucket() {
    let process = Process::new();
    process.store_entry(&[1]);
    let write = process.begin(&writes(&[2]));
    assert!(process.hits(&[1]));
    // What is stored meanwhile is valid then and later.
    process.store.delete(&entry_key(&[1]));
    process.store_entry(&[1]);
    let in_flight = |lookup| matches!(lookup, Lookup::Bypass(BypassReason::WriterInFlight));
    assert!(in_flight(process.look(&[2])));
    assert!(in_flight(process.look(&[1, 2])));
    assert!(in_flight(process.look(&[])));
    process.versions.end(write, WriteOutcome::Success).unwrap();
    assert!(process.hits(&[1]));
}

#[test]
fn rows_read_before_a_write_and_stored_after_it_are_a_miss() {
    let process = Process::new();
    let permit = process.miss(&[1]);
    process.write(&[1]);
    process.fill(&permit);
    assert!(!process.hits(&[1]));
}

#[test]
fn a_hit_is_one_batch_with_the_buckets_behind_the_records() {
    let process = Process::new();
    process.store_entry(&[1, 2]);
    process.store.batches();
    assert!(process.hits(&[1, 2]));
    let [batch] = &process.store.batches()[..] else {
        panic!("one batch")
    };
    let get = |key: &str| format!("get {key}");
    assert_eq!(batch[0], get(&entry_key(&[1, 2])));
    let behind = [
        get(process.record_key()),
        get(&process.bucket_key(1)),
        get(&process.bucket_key(2)),
    ];
    assert_eq!(batch[2..], behind);
}

#[test]
fn a_miss_adds_what_is_missing_before_the_database_is_asked() {
    let process = Process::new();
    process.store_entry(&[1]);
    process.store.batches();
    let permit = process.miss(&[1, 2, 3]);
    let batches = process.store.batches();
    let add = |bucket| format!("add {}", process.bucket_key(bucket));
    assert_eq!(batches[1..], [vec![add(2), add(3)]]);
    process.fill(&permit);
    process.write(&[4]);
    assert!(process.hits(&[1, 2, 3]));
    assert!(process.hits(&[1]), "its bucket is the old one");
}

#[test]
fn explain_and_reads_of_a_standby_create_nothing() {
    let process = Process::new();
    process.write(&[2]);
    process.store.batches();
    let keys = keys(&[1]);
    let records = process.records(&keys);
    assert_eq!(process.entries.peek("0e0001", records), Ok(Some(false)));
    let found = process
        .entries
        .lookup_on_replica("0e0001".to_owned(), records);
    assert!(matches!(found, Lookup::Bypass(BypassReason::Replica)));
    let sent = process.store.batches().concat();
    assert!(sent.iter().all(|it| it.starts_with("get ")), "{sent:?}");

    process.store_entry(&[1]);
    process.write(&[2]);
    assert_eq!(process.entries.peek("0e0001", records), Ok(Some(true)));
    let found = process
        .entries
        .lookup_on_replica("0e0001".to_owned(), records);
    assert!(matches!(found, Lookup::Hit(..)));
}

/// The record of a family has the name of its parent, and is that of many tables.
#[test]
fn a_family_has_no_keys() {
    let process = Process::new();
    let family = [Dependency::family("cachalot", TABLE)];
    let keys = keys(&[1]);
    let records = Records {
        dependencies: &family,
        ..process.records(&keys)
    };
    process.store.batches();
    let found = process.entries.lookup("0e".to_owned(), records);
    assert!(matches!(found, Lookup::Miss(_)));
    let gets = process.store.batches().remove(0);
    assert_eq!(
        gets.len(),
        3,
        "an entry, the epoch and the family: {gets:?}"
    );
}

/// A read that is keyed in one process only, as another has other settings.
#[test]
fn an_entry_of_all_rows_and_one_of_some_are_never_taken_for_each_other() {
    let process = Process::new();
    let keys = keys(&[1]);
    let look = |keyed| {
        let keys = if keyed { &keys[..] } else { &[] };
        let found = process
            .entries
            .lookup("0e".to_owned(), process.records(keys));
        match found {
            Lookup::Miss(permit) => Some(permit),
            _ => None,
        }
    };
    for keyed in [true, false] {
        let permit = look(keyed).unwrap();
        process.fill(&permit);
        assert!(look(keyed).is_none());
        assert!(look(!keyed).is_some());
        process.store.run(&[Command::Delete { key: "0e" }]);
    }
}
