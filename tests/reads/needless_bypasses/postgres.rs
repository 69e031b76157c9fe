//! What PostgreSQL lets be cached, or kept, although it looks like something else.

use super::catalog_fixture::{CatalogFixture, run};
use super::{CachedDsl as _, connections};
use cachalot_diesel::{BypassReason, Outcome};
use diesel::{connection::SimpleConnection as _, dsl::sql, prelude::*, sql_types::Text};

use super::{Conn, schema::tags, world::World};

const STONES: &str = "SELECT name FROM stones ORDER BY id";

fn with(schema: &str) -> CatalogFixture {
    CatalogFixture::new(&format!(
        "CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
         INSERT INTO stones VALUES (1, 'Flint'); {schema}"
    ))
}

#[test]
fn f06_a_function_may_call_the_servers_own_by_their_schema() {
    for body in [
        "LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.lower($1)'",
        "LANGUAGE sql IMMUTABLE SET search_path = '' AS \
         'SELECT pg_catalog.replace($1::pg_catalog.text, ''f'', ''F'') OPERATOR(pg_catalog.||) ''x'''",
        "LANGUAGE sql IMMUTABLE RETURN pg_catalog.concat(pg_catalog.pg_typeof($1), upper($1))",
        "LANGUAGE plpgsql STABLE AS $$ DECLARE r pg_catalog.text; BEGIN \
         r := pg_catalog.lower($1)::\"pg_catalog\".\"text\"; RETURN r; END $$",
    ] {
        let mut fixture = with(&format!(
            "CREATE FUNCTION folded(name TEXT) RETURNS TEXT {body}"
        ));
        let read = "SELECT folded(name) FROM stones ORDER BY id";
        fixture.writes("UPDATE stones SET name = name || 'y'", &[read], &[]);
    }
}

#[test]
fn f06_a_function_that_reads_a_catalog_is_not_cached() {
    for body in [
        "SELECT pg_catalog.lower($1) WHERE EXISTS (SELECT FROM pg_catalog.pg_class)",
        "SELECT max(relname::pg_catalog.text) FROM pg_class",
        "SELECT pg_catalog.lower($1) || pg_catalog.now()",
        "SELECT pg_catalog.lower($1) || (SELECT count(*) FROM pg_catalog.pg_stat_activity)",
    ] {
        let mut fixture = with(&format!(
            "CREATE FUNCTION folded(name TEXT) RETURNS TEXT LANGUAGE sql STABLE AS '{body}'"
        ));
        for _ in 0..2 {
            let (_, sent) = fixture.cached("SELECT folded(name) FROM stones ORDER BY id");
            assert_eq!(sent, 1, "{body}");
        }
    }
}

/// It has overloads of a dozen functions of the server's.
#[test]
fn f06_functions_that_citext_overloads_are_cached() {
    let mut fixture =
        with("CREATE EXTENSION citext; ALTER TABLE stones ADD COLUMN ci citext DEFAULT 'Ab,c'");
    for call in [
        "replace(name, 'F', 'f')",
        "replace(ci, 'a', 'x')",
        "split_part(name, 'i', 1)",
        "split_part(ci, 'B', 1)",
        "strpos(name, 'i')::text",
        "strpos(ci, 'B')::text",
        "translate(name, 'l', 'r')",
        "translate(ci, 'b'::citext, 'x')",
        "regexp_replace(name, 'i', 'u')",
        "regexp_replace(ci, 'B', 'u')",
        "array_to_string(regexp_match(name, 'l.'), ',')",
        "array_to_string(regexp_split_to_array(ci, 'B'), '-')",
        "(SELECT string_agg(m[1], ' ') FROM regexp_matches(ci, 'B', 'g') m)",
        "(SELECT string_agg(m, ' ') FROM regexp_split_to_table(name, 'i') m)",
        "(SELECT max(ci)::text FROM stones)",
        "(ci = 'AB,C')::text",
        "(ci LIKE 'AB%')::text",
    ] {
        fixture.warm(&format!("SELECT {call} FROM stones ORDER BY id"));
    }
    let read = "SELECT replace(name, 'F', 'f') FROM stones ORDER BY id";
    fixture.changes("UPDATE stones SET name = name || 'y'", &[read]);
}

/// All functions of a name count: which one is meant depends on the types of the arguments.
#[test]
fn f06_an_overload_counts_for_what_it_is() {
    let overload = |name: &str, language: &str| {
        format!("CREATE FUNCTION {name}(n integer, m integer, o integer) RETURNS text {language}; ")
    };
    let mut fixture = with(&format!(
        "CREATE TABLE rates (rate INTEGER); INSERT INTO rates VALUES (2); {}{}{}{}",
        overload("lpad", "LANGUAGE sql IMMUTABLE AS 'SELECT ($1 + $2)::text'"),
        overload(
            "rpad",
            "LANGUAGE sql STABLE AS 'SELECT rate::text FROM rates'"
        ),
        overload(
            "repeat",
            "LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()::text'"
        ),
        // The server's own is no function that is known to be pure.
        overload(
            "brin_page_type",
            "LANGUAGE sql IMMUTABLE AS 'SELECT 1::text'"
        )
        .replace("brin_page_type", "pg_ls_dir"),
    ));
    for read in [
        "SELECT lpad(name, 9, '-') FROM stones",
        "SELECT lpad(1, 2, 3) FROM stones",
    ] {
        fixture.warm(read);
    }
    for read in [
        "SELECT rpad(1, 2, id) FROM stones",
        "SELECT rpad(name, 9, '-') FROM stones",
    ] {
        fixture.warm(read);
        assert!(fixture.explain(read).tables.contains(&"rates".to_owned()));
    }
    fixture.changes(
        "UPDATE rates SET rate = rate + 1",
        &["SELECT rpad(1, 2, id) FROM stones"],
    );
    for read in [
        "SELECT repeat(1, 2, 3) FROM stones",
        "SELECT repeat(name, 2) FROM stones",
        "SELECT pg_ls_dir(1, 2, 3) FROM stones",
    ] {
        for _ in 0..2 {
            assert_eq!(fixture.cached(read).1, 1, "{read}");
        }
    }
    fixture.warm("SELECT pg_catalog.repeat(name, 2) FROM stones");
}

#[test]
fn f06_a_users_table_with_a_name_like_a_catalogs_is_cached() {
    let mut fixture = with(
        "CREATE TABLE pg_search_documents (id INTEGER PRIMARY KEY, line TEXT); \
         INSERT INTO pg_search_documents VALUES (1, 'a'); \
         CREATE VIEW found AS SELECT line FROM pg_search_documents; \
         CREATE FUNCTION lines() RETURNS TEXT LANGUAGE sql STABLE AS \
         'SELECT string_agg(line, '' '' ORDER BY id) FROM pg_search_documents'",
    );
    let reads = [
        "SELECT line FROM pg_search_documents ORDER BY id",
        "SELECT line FROM public.pg_search_documents ORDER BY id",
        "SELECT line FROM found ORDER BY 1",
        "SELECT lines()",
    ];
    for write in [
        "UPDATE pg_search_documents SET line = line || 'b'",
        "INSERT INTO public.pg_search_documents VALUES (2, 'c')",
        "DELETE FROM pg_search_documents WHERE id = 1",
    ] {
        fixture.writes(write, &reads, &[STONES]);
    }
}

#[test]
fn f06_catalogs_are_not_cached_and_writes_to_them_reach_all() {
    let mut fixture = with("CREATE TABLE public.pg_description (id INTEGER)");
    for read in [
        "SELECT relname::text FROM pg_class WHERE relname = 'stones'",
        "SELECT relname::text FROM pg_catalog.pg_class WHERE relname = 'stones'",
        "SELECT table_name::text FROM information_schema.tables WHERE table_name = 'stones'",
        "SELECT 'x' FROM pg_stat_activity LIMIT 1",
        // The server looks into its own schema first.
        "SELECT description FROM pg_description LIMIT 1",
    ] {
        for _ in 0..2 {
            assert_eq!(fixture.cached(read).1, 1, "{read}");
        }
    }
    let outcome = fixture.explain("SELECT 'x' FROM pg_stat_activity").outcome;
    let reason = BypassReason::SystemCatalog("pg_stat_activity".to_owned());
    assert_eq!(outcome, Outcome::Bypass(reason));
    fixture.warm(STONES);
    run(
        &mut fixture.writer.conn,
        "UPDATE pg_class SET relname = relname WHERE relname = 'stones'",
    );
    assert_eq!(fixture.cached(STONES).1, 1);
}

/// They are no tables.
#[test]
fn f06_large_objects_invalidate_nothing_and_are_not_cached() {
    let mut fixture = with("CREATE TABLE files (id INTEGER PRIMARY KEY, object OID)");
    // A process that has read nothing knows no catalog.
    fixture.keeps("SELECT lo_create(70001)", &[STONES]);
    fixture.keeps(
        "SELECT lo_from_bytea(70002, 'abc'), lo_put(70002, 0, 'b')",
        &[STONES],
    );
    fixture.changes(
        "INSERT INTO files VALUES (1, 70002)",
        &["SELECT object::text FROM files"],
    );
    let read = "SELECT encode(lo_get(object), 'escape') FROM files";
    assert_eq!(fixture.cached(read), (vec!["bbc".to_owned()], 1));
    fixture.keeps("SELECT lo_put(70002, 0, 'c')", &[STONES]);
    assert_eq!(fixture.cached(read), (vec!["cbc".to_owned()], 1));
    fixture.keeps("SELECT lo_unlink(70001)", &[STONES]);
}

#[test]
fn f06_remarks_prepared_statements_and_own_temporary_tables_invalidate_nothing() {
    let mut fixture = with("");
    for write in [
        "COMMENT ON TABLE stones IS 'of the garden'",
        "COMMENT ON COLUMN stones.name IS NULL",
        "PREPARE one AS SELECT 1",
        "PREPARE two AS DELETE FROM stones",
        "CREATE TEMPORARY TABLE own (id INTEGER)",
        "ALTER TABLE pg_temp.own ADD COLUMN name TEXT",
        "DROP TABLE pg_temp.own",
        "DROP TABLE IF EXISTS pg_temp.own, pg_temp.other",
    ] {
        fixture.keeps(write, &[STONES]);
    }
    fixture.changes("EXECUTE two", &[STONES]);
}

#[test]
fn f08_a_table_that_the_own_transaction_made_is_an_own_write() {
    for make in [
        "CREATE TABLE fresh (name TEXT)",
        "CREATE TABLE IF NOT EXISTS fresh (name TEXT)",
        "SELECT name INTO fresh FROM stones",
        "CREATE TABLE fresh AS SELECT name FROM stones",
    ] {
        let mut fixture = with("");
        fixture.warm(STONES);
        let conn = &mut fixture.world.conn;
        conn.transaction(|conn| {
            run(conn, make);
            let read = diesel::dsl::sql::<diesel::sql_types::Text>("SELECT name FROM fresh");
            let outcome = read.cached(conn).explain()?.outcome;
            assert_eq!(outcome, Outcome::Bypass(BypassReason::OwnWrites), "{make}");
            diesel::QueryResult::Ok(())
        })
        .unwrap();
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tags)]
struct Tag {
    id: i32,
    label: String,
}

/// The iterator never reads the end of the copy, and so leaves it open.
fn copy(conn: &mut Conn) {
    let tags = diesel::copy_to(tags::table)
        .load::<Tag, _>(connections::uncached(conn))
        .unwrap();
    let rows: Vec<_> = tags
        .map(|tag| tag.map(|it| (it.id, it.label)).unwrap())
        .collect();
    assert_eq!(rows, [(1, "copied".to_owned())]);
}

fn with_a_tag() -> World {
    let mut world = World::new();
    diesel::insert_into(tags::table)
        .values((tags::id.eq(1), tags::label.eq("copied")))
        .execute(&mut world.conn)
        .unwrap();
    world
}

fn labels(conn: &mut Conn) -> QueryResult<Vec<String>> {
    sql::<Text>("SELECT label FROM tags").cached(conn).load()
}

#[test]
fn f08_the_first_cached_read_after_a_copy_is_cached() {
    let world = with_a_tag();
    let mut reader = world.reader();
    copy(&mut reader.conn);
    let read = |conn: &mut Conn| labels(conn).unwrap();
    assert_eq!(reader.sent(read), (vec!["copied".to_owned()], 1));
    assert_eq!(reader.sent(read), (vec!["copied".to_owned()], 0));
}

super::on_plain_connections! {
    #[test]
    fn f08_while_a_copy_is_left_open_hits_go_on_and_the_rest_is_as_without_a_cache() {
        use diesel::result::{DatabaseErrorKind, Error};
        let mut world = with_a_tag();
        let read = |conn: &mut Conn| labels(conn).unwrap();
        world.once(read);
        copy(&mut world.conn);
        assert_eq!(world.sent(read), (vec!["copied".to_owned()], 0));
        let other = || sql::<Text>("SELECT label FROM tags WHERE id = 1");
        let refused = |read: QueryResult<Vec<String>>| {
            matches!(
                read,
                Err(Error::DatabaseError(
                    DatabaseErrorKind::UnableToSendCommand,
                    _
                ))
            )
        };
        assert!(refused(other().load(&mut world.conn)));
        assert!(refused(other().cached(&mut world.conn).load()));
        run(&mut world.conn, "SELECT");
        let other = |conn: &mut Conn| -> Vec<String> { other().cached(conn).load().unwrap() };
        assert_eq!(world.sent(other), (vec!["copied".to_owned()], 1));
        assert_eq!(world.sent(other), (vec!["copied".to_owned()], 0));
    }
}

#[test]
fn f08_a_copy_inside_a_transaction_leaves_it_as_it_is() {
    let mut world = with_a_tag();
    let read = |conn: &mut Conn| labels(conn).unwrap();
    let mut reader = world.reader();
    let inside = reader.conn.transaction(|conn| -> QueryResult<_> {
        copy(conn);
        let first = read(conn);
        diesel::update(tags::table)
            .set(tags::label.eq("written"))
            .execute(conn)?;
        Ok((first, read(conn)))
    });
    let one = |label: &str| vec![label.to_owned()];
    assert_eq!(inside.unwrap(), (one("copied"), one("written")));
    assert_eq!(world.sent(read).0, one("written"));
}

#[test]
fn f06_execute_invalidates_what_the_prepared_statement_writes() {
    let mut fixture = with(
        "CREATE TABLE pebbles (id INTEGER PRIMARY KEY, name TEXT); \
         INSERT INTO pebbles VALUES (1, 'chert')",
    );
    const PEBBLES: &str = "SELECT name FROM pebbles ORDER BY id";
    for prepare in [
        "PREPARE renames (text) AS UPDATE pebbles SET name = name || $1",
        "PREPARE \"Renames\" AS UPDATE stones SET name = name || 'x'",
        "PREPARE reads AS SELECT 1",
    ] {
        fixture.keeps(prepare, &[STONES, PEBBLES]);
    }
    fixture.writes("EXECUTE renames('y')", &[PEBBLES], &[STONES]);
    fixture.writes("execute Renames ('z')", &[PEBBLES], &[STONES]);
    fixture.writes("EXECUTE \"Renames\"", &[STONES], &[PEBBLES]);
    fixture.keeps("EXECUTE reads", &[STONES, PEBBLES]);
    // The old one stays.
    let again = "PREPARE reads AS UPDATE pebbles SET name = 'no'";
    assert!(fixture.writer.conn.batch_execute(again).is_err());
    run(&mut fixture.writer.conn, "EXECUTE reads");
    run(
        &mut fixture.writer.conn,
        "DEALLOCATE reads; PREPARE reads AS UPDATE stones SET name = 'new'",
    );
    fixture.changes("EXECUTE reads", &[STONES]);
    fixture.changes(
        "DEALLOCATE ALL; PREPARE reads AS UPDATE stones SET name = 'newer'; EXECUTE reads",
        &[STONES],
    );
    let renames = "PREPARE renames (text) AS UPDATE pebbles SET name = $1";
    run(&mut fixture.writer.conn, renames);
    let hidden = "DO $$ BEGIN EXECUTE 'DEALLOCATE renames'; \
        EXECUTE 'PREPARE renames (text) AS UPDATE stones SET name = $1'; END $$";
    run(&mut fixture.writer.conn, hidden);
    fixture.changes("EXECUTE renames('unseen')", &[STONES]);
}

/// Prepared before anybody watched.
#[test]
fn f06_execute_of_an_unknown_text_invalidates_everything() {
    let mut fixture = with("");
    let mut late = super::db::establish(fixture.world.database.url());
    late.batch_execute("PREPARE p AS UPDATE stones SET name = name || 'p'")
        .unwrap();
    let mut late = connections::watch(late, &fixture.world.other_process());
    fixture.does("EXECUTE p", |_| run(&mut late, "EXECUTE p"), &[STONES], &[]);
}

#[test]
fn f06_what_only_postgresql_18_has_is_cached() {
    let mut fixture = with("");
    let version: i32 = fixture.shown("SHOW server_version_num")[0].parse().unwrap();
    if version < 180_000 {
        assert!(std::env::var("CACHALOT_TEST_POSTGRES_HOME").is_err());
        return;
    }
    for read in [
        "SELECT casefold(name) FROM stones ORDER BY id",
        "SELECT j.a FROM stones, JSON_TABLE(jsonb_build_array(name), '$[*]' PASSING id + 1 AS x \
         COLUMNS (a TEXT PATH '$')) j",
        "SELECT j.a FROM stones, JSON_TABLE(jsonb_build_array(name), '$[*]' \
         COLUMNS (a TEXT PATH '$.x' DEFAULT upper('none') ON EMPTY ERROR ON ERROR)) j",
        "SELECT j.a FROM stones, JSON_TABLE(jsonb_build_array(name), '$' AS r \
         COLUMNS (NESTED '$[*]' AS n COLUMNS (a TEXT PATH '$'))) j",
    ] {
        fixture.warm(read);
    }
}
