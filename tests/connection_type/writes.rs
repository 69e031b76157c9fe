//! Writes through the type invalidate, whichever call makes them.

use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};

use super::{
    Typed,
    blog::{self, Author},
    filled, name, rename,
    schema::*,
    world::World,
};
use cachalot_diesel::CachedDsl as _;

#[test]
fn n02_a_write_is_seen_by_all_connections() {
    let (mut world, mut typed) = filled();
    let mut other = Typed::on(&world.database, &world.other_process());
    for to in ["one", "two"] {
        rename(&mut typed.conn, to).unwrap();
        assert_eq!(typed.sent(name), (to.to_owned(), 1));
        assert_eq!(other.sent(name), (to.to_owned(), 0));
        let plain = authors::table
            .find(1)
            .select(authors::name)
            .cached(&mut world.conn);
        assert_eq!(plain.get_result::<String>().unwrap(), to);
    }
    diesel::update(authors::table.find(1))
        .set(authors::name.eq("plain"))
        .execute(&mut world.conn)
        .unwrap();
    assert_eq!(name(&mut typed.conn), "plain");
    assert_eq!(name(&mut other.conn), "plain");
}

#[test]
fn n02_a_transaction_is_published_with_its_commit() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    name(&mut typed.conn);
    let committed = typed.conn.transaction(|conn| {
        rename(conn, "inside")?;
        assert_eq!(name(conn), "inside", "own writes");
        assert_eq!(other.sent(name), ("Ada".to_owned(), 0));
        conn.transaction(|conn| {
            rename(conn, "deeper")?;
            Err::<(), _>(Error::RollbackTransaction)
        })
        .unwrap_err();
        assert_eq!(name(conn), "inside");
        QueryResult::Ok(())
    });
    committed.unwrap();
    assert_eq!(name(&mut other.conn), "inside");
    let rolled_back = typed.conn.transaction(|conn| {
        rename(conn, "never")?;
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(rolled_back, Err(Error::RollbackTransaction));
    assert_eq!(
        other.sent(name),
        ("inside".to_owned(), 0),
        "a rollback costs no entry"
    );
    assert_eq!(typed.sent(name), ("inside".to_owned(), 0));
}

#[test]
fn n02_a_test_transaction_leaks_nothing() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    typed.conn.begin_test_transaction().unwrap();
    rename(&mut typed.conn, "test").unwrap();
    assert_eq!(name(&mut typed.conn), "test");
    assert_eq!(name(&mut other.conn), "Ada");
    typed.conn.test_transaction::<_, Error, _>(|conn| {
        rename(conn, "deeper")?;
        assert_eq!(name(conn), "deeper");
        Ok(())
    });
    assert_eq!(name(&mut typed.conn), "test");
    drop(typed);
    assert_eq!(name(&mut other.conn), "Ada");
}

#[test]
fn n02_raw_sql_and_batches_are_seen() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    name(&mut other.conn);
    typed
        .conn
        .batch_execute("UPDATE authors SET name = 'batch' WHERE id = 1")
        .unwrap();
    assert_eq!(name(&mut other.conn), "batch");
    typed.conn.batch_execute("BEGIN").unwrap();
    diesel::sql_query("UPDATE authors SET name = 'raw' WHERE id = 1")
        .execute(&mut typed.conn)
        .unwrap();
    assert_eq!(name(&mut other.conn), "batch");
    typed.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(name(&mut other.conn), "raw");
}

#[derive(AsChangeset, Identifiable, Clone, Copy)]
#[diesel(table_name = authors)]
struct Renamed {
    id: i32,
    name: &'static str,
}

#[test]
fn n02_save_changes_returns_the_row_and_is_seen() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    name(&mut other.conn);
    let change = Renamed {
        id: 1,
        name: "saved",
    };
    let author: Author = change.save_changes(&mut typed.conn).unwrap();
    assert_eq!(author.name, "saved");
    assert_eq!(name(&mut other.conn), "saved");
    assert_eq!(name(&mut typed.conn), "saved");
}

#[test]
fn n02_what_is_written_past_the_cache_is_seen() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    name(&mut other.conn);
    let write = |conn: &mut super::Conn, to: &str| {
        let author = diesel::update(authors::table.find(1));
        author.set(authors::name.eq(to)).execute(conn).unwrap()
    };
    write(typed.conn.inner_mut(), "inner");
    assert_eq!(name(&mut other.conn), "inner");
    assert_eq!(name(&mut typed.conn), "inner");
    // A transaction that is begun in one way and ended in the other.
    typed.conn.inner_mut().batch_execute("BEGIN").unwrap();
    write(typed.conn.inner_mut(), "begun");
    assert_eq!(name(&mut other.conn), "inner");
    typed.conn.batch_execute("COMMIT").unwrap();
    assert_eq!(name(&mut other.conn), "begun");
    let mut plain = typed.conn.into_inner();
    write(&mut plain, "out");
    assert_eq!(name(&mut other.conn), "out");
}

#[test]
fn n02_a_migration_is_seen() {
    use diesel_migrations::MigrationHarness as _;
    let world = World::new();
    let mut typed = Typed::of(&world);
    let mut other = Typed::of(&world);
    blog::fill(typed.conn.inner_mut());
    name(&mut other.conn);
    for migrations in super::db::MIGRATIONS {
        assert!(!typed.conn.has_pending_migration(migrations).unwrap());
    }
    let [migrations, ..] = super::db::MIGRATIONS;
    assert!(!typed.conn.applied_migrations().unwrap().is_empty());
    typed.conn.run_pending_migrations(migrations).unwrap();
    assert_eq!(name(&mut other.conn), "Ada");
}

super::on_postgres! {
    #[test]
    fn n02_build_transaction_copies_and_returned_rows_are_seen() {
        let (world, mut typed) = filled();
        let mut other = Typed::of(&world);
        name(&mut other.conn);
        typed
            .conn
            .build_transaction()
            .serializable()
            .run(|conn| rename(conn, "built"))
            .unwrap();
        assert_eq!(name(&mut other.conn), "built");
        let returned: Vec<String> = diesel::update(authors::table.find(1))
            .set(authors::name.eq("returned"))
            .returning(authors::name)
            .get_results(&mut typed.conn)
            .unwrap();
        assert_eq!(returned, ["returned"]);
        assert_eq!(name(&mut other.conn), "returned");
        let count = |conn: &mut cachalot_diesel::CachalotConnection<super::Conn>| {
            tags::table.count().get_result::<i64>(conn).unwrap()
        };
        assert_eq!(count(&mut other.conn), 3);
        let rows = [(tags::id.eq(70), tags::label.eq("copied"))];
        let copied = diesel::copy_from(tags::table).from_insertable(rows.to_vec());
        assert_eq!(copied.execute(&mut typed.conn), Ok(1));
        assert_eq!(count(&mut other.conn), 4);
    }
}

super::on_sqlite! {
    #[test]
    fn n02_immediate_transactions_and_returned_rows_are_seen() {
        let (world, mut typed) = filled();
        let mut other = Typed::of(&world);
        name(&mut other.conn);
        typed.conn.immediate_transaction(|conn| rename(conn, "immediate")).unwrap();
        assert_eq!(name(&mut other.conn), "immediate");
        let rolled_back = typed.conn.exclusive_transaction(|conn| {
            rename(conn, "never")?;
            Err::<(), _>(Error::RollbackTransaction)
        });
        assert_eq!(rolled_back, Err(Error::RollbackTransaction));
        assert_eq!(name(&mut other.conn), "immediate");
        let returned: String = diesel::update(authors::table.find(1))
            .set(authors::name.eq("returned"))
            .returning(authors::name)
            .get_result(&mut typed.conn)
            .unwrap();
        assert_eq!(returned, "returned");
        assert_eq!(name(&mut other.conn), "returned");
    }

    #[test]
    fn n02_a_write_that_returns_rows_ends_with_the_last_of_them() {
        use diesel::{connection::{DefaultLoadingMode, LoadConnection}, row::Row as _};
        let (world, mut typed) = filled();
        let mut other = Typed::of(&world);
        name(&mut other.conn);
        let update = diesel::update(authors::table.find(1))
            .set(authors::name.eq("held"))
            .returning(authors::name);
        let mut rows = LoadConnection::<DefaultLoadingMode>::load(&mut typed.conn, update).unwrap();
        let row = rows.next().unwrap().unwrap();
        drop(rows);
        // SQLite commits it when the row goes.
        assert_eq!(name(&mut other.conn), "Ada");
        assert_eq!(row.field_count(), 1);
        drop(row);
        assert_eq!(name(&mut other.conn), "held");
    }
}
