//! The analyses that a whole process shares: a text means the same to every cache.

use std::sync::{Arc, LazyLock};

use super::{Analysis, Dialect, Memo};

/// What the memory of analyses may take.
const BYTES: usize = 8 * 1024 * 1024;

static MEMO: LazyLock<Memo> = LazyLock::new(|| Memo::new(BYTES));

/// The analysis of a text, from memory if it is there.
pub fn analysis(sql: &str, dialect: Dialect) -> Arc<Analysis> {
    MEMO.get(sql, dialect)
}
