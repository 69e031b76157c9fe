//! The explored models and the expected results.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use super::{Bounds, Faults, Variant, properties::*};

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
        variant: Variant::Ours,
    }
}

fn with(faults: Faults) -> Bounds {
    Bounds { faults, ..bounds() }
}

/// Explores all states. Returns the properties with a discovery: an example, or for those that must
/// always hold, a counterexample.
fn explore(bounds: Bounds) -> BTreeSet<&'static str> {
    let text = format!("{bounds:?}");
    // Depth first, as what is pending takes more memory than what has been seen.
    let checker = bounds.checker().threads(2).spawn_dfs().join();
    eprintln!(
        "{} states, up to {} steps deep: {text}",
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.discoveries().into_keys().collect()
}

/// These do not hold. The rest need not be explored.
fn wanting<const N: usize>(properties: [&'static str; N], bounds: Bounds) {
    let text = format!("{bounds:?}");
    let checker = bounds.checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AllOf(properties.into()));
    // Such a state is deep, and there are many.
    let checker = checker.spawn_dfs().join();
    eprintln!(
        "{} states until found: {text}",
        checker.unique_state_count()
    );
    let found = checker.discoveries();
    let holds = properties.into_iter().find(|it| !found.contains_key(it));
    assert_eq!(holds, None, "{text}");
}

/// P1 and P2 hold, and the run was not an idle one.
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
    assert!(found.contains(EXCUSED), "else it need not be stated");
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
    assert!(found.contains(EXCUSED), "else it need not be stated");
}

#[test]
fn nothing_acknowledged_is_forgotten_when_the_store_restarts() {
    let found = explore(Bounds {
        reads: 1,
        ..with(Faults {
            restarts: 1,
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
fn a_writer_that_does_not_announce_an_unknown_table_is_found_wanting() {
    let variant = Variant::NoWidening;
    wanting(
        [P1, P2],
        Bounds {
            variant,
            ..unknown()
        },
    );
}

#[test]
fn a_record_that_a_failed_write_leaves_is_found_wanting() {
    let bounds = Bounds {
        failures: true,
        variant: Variant::RecordOfFailure,
        ..unknown()
    };
    wanting([P1], bounds);
}

/// A writer of a member, and a read of the family's parent that is repeated.
fn family() -> Bounds {
    Bounds {
        tables: 3,
        writers: vec![vec![2]],
        reads: 3,
        readers: 1,
        family: true,
        ..bounds()
    }
}

/// A restart of all servers, or of that of one record.
const RESTARTS: [Faults; 2] = {
    let none = Faults {
        crashes: 0,
        evictions: 0,
        lost_lists: 0,
        restarts: 0,
        restarts_of_one: 0,
        freezes: 0,
        skewed: false,
    };
    [
        Faults {
            restarts: 1,
            ..none
        },
        Faults {
            restarts_of_one: 1,
            ..none
        },
    ]
};

fn family_with(faults: Faults) -> Bounds {
    Bounds { faults, ..family() }
}

#[test]
fn no_read_of_a_family_is_stale() {
    for bounds in [
        Bounds {
            failures: true,
            ..family()
        },
        Bounds {
            readers: 2,
            reads: 1,
            ..family()
        },
        Bounds {
            tables: 4,
            writers: vec![vec![2, 3]],
            reads: 2,
            ..family()
        },
    ] {
        let found = assert_holds(bounds);
        assert!(!found.contains(EXCUSED));
    }
}

#[test]
fn no_read_of_a_family_is_stale_when_a_writer_dies() {
    let found = assert_holds(family_with(Faults {
        crashes: 1,
        ..Faults::default()
    }));
    assert!(found.contains(RECLAIMED));
    assert!(!found.contains(EXCUSED));
}

#[test]
fn no_read_of_a_family_is_stale_when_anything_is_evicted_but_for_the_stated_exception() {
    assert_holds(family_with(Faults {
        evictions: 1,
        ..Faults::default()
    }));
}

#[test]
fn no_read_of_a_family_misses_what_was_acknowledged_when_the_store_restarts() {
    for faults in RESTARTS {
        assert_survives(faults, 1, 2);
    }
}

#[test]
fn a_family_that_is_not_begun_with_its_members_is_found_wanting() {
    // What a writer has put into the record, or taken out, only the next one misses.
    for (variant, writers) in [
        (Variant::FamilyNotLookedUp, 1),
        (Variant::FamilyIgnored, 2),
        (Variant::FamilyForgotten, 2),
    ] {
        wanting(
            [P1, P2],
            Bounds {
                variant,
                // It is a failure that leaves the entries.
                failures: variant == Variant::FamilyForgotten,
                writers: vec![vec![2]; writers],
                ..family()
            },
        );
    }
    // `end` finds the family, after the COMMIT.
    for variant in [
        Variant::FamilyUntold,
        Variant::MembersInFlight,
        Variant::FamilyLookedUpFirst,
    ] {
        wanting(
            [P2],
            Bounds {
                variant,
                ..family()
            },
        );
    }
}

#[test]
fn families_that_are_trusted_under_an_old_list_are_found_wanting() {
    let restart_of_all = || Bounds {
        reads: 2,
        ..family_with(RESTARTS[0])
    };
    let restart_of_one = || Bounds {
        reads: 2,
        ..family_with(RESTARTS[1])
    };
    for (variant, bounds) in [
        (Variant::AnyListTrusted, restart_of_all()),
        (Variant::ListNotReadAgain, restart_of_all()),
        (Variant::SameListId, restart_of_one()),
        (Variant::ListReliedOnEarly, restart_of_one()),
    ] {
        wanting([P1], Bounds { variant, ..bounds });
    }
}

/// The list of families is lost while two processes list theirs.
fn family_with_a_list_that_is_lost() -> Bounds {
    Bounds {
        other: true,
        reads: 2,
        ..family_with(Faults {
            lost_lists: 1,
            ..Faults::default()
        })
    }
}

#[test]
fn no_read_of_a_family_is_stale_when_another_process_replaces_a_list_that_was_lost() {
    assert_holds(family_with_a_list_that_is_lost());
}

#[test]
fn a_list_that_is_replaced_without_care_is_found_wanting() {
    for variant in [
        Variant::MarkNotSought,
        Variant::ListNotVerified,
        Variant::ListWithoutIdTrusted,
    ] {
        wanting(
            [P1],
            Bounds {
                variant,
                ..family_with_a_list_that_is_lost()
            },
        );
    }
}

#[test]
fn changing_tokens_only_after_the_commit_violates_p2() {
    let found = explore(Bounds {
        variant: Variant::BumpAfterCommit,
        ..bounds()
    });
    assert!(found.contains(P2), "{found:?}");
    assert!(!found.contains(P1), "it does keep P1: {found:?}");
}

#[test]
fn one_mark_that_writers_overwrite_is_found_wanting() {
    let variant = Variant::OneMark;
    wanting(
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
fn deeper() {
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
        ..faults
    }));
    assert!(!restarted.contains(P1), "{restarted:?}");
}

#[test]
#[ignore = "takes minutes: cargo test --release -p cachalot-diesel --lib model -- --ignored"]
fn deeper_in_families() {
    let two_writers = |faults| Bounds {
        writers: vec![vec![2]; 2],
        reads: 2,
        ..family_with(faults)
    };
    let faults = Faults::default();
    for bounds in [
        two_writers(Faults {
            crashes: 1,
            ..faults
        }),
        Bounds {
            failures: true,
            ..two_writers(faults)
        },
        Bounds {
            readers: 2,
            reads: 2,
            ..family()
        },
        Bounds {
            reads: 2,
            ..family_with(Faults {
                evictions: 2,
                ..faults
            })
        },
        two_writers(Faults {
            evictions: 1,
            ..faults
        }),
    ] {
        assert_holds(bounds);
    }
}

/// P1 holds when the servers restart that these faults say.
fn assert_survives(restarts: Faults, writers: usize, reads: u8) {
    let found = explore(Bounds {
        writers: vec![vec![2]; writers],
        reads,
        ..family_with(restarts)
    });
    assert!(!found.contains(P1), "{found:?}");
    assert!(found.contains(HIT), "{found:?}");
}

#[test]
#[ignore = "takes minutes: cargo test --release -p cachalot-diesel --lib model -- --ignored"]
fn deeper_in_families_when_one_server_restarts() {
    let [_, of_one] = RESTARTS;
    assert_survives(of_one, 1, 3);
    assert_survives(of_one, 2, 2);
}

#[test]
#[ignore = "takes minutes: cargo test --release -p cachalot-diesel --lib model -- --ignored"]
fn deeper_in_families_when_all_servers_restart() {
    let [of_all, _] = RESTARTS;
    assert_survives(of_all, 1, 3);
    assert_survives(of_all, 2, 2);
}

#[test]
#[ignore = "takes minutes: cargo test --release -p cachalot-diesel --lib model -- --ignored"]
fn deeper_in_families_of_three_writers() {
    let [_, of_one] = RESTARTS;
    assert_survives(of_one, 3, 2);
}
