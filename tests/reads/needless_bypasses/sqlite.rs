//! What SQLite lets be cached, although it looks like SQLite's own.

use super::catalog_fixture::CatalogFixture;
use cachalot_diesel::{BypassReason, Outcome};

const STONES: &str = "SELECT name FROM stones ORDER BY id";

fn with(schema: &str) -> CatalogFixture {
    CatalogFixture::new(&format!(
        "CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
         INSERT INTO stones VALUES (1, 'flint'); {schema}"
    ))
}

#[test]
fn f06_a_users_table_with_a_name_like_sqlites_own_is_cached() {
    for table in ["pragma_notes", "dbstat"] {
        let mut fixture = with(&format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, line TEXT); \
             INSERT INTO {table} VALUES (1, 'a')"
        ));
        let read = format!("SELECT line FROM {table} ORDER BY id");
        let view = format!("SELECT name FROM stones WHERE id IN (SELECT id FROM main.{table})");
        let write = format!("UPDATE {table} SET line = line || 'b'");
        fixture.writes(&write, &[&read], &[STONES]);
        fixture.writes(&format!("DELETE FROM {table}"), &[&read, &view], &[STONES]);
    }
}

#[test]
fn f06_what_pragmas_show_is_not_cached() {
    let mut fixture = with("CREATE TABLE pragma_notes (id INTEGER)");
    for read in [
        "SELECT name FROM pragma_table_info('stones')",
        "SELECT name FROM main.pragma_table_info('stones')",
        "SELECT name FROM pragma_table_list WHERE name IN (SELECT 'stones' FROM pragma_notes)",
    ] {
        let outcome = fixture.explain(read).outcome;
        assert!(
            matches!(outcome, Outcome::Bypass(BypassReason::SystemCatalog(_))),
            "{read}: {outcome:?}"
        );
        let (_, sent) = fixture.cached(read);
        assert_eq!(sent, 1, "{read}");
    }
}

#[test]
fn f06_a_full_text_table_that_is_searched_like_a_function() {
    let mut fixture = with(
        "CREATE VIRTUAL TABLE fts USING fts5(body); \
         CREATE TABLE pages (id INTEGER PRIMARY KEY, body TEXT); \
         CREATE VIRTUAL TABLE found USING fts5(body, content='pages', content_rowid='id'); \
         INSERT INTO fts VALUES ('the fox'), ('a dog'); INSERT INTO pages VALUES (1, 'fox')",
    );
    let reads = [
        "SELECT body FROM fts('fox') ORDER BY rowid",
        "SELECT f.body FROM stones, fts('fox') AS f ORDER BY f.rowid",
        "SELECT highlight(fts, 0, '<', '>') FROM fts('fox') ORDER BY rank, rowid",
    ];
    fixture.writes("INSERT INTO fts VALUES ('fox too')", &reads, &[STONES]);
    let tables = fixture.explain("SELECT body FROM found('fox')").tables;
    assert!(tables.contains(&"pages".to_owned()), "{tables:?}");
    fixture.keeps("UPDATE stones SET name = name", &[reads[0], reads[2]]);
}

/// It may show what no statement changes.
#[test]
fn f06_a_table_valued_function_that_is_no_table_is_not_cached() {
    let mut fixture = with("");
    let explanation = fixture.explain("SELECT name FROM stones, csv('file')");
    let expected = Outcome::Bypass(BypassReason::CatalogUnknown);
    assert_eq!(explanation.outcome, expected);
}

#[test]
fn f06_sqlites_version_is_cached() {
    let mut fixture = with("");
    fixture.warm("SELECT sqlite_version() || sqlite_source_id() || name FROM stones");
}

#[test]
fn f06_changes_of_own_temporary_tables_invalidate_nothing() {
    let mut fixture = with("");
    for write in [
        "CREATE TEMPORARY TABLE own (id INTEGER)",
        "ALTER TABLE temp.own ADD COLUMN name TEXT",
        "DROP TABLE temp.own",
        "DROP TABLE IF EXISTS temp.own",
    ] {
        fixture.keeps(write, &[STONES]);
    }
}
