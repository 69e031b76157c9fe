//! Memoised analyses.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use quick_cache::{Equivalent, Weighter, sync::Cache};

use super::{Analysis, Dialect};

/// Longer texts are analysed each time.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The expected size of an entry, for an estimate of how many there are.
const AVERAGE_ENTRY_BYTES: usize = 1024;

/// The size of the memo that the process shares.
const MAX_SHARED_MEMO_BYTES: usize = 8 * 1024 * 1024;

static SHARED: LazyLock<Memo> = LazyLock::new(|| Memo::new(MAX_SHARED_MEMO_BYTES));

/// The analysis of a text, from a memo that the whole process shares: an analysis depends on nothing
/// but the text and its dialect.
#[must_use]
pub fn analysis(sql: &str, dialect: Dialect) -> Arc<Analysis> {
    SHARED.get(sql, dialect)
}

/// The analyses of the texts used last, within a limit of memory. Threads can share it without waiting
/// for each other. A hit does not allocate.
pub struct Memo {
    cache: Cache<Key, Arc<Analysis>, WeightInBytes>,
}

impl Memo {
    /// A memo that takes about `max_bytes` of memory at most.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        let capacity = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        Self {
            cache: Cache::with_weighter(
                (max_bytes / AVERAGE_ENTRY_BYTES).max(1),
                capacity,
                WeightInBytes,
            ),
        }
    }

    /// The analysis of a text, from the memo if it is there.
    ///
    /// If two threads miss the same text at the same time, both analyse it.
    #[must_use]
    pub fn get(&self, sql: &str, dialect: Dialect) -> Arc<Analysis> {
        if sql.len() > MAX_TEXT_BYTES {
            return Arc::new(Analysis::of(sql, dialect));
        }
        if let Some(analysis) = self.cache.get(&Text { sql, dialect }) {
            return analysis;
        }
        let analysis = Arc::new(Analysis::of(sql, dialect));
        self.cache.insert(
            Key {
                sql: Arc::clone(analysis.text().sql()),
                dialect,
            },
            Arc::clone(&analysis),
        );
        analysis
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo")
            .field("entries", &self.cache.len())
            .field("bytes", &self.cache.weight())
            .finish()
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    sql: Arc<str>,
    dialect: Dialect,
}

/// A borrowed [`Key`]. It has the same fields in the same order, so it has the same hash.
#[derive(Hash)]
struct Text<'a> {
    sql: &'a str,
    dialect: Dialect,
}

impl Equivalent<Key> for Text<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.sql == *key.sql && self.dialect == key.dialect
    }
}

#[derive(Clone)]
struct WeightInBytes;

impl Weighter<Key, Arc<Analysis>> for WeightInBytes {
    fn weight(&self, _key: &Key, analysis: &Arc<Analysis>) -> u64 {
        u64::try_from(size_of::<Key>() + analysis.weight()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_analysed_once() {
        let memo = Memo::new(1 << 20);
        let first = memo.get("SELECT a FROM t", Dialect::Postgres);
        assert!(Arc::ptr_eq(
            &first,
            &memo.get("SELECT a FROM t", Dialect::Postgres)
        ));
    }

    #[test]
    fn dialects_are_kept_apart() {
        let memo = Memo::new(1 << 20);
        let sql = "SELECT now() FROM t";
        let postgres = memo.get(sql, Dialect::Postgres);
        assert!(!Arc::ptr_eq(&postgres, &memo.get(sql, Dialect::Sqlite)));
    }

    #[test]
    fn memory_stays_within_the_limit() {
        let bound = 64 * 1024;
        let memo = Memo::new(bound);
        for n in 0..2_000 {
            let _ = memo.get(&format!("SELECT a FROM table_{n}"), Dialect::Mysql);
        }
        assert!(memo.cache.weight() <= bound as u64);
        assert!(!memo.cache.is_empty());
    }

    #[test]
    fn long_texts_are_not_kept() {
        let memo = Memo::new(1 << 20);
        let sql = format!("SELECT a FROM t WHERE b = '{}'", "x".repeat(MAX_TEXT_BYTES));
        assert_eq!(memo.get(&sql, Dialect::Sqlite).reads().len(), 1);
        assert!(memo.cache.is_empty());
    }

    #[test]
    fn threads_share_it() {
        let memo = Memo::new(1 << 20);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..100 {
                        let sql = format!("SELECT a FROM t{}", n % 10);
                        assert_eq!(&*memo.get(&sql, Dialect::Postgres).reads()[0], &sql[14..]);
                    }
                });
            }
        });
        assert_eq!(memo.cache.len(), 10);
    }
}
