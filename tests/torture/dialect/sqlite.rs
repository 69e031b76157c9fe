//! The statements and constants of the work for SQLite.

use diesel::connection::SimpleConnection as _;

use super::{
    Conn,
    work::{Failure, Reporter, bump_raw},
};

/// The lock timeout is shorter than a lease, and usually there is no wait.
pub(crate) const SETUP: &str = "PRAGMA busy_timeout = 20";
pub(crate) const SUM: &str = "SUM(counters.value + posts.votes)";
pub(crate) const BEGINS: &[&str] = &["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"];
/// Statements that fail; the second rolls the whole transaction back.
pub(crate) const FAILING: &[&str] = &[
    "INSERT INTO counters (id, value) VALUES (1, 0)",
    "INSERT OR ROLLBACK INTO counters (id, value) VALUES (1, 0)",
];
/// After an error, does a transaction accept only its end?
pub(crate) const ERROR_ABORTS: bool = false;
/// Does a connection hang if a read that failed on a lock is repeated?
pub(crate) const FAILED_READ_HANGS: bool = false;
/// Is a batch outside a transaction a transaction of its own?
pub(crate) const BATCH_IS_WHOLE: bool = false;

/// A transaction of one of the database's kinds.
pub(crate) fn isolated(
    conn: &mut Conn,
    kind: u8,
    body: impl FnOnce(&mut Conn) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match kind % 2 {
        0 => conn.immediate_transaction(body),
        _ => conn.exclusive_transaction(body),
    }
}

/// A savepoint outside a transaction opens one, and its release commits.
pub(crate) fn special(
    conn: &mut Conn,
    reporter: &mut Reporter,
    picks: &[usize],
) -> Result<(), Failure> {
    conn.batch_execute("SAVEPOINT outermost")?;
    for &pick in picks {
        bump_raw(conn, reporter, pick)?;
        reporter.read_inside(conn)?;
    }
    Ok(conn.batch_execute("RELEASE outermost")?)
}

/// Restores the session's settings.
pub(crate) fn restore(_conn: &mut Conn) -> Result<(), Failure> {
    Ok(())
}
