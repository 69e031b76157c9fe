//! Tenants in schemas of one database, told apart by `search_path`, by role, or by the URL.

use cachalot_diesel::CachedDsl as _;
use cachalot_tests::unique;
use diesel::{connection::SimpleConnection as _, prelude::*, sql_query, sql_types::Text};

use super::shared_connections::{rows, same};
use super::world::{Reader, World};
use super::{Conn, db};

const ITEMS: &str = "SELECT value FROM items ORDER BY value";

/// Tenants `a` and `b`, each with a schema of that name, and two connections.
fn tenants() -> (World, Reader, Reader) {
    let world = World::new();
    let mut outsider = world.outsider();
    for tenant in ["a", "b"] {
        outsider
            .batch_execute(&format!(
                "CREATE SCHEMA {tenant}; CREATE TABLE {tenant}.items (value text NOT NULL); \
                 INSERT INTO {tenant}.items VALUES ('of {tenant}')"
            ))
            .unwrap();
    }
    let (one, other) = (world.reader(), world.reader());
    (world, one, other)
}

#[track_caller]
fn sees(reader: &mut Reader, tenant: &str, when: &str) {
    assert_eq!(
        rows(&mut reader.conn, ITEMS, when),
        [format!("of {tenant}")],
        "{when}"
    );
}

/// From the cache, with no statement.
#[track_caller]
fn hits(reader: &mut Reader, tenant: &str, when: &str) {
    let counter = reader.counter.clone();
    let (read, sent) = counter.during(|| {
        let query = diesel::dsl::sql::<Text>(ITEMS);
        query.cached(&mut reader.conn).load::<String>().unwrap()
    });
    let (again, none) = counter.during(|| {
        let query = diesel::dsl::sql::<Text>(ITEMS);
        query.cached(&mut reader.conn).load::<String>().unwrap()
    });
    assert_eq!(
        (read, again),
        (vec![format!("of {tenant}")], vec![format!("of {tenant}")]),
        "{when}"
    );
    assert!(sent <= 1 && none == 0, "{when}");
}

/// django-cachalot loses it: the tenant's `search_path` is not in its key.
#[test]
fn x01_every_way_to_set_the_search_path_leads_to_the_tenants_rows() {
    let (_world, mut one, mut other) = tenants();
    other.conn.batch_execute("SET search_path TO a").unwrap();
    hits(&mut other, "a", "the other");
    for (set, tenant) in [
        ("SET search_path TO b", "b"),
        ("SET search_path = 'a', public", "a"),
        ("set session Search_Path to \"b\"", "b"),
        ("SET SCHEMA 'a'", "a"),
        ("SELECT set_config('search_path', 'b', false)", "b"),
        ("SELECT 1; SET search_path TO a; SELECT 2", "a"),
        (
            "SELECT pg_catalog.set_config('search_path', 'b, a', false)",
            "b",
        ),
        ("RESET ALL; SET search_path TO a", "a"),
        ("BEGIN; SET search_path TO b; COMMIT", "b"),
        ("BEGIN; SET LOCAL search_path TO a; COMMIT", "b"),
        ("BEGIN; SET search_path TO a; ROLLBACK", "b"),
        (
            "BEGIN; SAVEPOINT s; SET search_path TO a; ROLLBACK TO s; COMMIT",
            "b",
        ),
    ] {
        one.conn.batch_execute(set).unwrap();
        sees(&mut one, tenant, set);
        hits(&mut one, tenant, set);
        hits(&mut other, "a", set);
    }
    one.conn.batch_execute("RESET search_path").unwrap();
    same(
        &mut one.conn,
        &[ITEMS],
        "there is no such table in `public`",
    );
    assert!(sql_query(ITEMS).execute(&mut one.conn).is_err());
}

#[test]
fn x01_a_search_path_holds_as_long_as_its_transaction() {
    let (_world, mut one, mut other) = tenants();
    for reader in [&mut one, &mut other] {
        reader.conn.batch_execute("SET search_path TO a").unwrap();
        sees(reader, "a", "before");
    }
    for end in ["COMMIT", "ROLLBACK"] {
        one.conn
            .batch_execute("BEGIN; SET LOCAL search_path TO b")
            .unwrap();
        sees(&mut one, "b", "in the transaction");
        sees(&mut other, "a", "elsewhere");
        one.conn
            .batch_execute("SAVEPOINT s; SELECT set_config('search_path', 'a', true)")
            .unwrap();
        sees(&mut one, "a", "in the savepoint");
        one.conn.batch_execute("ROLLBACK TO s").unwrap();
        sees(&mut one, "b", "after the savepoint");
        one.conn.batch_execute(end).unwrap();
        sees(&mut one, "a", "after it");
    }
    one.conn
        .batch_execute("BEGIN; SET search_path TO b")
        .unwrap();
    assert!(one.conn.batch_execute("SELECT nonsense").is_err());
    one.conn.batch_execute("COMMIT").unwrap();
    sees(
        &mut one,
        "a",
        "COMMIT of a transaction that failed is a rollback",
    );
}

/// The text does not tell what is set: the connection is asked.
#[test]
fn x01_a_search_path_that_the_text_does_not_show_is_asked_for() {
    let (_world, mut one, mut other) = tenants();
    for reader in [&mut one, &mut other] {
        reader.conn.batch_execute("SET search_path TO a").unwrap();
        hits(reader, "a", "before");
    }
    let bind = |conn: &mut Conn| {
        sql_query("SELECT set_config($1, $2, false)")
            .bind::<Text, _>("search_path")
            .bind::<Text, _>("b")
            .execute(conn)
            .map(drop)
    };
    let block = |conn: &mut Conn| {
        conn.batch_execute(
            "DO $$ BEGIN PERFORM set_config('search_' || 'path', 'b', false); END $$",
        )
    };
    let prepared = |conn: &mut Conn| {
        conn.batch_execute("PREPARE s AS SELECT set_config('search_path', 'b', false); EXECUTE s")
    };
    for (how, set) in [
        ("bound", bind as fn(&mut Conn) -> QueryResult<()>),
        ("in a block", block),
        ("prepared", prepared),
    ] {
        set(&mut one.conn).unwrap();
        sees(&mut one, "b", how);
        hits(&mut one, "b", how);
        sees(&mut other, "a", how);
        one.conn.batch_execute("DISCARD ALL").unwrap();
        one.conn.batch_execute("SET search_path TO a").unwrap();
        hits(&mut one, "a", how);
    }
}

/// As applications do whose tenant is chosen by a function.
#[test]
fn x01_a_search_path_that_a_function_or_a_procedure_sets_is_seen() {
    let (world, mut one, mut other) = tenants();
    world
        .outsider()
        .batch_execute(
            "CREATE FUNCTION public.choose(tenant text) RETURNS text LANGUAGE plpgsql AS $$ \
             BEGIN PERFORM set_config('search_path', tenant || ', public', false); RETURN tenant; END $$; \
             CREATE PROCEDURE public.chosen(tenant text) LANGUAGE sql \
             AS $$ SELECT set_config('search_path', tenant || ', public', false) $$",
        )
        .unwrap();
    for reader in [&mut one, &mut other] {
        reader
            .conn
            .batch_execute("SET search_path TO a, public")
            .unwrap();
        hits(reader, "a", "before");
    }
    let load = |conn: &mut Conn, sql: &str| {
        let chosen: QueryResult<Vec<String>> = diesel::dsl::sql::<Text>(sql).load(conn);
        drop(chosen.unwrap());
    };
    let cached = |conn: &mut Conn, sql: &str| {
        let chosen: Vec<String> = diesel::dsl::sql::<Text>(sql).cached(conn).load().unwrap();
        drop(chosen);
    };
    let batch = |conn: &mut Conn, sql: &str| conn.batch_execute(sql).unwrap();
    for (run, sql) in [
        (load as fn(&mut Conn, &str), "SELECT choose('b')"),
        (cached, "SELECT public.choose('a')"),
        (load, "SELECT value FROM items WHERE choose('b') <> ''"),
        (batch, "CALL chosen('a')"),
        (batch, "DO $$ BEGIN PERFORM choose('b'); END $$"),
        (
            batch,
            "UPDATE items SET value = value WHERE choose('a') = ''",
        ),
        (batch, "BEGIN; SELECT choose('b'); ROLLBACK"),
        (batch, "BEGIN; SELECT choose('b'); COMMIT"),
        (
            batch,
            "COPY (SELECT choose('a')) TO PROGRAM 'cat >/dev/null'",
        ),
    ] {
        run(&mut one.conn, sql);
        let tenant = if sql.contains("'b'") && !sql.contains("ROLLBACK") {
            "b"
        } else {
            "a"
        };
        sees(&mut one, tenant, sql);
        sees(&mut other, "a", sql);
        hits(&mut one, tenant, sql);
    }
}

#[test]
fn x01_a_search_path_that_came_with_the_connection_counts() {
    let (world, _, _) = tenants();
    let url = world.database.url();
    let open = |options: &str| {
        let mut conn = db::establish(&format!("{url}?options=-c%20search_path%3D{options}"));
        world.cache.watch(&mut conn).unwrap();
        conn
    };
    let [mut a, mut b] = ["a", "b"].map(open);
    let mut late = db::establish(url);
    late.batch_execute("SET search_path TO b").unwrap();
    for _ in 0..2 {
        assert_eq!(rows(&mut a, ITEMS, "by the URL"), ["of a"]);
        assert_eq!(rows(&mut b, ITEMS, "by the URL"), ["of b"]);
    }
    world.cache.watch(&mut late).unwrap();
    assert_eq!(
        rows(&mut late, ITEMS, "set before it was watched"),
        ["of b"]
    );
    let default = format!(
        "ALTER DATABASE {} SET search_path TO a",
        world.database.name()
    );
    late.batch_execute(&default).unwrap();
    let mut new = world.reader();
    assert_eq!(
        rows(&mut new.conn, ITEMS, "by the database's default"),
        ["of a"]
    );
    assert_eq!(rows(&mut b, ITEMS, "opened before it"), ["of b"]);
}

#[test]
fn x01_a_role_whose_schema_is_first_in_the_path_sees_its_own() {
    let (world, mut one, mut other) = tenants();
    let role = unique::name("tenant");
    let mut admin = world.outsider();
    admin
        .batch_execute(&format!(
            "CREATE ROLE {role}; CREATE SCHEMA {role} AUTHORIZATION {role}; \
             CREATE TABLE {role}.items AS SELECT text 'of the role' AS value; \
             CREATE TABLE public.items AS SELECT text 'of everybody' AS value; \
             GRANT ALL ON public.items, {role}.items TO {role}"
        ))
        .unwrap();
    for (set, reset) in [
        (format!("SET ROLE {role}"), "RESET ROLE"),
        (format!("SET ROLE '{role}'"), "SET ROLE NONE"),
        (
            format!("SET SESSION AUTHORIZATION {role}"),
            "RESET SESSION AUTHORIZATION",
        ),
        (
            format!("SELECT set_config('role', '{role}', false)"),
            "SET role TO DEFAULT",
        ),
        (format!("BEGIN; SET LOCAL ROLE {role}"), "COMMIT"),
    ] {
        sees(&mut one, "everybody", reset);
        one.conn.batch_execute(&set).unwrap();
        sees(&mut one, "the role", &set);
        sees(&mut other, "everybody", &set);
        one.conn.batch_execute(reset).unwrap();
    }
    sees(&mut one, "everybody", "at the end");
    drop((one, other));
    admin
        .batch_execute(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"))
        .unwrap();
}

/// Tables are compared by their last name: a write to one tenant's may cost the others a miss, no more.
#[test]
fn x01_a_write_to_a_tenants_table_is_seen_by_the_tenant_however_it_is_named() {
    let (world, mut one, mut other) = tenants();
    one.conn.batch_execute("SET search_path TO a").unwrap();
    other.conn.batch_execute("SET search_path TO b").unwrap();
    let mut writer = world.reader();
    for (number, (write, tenant)) in [
        ("UPDATE b.items SET value = 'of b'", "b"),
        ("SET search_path TO a; UPDATE items SET value = 'of a'", "a"),
        ("UPDATE b.\"items\" SET value = 'of b'", "b"),
    ]
    .into_iter()
    .enumerate()
    {
        sees(&mut one, if number < 2 { "a" } else { "a2" }, write);
        let changed = write
            .replace("'of a'", "'of a2'")
            .replace("'of b'", &format!("'of b{number}'"));
        writer.conn.batch_execute(&changed).unwrap();
        let (reader, expected) = if tenant == "a" {
            (&mut one, "a2".to_owned())
        } else {
            (&mut other, format!("b{number}"))
        };
        sees(reader, &expected, &changed);
    }
}
