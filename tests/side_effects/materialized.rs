//! Materialized views: they change when they are refreshed, and not before.

use super::catalog_fixture::CatalogFixture;

const SCHEMA: &str = "\
CREATE TABLE sales (id INTEGER PRIMARY KEY, price INTEGER); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
CREATE MATERIALIZED VIEW sums AS SELECT sum(price)::text AS line FROM sales; \
CREATE UNIQUE INDEX ON sums (line); \
CREATE VIEW shown AS SELECT line || '!' AS line FROM sums; \
CREATE MATERIALIZED VIEW doubles AS SELECT line || line AS line FROM shown; \
INSERT INTO sales VALUES (1, 10), (2, 20); INSERT INTO stones VALUES (1, 'flint'); \
REFRESH MATERIALIZED VIEW sums; REFRESH MATERIALIZED VIEW doubles";

const SALES: &str = "SELECT price::text FROM sales ORDER BY id";
const SUMS: &str = "SELECT line FROM sums";
const SHOWN: &str = "SELECT line FROM shown";
const DOUBLES: &str = "SELECT line FROM doubles";

#[test]
fn w08_a_materialized_view_changes_when_it_is_refreshed() {
    let mut fixture = CatalogFixture::new(SCHEMA);
    fixture.depends(SUMS, &["sums"]);
    fixture.depends(SHOWN, &["shown", "sums"]);
    fixture.depends(DOUBLES, &["doubles"]);
    fixture.writes(
        "UPDATE sales SET price = 15 WHERE id = 1",
        &[SALES],
        &[SUMS, SHOWN, DOUBLES],
    );
    fixture.writes(
        "REFRESH MATERIALIZED VIEW sums",
        &[SUMS, SHOWN],
        &[DOUBLES, SALES],
    );
    fixture.writes(
        "REFRESH MATERIALIZED VIEW doubles",
        &[DOUBLES],
        &[SUMS, SHOWN, SALES],
    );
    fixture.writes(
        "INSERT INTO sales VALUES (3, 30)",
        &[SALES],
        &[SUMS, SHOWN, DOUBLES],
    );
    fixture.writes(
        "REFRESH MATERIALIZED VIEW CONCURRENTLY sums",
        &[SUMS, SHOWN],
        &[DOUBLES, SALES],
    );
    fixture.writes(
        "REFRESH MATERIALIZED VIEW sums WITH NO DATA; REFRESH MATERIALIZED VIEW sums WITH DATA",
        &[],
        &[DOUBLES, SALES],
    );
}

/// What a read of the view itself may not, its refresh may: it asks once.
#[test]
fn w08_a_materialized_view_that_uses_the_current_time() {
    let mut fixture = CatalogFixture::new(&format!(
        "{SCHEMA}; CREATE MATERIALIZED VIEW moments AS SELECT clock_timestamp()::text AS line"
    ));
    let read = "SELECT line FROM moments";
    fixture.depends(read, &["moments"]);
    fixture.writes("REFRESH MATERIALIZED VIEW moments", &[read], &[SUMS]);
}
