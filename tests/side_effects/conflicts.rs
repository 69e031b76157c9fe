//! Statements of SQLite that break a constraint and keep what they did before.

use diesel::{connection::SimpleConnection as _, result::Error};

use super::catalog_fixture::{CatalogFixture, cached, run};

const READ: &str = "SELECT name FROM shelf ORDER BY id";

/// The statement fails, and has changed what is read.
#[track_caller]
fn keeps_its_first_row(schema: &str, statement: &str) {
    for known in [true, false] {
        for opened in ["", "BEGIN"] {
            let mut fixture = CatalogFixture::new(&format!(
                "{schema}; INSERT INTO shelf (id, name) VALUES (1, 'Emma'), (2, 'Faust')"
            ));
            if known {
                cached(&mut fixture.writer.conn, READ);
            }
            run(&mut fixture.writer.conn, opened);
            fixture.does(
                statement,
                |conn| {
                    let failed = conn.batch_execute(statement);
                    assert!(
                        matches!(failed, Err(Error::DatabaseError(..))),
                        "{failed:?}"
                    );
                    if !opened.is_empty() {
                        run(conn, "COMMIT");
                    }
                },
                &[READ],
                &[],
            );
        }
    }
}

const SHELF: &str = "CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT)";

#[test]
fn w13_a_statement_that_fails_at_a_later_row() {
    keeps_its_first_row(
        SHELF,
        "INSERT OR FAIL INTO shelf VALUES (3, 'new'), (1, 'x')",
    );
    keeps_its_first_row(SHELF, "UPDATE OR FAIL shelf SET id = 1, name = name || '!'");
    keeps_its_first_row(
        SHELF,
        "INSERT /* */ OR\n fail INTO shelf SELECT 3, 'new' UNION ALL SELECT 1, 'x'",
    );
}

#[test]
fn w13_a_constraint_that_fails_at_a_later_row() {
    keeps_its_first_row(
        "CREATE TABLE shelf (id INTEGER PRIMARY KEY ON CONFLICT FAIL, name TEXT)",
        "INSERT INTO shelf VALUES (3, 'new'), (1, 'x')",
    );
    keeps_its_first_row(
        "CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT, UNIQUE (name) ON CONFLICT fail)",
        "INSERT INTO shelf VALUES (3, 'new'), (4, 'Emma')",
    );
}

#[test]
fn w13_a_trigger_that_fails_at_a_later_row() {
    keeps_its_first_row(
        &format!(
            "{SHELF}; CREATE TABLE log (line TEXT UNIQUE); INSERT INTO log VALUES ('x'); \
             CREATE TRIGGER noted AFTER INSERT ON shelf BEGIN \
              INSERT OR FAIL INTO log VALUES (NEW.name); END"
        ),
        "INSERT INTO shelf VALUES (3, 'new'), (4, 'x')",
    );
}
