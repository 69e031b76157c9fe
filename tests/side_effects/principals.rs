//! Users of a test's own, who are gone with it: a server has them for all its databases.

use cachalot_diesel::{CachedDsl as _, disabled};
use cachalot_tests::{Counter, unique};
use diesel::{connection::SimpleConnection as _, dsl::sql, sql_types::Text};

use super::catalog_fixture::{CatalogFixture, run};
use super::world::Reader;
use super::{Conn, DATABASE, db};

/// Users whose names no other test has; SQL texts call them `ada` and `bob`.
pub(crate) struct Principals {
    ada: String,
    bob: String,
    /// Of the fixture's database: what they own there goes with them.
    admin: Conn,
}

impl Principals {
    pub(crate) fn new(fixture: &CatalogFixture) -> Self {
        let [ada, bob] = ["a", "b"].map(unique::name);
        let mut admin = fixture.world.outsider();
        for name in [&ada, &bob] {
            let create = match DATABASE {
                "mysql" => format!("CREATE USER {name} IDENTIFIED BY 'secret'"),
                _ => format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'"),
            };
            run(&mut admin, &create);
        }
        Self { ada, bob, admin }
    }

    /// The text with the users' real names.
    pub(crate) fn named(&self, text: &str) -> String {
        text.replace("ada", &self.ada).replace("bob", &self.bob)
    }

    /// A watched connection of a user, with further `parameters` in its URL.
    pub(crate) fn login(&self, fixture: &CatalogFixture, user: &str, parameters: &str) -> Reader {
        let url = fixture.world.database.url();
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let place = rest.split_once('@').map_or(rest, |(_, place)| place);
        let user = self.named(user);
        let mut conn = db::establish(&format!("{scheme}://{user}:secret@{place}{parameters}"));
        let counter = Counter::new();
        let cache = &fixture.world.cache;
        cache.watch_with(&mut conn, counter.instrumentation());
        Reader { conn, counter }
    }
}

impl Drop for Principals {
    fn drop(&mut self) {
        for name in [&self.ada, &self.bob] {
            let drop = match DATABASE {
                "mysql" => format!("DROP USER {name}"),
                _ => format!("DROP OWNED BY {name} CASCADE; DROP ROLE {name}"),
            };
            // A test that has failed already is not to fail twice.
            let _ = self.admin.batch_execute(&drop);
        }
    }
}

/// The rows, or nothing where the database refuses them; without the cache, through it, and again.
#[track_caller]
pub(crate) fn same(conn: &mut Conn, read: &str) -> Option<Vec<String>> {
    let mut load = || sql::<Text>(read).cached(conn).load::<String>();
    let plain = disabled(&mut load);
    for time in ["first", "second"] {
        let cached = load();
        match (&cached, &plain) {
            (Ok(cached), Ok(plain)) => assert_eq!(cached, plain, "{time}: {read}"),
            (Err(cached), Err(plain)) => {
                assert_eq!(cached.to_string(), plain.to_string(), "{time}: {read}");
            }
            _ => panic!("{time}: {read}: {cached:?} instead of {plain:?}"),
        }
    }
    plain.ok()
}
