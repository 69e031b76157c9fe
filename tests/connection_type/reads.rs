//! Plain Diesel calls are answered from the cache.

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome, disabled};
use diesel::{
    connection::{DefaultLoadingMode, LoadConnection},
    deserialize::FromSqlRow,
    prelude::*,
    row::Row as _,
    sql_types::Integer,
};

use super::{
    Typed,
    blog::{self, Author, Comment, Post},
    filled,
    schema::*,
    world::World,
};

type Backend = <super::Conn as diesel::Connection>::Backend;

#[test]
fn n01_every_way_to_load_is_read_once() {
    let (_world, mut typed) = filled();
    let by_id = || authors::table.order(authors::id);
    let all = typed.once(|conn| by_id().load::<Author>(conn));
    assert_eq!(all, blog::authors());
    typed.once(|conn| by_id().offset(1).limit(10).get_results::<Author>(conn));
    typed.once(|conn| authors::table.find(2).get_result::<Author>(conn));
    typed.once(|conn| {
        authors::table
            .find(99)
            .get_result::<Author>(conn)
            .optional()
    });
    typed.once(|conn| by_id().first::<Author>(conn));
    typed.once(|conn| authors::table.count().get_result::<i64>(conn));
    typed.once(|conn| {
        let rows = posts::table
            .order(posts::id)
            .load_iter::<Post, DefaultLoadingMode>(conn);
        rows.and_then(Iterator::collect::<QueryResult<Vec<_>>>)
    });
    typed.once(|conn| {
        posts::table
            .select(posts::id)
            .filter(posts::id.eq(3))
            .first::<i32>(conn)
    });
    let author = &blog::authors()[0];
    typed.once(|conn| {
        Post::belonging_to(author)
            .order(posts::id)
            .load::<Post>(conn)
    });
    typed.once(|conn| {
        let rows = posts::table.inner_join(comments::table).order(comments::id);
        rows.load::<(Post, Comment)>(conn)
    });
}

#[derive(QueryableByName, Debug, PartialEq)]
struct Named {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

#[test]
fn n01_sql_query_is_read_once() {
    let (_world, mut typed) = filled();
    let names = typed.once(|conn| {
        let query = diesel::sql_query("SELECT name, id FROM authors ORDER BY id");
        query.load::<Named>(conn)
    });
    assert_eq!(names[1].name, "Björn");
}

#[test]
fn n01_rows_are_the_databases_own() {
    let (_world, mut typed) = filled();
    for _ in 0..2 {
        let mut seen = Vec::new();
        let rows = LoadConnection::<DefaultLoadingMode>::load(
            &mut typed.conn,
            authors::table.order(authors::id),
        );
        for row in rows.unwrap() {
            let row = row.unwrap();
            assert_eq!(row.field_count(), 6);
            assert!(row.get("no such column").is_none() && row.get(6).is_none());
            let field = row.get("email").unwrap();
            let named = diesel::row::Field::field_name(&field).map(str::to_owned);
            seen.push((named, diesel::row::Field::is_null(&field)));
        }
        let email = |is_null| (Some("email".to_owned()), is_null);
        assert_eq!(seen, [email(false), email(true), email(false)]);
    }
}

#[test]
fn n01_rows_that_are_kept_while_others_come_stay_what_they_are() {
    let (_world, mut typed) = filled();
    for _ in 0..2 {
        let rows = LoadConnection::<DefaultLoadingMode>::load(
            &mut typed.conn,
            authors::table.select(authors::id),
        );
        let rows: Vec<_> = rows.unwrap().collect::<QueryResult<_>>().unwrap();
        let mut ids: Vec<i32> = rows
            .iter()
            .map(|row| <i32 as FromSqlRow<Integer, Backend>>::build_from_row(row).unwrap())
            .collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 3]);
    }
}

#[test]
fn n01_many_rows_come_in_their_order() {
    let (mut world, mut typed) = filled();
    for count in [65, 100, 1_000, 3_000] {
        let labels: Vec<_> = (1_000..1_000 + count)
            .map(|id| (tags::id.eq(id), tags::label.eq(format!("label {id}"))))
            .collect();
        diesel::delete(tags::table.filter(tags::id.ge(1_000)))
            .execute(&mut world.conn)
            .unwrap();
        diesel::insert_into(tags::table)
            .values(labels)
            .execute(&mut world.conn)
            .unwrap();
        let rows = typed.once(|conn| {
            let rows = tags::table.filter(tags::id.ge(1_000)).order(tags::id);
            rows.load::<(i32, String)>(conn)
        });
        assert_eq!(rows.len(), usize::try_from(count).unwrap());
        assert!(
            rows.iter()
                .zip(1_000..)
                .all(|(row, id)| row == &(id, format!("label {id}")))
        );
    }
}

#[test]
fn n01_whoever_stops_early_stores_nothing() {
    let (world, mut typed) = filled();
    let first = |conn: &mut _| {
        let mut rows = posts::table
            .order(posts::id)
            .load_iter::<Post, DefaultLoadingMode>(conn)
            .unwrap();
        (
            rows.next().unwrap().unwrap().id,
            rows.next().unwrap().unwrap().id,
        )
    };
    assert_eq!(typed.sent(first), ((1, 2), 1));
    assert_eq!(typed.sent(first), ((1, 2), 1));
    assert_eq!(world.cache.stats().stores, 0);
    let one = |conn: &mut _| {
        posts::table
            .order(posts::id)
            .get_result::<Post>(conn)
            .unwrap()
            .id
    };
    assert_eq!(typed.sent(one), (1, 1));
    assert_eq!(
        typed.sent(one),
        (1, 1),
        "there are more rows, which nobody fetched"
    );
}

#[test]
fn n01_a_length_is_known_where_diesel_knows_it() {
    let (_world, mut typed) = filled();
    for _ in 0..2 {
        let rows = LoadConnection::<DefaultLoadingMode>::load(
            &mut typed.conn,
            authors::table.select(authors::id),
        );
        let hint = rows.unwrap().size_hint();
        assert!(matches!(hint, (3, Some(3)) | (0, None)), "{hint:?}");
    }
}

#[test]
fn n01_cached_on_the_type_takes_options_and_explains() {
    let (_world, mut typed) = filled();
    let explain = |conn: &mut _| authors::table.cached(conn).explain().unwrap();
    assert_eq!(explain(&mut typed.conn).outcome, Outcome::Miss);
    typed.once(|conn| authors::table.cached(conn).load::<Author>());
    assert_eq!(explain(&mut typed.conn).outcome, Outcome::Hit);
    let (rows, sent) = typed.sent(|conn| authors::table.load::<Author>(conn));
    assert_eq!((rows.unwrap().len(), sent), (3, 0), "the same entry");
    typed.once(|conn| {
        let read = authors::table
            .cached(conn)
            .ttl(std::time::Duration::from_secs(60));
        read.load::<Author>()
    });
    typed.once(|conn| {
        posts::table
            .cached(conn)
            .depends_on_tables(["tags"])
            .first::<Post>()
    });
}

#[test]
fn n03_settings_hold_for_the_type() {
    let (mut world, mut typed) = filled();
    let read = |conn: &mut _| authors::table.load::<Author>(conn).unwrap().len();
    for _ in 0..2 {
        assert_eq!(typed.sent(|conn| disabled(|| read(conn))), (3, 1));
    }
    assert_eq!(world.cache.stats().bypasses["disabled"], 2);
    let settings: [fn(cachalot_diesel::Builder) -> cachalot_diesel::Builder; 3] = [
        |builder| builder.enabled(false),
        |builder| builder.only_tables(["posts"]),
        |builder| builder.uncacheable_tables(["authors"]),
    ];
    for settings in settings {
        world = World::with(cachalot_tests::memcached::shared().url(), settings);
        blog::fill(&mut world.conn);
        typed = Typed::of(&world);
        for _ in 0..2 {
            assert_eq!(typed.sent(read), (3, 1));
        }
    }
}

#[test]
fn n03_what_reads_past_the_cache_stores_nothing() {
    let (world, mut typed) = filled();
    for _ in 0..2 {
        let (rows, sent) = typed.sent(|conn| authors::table.load::<Author>(conn.inner_mut()));
        assert_eq!((rows.unwrap().len(), sent), (3, 1));
        let cached = authors::table
            .cached(typed.conn.inner_mut())
            .explain()
            .unwrap();
        assert_eq!(
            cached.outcome,
            Outcome::Bypass(BypassReason::InnerConnection)
        );
        let (rows, sent) =
            typed.sent(|conn| authors::table.cached(conn.inner_mut()).load::<Author>());
        assert_eq!((rows.unwrap().len(), sent), (3, 1));
    }
    assert_eq!(world.cache.stats().stores, 0);
    typed.once(|conn| authors::table.load::<Author>(conn));
}

#[test]
fn n01_what_diesel_refuses_to_build_is_the_same_error() {
    let (mut world, mut typed) = filled();
    let empty = |conn: &mut super::Conn| {
        let nothing: Vec<i32> = Vec::new();
        let query = authors::table.filter(authors::id.eq_any(nothing));
        query.load::<Author>(conn)
    };
    let plain = empty(&mut world.conn);
    let ours = empty(typed.conn.inner_mut());
    assert_eq!(plain, ours);
    let wrong = "SELECT no_such_column FROM authors";
    let plain = diesel::sql_query(wrong).load::<Named>(&mut world.conn);
    let ours = diesel::sql_query(wrong).load::<Named>(&mut typed.conn);
    assert_eq!(
        plain.unwrap_err().to_string(),
        ours.unwrap_err().to_string()
    );
    assert_eq!(
        typed.sent(|conn| authors::table.count().get_result(conn)),
        (Ok(3_i64), 1)
    );
}
