//! The explored models and the expected results.

mod columns;
mod families;
mod keys;

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use super::{Bounds, Changes, Faults, Kind, Rows, Variant, keys::COLUMN, properties::*};

/// Two writers of one table, and two readers that read twice each.
fn bounds() -> Bounds {
    Bounds {
        tables: 1,
        writers: vec![vec![0]; 2],
        readers: 2,
        reads: 2,
        faults: Faults::default(),
        failures: false,
        unknown: false,
        family: false,
        other: false,
        changes: Vec::new(),
        rows: Vec::new(),
        kinds: vec![Changes::ALL.into()],
        variant: Variant::Correct,
    }
}

fn with(faults: Faults) -> Bounds {
    Bounds { faults, ..bounds() }
}

/// Explores all states. Returns the properties with a discovery: an example, or for those that must
/// always hold, a counterexample.
fn explore(bounds: Bounds) -> BTreeSet<&'static str> {
    let text = format!("{bounds:?}");
    // Depth first, as the queue of a breadth-first search takes more memory than the states seen.
    let checker = bounds.checker().threads(2).spawn_dfs().join();
    eprintln!(
        "{} states, up to {} steps deep: {text}",
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.discoveries().into_keys().collect()
}

/// Asserts that these properties are violated. Stops when counterexamples are found.
fn assert_violates<const N: usize>(properties: [&'static str; N], bounds: Bounds) {
    let text = format!("{bounds:?}");
    let checker = bounds.checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AllOf(properties.into()));
    // Depth first, as such states are deep.
    let checker = checker.spawn_dfs().join();
    eprintln!(
        "{} states until found: {text}",
        checker.unique_state_count()
    );
    let found = checker.discoveries();
    let holds = properties.into_iter().find(|it| !found.contains_key(it));
    assert_eq!(holds, None, "{text}");
}

/// P1 and P2 hold, and the exploration is not vacuous.
fn assert_holds(bounds: Bounds) -> BTreeSet<&'static str> {
    let found = explore(bounds);
    assert!(!found.contains(P1), "{found:?}");
    assert!(!found.contains(P2), "{found:?}");
    assert!(found.contains(HIT), "{found:?}");
    assert!(found.contains(ENDED), "{found:?}");
    found
}

#[test]
fn no_read_is_stale_in_any_order() {
    let found = assert_holds(bounds());
    assert!(!found.contains(EXCUSED));
}

#[test]
fn no_read_is_stale_when_writes_fail_or_their_outcome_is_unknown() {
    let found = assert_holds(Bounds {
        failures: true,
        ..bounds()
    });
    assert!(!found.contains(EXCUSED));
}

#[test]
fn no_read_is_stale_when_a_writer_crashes_at_any_step() {
    let found = assert_holds(with(Faults {
        crashes: 1,
        ..Faults::default()
    }));
    assert!(found.contains(RECLAIMED));
    assert!(!found.contains(EXCUSED));
}

#[test]
fn no_read_is_stale_when_the_readers_clocks_are_far_ahead() {
    let found = assert_holds(Bounds {
        reads: 1,
        ..with(Faults {
            crashes: 1,
            skewed: true,
            ..Faults::default()
        })
    });
    assert!(!found.contains(EXCUSED));
}

#[test]
fn an_eviction_causes_stale_reads_only_under_the_documented_exception() {
    let found = assert_holds(Bounds {
        reads: 1,
        ..with(Faults {
            crashes: 1,
            evictions: 1,
            ..Faults::default()
        })
    });
    assert!(
        found.contains(EXCUSED),
        "otherwise the exception need not be documented"
    );
}

#[test]
fn a_frozen_writer_causes_stale_reads_only_under_the_documented_exception() {
    let found = assert_holds(Bounds {
        reads: 1,
        ..with(Faults {
            freezes: 1,
            ..Faults::default()
        })
    });
    assert!(
        found.contains(EXCUSED),
        "otherwise the exception need not be documented"
    );
}

#[test]
fn p1_holds_when_the_store_restarts() {
    let found = explore(Bounds {
        reads: 1,
        ..with(Faults {
            restarts: 1,
            versions_repeat: true,
            ..Faults::default()
        })
    });
    assert!(!found.contains(P1), "{found:?}");
    assert!(found.contains(HIT), "{found:?}");
}

#[test]
fn no_read_of_two_tables_is_stale() {
    let found = assert_holds(Bounds {
        tables: 2,
        writers: vec![vec![0, 1], vec![1]],
        reads: 1,
        ..bounds()
    });
    assert!(!found.contains(EXCUSED));
}

#[test]
fn no_read_of_two_tables_is_stale_when_their_writer_crashes() {
    let found = assert_holds(Bounds {
        tables: 2,
        writers: vec![vec![0, 1]],
        ..with(Faults {
            crashes: 1,
            ..Faults::default()
        })
    });
    assert!(found.contains(RECLAIMED));
    assert!(!found.contains(EXCUSED));
}

#[test]
fn no_read_is_stale_among_three_writers() {
    let found = assert_holds(Bounds {
        writers: vec![vec![0]; 3],
        readers: 1,
        ..bounds()
    });
    assert!(!found.contains(EXCUSED));
}

/// Two writers of a table that the catalogs of the first epoch do not have.
fn unknown() -> Bounds {
    Bounds {
        tables: 2,
        writers: vec![vec![1]; 2],
        reads: 2,
        readers: 1,
        unknown: true,
        ..bounds()
    }
}

#[test]
fn no_read_is_stale_when_a_table_is_unknown_to_the_readers_catalog() {
    for bounds in [
        unknown(),
        Bounds {
            readers: 2,
            reads: 1,
            ..unknown()
        },
        Bounds {
            failures: true,
            ..unknown()
        },
    ] {
        let found = assert_holds(bounds);
        assert!(!found.contains(EXCUSED));
    }
}

#[test]
fn no_read_is_stale_when_the_writer_to_an_unknown_table_crashes() {
    let found = assert_holds(Bounds {
        faults: Faults {
            crashes: 1,
            ..Faults::default()
        },
        ..unknown()
    });
    assert!(found.contains(RECLAIMED));
    assert!(!found.contains(EXCUSED));
}

#[test]
fn no_read_is_stale_when_the_record_of_an_unknown_table_is_lost() {
    assert_holds(Bounds {
        faults: Faults {
            evictions: 1,
            ..Faults::default()
        },
        ..unknown()
    });
}

#[test]
fn p1_and_p2_are_violated_if_an_unknown_table_is_not_announced() {
    let variant = Variant::NoWidening;
    assert_violates(
        [P1, P2],
        Bounds {
            variant,
            ..unknown()
        },
    );
}

#[test]
fn p1_is_violated_if_a_failed_write_creates_the_record_of_an_unknown_table() {
    let bounds = Bounds {
        failures: true,
        variant: Variant::RecordOfFailure,
        ..unknown()
    };
    assert_violates([P1], bounds);
}

#[test]
fn p2_is_violated_if_tokens_change_only_after_the_commit() {
    let found = explore(Bounds {
        variant: Variant::NoBegin,
        ..bounds()
    });
    assert!(found.contains(P2), "{found:?}");
    assert!(!found.contains(P1), "it does keep P1: {found:?}");
}

#[test]
fn p2_is_violated_if_a_record_has_only_one_writer() {
    let variant = Variant::SingleWriter;
    assert_violates(
        [P2],
        Bounds {
            variant,
            ..bounds()
        },
    );
}

/// Larger models: minutes in an optimised build, and gigabytes of memory.
#[test]
#[ignore = "takes minutes: cargo test --release -p cachalot-diesel --lib model -- --ignored"]
fn larger_models() {
    let faults = Faults::default();
    assert_holds(with(Faults {
        crashes: 1,
        evictions: 1,
        ..faults
    }));
    assert_holds(with(Faults {
        crashes: 2,
        ..faults
    }));
    assert_holds(with(Faults {
        crashes: 1,
        skewed: true,
        ..faults
    }));
    assert_holds(with(Faults {
        freezes: 1,
        ..faults
    }));
    assert_holds(Bounds {
        writers: vec![vec![0]; 3],
        reads: 1,
        ..bounds()
    });
    assert_holds(Bounds {
        writers: vec![vec![0]; 3],
        readers: 3,
        reads: 1,
        ..bounds()
    });
    let restarted = explore(with(Faults {
        restarts: 1,
        versions_repeat: true,
        ..faults
    }));
    assert!(!restarted.contains(P1), "{restarted:?}");
}
