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
    conn.hide(true);
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
        if let Some(session) = session {
            self.conn.hide(false);
            if let Some(tracker) = tracker(self.conn) {
                tracker.session = Some(session);
            }
        }
    }
}

pub(crate) fn tracker<C: CacheConnection>(conn: &mut C) -> Option<&mut Tracker> {
    conn.tracking().downcast_mut::<Tracker>()
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::Arc,
    };

    use diesel::{Connection, SqliteConnection, connection::SimpleConnection};

    use super::*;
    use crate::{
        bypass::BypassReason, cache::Cache, config::Config, store::MemoryStore, tracker::attach,
    };

    fn watched() -> (Cache, SqliteConnection) {
        let cache = Cache::new(Config::default(), Arc::new(MemoryStore::new(1 << 20)));
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        attach(&mut conn, &cache).unwrap();
        (cache, conn)
    }

    fn in_transaction(conn: &mut SqliteConnection, cache: &Cache) -> bool {
        let read = |conn: &mut SqliteConnection, session: &mut Session| {
            let context = session.for_read(conn, cache);
            assert!(matches!(context, Ok(_) | Err(BypassReason::OldSnapshot)));
            context.is_err()
        };
        with_session(conn, read).unwrap()
    }

    #[test]
    fn a_session_tells_a_read_its_context() {
        let (cache, mut conn) = watched();
        assert!(!in_transaction(&mut conn, &cache));
        conn.batch_execute("BEGIN").unwrap();
        assert!(in_transaction(&mut conn, &cache));
        conn.batch_execute("COMMIT").unwrap();
        assert!(!in_transaction(&mut conn, &cache));
    }

    #[test]
    fn statements_are_hidden_while_the_session_is_lent() {
        let (cache, mut conn) = watched();
        with_session(&mut conn, |conn, _| {
            conn.batch_execute("BEGIN; COMMIT; BEGIN").unwrap();
            assert!(with_session(conn, |_, _| ()).is_none(), "lent already");
        });
        assert!(!in_transaction(&mut conn, &cache));
    }

    #[test]
    fn a_lent_session_is_returned_after_a_panic() {
        let (cache, mut conn) = watched();
        let work = |conn: &mut SqliteConnection| {
            with_session(conn, |_, _| panic!("on purpose"));
        };
        assert!(catch_unwind(AssertUnwindSafe(|| work(&mut conn))).is_err());
        conn.batch_execute("BEGIN").unwrap();
        assert!(in_transaction(&mut conn, &cache));
    }
}
