//! The plain forms of a read: a table, some columns, one row, a part of the rows.

use diesel::prelude::*;
use diesel::result::Error::NotFound;

use super::CachedDsl as _;
use super::Conn;
use super::blog::{self, Author, Post};
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

#[derive(Debug, PartialEq, Queryable)]
struct Flight {
    id: i32,
    year: i32,
    month: i32,
    day: i32,
    dep_time: Option<i32>,
    sched_dep_time: i32,
    dep_delay: Option<i32>,
    arr_time: Option<i32>,
    sched_arr_time: i32,
    arr_delay: Option<i32>,
    carrier: String,
    flight: i32,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    air_time: Option<i32>,
    distance: i32,
    hour: i32,
    minute: i32,
    time_hour: chrono::NaiveDateTime,
}

#[test]
fn r01_a_whole_table_is_read_once() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let rows = assert_cached!(world, Author, authors::table);
        assert_eq!(rows, blog::authors());
        assert_tables!(world, authors::table, ["authors"]);
    });
}

#[test]
fn r01_an_empty_table_is_read_once() {
    World::each(|world| {
        assert_eq!(assert_cached!(world, Author, authors::table), []);
    });
}

#[test]
fn r01_a_single_column_and_a_tuple_are_entries_of_their_own() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let names = assert_cached!(world, String, authors::table.select(authors::name));
        assert_eq!(names, ["Ada", "Björn", "Chloé"]);
        let pairs = assert_cached!(
            world,
            (i32, Option<String>),
            authors::table.select((authors::id, authors::email)),
        );
        assert_eq!(pairs[1..], [(2, None), (3, Some(String::new()))]);
    });
}

#[test]
fn r01_a_selected_model_is_read_once() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let posts = assert_cached!(world, Post, posts::table.select(Post::as_select()));
        assert_eq!(posts, blog::posts());
    });
}

#[test]
fn r01_another_connection_and_another_process_share_the_entry() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    assert_cached!(world, Post, posts::table);

    let mut others = [world.reader(), world.connect(&world.other_process())];
    for other in &mut others {
        let (rows, sent) = other.sent(|conn| posts::table.cached(conn).load::<Post>());
        assert_eq!((rows, sent), (Ok(blog::posts()), 0));
    }
}

/// More rows than a hit rebuilds at once.
#[test]
fn r01_hundreds_of_rows_of_twenty_columns_are_read_once() {
    World::each(|world| {
        cachalot_tests::flights::load(&mut world.conn);
        let flights = assert_cached!(world, Flight, flights::table.order(flights::id));
        assert_eq!(flights.len(), 312);
        let carriers = assert_cached!(
            world,
            (String, Option<i32>, String),
            flights::table
                .inner_join(airlines::table)
                .order(flights::id.desc())
                .select((flights::carrier, flights::dep_time, airlines::name)),
        );
        assert_eq!(carriers.len(), 312);
        assert!(
            carriers.iter().any(|row| row.1.is_none()),
            "a flight was cancelled"
        );
    });
}

#[test]
fn r01_thousands_of_rows_are_read_once() {
    World::each(|world| {
        let rows: Vec<_> = (1..5000)
            .map(|id| (counters::id.eq(id), counters::value.eq(i64::from(id) << 31)))
            .collect();
        diesel::insert_into(counters::table)
            .values(rows)
            .execute(&mut world.conn)
            .unwrap();

        let rows = assert_cached!(world, (i32, i64), counters::table.order(counters::id));
        assert_eq!(rows.len(), 4999);
        assert!(
            rows.iter()
                .all(|(id, value)| *value == i64::from(*id) << 31)
        );
    });
}

super::on_plain_connections! {
    #[test]
    fn r01_through_a_pool() {
        let world = World::new();
        let manager = diesel::r2d2::ConnectionManager::<Conn>::new(world.database.url());
        let pool = diesel::r2d2::Pool::builder()
            .max_size(1)
            .build(manager)
            .unwrap();
        let counter = cachalot_tests::Counter::new();
        let mut conn = pool.get().unwrap();
        world.cache.watch_with(&mut conn, counter.instrumentation());
        blog::fill(&mut conn);
        drop(conn);

        for expected in [1, 0] {
            counter.reset();
            let rows = posts::table.cached(&mut pool.get().unwrap()).load::<Post>();
            assert_eq!(rows, Ok(blog::posts()));
            // The pool asks its connection whether it is alive.
            assert_eq!(counter.containing("posts").len(), expected);
        }
    }
}

#[test]
fn r02_a_row_is_found_by_its_key_once() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        for post in blog::posts() {
            let found = world.once(|conn| posts::table.find(post.id).cached(conn).first::<Post>());
            assert_eq!(found, Ok(post));
        }
    });
}

#[test]
fn r02_that_there_is_no_row_is_cached_until_there_is_one() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let first = |conn: &mut Conn| {
            tags::table
                .find(9)
                .select(tags::label)
                .cached(conn)
                .first::<String>()
        };
        let get_result = |conn: &mut Conn| {
            tags::table
                .find(9)
                .select(tags::label)
                .cached(conn)
                .get_result::<String>()
        };
        let optional = |conn: &mut Conn| first(conn).optional();

        assert_eq!(world.once(first), Err(NotFound));
        assert_eq!(world.once(get_result), Err(NotFound));
        assert_eq!(world.sent(optional), (Ok(None), 0));

        diesel::insert_into(tags::table)
            .values((tags::id.eq(9), tags::label.eq("ninth")))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(world.once(first), Ok("ninth".to_owned()));
        assert_eq!(world.once(get_result), Ok("ninth".to_owned()));
    });
}

#[test]
fn r02_one_row_of_many_is_read_once() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let first = world.once(|conn| {
            posts::table
                .order(posts::id.desc())
                .cached(conn)
                .first::<Post>()
        });
        assert_eq!(first.as_ref(), Ok(&blog::posts()[3]));
        let mut get_result = || {
            world.sent(|conn| {
                let query = posts::table.order(posts::id.desc());
                query.cached(conn).get_result::<Post>()
            })
        };
        let expected = || Ok(blog::posts().swap_remove(3));
        assert_eq!(get_result(), (expected(), 1));
        let sent = usize::from(!super::connections::FETCHES_ALL_ROWS);
        assert_eq!(get_result(), (expected(), sent));
    });
}

#[test]
fn r02_one_row_of_many_leaves_all_rows_in_the_entry() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || posts::table.order(posts::id);

        let (one, sent) = world.sent(|conn| query().cached(conn).get_result::<Post>());
        assert_eq!((one.map(|post| post.id), sent), (Ok(1), 1));

        // The same text: whatever the first read kept must be all of it, or nothing.
        let (all, _) = world.sent(|conn| query().cached(conn).load::<Post>());
        assert_eq!(all, Ok(blog::posts()));
        let (one, sent) = world.sent(|conn| query().cached(conn).get_result::<Post>());
        assert_eq!((one.map(|post| post.id), sent), (Ok(1), 0));
    });
}

#[test]
fn r02_get_results_and_load_share_an_entry() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        let all = world.once(|conn| posts::table.cached(conn).get_results::<Post>());
        assert_eq!(all, Ok(blog::posts()));
        let (again, sent) = world.sent(|conn| posts::table.cached(conn).load::<Post>());
        assert_eq!((again, sent), (all, 0));
    });
}

#[test]
fn r02_each_limit_and_offset_is_an_entry_of_its_own() {
    World::each(|world| {
        blog::fill(&mut world.conn);

        for limit in 0..4 {
            for offset in 0..3 {
                let page = assert_cached!(
                    world,
                    i32,
                    posts::table
                        .select(posts::id)
                        .order(posts::id)
                        .limit(limit)
                        .offset(offset),
                );
                let ids = 1..=4;
                let expected: Vec<i32> = ids
                    .skip(usize::try_from(offset).unwrap())
                    .take(usize::try_from(limit).unwrap())
                    .collect();
                assert_eq!(page, expected);
            }
        }
    });
}

#[test]
fn r15_what_a_caller_does_to_its_rows_does_not_reach_the_cache() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let mut rows = posts::table.cached(&mut world.conn).load::<Post>().unwrap();
        rows[0].title.clear();
        rows[0].body = None;
        rows.pop();

        let (again, sent) = world.sent(|conn| posts::table.cached(conn).load::<Post>());
        assert_eq!((again, sent), (Ok(blog::posts()), 0));
        let mut again = posts::table.cached(&mut world.conn).load::<Post>().unwrap();
        again.clear();
        let (again, sent) = world.sent(|conn| posts::table.cached(conn).load::<Post>());
        assert_eq!((again, sent), (Ok(blog::posts()), 0));
    });
}
