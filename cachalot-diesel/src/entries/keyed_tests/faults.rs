//! Buckets that are lost, damaged, forged or refused.

use std::sync::Arc;

use super::*;
use crate::store::Command;

fn adds_a_bucket(command: &Command<'_>) -> bool {
    matches!(command, Command::Add { key, .. } if key.contains(':'))
}

#[test]
fn a_damaged_bucket_is_replaced() {
    let process = Process::new();
    let bucket = process.bucket_key(1);
    for damage in [&b"x"[..], &[0; 32], &[b'g'; 32], &[b'0'; 33]] {
        process.store_entry(&[1]);
        process.store.set(&bucket, damage);
        assert!(process.hits(&[1]), "the table is unchanged");
        process.write(&[2]);
        assert!(!process.hits(&[1]), "{damage:?}");
        process.store_entry(&[1]);
        process.write(&[2]);
        assert!(process.hits(&[1]), "{damage:?}");
        process.write(&[1]);
    }
}

#[test]
fn a_bucket_that_others_have_written_is_none() {
    let secret = |config: &mut Config| config.secret = Some("s3cret".repeat(4));
    let process = Process::with_config(secret);
    process.store_entry(&[1]);
    let ours = process.store.get(&process.bucket_key(1)).unwrap();
    let forged = [
        ours[..32].to_vec(),
        [&ours[..32], b"\n", &[b'0'; 64]].concat(),
        process
            .store
            .get(&process.bucket_key(2))
            .unwrap_or_default(),
    ];
    process.store_entry(&[2]);
    let of_another = process.store.get(&process.bucket_key(2)).unwrap();
    for value in forged.iter().take(2).chain([&of_another]) {
        process.store_entry_again(&[1]);
        process.write(&[3]);
        assert!(process.hits(&[1]));
        process.store.set(&process.bucket_key(1), value);
        assert!(!process.hits(&[1]));
    }
}

impl Process {
    fn store_entry_again(&self, buckets: &[Bucket]) {
        if !self.hits(buckets) {
            self.store_entry(buckets);
        }
    }
}

#[test]
fn an_entry_whose_bucket_the_store_refuses_is_valid_while_the_table_is_unchanged() {
    let process = Process::new();
    process.store.break_if(adds_a_bucket);
    process.store_entry(&[1]);
    assert!(process.hits(&[1]));
    process.write(&[2]);
    process.store.repair();
    assert!(!process.hits(&[1]));
}

/// The store may execute the command later, after a writer has deleted the bucket.
#[test]
fn a_bucket_without_a_reply_is_not_used() {
    let process = Process::new();
    process.store.break_if(adds_a_bucket);
    let permit = process.miss(&[1]);
    process.store.repair();
    process.fill(&permit);
    process.store_entry(&[2]);
    process.write(&[2]);
    assert!(!process.hits(&[1]));
}

#[test]
fn of_two_readers_that_add_a_bucket_both_use_that_of_the_first() {
    let process = Arc::new(Process::new());
    let first = Arc::clone(&process);
    // The record is there, and nothing else.
    process.write(&[1]);
    process.store.before(adds_a_bucket, move || {
        let permit = first.miss(&[1]);
        first.fill(&permit);
    });
    let permit = process.miss(&[1]);
    process.write(&[2]);
    assert!(process.hits(&[1]), "the first one's");
    process.store.delete(&entry_key(&[1]));
    process.fill(&permit);
    assert!(process.hits(&[1]), "the second one's");
}

/// Otherwise the reader would have a bucket from before the record.
#[test]
fn buckets_are_read_again_after_a_record_that_was_read_again() {
    let process = Arc::new(Process::new());
    process.store_entry(&[1]);
    process.store.delete(process.record_key());
    let writer = Arc::clone(&process);
    let record = process.record_key().to_owned();
    let adds_record = move |command: &Command<'_>| matches!(command, Command::Add { key, .. } if **key == *record);
    process.store.before(adds_record, move || {
        writer.write(&[1]);
        // Another reader adds the bucket after the write.
        let _ = writer.miss(&[1]);
    });
    process.store.batches();
    let permit = process.miss(&[1]);
    let sent = process.store.batches().concat();
    let last = |sought: String| sent.iter().rposition(|it| *it == sought);
    let record = last(format!("get {}", process.record_key()));
    let bucket = last(format!("get {}", process.bucket_key(1)));
    assert!(record < bucket, "{sent:?}");
    process.fill(&permit);
    process.write(&[2]);
    assert!(process.hits(&[1]));
}

#[test]
fn a_record_that_is_lost_invalidates_whatever_the_bucket() {
    let process = Process::new();
    process.store_entry(&[1]);
    process.store.delete(process.record_key());
    assert!(!process.hits(&[1]));
    process.store_entry(&[1]);
    process.write(&[2]);
    assert!(process.hits(&[1]));
}
