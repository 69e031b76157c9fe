//! Settings of PostgreSQL's sessions.

#[path = "common.rs"]
mod common;

use cachalot_tests::unique;
use diesel::connection::SimpleConnection as _;

use self::common::{are_kept_apart, are_shared, key};
use super::world::World;
use super::{Conn, db};

#[test]
fn f08_settings_that_do_not_affect_results_share_entries() {
    are_shared(
        &mut World::new(),
        &[
            "SET statement_timeout = '9s'",
            "SET lock_timeout = '9s'",
            "SET idle_in_transaction_session_timeout = '9s'",
            "SET work_mem = '9MB'",
            "SET application_name = 'somebody'",
            "SET client_min_messages = 'error'",
            "SET synchronous_commit = off",
            "SET log_statement = 'all'",
            "SET jit = off",
            "SELECT set_config('statement_timeout', '7s', false)",
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET enable_seqscan = off; RESET enable_seqscan",
            "SET hnsw.ef_search = 7; RESET ALL",
        ],
    );
}

#[test]
fn f02_settings_that_no_statement_shows_are_part_of_the_key() {
    are_kept_apart(
        &mut World::new(),
        &[
            "SET hnsw.ef_search = 100",
            "SET hnsw.ef_search = 200",
            "SET ivfflat.probes = 50",
            "SET enable_indexscan = off",
            "SET plpgsql.variable_conflict = 'use_column'",
            "SET pg_trgm.word_similarity_threshold = 0.9",
            "SET from_collapse_limit = 1",
            "SET timezone = 'Asia/Tokyo'",
            "SET lc_time = 'POSIX'; SET escape_string_warning = off",
        ],
    );
}

/// Watched once it is open: its URL is not seen.
fn open(world: &World, url: &str) -> Conn {
    let mut conn = db::establish(url);
    world.cache.watch(&mut conn).unwrap();
    conn
}

#[test]
fn f02_settings_of_extensions_in_the_url() {
    let world = World::new();
    let url = world.database.url();
    let plain = key(&mut open(&world, url));
    let options = |options: &str| format!("{url}?options={options}");
    let probes = key(&mut open(&world, &options("-c%20ivfflat.probes%3D50")));
    let more = key(&mut open(&world, &options("-c%20ivfflat.probes%3D51")));
    assert_ne!(plain, probes);
    assert_ne!(plain, more);
    assert_ne!(probes, more);
    let again = key(&mut open(
        &world,
        &options("-c%20ivfflat.probes%3D50%20-c%20work_mem%3D9MB"),
    ));
    assert_eq!(probes, again);
}

/// A role of the test's own that may read, and its URL.
fn role(world: &World) -> (String, String) {
    let name = unique::name("reader");
    world
        .outsider()
        .batch_execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'x'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"
        ))
        .unwrap();
    let (scheme, rest) = world.database.url().split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let url = format!("{scheme}://{name}:x@{host}");
    (name, url)
}

#[test]
fn f02_settings_of_extensions_that_a_role_or_the_database_has() {
    let world = World::new();
    let (role, url) = role(&world);
    let database = world.database.name();
    let mut admin = world.outsider();
    // Neither the library nor the server knows the second.
    for setting in ["hnsw.ef_search", "nobodys_extension.depth"] {
        let mut before = open(&world, &url);
        let mut keys = vec![key(&mut before)];
        let mut held = vec![before];
        for alter in [
            format!("ALTER ROLE {role} SET {setting} = '100'"),
            format!("ALTER ROLE {role} IN DATABASE {database} SET {setting} = '200'"),
            format!(
                "ALTER ROLE {role} RESET ALL; ALTER ROLE {role} IN DATABASE {database} RESET ALL; \
                     ALTER DATABASE {database} SET {setting} = '300'"
            ),
        ] {
            admin.batch_execute(&alter).unwrap();
            let mut conn = open(&world, &url);
            assert_eq!(key(&mut conn), key(&mut open(&world, &url)), "{alter}");
            assert!(!keys.contains(&key(&mut conn)), "{alter}");
            keys.push(key(&mut conn));
            held.push(conn);
        }
        // Opened before, and first asked after the setting was taken away.
        let mut late = db::establish(&url);
        admin
            .batch_execute(&format!("ALTER DATABASE {database} RESET {setting}"))
            .unwrap();
        world.cache.watch(&mut late).unwrap();
        assert_eq!(Some(&key(&mut late)), keys.last(), "{setting}");
        assert_eq!(key(&mut open(&world, &url)), keys[0], "{setting}");
        // Those that were open before have kept theirs.
        for (conn, expected) in held.iter_mut().zip(&keys) {
            conn.batch_execute("SET timezone TO 'UTC'").unwrap();
            assert_eq!(&key(conn), expected, "{setting}");
        }
    }
}
