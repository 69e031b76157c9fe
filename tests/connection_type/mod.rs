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
use diesel::{connection::LoadConnection, prelude::*};

use super::*;

/// The blog's rows, and a connection of the type on them.
fn filled() -> (world::World, Typed) {
    let mut world = world::World::new();
    blog::fill(&mut world.conn);
    let typed = Typed::of(&world);
    (world, typed)
}

/// The name of the first author.
fn name(conn: &mut CachalotConnection<Conn>) -> String {
    let query = schema::authors::table.find(1).select(schema::authors::name);
    query.get_result(conn).unwrap()
}

/// Gives the first author another name.
fn rename<C>(conn: &mut C, to: &str) -> QueryResult<usize>
where
    C: LoadConnection<Backend = <Conn as Connection>::Backend>,
{
    let author = diesel::update(schema::authors::table.find(1));
    author.set(schema::authors::name.eq(to)).execute(conn)
}

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
