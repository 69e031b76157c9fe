//! Temporary tables of SQLite.

#[path = "common.rs"]
mod common;

use self::common::{HIDES, leave_none, leave_one, leaves_other_tables_cached};

#[test]
fn f05_what_ends_a_temporary_table() {
    leave_none(&[
        &[
            "CREATE TABLE temp.mine (id INTEGER)",
            "DROP TABLE temp.mine",
        ],
        &["BEGIN; CREATE TEMP TABLE mine (id INTEGER); ROLLBACK"],
        &["BEGIN", "CREATE TEMP TABLE mine (id INTEGER)", "ROLLBACK"],
        &[
            "BEGIN",
            "SAVEPOINT s",
            "CREATE TEMP TABLE mine (id INTEGER)",
            "ROLLBACK TO s",
            "COMMIT",
        ],
        &[
            "CREATE TEMP VIEW mine AS SELECT id FROM tags",
            "DROP VIEW mine",
        ],
        &[
            "CREATE TEMP TABLE mine (id INTEGER)",
            "PRAGMA temp_store = 2",
            "PRAGMA temp_store = 1",
        ],
        &[
            "ALTER TABLE tags RENAME COLUMN label TO label2; ALTER TABLE tags RENAME COLUMN label2 TO label",
        ],
    ]);
}

#[test]
fn f05_a_drop_that_is_rolled_back() {
    leave_one(&[
        &[HIDES, "BEGIN", "DROP TABLE temp.tags", "ROLLBACK"],
        &[
            HIDES,
            "BEGIN",
            "SAVEPOINT s",
            "DROP TABLE temp.tags",
            "ROLLBACK TO s",
            "COMMIT",
        ],
        &[
            HIDES,
            "ALTER TABLE temp.tags RENAME TO other",
            "ALTER TABLE other RENAME TO tags",
        ],
    ]);
}

#[test]
fn f05_after_a_temporary_trigger_writes_touch_their_tables_alone() {
    leaves_other_tables_cached(
        "CREATE TEMP TRIGGER noted AFTER INSERT ON main.tags BEGIN UPDATE posts SET title = 'x'; END; \
         DROP TRIGGER noted",
    );
}
