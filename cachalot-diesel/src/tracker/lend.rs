//! Lends a connection's session to the read that uses it.

use super::Tracker;
use crate::{connection::CacheConnection, session::Session};

/// Runs `work` with a connection and its session. The statements that it runs are hidden from the session
/// and from the program's own instrumentation. `None` if the connection is not watched.
pub(crate) fn with_session<C: CacheConnection, T>(
    conn: &mut C,
    work: impl FnOnce(&mut C, &mut Session) -> T,
) -> Option<T> {
    let session = tracker(conn)?.session.take();
    let mut loan = Loan { conn, session };
    let session = loan.session.as_mut()?;
    Some(work(loan.conn, session))
}

/// Returns the session to its tracker, also after a panic.
struct Loan<'c, C: CacheConnection> {
    conn: &'c mut C,
    session: Option<Box<Session>>,
}

impl<C: CacheConnection> Drop for Loan<'_, C> {
    fn drop(&mut self) {
        let session = self.session.take();
        // A loan within a loan has none.
        if let (Some(session), Some(tracker)) = (session, tracker(self.conn)) {
            tracker.session = Some(session);
        }
    }
}

pub(crate) fn tracker<C: CacheConnection>(conn: &mut C) -> Option<&mut Tracker> {
    conn.instrumentation().downcast_mut::<Tracker>()
}
