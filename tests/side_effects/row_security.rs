//! Row-level security and privileges of PostgreSQL: nothing is seen that the database would refuse.

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use diesel::{dsl::sql, prelude::*, result::Error, sql_types::Text};

use super::Conn;
use super::catalog_fixture::{CatalogFixture, run};
use super::principals::{Principals, same};
use super::world::Reader;

const STONES_AND_DOCS: &str = "\
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
INSERT INTO stones VALUES (1, 'flint'); \
CREATE TABLE docs (id INTEGER PRIMARY KEY, owner TEXT, title TEXT); \
CREATE TABLE members (doc_id INTEGER, who TEXT)";

const ROWS: &str = "\
INSERT INTO docs VALUES (1, 'ada', 'one'), (2, 'bob', 'two'), (3, 'ada', 'three'); \
INSERT INTO members VALUES (1, 'ada'), (2, 'ada'), (2, 'bob'); \
GRANT SELECT ON docs, members, stones TO ada, bob; \
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;";

const DOCS: &str = "SELECT title FROM docs ORDER BY id";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

const BY_ROLE: &str = "CREATE POLICY own ON docs USING (owner = current_user);";
const BY_SETTING: &str =
    "CREATE POLICY own ON docs USING (owner = current_setting('app.user', true));";
const BY_MEMBERS: &str = "CREATE POLICY own ON docs USING \
    (EXISTS (SELECT 1 FROM members m WHERE m.doc_id = docs.id AND m.who = current_user));";

const ADAS: [&str; 2] = ["one", "three"];
const BOBS: [&str; 1] = ["two"];
const ALL: [&str; 3] = ["one", "two", "three"];

/// Documents of two roles, and a policy for them.
struct Secured {
    fixture: CatalogFixture,
    roles: Principals,
}

impl Secured {
    fn new(policy: &str) -> Self {
        let mut fixture = CatalogFixture::new(STONES_AND_DOCS);
        let roles = Principals::new(&fixture);
        run(
            &mut fixture.outsider,
            &roles.named(&format!("{ROWS} {policy}")),
        );
        Self { fixture, roles }
    }

    fn login(&self, role: &str) -> Reader {
        self.roles.login(&self.fixture, role, "")
    }

    /// A watched connection of a superuser runs this.
    #[track_caller]
    fn admin(&mut self, change: &str) {
        run(&mut self.fixture.writer.conn, &self.roles.named(change));
    }

    /// The superuser's reading connection runs this.
    #[track_caller]
    fn run(&mut self, statement: &str) {
        run(&mut self.fixture.world.conn, &self.roles.named(statement));
    }

    /// What the superuser's reading connection sees.
    #[track_caller]
    fn sees(&mut self, titles: &[&str]) {
        sees(&mut self.fixture.world.conn, titles);
    }
}

/// The documents that a connection sees, with and without the cache.
#[track_caller]
fn sees(conn: &mut Conn, titles: &[&str]) {
    assert_eq!(same(conn, DOCS).as_deref(), Some(&*titles.map_to_strings()));
}

/// The documents that a connection sees, which are in the cache.
#[track_caller]
fn hits(reader: &mut Reader, titles: &[&str]) {
    let read = |conn: &mut Conn| sql::<Text>(DOCS).cached(conn).load::<String>();
    assert_eq!(reader.sent(read), (Ok(titles.map_to_strings()), 0));
}

trait MapToStrings {
    fn map_to_strings(&self) -> Vec<String>;
}

impl MapToStrings for [&str] {
    fn map_to_strings(&self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn x02_roles_see_what_their_policy_lets_them() {
    let mut secured = Secured::new(BY_ROLE);
    secured.sees(&ALL);
    let (mut ada, mut bob) = (secured.login("ada"), secured.login("bob"));
    sees(&mut ada.conn, &ADAS);
    sees(&mut bob.conn, &BOBS);
    hits(&mut ada, &ADAS);
    hits(&mut bob, &BOBS);
    secured.sees(&ALL);
    secured.admin("INSERT INTO docs VALUES (4, 'bob', 'four')");
    sees(&mut ada.conn, &ADAS);
    sees(&mut bob.conn, &["two", "four"]);
    hits(&mut bob, &["two", "four"]);
}

#[test]
fn x02_set_role() {
    let mut secured = Secured::new(BY_ROLE);
    for (statement, titles) in [
        ("SET ROLE ada", &ADAS[..]),
        ("SET ROLE bob", &BOBS),
        ("SET SESSION ROLE ada", &ADAS),
        ("RESET ROLE", &ALL),
        ("SET SESSION AUTHORIZATION bob", &BOBS),
        ("RESET SESSION AUTHORIZATION", &ALL),
        ("SELECT set_config('role', 'ada', false)", &ADAS),
        ("DISCARD ALL", &ALL),
        ("BEGIN; SET LOCAL ROLE ada", &ADAS),
        ("COMMIT", &ALL),
        ("BEGIN; SET ROLE bob", &BOBS),
        ("ROLLBACK", &ALL),
        ("BEGIN; SAVEPOINT s; SET ROLE bob", &BOBS),
        ("ROLLBACK TO s", &ALL),
        ("SET LOCAL ROLE ada", &ADAS),
        ("ROLLBACK", &ALL),
        ("SET role = ada", &ADAS),
        ("SET ROLE NONE", &ALL),
    ] {
        secured.run(statement);
        secured.sees(titles);
    }
    secured.run("SET ROLE ada");
    let _ = secured.fixture.cached(STONES);
    assert_eq!(secured.fixture.cached(STONES).1, 0, "and it caches again");
}

#[test]
fn x02_settings_that_policies_ask_for() {
    let mut secured = Secured::new(BY_SETTING);
    secured.run("SET ROLE bob");
    for (statement, titles) in [
        ("SELECT set_config('app.user', 'ada', false)", &ADAS[..]),
        ("SELECT set_config('app.user', 'bob', false)", &BOBS),
        ("SET app.\"user\" = 'ada'", &ADAS),
        ("SET app.\"user\" TO 'bob'", &BOBS),
        ("BEGIN; SELECT set_config('app.user', 'ada', true)", &ADAS),
        ("COMMIT", &BOBS),
        ("BEGIN; SELECT set_config('app.user', 'ada', false)", &ADAS),
        ("ROLLBACK", &BOBS),
        ("RESET app.\"user\"", &[]),
        ("SELECT set_config('app.user', owner, false) FROM docs", &[]),
        (
            "DO $$ BEGIN PERFORM set_config('app.user', 'ada', false); END $$",
            &ADAS,
        ),
        ("RESET ALL", &[]),
    ] {
        secured.run(statement);
        secured.sees(titles);
    }
}

#[test]
fn x02_a_setting_whose_name_or_value_is_bound() {
    let mut secured = Secured::new(BY_SETTING);
    secured.run("SET ROLE bob");
    for (user, titles) in [("ada", &ADAS[..]), ("bob", &BOBS), ("nobody", &[])] {
        let value = secured.roles.named(user);
        diesel::sql_query("SELECT set_config('app.user', $1, false)")
            .bind::<Text, _>(&value)
            .execute(&mut secured.fixture.world.conn)
            .unwrap();
        secured.sees(titles);
    }
    for (user, titles) in [("ada", &ADAS[..]), ("bob", &BOBS), ("nobody", &[])] {
        let value = secured.roles.named(user);
        diesel::sql_query("SELECT set_config($1, $2, false)")
            .bind::<Text, _>("app.user")
            .bind::<Text, _>(&value)
            .execute(&mut secured.fixture.world.conn)
            .unwrap();
        secured.sees(titles);
    }
}

/// Nobody has set it in a statement that was seen.
#[test]
fn x02_a_setting_that_the_connection_has_from_the_start() {
    let secured = Secured::new(BY_SETTING);
    let login = |user: &str| {
        let options = secured
            .roles
            .named(&format!("?options=-c%20app.user%3D{user}"));
        secured.roles.login(&secured.fixture, "ada", &options)
    };
    let (mut ada, mut bob) = (login("ada"), login("bob"));
    sees(&mut ada.conn, &ADAS);
    sees(&mut bob.conn, &BOBS);
    sees(&mut secured.login("ada").conn, &[]);
    hits(&mut ada, &ADAS);

    let mut secured = secured;
    secured.admin("ALTER ROLE bob SET app.\"user\" = 'ada'");
    sees(&mut secured.login("bob").conn, &ADAS);
    secured.admin("ALTER ROLE bob SET app.\"user\" = 'bob'");
    sees(&mut secured.login("bob").conn, &BOBS);
}

#[test]
fn x02_a_policy_that_reads_another_table() {
    let mut secured = Secured::new(BY_MEMBERS);
    secured.fixture.depends(DOCS, &["docs", "members"]);
    let (mut ada, mut bob) = (secured.login("ada"), secured.login("bob"));
    sees(&mut ada.conn, &["one", "two"]);
    sees(&mut bob.conn, &BOBS);
    secured.admin("DELETE FROM members WHERE who = 'ada' AND doc_id = 2");
    sees(&mut ada.conn, &["one"]);
    hits(&mut ada, &["one"]);
    secured.admin("INSERT INTO members VALUES (3, 'bob')");
    sees(&mut bob.conn, &["two", "three"]);
    secured.admin("INSERT INTO stones VALUES (2, 'slate')");
    hits(&mut bob, &["two", "three"]);
}

#[test]
fn x02_a_policy_that_asks_a_function() {
    let mut secured = Secured::new(
        "CREATE FUNCTION may_see(doc INTEGER) RETURNS BOOLEAN LANGUAGE sql STABLE SECURITY DEFINER \
          AS $f$ SELECT EXISTS (SELECT 1 FROM members WHERE doc_id = doc AND who = session_user) $f$; \
         CREATE POLICY own ON docs USING (may_see(id));",
    );
    let (mut ada, mut bob) = (secured.login("ada"), secured.login("bob"));
    sees(&mut ada.conn, &["one", "two"]);
    sees(&mut bob.conn, &BOBS);
    secured.admin("DELETE FROM members WHERE who = 'ada' AND doc_id = 2");
    sees(&mut ada.conn, &["one"]);
    sees(&mut bob.conn, &BOBS);
}

/// The policy's table has a policy of its own, which asks for a setting.
#[test]
fn x02_policies_behind_policies() {
    let mut secured = Secured::new(&format!(
        "{BY_MEMBERS} ALTER TABLE members ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY few ON members USING \
          (doc_id <= current_setting('app.most')::integer \
           AND EXISTS (SELECT 1 FROM stones WHERE name = 'flint'));"
    ));
    secured
        .fixture
        .depends(DOCS, &["docs", "members", "stones"]);
    let mut ada = secured.login("ada");
    for (most, titles) in [("1", &["one"][..]), ("2", &["one", "two"]), ("1", &["one"])] {
        run(&mut ada.conn, &format!("SET app.most = {most}"));
        sees(&mut ada.conn, titles);
    }
    secured.admin("UPDATE stones SET name = 'slate'");
    sees(&mut ada.conn, &[]);
}

/// What the policy asks changes by itself.
#[test]
fn x02_a_policy_that_uses_the_current_time() {
    let mut secured = Secured::new("CREATE POLICY now ON docs USING (now() > '2000-01-01');");
    let mut ada = secured.login("ada");
    sees(&mut ada.conn, &ALL);
    let outcome = sql::<Text>(DOCS)
        .cached(&mut ada.conn)
        .explain()
        .unwrap()
        .outcome;
    assert!(
        matches!(outcome, Outcome::Bypass(BypassReason::VolatileFunction(_))),
        "{outcome:?}"
    );
    secured.admin("DROP POLICY now ON docs");
    sees(&mut ada.conn, &[]);
}

#[test]
fn x02_views_see_as_their_owner_or_as_who_asks() {
    let mut secured = Secured::new(&format!(
        "{BY_ROLE} CREATE VIEW holders AS SELECT id, title FROM docs; \
         CREATE VIEW askers WITH (security_invoker = on) AS SELECT id, title FROM docs; \
         GRANT SELECT ON holders, askers TO ada, bob;"
    ));
    let holders = "SELECT title FROM holders ORDER BY id";
    let askers = "SELECT title FROM askers ORDER BY id";
    let rows = |conn: &mut Conn, read| same(conn, read).map(|rows| rows.len());
    let (mut ada, mut bob) = (secured.login("ada"), secured.login("bob"));
    for _ in 0..2 {
        assert_eq!(rows(&mut ada.conn, holders), Some(3));
        assert_eq!(rows(&mut bob.conn, holders), Some(3));
        assert_eq!(rows(&mut ada.conn, askers), Some(2));
        assert_eq!(rows(&mut bob.conn, askers), Some(1));
    }
    secured.admin("INSERT INTO docs VALUES (4, 'bob', 'four')");
    assert_eq!(rows(&mut ada.conn, holders), Some(4));
    assert_eq!(rows(&mut bob.conn, askers), Some(2));
}

/// Each changes at once what `ada` sees, who has it in the cache.
const CHANGES: [&str; 14] = [
    "REVOKE SELECT ON docs FROM ada",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ada",
    "REVOKE SELECT ON docs FROM ada; GRANT SELECT (id) ON docs TO ada",
    "REVOKE USAGE ON SCHEMA public FROM PUBLIC",
    "ALTER ROLE ada BYPASSRLS",
    "ALTER ROLE ada SUPERUSER",
    "ALTER TABLE docs DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE docs OWNER TO ada",
    "CREATE POLICY few ON docs AS RESTRICTIVE USING (id > 1)",
    "CREATE POLICY more ON docs FOR SELECT TO ada USING (true)",
    "ALTER POLICY own ON docs USING (id = 2)",
    "ALTER POLICY own ON docs TO bob",
    "DROP POLICY own ON docs",
    "ALTER TABLE docs RENAME TO papers",
];

#[test]
fn x02_a_change_of_rights_is_seen_at_once() {
    let mut secured = Secured::new(BY_ROLE);
    for change in CHANGES {
        let mut ada = secured.login("ada");
        sees(&mut ada.conn, &ADAS);
        hits(&mut ada, &ADAS);
        secured.admin("BEGIN");
        secured.admin(change);
        secured.admin("ROLLBACK");
        sees(&mut ada.conn, &ADAS);
    }
    for change in CHANGES {
        let mut secured = Secured::new(BY_ROLE);
        let mut ada = secured.login("ada");
        sees(&mut ada.conn, &ADAS);
        secured.admin(change);
        let after = same(&mut ada.conn, DOCS);
        assert_ne!(after, Some(ADAS.map_to_strings()), "{change}");
    }
}

#[test]
fn x02_a_change_of_rights_by_another_client() {
    for change in CHANGES {
        let mut secured = Secured::new(BY_ROLE);
        let mut ada = secured.login("ada");
        sees(&mut ada.conn, &ADAS);
        let change = secured.roles.named(change);
        run(&mut secured.fixture.outsider, &change);
        secured
            .fixture
            .world
            .other_process()
            .invalidate_all()
            .unwrap();
        let after = same(&mut ada.conn, DOCS);
        assert_ne!(after, Some(ADAS.map_to_strings()), "{change}");
    }
}

#[test]
fn x02_rights_that_come_from_a_role() {
    let mut secured = Secured::new(&format!(
        "{BY_ROLE} REVOKE SELECT ON docs FROM ada; GRANT bob TO ada;"
    ));
    let mut ada = secured.login("ada");
    sees(&mut ada.conn, &ADAS);
    secured.admin("REVOKE bob FROM ada");
    assert_eq!(same(&mut ada.conn, DOCS), None);
    secured.admin("GRANT bob TO ada");
    sees(&mut ada.conn, &ADAS);
}

#[test]
fn x02_row_security_that_comes_after_the_first_read() {
    let mut secured = Secured::new("ALTER TABLE docs DISABLE ROW LEVEL SECURITY;");
    let (mut ada, mut bob) = (secured.login("ada"), secured.login("bob"));
    sees(&mut ada.conn, &ALL);
    sees(&mut bob.conn, &ALL);
    secured.admin("ALTER TABLE docs ENABLE ROW LEVEL SECURITY");
    sees(&mut ada.conn, &[]);
    secured.admin(BY_SETTING);
    sees(&mut ada.conn, &[]);
    run(
        &mut bob.conn,
        &secured.roles.named("SET app.\"user\" = 'bob'"),
    );
    sees(&mut bob.conn, &BOBS);
    sees(&mut ada.conn, &[]);
    // The owner is above its policies until it is said otherwise.
    secured.admin("ALTER TABLE docs OWNER TO ada");
    sees(&mut ada.conn, &ALL);
    secured.admin("ALTER TABLE docs FORCE ROW LEVEL SECURITY");
    sees(&mut ada.conn, &[]);
}

/// What a role may not see it does not get from one that may.
#[test]
fn x02_a_table_that_one_role_may_not_read() {
    let mut secured = Secured::new("");
    secured.admin("ALTER TABLE docs DISABLE ROW LEVEL SECURITY; REVOKE SELECT ON docs FROM bob");
    let (mut ada, mut bob) = (secured.login("ada"), secured.login("bob"));
    sees(&mut ada.conn, &ALL);
    assert_eq!(same(&mut bob.conn, DOCS), None);
    hits(&mut ada, &ALL);
    run(&mut ada.conn, "SET row_security = off");
    sees(&mut ada.conn, &ALL);
    secured.admin(&format!(
        "ALTER TABLE docs ENABLE ROW LEVEL SECURITY; {BY_ROLE}"
    ));
    assert_eq!(same(&mut ada.conn, DOCS), None, "it refuses to filter");
}

/// A pool's connection keeps what its last borrower has set.
#[test]
fn x02_a_pooled_connection_that_carries_a_setting() {
    use diesel::r2d2::{ConnectionManager, Pool};

    let secured = Secured::new(BY_SETTING);
    let url = secured.fixture.world.database.url();
    let pool = Pool::builder()
        .max_size(1)
        .build(ConnectionManager::<Conn>::new(url))
        .unwrap();
    let cache = &secured.fixture.world.cache;
    let read = |titles: &[&str]| {
        let mut conn = pool.get().unwrap();
        cache.watch(&mut conn).unwrap();
        for _ in 0..2 {
            let rows = sql::<Text>(DOCS).cached(&mut conn).load::<String>();
            assert_eq!(rows, Ok(titles.map_to_strings()));
        }
    };
    let set = |statement: &str| {
        let mut conn = pool.get().unwrap();
        let statement = secured.roles.named(statement);
        diesel::sql_query(statement).execute(&mut conn).unwrap();
    };
    read(&ALL);
    set("SET ROLE ada");
    read(&[]);
    set("SELECT set_config('app.user', 'ada', false)");
    read(&ADAS);
    set("SELECT set_config('app.user', 'bob', false)");
    read(&BOBS);
    let undone = pool.get().unwrap().transaction(|conn| {
        let back = secured.roles.named("SET LOCAL app.\"user\" = 'ada'");
        diesel::sql_query(back).execute(conn)?;
        let rows = sql::<Text>(DOCS).cached(conn).load::<String>()?;
        assert_eq!(rows, ADAS);
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(Error::RollbackTransaction));
    read(&BOBS);
    set("RESET ROLE");
    read(&ALL);
}
