//! The models of partitioned and inherited tables.

use super::*;

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
        lost_buckets: 0,
        delays: 0,
        lost_lists: 0,
        restarts: 0,
        restarts_of_one: 0,
        versions_repeat: false,
        freezes: 0,
        skewed: false,
    };
    [
        Faults {
            restarts: 1,
            versions_repeat: true,
            ..none
        },
        Faults {
            restarts_of_one: 1,
            versions_repeat: true,
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
fn no_read_of_a_family_is_stale_when_a_writer_crashes() {
    let found = assert_holds(family_with(Faults {
        crashes: 1,
        ..Faults::default()
    }));
    assert!(found.contains(RECLAIMED));
    assert!(!found.contains(EXCUSED));
}

#[test]
fn an_eviction_makes_reads_of_a_family_stale_only_under_the_documented_exception() {
    assert_holds(family_with(Faults {
        evictions: 1,
        ..Faults::default()
    }));
}

#[test]
fn p1_holds_for_families_when_the_store_restarts() {
    for faults in RESTARTS {
        assert_survives(faults, 1, 2);
    }
}

#[test]
fn p1_or_p2_is_violated_if_a_family_is_not_begun_with_its_members() {
    // In the variants with two writers, the first changes the record and the second relies on it.
    for (variant, writers) in [
        (Variant::FamilyNotLookedUp, 1),
        (Variant::FamilyIgnored, 2),
        (Variant::FamilyForgotten, 2),
    ] {
        assert_violates(
            [P1, P2],
            Bounds {
                variant,
                // After a failure the entries remain.
                failures: variant == Variant::FamilyForgotten,
                writers: vec![vec![2]; writers],
                ..family()
            },
        );
    }
    // P1 holds in these, as `end` finds the family after the COMMIT.
    for variant in [
        Variant::FamilyNotAdded,
        Variant::MembersInFlight,
        Variant::FamilyLookedUpFirst,
    ] {
        assert_violates(
            [P2],
            Bounds {
                variant,
                ..family()
            },
        );
    }
}

#[test]
fn p1_is_violated_if_families_of_an_old_list_are_trusted() {
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
        assert_violates([P1], Bounds { variant, ..bounds });
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
fn p1_is_violated_if_a_lost_list_is_replaced_without_checks() {
    for variant in [
        Variant::FamiliesMarkNotChecked,
        Variant::ListNotVerified,
        Variant::ListWithoutIdTrusted,
    ] {
        assert_violates(
            [P1],
            Bounds {
                variant,
                ..family_with_a_list_that_is_lost()
            },
        );
    }
}

#[test]
#[ignore = "takes minutes: cargo test --release -p cachalot-diesel --lib model -- --ignored"]
fn larger_models_of_families() {
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

/// P1 holds with these restarts.
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
fn larger_models_of_families_when_one_server_restarts() {
    let [_, of_one] = RESTARTS;
    assert_survives(of_one, 1, 3);
    assert_survives(of_one, 2, 2);
}

#[test]
#[ignore = "takes minutes: cargo test --release -p cachalot-diesel --lib model -- --ignored"]
fn larger_models_of_families_when_all_servers_restart() {
    let [of_all, _] = RESTARTS;
    assert_survives(of_all, 1, 3);
    assert_survives(of_all, 2, 2);
}

#[test]
#[ignore = "takes minutes: cargo test --release -p cachalot-diesel --lib model -- --ignored"]
fn larger_models_of_families_of_three_writers() {
    let [_, of_one] = RESTARTS;
    assert_survives(of_one, 3, 2);
}
