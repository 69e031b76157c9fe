//! Changes of the schema: the next read asks the database, and its error is the caller's.

use cachalot_diesel::CachedDsl as _;
use cachalot_tests::migrations;
use diesel::{
    connection::SimpleConnection as _, prelude::*, result::Error, sql_query, sql_types::Text,
};

use super::schema::*;
use super::world::World;
use super::{Conn, db};

fn labels(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let query = tags::table.order(tags::id).select(tags::label);
    query.cached(conn).load()
}

fn plain(world: &World) -> QueryResult<Vec<String>> {
    // Nobody watches the outsider, so its reads are plain.
    labels(&mut world.outsider())
}

/// Two tags, cached for the world's connection, and a connection of another process.
fn two_tags() -> (World, super::world::Reader) {
    let mut world = World::new();
    for label in ["a", "b"] {
        diesel::insert_into(tags::table)
            .values(tags::label.eq(label))
            .execute(&mut world.conn)
            .unwrap();
    }
    assert_eq!(world.once(labels), Ok(vec!["a".to_owned(), "b".to_owned()]));
    let other = world.connect(&world.other_process());
    (world, other)
}

#[test]
fn w06_indexes_come_and_go_and_reads_stay_right() {
    let (mut world, mut other) = two_tags();
    let drop = if super::DATABASE == "mysql" {
        "DROP INDEX tags_by_label ON tags"
    } else {
        "DROP INDEX tags_by_label"
    };
    for ddl in ["CREATE INDEX tags_by_label ON tags (label, id)", drop] {
        other.conn.batch_execute(ddl).unwrap();
        let (rows, sent) = world.sent(labels);
        assert_eq!((rows, sent), (plain(&world), 1), "{ddl}");
        assert_eq!(world.sent(labels).1, 0, "cached again after {ddl}");
    }
}

#[test]
fn w06_a_column_that_is_added_is_seen_by_whoever_reads_all_columns() {
    #[derive(Debug, PartialEq, QueryableByName)]
    struct Colour {
        #[diesel(sql_type = Text)]
        colour: String,
    }
    let (mut world, mut other) = two_tags();
    let read = |conn: &mut Conn| -> QueryResult<Vec<Colour>> {
        sql_query("SELECT * FROM tags ORDER BY id LIMIT 1")
            .cached(conn)
            .load()
    };
    // No such column, in the database as in the cache.
    assert!(read(&mut world.reader().conn).is_err());
    assert!(read(&mut world.reader().conn).is_err());
    other
        .conn
        .batch_execute("ALTER TABLE tags ADD COLUMN colour VARCHAR(9) DEFAULT 'red'")
        .unwrap();
    let red = Colour {
        colour: "red".to_owned(),
    };
    let mut reader = world.reader();
    assert_eq!(reader.sent(read), (Ok(vec![red]), 1));
    assert_eq!(reader.sent(read).1, 0);
    assert_eq!(world.sent(labels), (plain(&world), 1));
}

/// Lost by caches that look at no DDL: the rows live on without their table.
#[test]
fn w06_after_a_column_or_table_is_gone_the_next_read_gives_the_databases_error() {
    for gone in [
        "ALTER TABLE tags RENAME COLUMN label TO name",
        "ALTER TABLE tags RENAME TO labels",
        "DROP TABLE posts_tags; DROP TABLE tags",
        "DROP TABLE posts_tags; DROP TABLE IF EXISTS tags",
    ] {
        let (mut world, mut other) = two_tags();
        other.conn.batch_execute(gone).unwrap();
        let expected = plain(&world).unwrap_err();
        for _ in 0..2 {
            let (error, sent) = world.sent(labels);
            assert_eq!(error.unwrap_err(), expected, "{gone}");
            assert_eq!(sent, 1, "an error is not kept: {gone}");
        }
    }
}

#[test]
fn w06_a_table_that_is_made_anew_has_its_new_rows() {
    let (world, mut other) = two_tags();
    other
        .conn
        .batch_execute(
            "DROP TABLE posts_tags; DROP TABLE tags; \
             CREATE TABLE tags (id INTEGER NOT NULL, label VARCHAR(9) NOT NULL); \
             INSERT INTO tags VALUES (1, 'anew')",
        )
        .unwrap();
    // A statement that the old connection prepared for the old table is of no use on PostgreSQL,
    // with a cache or without.
    let mut reader = world.reader();
    assert_eq!(reader.sent(labels), (Ok(vec!["anew".to_owned()]), 1));
    assert_eq!(reader.sent(labels), (Ok(vec!["anew".to_owned()]), 0));
}

#[test]
fn w06_ddl_in_a_transaction_counts_when_it_is_committed() {
    let (mut world, mut other) = two_tags();
    let rename = |conn: &mut Conn, end: Result<(), Error>| {
        conn.transaction(|conn| {
            conn.batch_execute("ALTER TABLE tags RENAME TO labels")?;
            end
        })
    };
    let rolled_back = rename(&mut other.conn, Err(Error::RollbackTransaction));
    // MariaDB commits it at once.
    assert_eq!(plain(&world).is_err(), super::DATABASE == "mysql");
    assert_eq!(world.sent(labels).0, plain(&world));
    assert_eq!(rolled_back, Err(Error::RollbackTransaction));
    if super::DATABASE != "mysql" {
        assert_eq!(world.sent(labels).1, 0, "nothing has changed");
        rename(&mut other.conn, Ok(())).unwrap();
    }
    assert_eq!(world.sent(labels), (Err(plain(&world).unwrap_err()), 1));
}

/// Through Diesel's `MigrationHarness`, on a connection that is watched as any.
#[test]
fn w06_migrations_are_seen() {
    let (mut world, mut other) = two_tags();
    migrations::revert(&mut other.conn, db::MIGRATIONS);
    let expected = plain(&world).unwrap_err();
    assert_eq!(world.sent(labels), (Err(expected), 1), "the table is gone");

    migrations::run(&mut other.conn, db::MIGRATIONS);
    let mut reader = world.reader();
    assert_eq!(
        reader.sent(labels),
        (Ok(Vec::new()), 1),
        "it is there again, empty"
    );
    assert_eq!(reader.sent(labels), (Ok(Vec::new()), 0));
    assert_eq!(reader.sent(labels).0, plain(&world));
}
