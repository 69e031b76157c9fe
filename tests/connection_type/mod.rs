//! `CachalotConnection`: every read cached, with plain Diesel calls.

mod hostile;
mod instrumentation;
#[cfg(all(feature = "mysql", feature = "postgres"))]
mod multi;
mod outages;
mod reads;
mod surface;
mod writes;

use cachalot_diesel::{Cachalot, CachalotConnection};
use cachalot_tests::{Counter, Database};
use diesel::Connection as _;

use super::*;

/// A connection of the type, which `counter` counts.
pub(crate) struct Typed {
    pub(crate) conn: CachalotConnection<Conn>,
    pub(crate) counter: Counter,
}

impl Typed {
    /// On a world's database and cache.
    pub(crate) fn of(world: &world::World) -> Self {
        Self::on(&world.database, &world.cache)
    }

    pub(crate) fn on(database: &Database, cache: &Cachalot) -> Self {
        let conn = db::establish(database.url());
        let mut conn = CachalotConnection::new(conn, cache).unwrap();
        let counter = Counter::new();
        conn.set_instrumentation(counter.instrumentation());
        Self { conn, counter }
    }

    /// What `work` returns, and the number of statements that it sent.
    pub(crate) fn sent<T>(
        &mut self,
        work: impl FnOnce(&mut CachalotConnection<Conn>) -> T,
    ) -> (T, usize) {
        self.counter.during(|| work(&mut self.conn))
    }

    /// n→0: what `work` returns both times that it runs, with one statement only the first time.
    #[track_caller]
    pub(crate) fn once<T: PartialEq + std::fmt::Debug>(
        &mut self,
        work: impl Fn(&mut CachalotConnection<Conn>) -> diesel::QueryResult<T>,
    ) -> T {
        let (first, sent) = self.sent(&work);
        assert_eq!(sent, 1, "first: {:?}", self.counter.statements());
        let (second, sent) = self.sent(&work);
        assert_eq!(sent, 0, "second: {:?}", self.counter.statements());
        assert_eq!(first, second, "as read, and as cached");
        first.unwrap()
    }
}
