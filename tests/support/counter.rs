//! Counts the statements that reach a database.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;

use diesel::connection::{Instrumentation, InstrumentationEvent};
use parking_lot::{Mutex, MutexGuard};

/// What Diesel prints between a statement and its bind values.
const BINDS: &str = " -- binds: ";

thread_local! {
    static OF_THIS_THREAD: RefCell<Option<Counter>> = const { RefCell::new(None) };
}

/// The statements that connections sent to their databases, in order: queries, writes and batches,
/// and also `BEGIN`, `COMMIT` and whatever else Diesel or the library sends on its own account.
///
/// Clones share one list. Give each connection to be counted an [`instrumentation`](Self::instrumentation)
/// of it; a connection that has one counts until it is closed or given another.
///
/// ```ignore
/// let counter = Counter::new();
/// conn.set_instrumentation(counter.instrumentation());            // counted, not cached
/// cache.watch_with(&mut conn, counter.instrumentation())?;        // counted and cached
/// let (rows, sent) = counter.during(|| users::table.load::<User>(&mut conn));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<Mutex<Vec<String>>>);

impl Counter {
    /// A counter that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new instrumentation that reports to this counter.
    #[must_use]
    pub fn instrumentation(&self) -> Box<dyn Instrumentation> {
        let counter = self.clone();
        Box::new(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                let mut sql = String::new();
                // A query that cannot be printed fails before it is sent; what there is of it still counts.
                let _ = write!(sql, "{query}");
                if let Some(binds) = sql.find(BINDS) {
                    sql.truncate(binds);
                }
                counter.list().push(sql);
            }
        })
    }

    /// The number of statements so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list().len()
    }

    /// The SQL of the statements so far, without the bind values.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        self.list().clone()
    }

    /// The statements so far that contain `text`.
    #[must_use]
    pub fn containing(&self, text: &str) -> Vec<String> {
        let mut statements = self.statements();
        statements.retain(|sql| sql.contains(text));
        statements
    }

    /// Forgets what was counted.
    pub fn reset(&self) {
        self.list().clear();
    }

    /// What `work` returns, and the number of statements sent while it ran.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> (T, usize) {
        let before = self.count();
        let result = work();
        (result, self.count() - before)
    }

    /// The counter of the connections that this thread opens from now on, once
    /// [`default_instrumentation`](Self::default_instrumentation) is Diesel's default.
    #[must_use]
    pub fn of_this_thread() -> Self {
        OF_THIS_THREAD.with_borrow_mut(|counter| counter.get_or_insert_default().clone())
    }

    /// A constructor for [`set_default_instrumentation`](diesel::connection::set_default_instrumentation):
    /// reports to the counter of the thread that opens the connection, if that thread asked for one.
    ///
    /// Pools open connections on threads of their own: there, set an
    /// [`instrumentation`](Self::instrumentation) in a `CustomizeConnection`.
    #[must_use]
    pub fn default_instrumentation() -> Option<Box<dyn Instrumentation>> {
        OF_THIS_THREAD.with_borrow(|counter| counter.as_ref().map(Self::instrumentation))
    }

    /// A test that panicked in `during` must not take the others with it.
    fn list(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock()
    }
}
