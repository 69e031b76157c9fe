//! Functions that write and procedures, where PostgreSQL and MariaDB agree on them.

use cachalot_diesel::{BypassReason, Outcome};
use diesel::{prelude::*, result::Error, sql_types::Text};

use super::super::dialect::here;
use super::catalog_fixture::{CatalogFixture, cached, run};
use super::routine_statements::{self, ROUTINES};

pub(crate) const SHELF: &str = "SELECT name FROM shelf ORDER BY id";
pub(crate) const LOG: &str = "SELECT line FROM log ORDER BY line";
pub(crate) const STONES: &str = "SELECT name FROM stones ORDER BY id";

/// A fixture whose writer knows what routines do.
fn fixture() -> CatalogFixture {
    let mut fixture = CatalogFixture::new(ROUTINES);
    cached(&mut fixture.writer.conn, STONES);
    fixture
}

#[test]
fn w11_a_procedure_that_is_called() {
    let mut fixture = CatalogFixture::new(ROUTINES);
    fixture.changes("CALL add_book(3, 'Iliad')", &[SHELF]);
    fixture.does(
        "a procedure with binds",
        |conn| {
            diesel::sql_query(routine_statements::CALL)
                .bind::<Text, _>("Dune")
                .execute(conn)
                .unwrap();
        },
        &[SHELF],
        &[],
    );
}

#[test]
fn w11_a_procedure_writes_what_its_body_writes() {
    let mut fixture = fixture();
    for call in routine_statements::CALLS {
        fixture.writes(call, &[SHELF], &[STONES, LOG]);
    }
    fixture.writes("CALL add_book(9, note('x'))", &[SHELF, LOG], &[STONES]);
}

/// What it may write is asked for again; the rest stays.
#[test]
fn w11_a_select_whose_function_writes() {
    let mut fixture = fixture();
    for select in routine_statements::SELECTS {
        fixture.writes(here(select), &[LOG], &[STONES]);
    }
}

/// The statement writes one table by itself and another by its function.
#[test]
fn w11_a_write_whose_function_writes_too() {
    let mut fixture = fixture();
    for write in routine_statements::WRITES {
        fixture.writes(write, &[SHELF, LOG], &[STONES]);
    }
}

#[test]
fn w11_a_function_as_diesel_calls_it() {
    #[diesel::declare_sql_function]
    extern "SQL" {
        fn note(what: Text) -> Text;
    }
    fixture().does(
        "a select",
        |conn| {
            let noted = diesel::select(note("diesel")).get_result::<String>(conn);
            assert_eq!(noted.as_deref(), Ok("diesel"));
        },
        &[LOG],
        &[STONES],
    );
}

/// A read through the cache is no way round the call.
#[test]
fn w11_a_cached_read_whose_function_writes() {
    let mut fixture = CatalogFixture::new(ROUTINES);
    let read = "SELECT note(name) FROM stones";
    let outcome = fixture.explain(read).outcome;
    assert!(
        matches!(outcome, Outcome::Bypass(BypassReason::VolatileFunction(_))),
        "{outcome:?}"
    );
    for _ in 0..2 {
        fixture.does(
            "a cached read",
            |conn| assert_eq!(cached(conn, read), ["flint"]),
            &[LOG],
            &[SHELF, STONES],
        );
    }
}

#[test]
fn w11_a_view_that_calls_a_function_that_writes() {
    let mut fixture = CatalogFixture::new(&format!(
        "{ROUTINES}; CREATE VIEW noted AS SELECT note(name) AS name FROM stones; \
         CREATE VIEW nested AS SELECT name FROM noted"
    ));
    // Its process knows what views do.
    cached(&mut fixture.writer.conn, STONES);
    for view in ["noted", "nested"] {
        let read = format!("SELECT name FROM {view}");
        assert_eq!(fixture.cached(&read).1, 1, "{view}");
        assert_eq!(fixture.cached(&read).1, 1, "{view}");
        fixture.changes(&read, &[LOG]);
    }
}

/// What the function of an uncommitted transaction has written is its own.
#[test]
fn w11_a_function_in_a_transaction() {
    let mut fixture = CatalogFixture::new(ROUTINES);
    fixture.warm(LOG);
    let CatalogFixture { world, writer, .. } = &mut fixture;
    run(&mut writer.conn, routine_statements::READ_COMMITTED);
    let undone = writer.conn.transaction(|conn| {
        run(conn, "SELECT note('x')");
        assert_eq!(cached(conn, LOG), ["x"], "its own");
        assert_eq!(
            world.sent(|conn| cached(conn, LOG)),
            (Vec::new(), 0),
            "others'"
        );
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(Error::RollbackTransaction));
    assert_eq!(fixture.cached(LOG).0, Vec::<String>::new());
    assert_eq!(cached(&mut fixture.writer.conn, LOG), Vec::<String>::new());
}

/// Nobody in the writing process has read anything: what the function does is not known there.
#[test]
fn w11_a_function_in_a_process_that_does_not_read() {
    let mut fixture = CatalogFixture::new(ROUTINES);
    fixture.changes("SELECT note('a')", &[LOG]);
    fixture.changes(
        "UPDATE shelf SET name = note('b') WHERE id = 1",
        &[SHELF, LOG],
    );
}
