//! One table, of which a read uses one column or none.

use super::*;
use crate::protocol::{Columns, Events};

/// Updates of this column.
fn update(column: &str) -> Changes {
    Changes {
        events: Events::UPDATE,
        updated: Columns::from_iter([column]),
    }
}

/// What a read depends on that uses these columns.
fn read<const N: usize>(columns: [&str; N]) -> Changes {
    Changes {
        events: Events::ALL,
        updated: Columns::from_iter(columns),
    }
}

/// Two writers, and two readers of column `a`.
fn columns(changes: [Changes; 2]) -> Bounds {
    Bounds {
        changes: changes.into(),
        kinds: vec![read(["a"]).into()],
        ..bounds()
    }
}

fn unknown() -> Changes {
    Events::UPDATE.into()
}

#[test]
fn no_read_of_a_column_is_stale_in_any_order() {
    for other in [update("a"), update("b"), unknown(), Events::DELETE.into()] {
        let beside = other == update("b");
        let found = assert_holds(columns([update("a"), other]));
        assert_eq!(found.contains(BESIDE), beside);
        assert!(!found.contains(EXCUSED));
    }
}

#[test]
fn no_read_of_a_column_is_stale_when_a_writer_fails_or_crashes() {
    for other in [update("b"), unknown()] {
        let bounds = Bounds {
            reads: 1,
            failures: true,
            ..columns([update("a"), other])
        };
        assert_holds(bounds.clone());
        let found = assert_holds(Bounds {
            failures: false,
            faults: Faults {
                crashes: 1,
                ..Faults::default()
            },
            ..bounds
        });
        assert!(found.contains(RECLAIMED));
    }
}

#[test]
fn p1_holds_for_a_column_when_the_store_restarts() {
    let found = explore(Bounds {
        reads: 1,
        faults: Faults {
            restarts: 1,
            ..Faults::default()
        },
        ..columns([update("a"), update("b")])
    });
    assert!(!found.contains(P1), "{found:?}");
    assert!(found.contains(HIT) && found.contains(BESIDE), "{found:?}");
}

#[test]
fn p1_is_violated_if_versions_repeat_after_a_restart() {
    let bounds = Bounds {
        reads: 1,
        faults: Faults {
            restarts: 1,
            versions_repeat: true,
            ..Faults::default()
        },
        ..columns([update("a"), update("b")])
    };
    assert_violates([P1], bounds);
}

#[test]
fn a_read_of_no_column_is_stale_after_no_update() {
    let found = assert_holds(Bounds {
        kinds: vec![read([]).into()],
        ..columns([update("a"), Events::INSERT.into()])
    });
    assert!(found.contains(BESIDE));
}

#[test]
fn p1_and_p2_are_violated_if_the_token_of_a_column_stays() {
    let variant = Variant::ColumnsNotRenewed;
    let bounds = Bounds {
        variant,
        ..columns([update("a"), update("b")])
    };
    assert_violates([P1, P2], bounds);
}

#[test]
fn p1_and_p2_are_violated_if_updates_of_unknown_columns_change_no_token_of_columns() {
    let variant = Variant::ColumnsNotRenewed;
    let bounds = Bounds {
        variant,
        ..columns([unknown(), update("b")])
    };
    assert_violates([P1, P2], bounds);
}

#[test]
fn p2_is_violated_if_a_mark_is_narrower_than_the_write() {
    let variant = Variant::MarkWithoutColumns;
    let bounds = Bounds {
        variant,
        ..columns([update("a"), update("b")])
    };
    assert_violates([P2], bounds);
}

#[test]
fn p2_is_violated_if_a_reader_ignores_writers_of_its_column() {
    let variant = Variant::ColumnsInFlight;
    let bounds = Bounds {
        variant,
        ..columns([update("a"), update("b")])
    };
    assert_violates([P2], bounds);
}

#[test]
fn p1_and_p2_are_violated_if_a_reader_does_not_depend_on_wide() {
    let variant = Variant::WideIgnored;
    let bounds = Bounds {
        variant,
        ..columns([unknown(), update("b")])
    };
    assert_violates([P1, P2], bounds);
}

/// The record then looks as it did before the column was updated.
#[test]
fn p1_and_p2_are_violated_if_columns_are_removed_while_wide_stays() {
    let variant = Variant::ColumnsForgotten;
    let bounds = Bounds {
        variant,
        ..columns([update("a"), update("b")])
    };
    assert_violates([P1, P2], bounds);
}

/// A writer of unknown columns, and two readers: one uses column `a`, the other depends on updates of `b` alone.
fn different_reads() -> Bounds {
    Bounds {
        writers: vec![vec![0]],
        kinds: vec![read(["a"]).into(), update("b").into()],
        faults: Faults {
            crashes: 1,
            ..Faults::default()
        },
        ..columns([unknown(), unknown()])
    }
}

#[test]
fn no_read_is_stale_when_a_reader_of_another_column_removes_a_crashed_writer() {
    let found = assert_holds(different_reads());
    assert!(found.contains(RECLAIMED));
}

#[test]
fn p2_is_violated_if_a_reclaim_renews_only_what_the_reader_depends_on() {
    let variant = Variant::NarrowReclaim;
    let bounds = Bounds {
        variant,
        ..different_reads()
    };
    assert_violates([P2], bounds);
}
