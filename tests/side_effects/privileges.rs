//! Users, roles and privileges of MariaDB: nothing is seen that the database would refuse.

use super::Conn;
use super::catalog_fixture::{CatalogFixture, run};
use super::principals::{Principals, same};
use super::world::Reader;

const SCHEMA: &str = "\
CREATE TABLE docs (id INTEGER PRIMARY KEY, owner VARCHAR(80), title VARCHAR(20)); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(20)); \
INSERT INTO stones VALUES (1, 'flint')";

/// Who may do more in a database than read is shown its foreign keys, without which nothing is cached,
/// as on MySQL without TRIGGER.
const ROWS: &str = "\
INSERT INTO docs VALUES (1, 'ada', 'one'), (2, 'bob', 'two'), (3, 'ada', 'three'); \
GRANT DELETE, TRIGGER ON * TO ada; GRANT SELECT ON docs TO ada;";

const DOCS: &str = "SELECT title FROM docs ORDER BY id";

struct Secured {
    fixture: CatalogFixture,
    users: Principals,
}

impl Secured {
    fn new(more: &str) -> Self {
        let mut fixture = CatalogFixture::new(SCHEMA);
        let users = Principals::new(&fixture);
        run(
            &mut fixture.outsider,
            &users.named(&format!("{ROWS} {more}")),
        );
        Self { fixture, users }
    }

    fn login(&self, user: &str) -> Reader {
        self.users.login(&self.fixture, user, "")
    }

    /// A watched connection of the administrator runs this.
    #[track_caller]
    fn admin(&mut self, change: &str) {
        run(&mut self.fixture.writer.conn, &self.users.named(change));
    }
}

fn count(conn: &mut Conn, read: &str) -> Option<usize> {
    same(conn, read).map(|rows| rows.len())
}

#[test]
fn x02_a_change_of_rights_is_seen_at_once() {
    for change in [
        "REVOKE SELECT ON docs FROM ada",
        "REVOKE ALL PRIVILEGES, GRANT OPTION FROM ada",
        "REVOKE SELECT ON docs FROM ada; GRANT SELECT (id) ON docs TO ada",
        "RENAME TABLE docs TO papers",
    ] {
        for watched in [true, false] {
            let mut secured = Secured::new("GRANT SELECT ON docs TO bob;");
            let mut ada = secured.login("ada");
            assert_eq!(count(&mut ada.conn, DOCS), Some(3));
            assert_eq!(
                ada.sent(|conn| count(conn, DOCS)).1,
                1,
                "only the plain read"
            );
            if watched {
                secured.admin(change);
            } else {
                let change = secured.users.named(change);
                run(&mut secured.fixture.outsider, &change);
                secured
                    .fixture
                    .world
                    .other_process()
                    .invalidate_all()
                    .unwrap();
            }
            assert_eq!(count(&mut ada.conn, DOCS), None, "{change}");
        }
    }
}

#[test]
fn x02_a_table_that_one_user_may_not_read() {
    let secured = Secured::new("GRANT SELECT ON stones TO bob;");
    let (mut ada, mut bob) = (secured.login("ada"), secured.login("bob"));
    assert_eq!(count(&mut ada.conn, DOCS), Some(3));
    assert_eq!(count(&mut bob.conn, DOCS), None);
    assert_eq!(count(&mut ada.conn, DOCS), Some(3));
}

#[test]
fn x02_set_role() {
    let role = cachalot_tests::unique::name("r");
    let secured = Secured::new(&format!(
        "CREATE ROLE {role}; GRANT SELECT ON docs TO {role}; \
         GRANT {role} TO bob; GRANT SELECT ON stones TO bob;"
    ));
    let mut bob = secured.login("bob");
    for (statement, rows) in [
        ("SET ROLE NONE".to_owned(), None),
        (format!("SET ROLE {role}"), Some(3)),
        ("SET ROLE NONE".to_owned(), None),
        (format!("SET ROLE '{role}'"), Some(3)),
    ] {
        run(&mut bob.conn, &statement);
        assert_eq!(count(&mut bob.conn, DOCS), rows, "{statement}");
    }
    let mut secured = secured;
    secured.admin(&format!("REVOKE SELECT ON docs FROM {role}"));
    assert_eq!(count(&mut bob.conn, DOCS), None);
    secured.admin(&format!("DROP ROLE {role}"));
}

/// A view that shows everybody their own rows.
#[test]
fn x02_a_view_that_asks_who_reads_it() {
    let mut secured = Secured::new(
        "CREATE SQL SECURITY DEFINER VIEW mine AS SELECT DISTINCT id, title FROM docs \
          WHERE owner = substring_index(session_user(), '@', 1); \
         GRANT SELECT ON mine TO ada; GRANT SELECT ON mine TO bob;",
    );
    let mine = "SELECT title FROM mine ORDER BY id";
    let (mut ada, mut bob) = (secured.login("ada"), secured.login("bob"));
    for _ in 0..2 {
        assert_eq!(count(&mut ada.conn, mine), Some(2));
        assert_eq!(count(&mut bob.conn, mine), Some(1));
    }
    secured.admin("INSERT INTO docs VALUES (4, 'bob', 'four')");
    assert_eq!(count(&mut bob.conn, mine), Some(2));
}

/// One user's view of the table is its definer's, another's is its own.
#[test]
fn x02_views_see_as_their_definer_or_as_who_asks() {
    let mut secured = Secured::new(
        "CREATE SQL SECURITY DEFINER VIEW definers AS SELECT id, title FROM docs; \
         CREATE SQL SECURITY INVOKER VIEW askers AS SELECT id, title FROM docs; \
         GRANT SELECT ON definers TO bob; GRANT SELECT ON askers TO bob; \
         GRANT SELECT ON definers TO ada; GRANT SELECT ON askers TO ada;",
    );
    let (definers, askers) = (
        "SELECT title FROM definers ORDER BY id",
        "SELECT title FROM askers ORDER BY id",
    );
    let (mut ada, mut bob) = (secured.login("ada"), secured.login("bob"));
    assert_eq!(count(&mut ada.conn, askers), Some(3));
    assert_eq!(count(&mut bob.conn, askers), None);
    assert_eq!(count(&mut bob.conn, definers), Some(3));
    secured.admin("GRANT SELECT ON docs TO bob");
    assert_eq!(count(&mut bob.conn, askers), Some(3));
    secured.admin("REVOKE SELECT ON docs FROM ada");
    assert_eq!(count(&mut ada.conn, askers), None);
    assert_eq!(count(&mut ada.conn, definers), Some(3));
}
