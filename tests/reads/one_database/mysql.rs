//! Reads that only MariaDB knows.

use cachalot_diesel::{BypassReason, Outcome};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Integer, Text};

use super::CachedDsl as _;
use super::Conn;
use super::blog::{self, Post};
use super::db;
use super::schema::*;
use super::world::{World, assert_cached, assert_not_cached, assert_tables};

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[derive(Debug, PartialEq, QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

#[test]
fn r03_the_collation_decides_what_is_equal() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let found = |title: &'static str| posts::table.filter(posts::title.eq(title)).count();
        assert_eq!(assert_cached!(world, i64, found("Hello")), [1]);
        assert_eq!(assert_cached!(world, i64, found("HELLO")), [1]);
    });
}

#[test]
fn r05_concatenated_groups() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            sql_query(
                "SELECT group_concat(label ORDER BY id DESC SEPARATOR '/') AS word \
                 FROM `tags` STRAIGHT_JOIN posts_tags ON tag_id = id",
            )
        };

        let rows = assert_cached!(world, Word, query());
        assert_eq!(rows[0].word, "sql/sql/rust");
        assert_tables!(world, query(), ["posts_tags", "tags"]);
    });
}

#[test]
fn r13_quotes_of_both_kinds() {
    World::each(|world| {
        let query = || sql_query("SELECT `id` FROM `two words` WHERE `first name` = \"order\"");
        assert_eq!(assert_cached!(world, Id, query()), []);
        assert_tables!(world, query(), ["two words"]);
    });
}

#[test]
fn r16_locks_as_diesel_writes_them() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let update = || posts::table.order(posts::id).for_update();
        let rows = assert_not_cached!(world, Post, update(), BypassReason::RowLock);
        assert_eq!(rows, blog::posts());
        let share = || posts::table.filter(posts::id.eq(1)).for_share();
        let sql = diesel::debug_query::<diesel::mysql::Mysql, _>(&share()).to_string();
        assert!(sql.contains("FOR SHARE"), "{sql}: which MariaDB refuses");
        let explanation = share().cached(&mut world.conn).explain().unwrap();
        assert_eq!(explanation.outcome, Outcome::Bypass(BypassReason::RowLock));
    });
}

/// Diesel cannot read what MariaDB returns from a write, cached or not.
#[test]
fn r16_an_insert_that_returns_rows() {
    if !cachalot_tests::mysql::takes_as_mariadb("DELETE FROM tags WHERE id = 0 RETURNING id") {
        return;
    }
    World::each(|world| {
        let count = |conn: &mut Conn| tags::table.count().cached(conn).get_result::<i64>();
        assert_eq!(world.once(count), Ok(0));

        for id in 1..4 {
            let insert = || {
                let values = format!("VALUES ({id}, '{id}') RETURNING id");
                sql_query(format!("INSERT INTO tags (id, label) {values}"))
            };
            let plain = if id == 1 {
                insert().load::<Id>(&mut world.conn)
            } else {
                insert().cached(&mut world.conn).load::<Id>()
            };
            let error = plain.unwrap_err().to_string();
            assert!(error.contains("No metadata exists"), "{error}");
            let there = tags::table.count().get_result(&mut world.outsider());
            assert_eq!(count(&mut world.conn), there);
        }
    });
}

#[test]
fn r16_variables_of_the_users_own() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    sql_query("SET @last = 2").execute(&mut world.conn).unwrap();
    let query = || sql_query("SELECT id FROM posts WHERE id <= @last ORDER BY id");
    for last in [1, 3] {
        sql_query(format!("SET @last = {last}"))
            .execute(&mut world.conn)
            .unwrap();
        for _ in 0..2 {
            let (rows, sent) = world.sent(|conn| query().cached(conn).load::<Id>());
            assert_eq!((rows.unwrap().len(), sent), (last, 1));
        }
    }
    let counting = || sql_query("SELECT id FROM posts WHERE (@last := @last + 1) > 0");
    for read in 1..=2 {
        let (rows, sent) = world.sent(|conn| counting().cached(conn).load::<Id>());
        assert_eq!((rows.unwrap().len(), sent), (4, 1));
        let last = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("@last"));
        assert_eq!(last.get_result::<i64>(&mut world.conn), Ok(3 + 4 * read));
    }
}

#[test]
fn r16_what_a_select_leaves_behind() {
    let mut world = World::new();
    blog::fill(&mut world.conn);

    let query = || sql_query("SELECT SQL_CALC_FOUND_ROWS id FROM posts LIMIT 1");
    assert_not_cached!(world, Id, query(), BypassReason::SessionChange);
    for _ in 0..2 {
        let rows = query().cached(&mut world.conn).load::<Id>();
        assert_eq!(rows.unwrap().len(), 1);
        let found = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
            "FOUND_ROWS()",
        ));
        assert_eq!(found.get_result::<i64>(&mut world.conn), Ok(4));
    }
}

#[test]
fn r20_a_lost_connection_is_the_callers_error_and_is_not_cached() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let mut lost = world.reader();
    let cached = |conn: &mut Conn| posts::table.count().cached(conn).get_result::<i64>();
    assert_eq!(lost.sent(cached), (Ok(4), 1));
    let id: u64 = diesel::select(diesel::dsl::sql::<
        diesel::sql_types::Unsigned<diesel::sql_types::BigInt>,
    >("connection_id()"))
    .get_result(&mut lost.conn)
    .unwrap();

    let mut killer = db::establish(world.database.url());
    sql_query(format!("KILL {id}"))
        .execute(&mut killer)
        .unwrap();

    let read = |conn: &mut Conn| posts::table.cached(conn).load::<Post>();
    for _ in 0..2 {
        assert!(lost.sent(read).0.is_err());
    }
    assert_eq!(world.once(read), Ok(blog::posts()));
}
