//! The private in-memory connections of a thread.

use std::{cell::RefCell, fmt, mem};

use diesel::{
    Connection, QueryResult, SqliteConnection,
    connection::{InstrumentationEvent, LoadConnection},
    result::{ConnectionError, Error},
};

use crate::thread_flag::untracked;

/// A row of a private connection.
pub(super) type SqliteRow<'r> = <SqliteConnection as LoadConnection>::Row<'r, 'static>;

/// More private connections than this are closed once they are not needed.
const MAX_IDLE_CONNECTIONS: usize = 4;

thread_local! {
    static PRIVATE: RefCell<PrivateConnections> = RefCell::default();
}

/// In-memory connections, opened when they are needed (about 9 µs each). There are several since a
/// statement borrows its connection while its rows are read.
#[derive(Default)]
pub struct PrivateConnections(Vec<SqliteConnection>);

impl PrivateConnections {
    /// At least this many; those that only a huge result needed are closed again.
    pub(super) fn some(&mut self, count: usize) -> QueryResult<&mut [SqliteConnection]> {
        self.0.truncate(count.max(MAX_IDLE_CONNECTIONS));
        while self.0.len() < count {
            let opened = untracked(|| SqliteConnection::establish(":memory:"));
            let mut conn = opened.map_err(open_error)?;
            // What runs here is no statement of the program.
            conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
            self.0.push(conn);
        }
        Ok(&mut self.0)
    }
}

fn open_error(error: ConnectionError) -> Error {
    Error::DeserializationError(Box::new(error))
}

/// Lends the thread's connections; while they are lent, others are opened.
pub(super) fn lend<T>(run: impl FnOnce(&mut PrivateConnections) -> T) -> T {
    let own = PRIVATE.with(|cell| cell.try_borrow_mut().ok().map(|mut it| mem::take(&mut *it)));
    let mut own = own.unwrap_or_default();
    let result = run(&mut own);
    PRIVATE.with(|cell| {
        if let Ok(mut slot) = cell.try_borrow_mut() {
            *slot = own;
        }
    });
    result
}

impl fmt::Debug for PrivateConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateConnections").finish_non_exhaustive()
    }
}
