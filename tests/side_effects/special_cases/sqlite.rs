//! Tables of SQLite that are kept by others.

use super::catalog_fixture::CatalogFixture;

/// A virtual table keeps its rows in tables that can be read, and written, by their names.
#[test]
fn w08_the_tables_behind_a_virtual_table() {
    let mut fixture = CatalogFixture::new(
        "CREATE VIRTUAL TABLE notes USING fts5(line); CREATE TABLE stones (line TEXT); \
         INSERT INTO notes VALUES ('one')",
    );
    fixture.writes(
        "INSERT INTO notes VALUES ('two')",
        &["SELECT c0 FROM notes_content", "SELECT line FROM notes"],
        &["SELECT line FROM stones"],
    );
    fixture.writes(
        "UPDATE notes_content SET c0 = 'three' WHERE id = 2",
        &["SELECT c0 FROM notes_content", "SELECT line FROM notes"],
        &["SELECT line FROM stones"],
    );
}
