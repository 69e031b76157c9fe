//! Settings of SQLite's sessions.

#[path = "common.rs"]
mod common;

use self::common::{are_kept_apart, are_shared};
use super::world::World;

#[test]
fn f08_pragmas_that_do_not_affect_results_share_entries() {
    are_shared(
        &mut World::new(),
        &[
            "PRAGMA busy_timeout = 1234",
            "PRAGMA cache_size = -4000",
            "PRAGMA synchronous = OFF",
            "PRAGMA foreign_keys = OFF",
            "PRAGMA temp_store = MEMORY",
            "PRAGMA mmap_size = 0",
        ],
    );
}

#[test]
fn f02_pragmas_that_affect_results_are_part_of_the_key() {
    are_kept_apart(
        &mut World::new(),
        &[
            "PRAGMA case_sensitive_like = 1",
            "PRAGMA reverse_unordered_selects = 1",
            "PRAGMA full_column_names = 1; PRAGMA short_column_names = 0",
            "PRAGMA trusted_schema = 0",
        ],
    );
}
