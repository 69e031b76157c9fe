//! What the work says differently to SQLite.

use diesel::connection::SimpleConnection as _;

use super::{
    Conn,
    work::{Failure, Reporter, bump_raw},
};

/// Locks are not waited for as long as a lease lasts; most often they are not waited for at all.
pub(crate) const SETUP: &str = "PRAGMA busy_timeout = 20";
pub(crate) const SUM: &str = "SUM(counters.value + posts.votes)";
pub(crate) const BEGINS: &[&str] = &["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"];
/// Statements that fail; the second takes the whole transaction with it.
pub(crate) const FAILING: &[&str] = &[
    "INSERT INTO counters (id, value) VALUES (1, 0)",
    "INSERT OR ROLLBACK INTO counters (id, value) VALUES (1, 0)",
];
/// Does an error leave nothing of a transaction but its end?
pub(crate) const ERROR_ABORTS: bool = false;
/// Does a read that fails for a lock leave a connection on which the same read waits for ever?
pub(crate) const FAILED_READ_HANGS: bool = false;
/// Is a batch outside a transaction one?
pub(crate) const BATCH_IS_WHOLE: bool = false;

/// A transaction of one of the kinds that there are.
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

/// Brings the session back to what it was.
pub(crate) fn restore(_conn: &mut Conn) -> Result<(), Failure> {
    Ok(())
}
