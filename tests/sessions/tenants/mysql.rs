//! Tenants in databases of one server, told apart by `USE` or by the URL.

use cachalot_diesel::CachedDsl as _;
use cachalot_tests::Database;
use diesel::{connection::SimpleConnection as _, prelude::*};

use super::schema::tags;
use super::shared_connections::{rows, same};
use super::world::{Reader, World};
use super::{Conn, db};

const LABELS: &str = "SELECT label AS value FROM tags ORDER BY id";

/// Two databases with a tag each, and two connections to the first.
fn tenants() -> (World, Database, Reader, Reader) {
    let (world, other) = (World::new(), db::database());
    for (database, label) in [(&world.database, "of a"), (&other, "of b")] {
        diesel::insert_into(tags::table)
            .values(tags::label.eq(label))
            .execute(&mut db::establish(database.url()))
            .unwrap();
    }
    let (one, two) = (world.reader(), world.reader());
    (world, other, one, two)
}

fn labels(conn: &mut Conn) -> Vec<String> {
    tags::table.select(tags::label).cached(conn).load().unwrap()
}

#[track_caller]
fn sees(reader: &mut Reader, tenant: &str, when: &str) {
    let expected = vec![format!("of {tenant}")];
    assert_eq!(rows(&mut reader.conn, LABELS, when), expected, "{when}");
    let first = reader.sent(labels);
    assert_eq!(first.0, expected, "{when}");
    assert_eq!(reader.sent(labels), (expected, 0), "{when}");
}

#[test]
fn x01_use_leads_to_the_other_databases_rows() {
    let (world, other, mut one, mut two) = tenants();
    let (a, b) = (world.database.name(), other.name());
    sees(&mut two, "a", "the other");
    for (used, tenant) in [
        (format!("USE {b}"), "b"),
        (format!("use `{a}`;"), "a"),
        (format!("SELECT 1; USE /* x */ `{b}`; SELECT 2"), "b"),
        (format!("BEGIN; USE {a}; ROLLBACK"), "a"),
        (
            format!("SET autocommit = 0; USE {b}; SET autocommit = 1"),
            "b",
        ),
    ] {
        one.conn.batch_execute(&used).unwrap();
        sees(&mut one, tenant, &used);
        sees(&mut two, "a", &used);
    }
    assert!(one.conn.batch_execute("USE no_such_database").is_err());
    sees(&mut one, "b", "USE has failed");
}

#[test]
fn x01_a_database_that_came_with_the_connection_counts() {
    let (world, other, mut one, _) = tenants();
    let mut elsewhere = db::establish(other.url());
    let mut late = db::establish(world.database.url());
    late.batch_execute(&format!("USE {}", other.name()))
        .unwrap();
    for conn in [&mut elsewhere, &mut late] {
        world.cache.watch(conn).unwrap();
        sees(&mut one, "a", "before");
        assert_eq!(rows(conn, LABELS, "elsewhere"), ["of b"]);
        assert_eq!(labels(conn), ["of b"]);
        sees(&mut one, "a", "after");
    }
}

/// Tables are compared by their last name: a write to one tenant's may cost the others a miss, no more.
#[test]
fn x01_a_write_to_a_tenants_table_is_seen_by_the_tenant_however_it_is_named() {
    let (world, other, mut one, mut two) = tenants();
    let (a, b) = (world.database.name(), other.name());
    two.conn.batch_execute(&format!("USE {b}")).unwrap();
    let mut writer = world.reader();
    for (write, of_a, of_b) in [
        (format!("UPDATE {b}.tags SET label = 'of b2'"), "a", "b2"),
        (
            format!("USE {b}; UPDATE tags SET label = 'of b3'"),
            "a",
            "b3",
        ),
        (
            format!("UPDATE `{a}`.`tags` SET label = 'of a2'"),
            "a2",
            "b3",
        ),
    ] {
        writer.conn.batch_execute(&write).unwrap();
        sees(&mut one, of_a, &write);
        sees(&mut two, of_b, &write);
    }
    let qualified = format!("SELECT label AS value FROM {b}.tags");
    same(&mut one.conn, &[&qualified, LABELS], "both by name");
    assert_eq!(rows(&mut one.conn, &qualified, "by name"), ["of b3"]);
}

#[test]
fn x01_user_variables_are_in_no_entry() {
    let (_world, _other, mut one, mut two) = tenants();
    let mine = "SELECT label AS value FROM tags WHERE label = @mine";
    for (variable, expected) in [("of a", vec!["of a"]), ("nobody's", vec![])] {
        one.conn
            .batch_execute(&format!("SET @mine = \"{variable}\""))
            .unwrap();
        assert_eq!(rows(&mut one.conn, mine, variable), expected);
        assert_eq!(rows(&mut two.conn, mine, variable), Vec::<String>::new());
    }
}

#[test]
fn x01_what_a_function_or_a_procedure_sets_is_seen() {
    let (world, _other, mut one, mut two) = tenants();
    world
        .outsider()
        .batch_execute(
            "CREATE TABLE moments (at TIMESTAMP); INSERT INTO moments VALUES ('2024-02-29 23:30:00'); \
             CREATE PROCEDURE move_to(zone VARCHAR(9)) SET time_zone = zone; \
             CREATE FUNCTION moved_to(zone VARCHAR(9)) RETURNS INTEGER \
             BEGIN SET time_zone = zone; RETURN 1; END",
        )
        .unwrap();
    let moments = "SELECT CAST(at AS CHAR) AS value FROM moments";
    assert_eq!(
        rows(&mut two.conn, moments, "before"),
        ["2024-02-29 23:30:00"]
    );
    for (sql, expected) in [
        ("CALL move_to('+01:00')", "2024-03-01 00:30:00"),
        ("SELECT moved_to('+02:00')", "2024-03-01 01:30:00"),
        ("SET @x = moved_to('+03:00')", "2024-03-01 02:30:00"),
        ("DO moved_to('+04:00')", "2024-03-01 03:30:00"),
    ] {
        one.conn.batch_execute(sql).unwrap();
        assert_eq!(rows(&mut one.conn, moments, sql), [expected], "{sql}");
        assert_eq!(
            rows(&mut two.conn, moments, sql),
            ["2024-02-29 23:30:00"],
            "{sql}"
        );
    }
}
