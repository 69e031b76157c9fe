//! The statements and constants of the work for PostgreSQL.

use diesel::connection::SimpleConnection as _;

use super::{
    Conn,
    work::{Failure, Reporter, bump_raw},
};

/// The lock timeout is shorter than a lease.
pub(crate) const SETUP: &str = "SET lock_timeout = 300; SET deadlock_timeout = 50";
pub(crate) const SUM: &str = "CAST(SUM(counters.value + posts.votes) AS BIGINT)";
pub(crate) const BEGINS: &[&str] = &[
    "BEGIN",
    "START TRANSACTION",
    "BEGIN ISOLATION LEVEL SERIALIZABLE",
];
pub(crate) const FAILING: &[&str] = &["INSERT INTO counters (id, value) VALUES (1, 0)"];
/// After an error, does a transaction accept only its end?
pub(crate) const ERROR_ABORTS: bool = true;
/// Does a connection hang if a read that failed on a lock is repeated?
pub(crate) const FAILED_READ_HANGS: bool = false;
/// Is a batch outside a transaction a transaction of its own?
pub(crate) const BATCH_IS_WHOLE: bool = true;

/// A transaction of one of the database's kinds.
pub(crate) fn isolated(
    conn: &mut Conn,
    kind: u8,
    body: impl FnOnce(&mut Conn) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let transaction = conn.build_transaction();
    match kind % 3 {
        0 => transaction.read_committed().run(body),
        1 => transaction.repeatable_read().run(body),
        _ => transaction.serializable().run(body),
    }
}

/// A transaction that is chained to another (AND CHAIN).
pub(crate) fn special(
    conn: &mut Conn,
    reporter: &mut Reporter,
    picks: &[usize],
) -> Result<(), Failure> {
    conn.batch_execute("BEGIN")?;
    reporter.read_inside(conn)?;
    conn.batch_execute("COMMIT AND CHAIN")?;
    for &pick in picks {
        bump_raw(conn, reporter, pick)?;
        reporter.read_inside(conn)?;
    }
    Ok(conn.batch_execute("END")?)
}

/// Restores the session's settings.
pub(crate) fn restore(_conn: &mut Conn) -> Result<(), Failure> {
    Ok(())
}
