//! How the tests of all servers see tracked columns.

use cachalot_diesel::{__private::Question, CacheConnection as _};

use super::super::db;

/// The tracked columns of the connection's database, a line for each: `table.column: class`.
pub(super) fn tracked_columns(conn: &mut db::Connection) -> Vec<String> {
    let answer = conn.catalog(&Question::default()).unwrap();
    answer.tracked_columns()
}

/// The same with these columns as declared keys.
pub(super) fn declaring(conn: &mut db::Connection, declared: &[(&str, &str)]) -> Vec<String> {
    let answer = conn.catalog(&Question::declaring(declared)).unwrap();
    answer.tracked_columns()
}

/// The names in these lines.
pub(super) fn names(lines: &[String]) -> Vec<&str> {
    let names = lines.iter().filter_map(|line| line.split(':').next());
    names.collect()
}
