//! One table, of which reads and writes are told apart by two buckets of one column.

use super::*;
use crate::protocol::{Bucket, Buckets, Columns, Events, Key};

/// A read of the rows in these buckets.
fn read<const N: usize>(buckets: [Bucket; N]) -> Kind {
    Kind {
        changes: Changes::ALL,
        key: Some(Key {
            column: COLUMN.into(),
            buckets: buckets.into(),
        }),
    }
}

/// A read of all rows.
fn read_all() -> Kind {
    Changes::ALL.into()
}

fn of<const N: usize>(column: &str, buckets: [Bucket; N]) -> Buckets {
    [(column, BTreeSet::from(buckets))].into_iter().collect()
}

/// A write that knows from the beginning that it touches these rows.
fn write<const N: usize>(buckets: [Bucket; N]) -> Rows {
    Rows {
        touched: buckets.into(),
        marked: of(COLUMN, buckets),
        known: of(COLUMN, buckets),
    }
}

/// A write whose result tells which rows it touched.
fn known_late<const N: usize>(buckets: [Bucket; N]) -> Rows {
    Rows {
        marked: Buckets::default(),
        ..write(buckets)
    }
}

/// A write that does not know its values of the column.
fn unknown() -> Rows {
    Rows {
        known: Buckets::default(),
        ..known_late([0])
    }
}

/// A write that knows its values of another column only.
fn of_another_column() -> Rows {
    Rows {
        touched: [0].into(),
        marked: of("j", [0]),
        known: of("j", [0]),
    }
}

/// These writers of one table, and two readers that read twice each, in turn of these kinds.
fn keys<const W: usize>(rows: [Rows; W], kinds: impl Into<Vec<Kind>>) -> Bounds {
    Bounds {
        writers: vec![vec![0]; W],
        rows: rows.into(),
        kinds: kinds.into(),
        ..bounds()
    }
}

/// All reads are of bucket 0.
fn first<const W: usize>(rows: [Rows; W]) -> Bounds {
    keys(rows, [read([0])])
}

fn crash() -> Faults {
    Faults {
        crashes: 1,
        ..Faults::default()
    }
}

#[test]
fn no_keyed_read_is_stale_in_any_order() {
    for other in [
        write([0]),
        write([1]),
        write([0, 1]),
        known_late([0]),
        known_late([1]),
        unknown(),
        of_another_column(),
    ] {
        let beside = !other.touched.contains(&0);
        let found = assert_holds(Bounds {
            readers: 1,
            ..first([write([0]), other])
        });
        assert_eq!(found.contains(BESIDE), beside);
        assert!(!found.contains(EXCUSED));
    }
}

#[test]
fn no_keyed_read_is_stale_beside_other_reads() {
    for kinds in [
        [read([0]), read([0])],
        [read([0]), read([1])],
        [read([0]), read([0, 1])],
        [read([0]), read_all()],
    ] {
        for rows in [write([0]), write([0, 1]), unknown()] {
            assert_holds(keys([rows], kinds.clone()));
        }
    }
}

/// Columns and keys are told apart independently.
#[test]
fn no_keyed_read_of_a_column_is_stale() {
    let update = |column| Changes {
        events: Events::UPDATE,
        updated: Columns::from_iter([column]),
    };
    let read = Kind {
        changes: Changes {
            events: Events::ALL,
            ..update("a")
        },
        ..read([0])
    };
    for (changes, rows) in [
        ([update("a"), update("b")], [write([1]), write([0])]),
        ([update("a"), update("b")], [write([0]), write([0])]),
        ([update("a"), update("a")], [write([0]), write([1])]),
    ] {
        let found = assert_holds(Bounds {
            readers: 1,
            reads: 3,
            changes: changes.into(),
            ..keys(rows, [read.clone()])
        });
        assert!(found.contains(BESIDE));
    }
}

#[test]
fn no_keyed_read_is_stale_when_a_writer_fails_or_crashes() {
    for other in [write([1]), write([0, 1]), known_late([0]), unknown()] {
        let bounds = Bounds {
            readers: 1,
            ..first([write([0]), other])
        };
        assert_holds(Bounds {
            failures: true,
            ..bounds.clone()
        });
        let found = assert_holds(Bounds {
            faults: crash(),
            ..bounds
        });
        assert!(found.contains(RECLAIMED));
        assert!(!found.contains(EXCUSED));
    }
    let found = assert_holds(Bounds {
        faults: crash(),
        ..keys([write([0, 1])], [read([0]), read([1])])
    });
    assert!(found.contains(RECLAIMED));
}

#[test]
fn a_lost_bucket_makes_no_keyed_read_stale() {
    for other in [write([0]), write([0, 1])] {
        let found = assert_holds(Bounds {
            faults: Faults {
                lost_buckets: 1,
                ..Faults::default()
            },
            ..first([other])
        });
        assert!(!found.contains(EXCUSED));
    }
    let found = assert_holds(Bounds {
        readers: 1,
        faults: Faults {
            lost_buckets: 1,
            ..crash()
        },
        ..first([write([0]), write([0, 1])])
    });
    assert!(!found.contains(EXCUSED));
}

#[test]
fn an_eviction_makes_keyed_reads_stale_only_under_the_documented_exception() {
    let found = assert_holds(Bounds {
        readers: 1,
        faults: Faults {
            evictions: 1,
            ..Faults::default()
        },
        ..first([write([0]), write([0, 1])])
    });
    assert!(found.contains(EXCUSED));
}

#[test]
fn a_frozen_writer_makes_keyed_reads_stale_only_under_the_documented_exception() {
    let found = assert_holds(frozen());
    assert!(found.contains(EXCUSED));
}

/// A writer is frozen past its lease.
fn frozen() -> Bounds {
    Bounds {
        readers: 1,
        faults: Faults {
            freezes: 1,
            ..Faults::default()
        },
        ..first([write([0]), write([1])])
    }
}

#[test]
fn a_request_of_a_bucket_that_is_late_makes_no_keyed_read_stale() {
    for rows in [vec![write([0])], vec![write([0]), write([0])]] {
        let found = assert_holds(Bounds {
            readers: 3 - rows.len(),
            ..late(rows)
        });
        assert!(!found.contains(EXCUSED));
    }
}

/// The store executes a request of a bucket later, and nobody gets its answer.
fn late(rows: impl Into<Vec<Rows>>) -> Bounds {
    let rows = rows.into();
    Bounds {
        writers: vec![vec![0]; rows.len()],
        rows,
        readers: 1,
        faults: Faults {
            delays: 1,
            ..Faults::default()
        },
        ..first([])
    }
}

#[test]
fn p1_holds_for_keyed_reads_when_the_store_restarts() {
    for other in [write([0]), write([1])] {
        let found = explore(Bounds {
            readers: 1,
            faults: Faults {
                restarts: 1,
                ..Faults::default()
            },
            ..first([write([0]), other])
        });
        assert!(!found.contains(P1), "{found:?}");
        assert!(found.contains(HIT), "{found:?}");
    }
}

/// The reader may be between the two, so that it finds the old bucket and no writer.
#[test]
fn p2_is_violated_if_the_record_and_the_buckets_are_used_in_the_reverse_order() {
    for variant in [Variant::RecordFirst, Variant::BucketsFirst] {
        assert_violates(
            [P2],
            Bounds {
                variant,
                ..first([write([0])])
            },
        );
    }
}

/// At first the record has the writer, whose lease has expired; when it is read again, the writer has ended.
#[test]
fn p2_is_violated_if_the_buckets_are_not_read_again_with_the_record() {
    let variant = Variant::BucketsNotReadAgain;
    assert_violates(
        [P2],
        Bounds {
            variant,
            ..frozen()
        },
    );
}

#[test]
fn p1_and_p2_are_violated_if_no_token_changes_with_writes_of_unknown_rows() {
    for rows in [unknown(), of_another_column()] {
        assert_violates(
            [P1, P2],
            Bounds {
                variant: Variant::WideOfKeyIgnored,
                ..first([rows])
            },
        );
    }
}

/// The first write puts the column into the record, and the second must remove it.
#[test]
fn p1_and_p2_are_violated_if_a_column_stays_whose_values_a_write_did_not_know() {
    for rows in [unknown(), of_another_column()] {
        assert_violates(
            [P1, P2],
            Bounds {
                variant: Variant::KeysKept,
                ..first([write([1]), rows])
            },
        );
    }
}

#[test]
fn p2_is_violated_if_a_mark_has_fewer_buckets_than_are_deleted() {
    let rows = Rows {
        marked: of(COLUMN, [1]),
        ..write([0, 1])
    };
    assert_violates([P2], first([rows]));
}

#[test]
fn p1_and_p2_are_violated_if_the_old_bucket_of_a_row_that_moves_is_not_deleted() {
    let rows = Rows {
        known: of(COLUMN, [1]),
        ..write([0, 1])
    };
    assert_violates([P1, P2], first([rows]));
}

#[test]
fn p1_and_p2_are_violated_if_a_bucket_is_missing_before_and_after_a_write() {
    let variant = Variant::BucketNotAdded;
    assert_violates(
        [P1, P2],
        Bounds {
            variant,
            ..first([write([0])])
        },
    );
}

#[test]
fn p1_and_p2_are_violated_if_a_reader_adds_the_token_that_it_has_seen() {
    let variant = Variant::BucketPutBack;
    assert_violates(
        [P1, P2],
        Bounds {
            variant,
            ..first([write([0])])
        },
    );
}

#[test]
fn p1_and_p2_are_violated_if_a_request_of_a_bucket_is_relied_on_without_its_answer() {
    for variant in [
        Variant::DeletionUnconfirmed,
        Variant::AdditionUnconfirmed,
        Variant::TokenSentTwice,
    ] {
        assert_violates(
            [P1, P2],
            Bounds {
                variant,
                ..late([write([0])])
            },
        );
    }
}

/// The writer may have committed, and have deleted none of its buckets.
#[test]
fn p2_is_violated_if_a_crashed_writer_is_removed_as_one_that_knew_its_rows() {
    let variant = Variant::KeyedReclaim;
    assert_violates(
        [P2],
        Bounds {
            variant,
            faults: crash(),
            ..first([write([0])])
        },
    );
}

#[test]
#[ignore = "takes minutes: cargo test --release -p cachalot-diesel --lib model -- --ignored"]
fn larger_models_of_keys() {
    let writes = [write([0]), write([0, 1])];
    for kinds in [
        [read([0]), read([0])],
        [read([0]), read([1])],
        [read([0, 1]), read_all()],
    ] {
        assert_holds(keys(writes.clone(), kinds));
    }
    let faults = Faults::default();
    for faults in [
        crash(),
        Faults {
            evictions: 1,
            ..faults
        },
        Faults {
            freezes: 1,
            ..faults
        },
        Faults {
            delays: 1,
            ..crash()
        },
        Faults {
            lost_buckets: 1,
            ..crash()
        },
    ] {
        assert_holds(Bounds {
            faults,
            ..first(writes.clone())
        });
    }
    let restarted = explore(Bounds {
        faults: Faults {
            restarts: 1,
            ..faults
        },
        ..first(writes)
    });
    assert!(!restarted.contains(P1), "{restarted:?}");
}
