//! PostgreSQL tells by its dependencies what a view is made of; the catalog that a read looks into
//! may name more, never fewer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cachalot_diesel::{CachedDsl as _, Outcome};
use cachalot_sql::Analysis;
use cachalot_tests::corpus;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Integer, Text};

use super::Conn;
use super::analysis_truth::compared;
use super::truth::{DIALECT, furnish};
use super::world::World;

/// At least this many views can be created and cached.
const MIN_CHECKED: usize = 300;

/// Views of views, and what no statement of the corpus has.
const LAYERS: &str = r#"
CREATE TABLE fixture (id int PRIMARY KEY, a int, b text);
CREATE TABLE "Low.Land" (id int, "x""y" int);
CREATE SCHEMA "up Stairs";
CREATE TABLE "up Stairs".fixture (id int, c int);
CREATE TABLE "up Stairs"."from" (id int);
CREATE TABLE parts (id int, kind int) PARTITION BY LIST (kind);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE heirs (more int) INHERITS (fixture);

CREATE VIEW first AS SELECT id, a FROM fixture WHERE b <> 'FROM nowhere';
CREATE VIEW second AS SELECT * FROM first JOIN "Low.Land" USING (id);
CREATE VIEW third AS SELECT id FROM second WHERE EXISTS (SELECT FROM "up Stairs".fixture g WHERE g.id = second.id);
CREATE VIEW "up Stairs".first AS SELECT id FROM "up Stairs"."from" UNION SELECT id FROM public.third;
CREATE VIEW "Fourth Floor" AS WITH first AS (SELECT id FROM "up Stairs".first), x AS (TABLE public.parts)
    SELECT first.id, (SELECT max(kind) FROM x) AS kind FROM first;
CREATE VIEW of_the_fourth AS SELECT x.*, x AS whole FROM "Fourth Floor" AS x;
CREATE VIEW one_part AS SELECT * FROM ONLY parts_1, LATERAL (SELECT a FROM fixture WHERE fixture.id = parts_1.id) x;
CREATE VIEW only_heirs AS SELECT * FROM heirs;
CREATE VIEW all_of_them AS SELECT fixture FROM fixture;
CREATE VIEW sums (total, grouped) AS SELECT sum(a), grouping(a) FROM first GROUP BY ROLLUP (a) HAVING count(*) > (SELECT count(*) FROM parts);
CREATE VIEW windows AS SELECT rank() OVER (ORDER BY (SELECT count(*) FROM parts p WHERE p.id = f.a)) AS r FROM first f;
CREATE VIEW ordered AS SELECT id FROM fixture ORDER BY (SELECT count(*) FROM "Low.Land") LIMIT (SELECT 3 FROM parts LIMIT 1);
CREATE VIEW chosen AS SELECT CASE WHEN id IN (SELECT id FROM "Low.Land") THEN ARRAY(SELECT id FROM parts) END AS c FROM first;
CREATE VIEW listed AS SELECT * FROM (VALUES ((SELECT count(*) FROM fixture)), (2)) AS v(n);
CREATE VIEW guarded WITH (security_barrier) AS SELECT id FROM fixture WHERE a > ALL (SELECT kind FROM parts) WITH CHECK OPTION;
CREATE VIEW seen_by_others WITH (security_invoker) AS SELECT id FROM third;
CREATE RECURSIVE VIEW steps (n) AS SELECT id FROM fixture UNION ALL SELECT n + 1 FROM steps, parts WHERE n < 9;
CREATE VIEW full_of_joins AS SELECT 1 AS one FROM (fixture a CROSS JOIN parts b) FULL JOIN ("Low.Land" c NATURAL JOIN first d) ON true;
CREATE VIEW aliases AS SELECT fixture.id FROM parts AS fixture, fixture AS parts;
CREATE VIEW nothing AS SELECT 1 AS one;
CREATE VIEW json AS SELECT to_jsonb(f) AS j, jsonb_agg(p) FILTER (WHERE p.kind IN (SELECT a FROM fixture)) AS k FROM first f, parts p GROUP BY f;
CREATE MATERIALIZED VIEW kept AS SELECT id FROM third;
CREATE VIEW over_kept AS SELECT kept.id FROM kept, "Low.Land";

CREATE FUNCTION how_many() RETURNS bigint STABLE BEGIN ATOMIC SELECT count(*) FROM third, parts; END;
CREATE FUNCTION rows_of(n int) RETURNS SETOF fixture STABLE BEGIN ATOMIC SELECT g.* FROM fixture g WHERE how_many() > n; END;
CREATE FUNCTION differs(fixture, int) RETURNS bool STABLE BEGIN ATOMIC SELECT EXISTS (SELECT FROM "Low.Land" WHERE id = $2); END;
CREATE OPERATOR !=# (LEFTARG = fixture, RIGHTARG = int, FUNCTION = differs);
CREATE VIEW calls AS SELECT how_many() AS n FROM "up Stairs"."from";
CREATE VIEW called_rows AS SELECT r.id FROM rows_of(1) AS r, generate_series(1, 2) AS n;
CREATE VIEW operators AS SELECT p.id FROM parts p, fixture g WHERE g !=# p.id;
CREATE VIEW over_calls AS SELECT calls.n, c.id FROM calls LEFT JOIN called_rows c ON true;
"#;

/// What each view is made of, directly or by way of views and functions. What a materialized view is
/// made of comes into it when it is refreshed.
const MADE_OF: &str = "WITH RECURSIVE made_of AS ( \
    SELECT c.oid AS view, c.tableoid AS class, c.oid AS object FROM pg_class c \
    WHERE c.relkind = 'v' AND c.relnamespace NOT IN \
    ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) \
    UNION \
    SELECT m.view, d.refclassid, d.refobjid FROM made_of m JOIN pg_depend d ON \
    d.classid = m.class AND d.objid = m.object \
    AND m.class IN ('pg_proc'::regclass, 'pg_operator'::regclass) \
    OR d.classid = 'pg_rewrite'::regclass AND m.class = 'pg_class'::regclass AND d.objid IN ( \
        SELECT r.oid FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class \
        WHERE v.oid = m.object AND v.relkind = 'v' AND r.ev_type = '1') \
    ) SELECT DISTINCT m.view::regclass::text AS view, c.relname::text AS relation \
    FROM made_of m JOIN pg_class c ON c.oid = m.object AND m.class = 'pg_class'::regclass \
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relnamespace <> 'pg_catalog'::regnamespace";

#[derive(QueryableByName)]
struct Part {
    /// As a statement names it.
    #[diesel(sql_type = Text)]
    view: String,
    #[diesel(sql_type = Text)]
    relation: String,
}

/// Makes a view of each query of the corpus that the server takes for one.
fn build(conn: &mut Conn) {
    let queries: Vec<_> = corpus::cases(DIALECT)
        .into_iter()
        .map(|case| (Analysis::of(&case.sql, DIALECT), case.sql))
        .filter(|(analysis, _)| analysis.statements.len() == 1 && !analysis.reads().is_empty())
        // A table's number depends on the table, and reads none of its rows.
        .filter(|(_, sql)| !sql.contains("regclass"))
        .collect();
    let tables = queries
        .iter()
        .flat_map(|(analysis, _)| analysis.reads().iter().map(ToString::to_string));
    furnish(conn, &tables.collect());
    for (number, (_, sql)) in (0..).zip(&queries) {
        // What is no view's query is refused.
        let _ = conn.batch_execute(&format!("CREATE VIEW \"View {number}\" AS {sql}\n"));
    }
    conn.batch_execute(LAYERS).unwrap();
}

#[test]
fn w08_no_relation_that_a_view_is_made_of_is_missed() {
    let mut world = World::new();
    build(&mut world.outsider());
    let parts: Vec<Part> = sql_query(MADE_OF).load(&mut world.outsider()).unwrap();
    let mut views = BTreeMap::<_, BTreeSet<_>>::new();
    for part in parts {
        let view = views.entry(part.view).or_default();
        view.insert(compared(&part.relation));
    }

    let mut checked = 0;
    let mut wrong = String::new();
    for (view, made_of) in &views {
        let read = sql::<Integer>(&format!("SELECT 1 FROM {view}"));
        let explanation = read.cached(&mut world.conn).explain().unwrap();
        // What is never cached may read what it likes.
        if matches!(explanation.outcome, Outcome::Bypass(_)) {
            assert!(view.starts_with("\"View "), "{view}: {explanation}");
            continue;
        }
        checked += 1;
        let found: BTreeSet<_> = explanation.tables.into_iter().collect();
        let missing: Vec<_> = made_of.difference(&found).collect();
        if !missing.is_empty() {
            writeln!(wrong, "{view}: {missing:?} beside {found:?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(checked >= MIN_CHECKED, "{checked} of {} views", views.len());
}
