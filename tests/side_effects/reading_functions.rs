//! Functions of PostgreSQL that read: their tables are the caller's.

use cachalot_diesel::{BypassReason, Outcome};

use super::catalog_fixture::{CatalogFixture, cached, run};
use super::principals::{Principals, same};

const SCHEMA: &str = "\
CREATE TABLE rates (id INTEGER PRIMARY KEY, rate INTEGER); \
CREATE TABLE goods (id INTEGER PRIMARY KEY, price INTEGER); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
INSERT INTO rates VALUES (1, 2), (2, 3); INSERT INTO goods VALUES (1, 10), (2, 20); \
INSERT INTO stones VALUES (1, 'flint')";

const STONES: &str = "SELECT name FROM stones ORDER BY id";

/// Gives `rate` for the `n`th of `rates`, each in its way.
const RATE: [&str; 7] = [
    "LANGUAGE sql STABLE AS $f$ SELECT rate FROM rates WHERE id = n $f$",
    "LANGUAGE sql STABLE AS 'SELECT rate FROM public.rates WHERE id = $1'",
    "LANGUAGE sql STABLE RETURN (SELECT rate FROM rates WHERE id = n)",
    "LANGUAGE sql STABLE BEGIN ATOMIC SELECT rate FROM rates WHERE id = n; END",
    "LANGUAGE plpgsql STABLE AS $f$ DECLARE r INTEGER; BEGIN \
     SELECT rate INTO r FROM rates WHERE id = n; RETURN r; END $f$",
    "LANGUAGE plpgsql STABLE AS $f$ BEGIN IF n > 0 THEN RETURN (SELECT rate FROM rates WHERE id = n); \
     END IF; RETURN 0; END $f$",
    // What it says of itself is not true.
    "LANGUAGE sql IMMUTABLE AS $f$ SELECT rate FROM rates WHERE id = n $f$",
];

fn with(functions: &str) -> CatalogFixture {
    CatalogFixture::new(&format!("{SCHEMA}; {functions}"))
}

#[test]
fn w11_a_function_that_reads_makes_its_tables_the_querys() {
    for body in RATE {
        let mut fixture = with(&format!(
            "CREATE FUNCTION rate_of(n INTEGER) RETURNS INTEGER {body}"
        ));
        let read = "SELECT concat_ws(' ', id, price * rate_of(2)) FROM goods ORDER BY id";
        let tables = fixture.explain(read).tables;
        for table in ["goods", "rates"] {
            assert!(tables.contains(&table.to_owned()), "{body}: {tables:?}");
        }
        fixture.writes("UPDATE rates SET rate = rate + 1", &[read], &[STONES]);
        fixture.writes("UPDATE goods SET price = price + 1", &[read], &[STONES]);
    }
}

/// The statement itself names no table.
#[test]
fn w11_a_query_of_nothing_but_a_function() {
    let mut fixture = with(&format!(
        "CREATE FUNCTION rate_of(n INTEGER) RETURNS INTEGER {}; \
         CREATE FUNCTION all_rates() RETURNS SETOF rates LANGUAGE sql STABLE AS \
          'SELECT * FROM rates'; \
         CREATE FUNCTION the_rates(n INTEGER DEFAULT 0, OUT r INTEGER) RETURNS SETOF INTEGER \
          LANGUAGE sql STABLE AS 'SELECT rate FROM rates WHERE id > n'",
        RATE[0]
    ));
    let reads = [
        "SELECT rate_of(1)::text",
        "SELECT rate::text FROM all_rates() ORDER BY 1",
        "SELECT r::text FROM the_rates() ORDER BY 1",
    ];
    fixture.writes("UPDATE rates SET rate = rate + 1", &reads, &[STONES]);
}

#[test]
fn w11_a_function_that_calls_a_function_that_reads() {
    let mut fixture = with(&format!(
        "CREATE FUNCTION rate_of(n INTEGER) RETURNS INTEGER {}; \
         CREATE FUNCTION double_rate(n INTEGER) RETURNS INTEGER LANGUAGE sql STABLE AS \
          'SELECT 2 * rate_of(n)'; \
         CREATE FUNCTION fourfold(n INTEGER) RETURNS INTEGER LANGUAGE plpgsql STABLE AS \
          $f$ BEGIN RETURN 2 * double_rate(n); END $f$",
        RATE[0]
    ));
    let read = "SELECT (price * fourfold(1))::text FROM goods ORDER BY id";
    fixture.writes("UPDATE rates SET rate = rate + 1", &[read], &[STONES]);
}

#[test]
fn w11_a_view_that_calls_a_function_that_reads() {
    let mut fixture = with(&format!(
        "CREATE FUNCTION rate_of(n INTEGER) RETURNS INTEGER {}; \
         CREATE VIEW dear AS SELECT DISTINCT id, price * rate_of(1) AS price FROM goods",
        RATE[0]
    ));
    let read = "SELECT price::text FROM dear ORDER BY id";
    fixture.writes("UPDATE rates SET rate = rate + 1", &[read], &[STONES]);
}

#[test]
fn w11_a_function_that_reads_a_view_and_cascades() {
    let mut fixture = with(
        "CREATE TABLE tariffs (rate_id INTEGER REFERENCES rates (id) ON DELETE CASCADE); \
         INSERT INTO tariffs VALUES (1), (2); \
         CREATE VIEW numbers AS SELECT DISTINCT rate_id AS n FROM tariffs; \
         CREATE FUNCTION count_them() RETURNS BIGINT LANGUAGE sql STABLE AS \
          'SELECT count(*) FROM numbers'",
    );
    let read = "SELECT concat(name, count_them()) FROM stones ORDER BY id";
    fixture.writes("DELETE FROM rates WHERE id = 2", &[read], &[STONES]);
}

/// A call that hides in an operator, a cast, or an aggregate.
#[test]
fn w11_operators_casts_and_aggregates_that_read() {
    let mut fixture = with(&format!(
        "CREATE FUNCTION rate_of(n INTEGER) RETURNS INTEGER {}; \
         CREATE FUNCTION times_rate(a INTEGER, b INTEGER) RETURNS INTEGER LANGUAGE sql STABLE AS \
          'SELECT a * rate_of(b)'; \
         CREATE OPERATOR *** (FUNCTION = times_rate, LEFTARG = INTEGER, RIGHTARG = INTEGER); \
         CREATE TYPE priced AS (v INTEGER); \
         CREATE FUNCTION priced(n INTEGER) RETURNS priced LANGUAGE sql STABLE AS \
          'SELECT ROW(n * rate_of(1))::priced'; \
         CREATE CAST (INTEGER AS priced) WITH FUNCTION priced(INTEGER); \
         CREATE FUNCTION add_rated(sum INTEGER, n INTEGER) RETURNS INTEGER LANGUAGE sql STABLE AS \
          'SELECT sum + n * rate_of(1)'; \
         CREATE AGGREGATE rated_sum(INTEGER) (SFUNC = add_rated, STYPE = INTEGER, INITCOND = 0)",
        RATE[0]
    ));
    let reads = [
        "SELECT (price *** 1)::text FROM goods ORDER BY id",
        "SELECT ((price::priced).v)::text FROM goods ORDER BY id",
        "SELECT (CAST(price AS priced)).v::text FROM goods ORDER BY id",
        "SELECT rated_sum(price)::text FROM goods",
        "SELECT rated_sum(price) OVER (ORDER BY id)::text FROM goods",
    ];
    fixture.follows("UPDATE rates SET rate = rate + 1", &reads);
}

/// Stable within a statement is not the same for ever.
#[test]
fn r16_stable_functions_that_use_the_current_time() {
    let bodies = [
        "now()::text",
        "current_timestamp::text",
        "statement_timestamp()::text",
        "txid_current()::text",
        "(DATE 'today')::text",
        "'now'::timestamptz::text",
        "(SELECT min(xmin::text) FROM stones TABLESAMPLE SYSTEM (50))",
    ];
    for (number, body) in bodies.iter().enumerate() {
        for language in [
            "sql STABLE AS $f$ SELECT",
            "plpgsql STABLE AS $f$ BEGIN RETURN",
        ] {
            let end = if language.starts_with("plpgsql") {
                "; END $f$"
            } else {
                " $f$"
            };
            let mut fixture = with(&format!(
                "CREATE FUNCTION asked{number}() RETURNS TEXT LANGUAGE {language} {body}{end}; \
                 CREATE FUNCTION deep() RETURNS TEXT LANGUAGE sql STABLE AS \
                  'SELECT concat(asked{number}())'"
            ));
            for call in [format!("asked{number}()"), "deep()".to_owned()] {
                let read = format!("SELECT concat(name, {call}) FROM stones");
                let outcome = fixture.explain(&read).outcome;
                assert!(
                    matches!(outcome, Outcome::Bypass(BypassReason::VolatileFunction(_))),
                    "{language} {body}: {call}: {outcome:?}"
                );
                assert_eq!(fixture.cached(&read).1, 1);
                assert_eq!(fixture.cached(&read).1, 1);
            }
        }
    }
}

/// The user is in the key.
#[test]
fn r16_a_stable_function_of_the_user_is_never_anothers() {
    let mut fixture = with(
        "CREATE FUNCTION who() RETURNS TEXT LANGUAGE sql STABLE AS \
          $f$ SELECT current_user || '/' || session_user $f$",
    );
    let roles = Principals::new(&fixture);
    let grant = roles.named("GRANT SELECT ON stones TO ada, bob");
    run(&mut fixture.outsider, &grant);
    let read = "SELECT concat(name, ' of ', who()) FROM stones";
    for user in ["ada", "bob", "ada"] {
        run(
            &mut fixture.world.conn,
            &roles.named(&format!("SET ROLE {user}")),
        );
        let rows = same(&mut fixture.world.conn, read).unwrap();
        assert!(rows[0].contains(&roles.named(user)), "{rows:?}");
        let rows = same(&mut roles.login(&fixture, user, "").conn, read).unwrap();
        assert!(rows[0].ends_with(&roles.named(user)), "{rows:?}");
    }
}

/// The same text, and another setting's answer.
#[test]
fn r16_a_stable_function_of_a_setting_is_never_anothers() {
    let mut fixture = with(
        "CREATE FUNCTION who() RETURNS TEXT LANGUAGE sql STABLE AS \
          $f$ SELECT current_setting('app.tenant', true) $f$",
    );
    let read = "SELECT concat(name, ' of ', who()) FROM stones";
    for user in ["ada", "bob", "ada"] {
        let set = format!("SET app.tenant = '{user}'");
        run(&mut fixture.world.conn, &set);
        for _ in 0..2 {
            assert_eq!(fixture.cached(read).0, [format!("flint of {user}")]);
        }
    }
    let mut other = fixture.world.reader();
    run(
        &mut other.conn,
        "SELECT set_config('app.tenant', 'eve', false)",
    );
    assert_eq!(cached(&mut other.conn, read), ["flint of eve"]);
}

#[test]
fn w11_a_function_that_is_replaced() {
    let mut fixture = with(&format!(
        "CREATE FUNCTION rate_of(n INTEGER) RETURNS INTEGER {}",
        RATE[0]
    ));
    let read = "SELECT rate_of(1)::text FROM goods ORDER BY id";
    fixture.writes("UPDATE rates SET rate = rate + 1", &[read], &[STONES]);
    fixture.changes(
        "CREATE OR REPLACE FUNCTION rate_of(n INTEGER) RETURNS INTEGER LANGUAGE sql STABLE AS \
         'SELECT length(name) FROM stones WHERE id = n'",
        &[read],
    );
    fixture.changes("UPDATE stones SET name = 'granite'", &[read]);
}

/// The name alone does not say which function it is.
#[test]
fn w11_functions_of_one_name() {
    let mut fixture = with(
        "CREATE FUNCTION pick(n INTEGER) RETURNS INTEGER LANGUAGE sql STABLE AS \
          'SELECT rate FROM rates WHERE id = n'; \
         CREATE FUNCTION pick(n TEXT) RETURNS TEXT LANGUAGE sql STABLE AS \
          'SELECT name FROM stones WHERE name <> n'; \
         CREATE SCHEMA aside; \
         CREATE FUNCTION aside.pick(n INTEGER) RETURNS INTEGER LANGUAGE sql STABLE AS \
          'SELECT price FROM goods WHERE id = n'",
    );
    let number = "SELECT pick(1)::text FROM stones";
    let text = "SELECT pick('x')::text FROM goods WHERE id = 1";
    let aside = "SELECT aside.pick(1)::text FROM stones";
    fixture.follows("UPDATE rates SET rate = rate + 1", &[number]);
    fixture.follows("UPDATE stones SET name = 'granite'", &[text]);
    fixture.follows("UPDATE goods SET price = price + 1", &[aside]);
}
