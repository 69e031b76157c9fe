//! The statements and constants of the work for MariaDB.

use diesel::{Connection as _, connection::SimpleConnection as _};

use super::{
    Conn,
    work::{Failure, Reporter, bump_raw},
};

/// The lock timeout is shorter than a lease.
pub(crate) const SETUP: &str = "SET SESSION innodb_lock_wait_timeout = 1";
pub(crate) const SUM: &str = "CAST(SUM(counters.value + posts.votes) AS SIGNED)";
pub(crate) const BEGINS: &[&str] = &["BEGIN", "START TRANSACTION"];
pub(crate) const FAILING: &[&str] = &["INSERT INTO counters (id, value) VALUES (1, 0)"];
/// After an error, does a transaction accept only its end?
pub(crate) const ERROR_ABORTS: bool = false;
/// Does a connection hang if a read that failed on a lock is repeated? With MariaDB's client
/// library a prepared statement does, if it failed between its columns and its rows.
pub(crate) const FAILED_READ_HANGS: bool = true;
/// Is a batch outside a transaction a transaction of its own?
pub(crate) const BATCH_IS_WHOLE: bool = false;

/// A transaction of one of the database's kinds.
pub(crate) fn isolated(
    conn: &mut Conn,
    kind: u8,
    body: impl FnOnce(&mut Conn) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let level = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"][usize::from(kind % 3)];
    conn.batch_execute(&format!("SET TRANSACTION ISOLATION LEVEL {level}"))?;
    conn.transaction(body)
}

/// Without autocommit, ended by COMMIT, by BEGIN or by autocommit itself.
pub(crate) fn special(
    conn: &mut Conn,
    reporter: &mut Reporter,
    picks: &[usize],
) -> Result<(), Failure> {
    conn.batch_execute("SET autocommit = 0")?;
    for &pick in picks {
        bump_raw(conn, reporter, pick)?;
        reporter.read_inside(conn)?;
    }
    match reporter.rng.u8(..3) {
        0 => conn.batch_execute("COMMIT")?,
        1 => conn.batch_execute("BEGIN")?,
        _ => {}
    }
    Ok(conn.batch_execute("SET autocommit = 1")?)
}

/// Restores the session's settings.
pub(crate) fn restore(conn: &mut Conn) -> Result<(), Failure> {
    Ok(conn.batch_execute("SET autocommit = 1")?)
}
