//! Reads that only SQLite knows.

use cachalot_diesel::BypassReason;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::{self, count, frame};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Integer;

use super::CachedDsl as _;
use super::Conn;
use super::blog::{self, Post};
use super::connections::uncached;
use super::schema::*;
use super::world::{World, assert_cached, assert_not_cached, assert_tables};

diesel::define_sql_function! {
    /// A function of the program's own.
    fn doubled(number: Integer) -> Integer;
}

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[test]
fn r05_windows_that_exclude_rows() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || {
            posts::table
                .select(count(posts::id).window_order(posts::rating).frame_by(
                    frame::Groups.frame_between_with_exclusion(
                        frame::UnboundedPreceding,
                        frame::UnboundedFollowing,
                        frame::ExcludeGroup,
                    ),
                ))
                .order(posts::id)
        };

        assert_eq!(assert_cached!(world, i64, query()), [2, 3, 3, 2]);
        let tables = query().cached(&mut world.conn).explain().unwrap().tables;
        assert!(tables.contains(&"posts".to_owned()), "{tables:?}");
    });
}

#[test]
fn r05_aggregates_with_a_filter() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = |votes: i64| {
            posts::table.select((
                count(posts::id).aggregate_filter(posts::votes.gt(votes)),
                dsl::count_star(),
            ))
        };

        assert_eq!(assert_cached!(world, (i64, i64), query(7)), [(2, 4)]);
        assert_eq!(assert_cached!(world, (i64, i64), query(-1)), [(4, 4)]);
        assert_tables!(world, query(7), ["posts"]);
    });
}

#[test]
fn r08_intersect_and_except_as_diesel_writes_them() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let all = || tags::table.select(tags::id);
        let tagged = || posts_tags::table.select(posts_tags::tag_id);

        assert_eq!(
            assert_cached!(world, i32, all().intersect(tagged())),
            [1, 2]
        );
        assert_eq!(assert_cached!(world, i32, all().except(tagged())), [3]);
        assert_tables!(world, all().except(tagged()), ["posts_tags", "tags"]);
    });
}

#[test]
fn r16_a_function_of_the_programs_own() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    doubled_utils::register_impl(uncached(&mut world.conn), |number: i32| number * 2).unwrap();

    let query = || posts::table.order(posts::id).select(doubled(posts::id));
    let rows = assert_not_cached!(world, i32, query(), BypassReason::VolatileFunction(_));
    assert_eq!(rows, [2, 4, 6, 8]);
}

#[test]
fn r16_an_insert_that_returns_rows() {
    World::each(|world| {
        let count = |conn: &mut Conn| tags::table.count().cached(conn).get_result::<i64>();
        assert_eq!(world.once(count), Ok(0));

        for (id, label) in [(1, "a"), (2, "b")] {
            let (returned, sent) = world.sent(|conn| {
                diesel::insert_into(tags::table)
                    .values((tags::id.eq(id), tags::label.eq(label)))
                    .returning(tags::id)
                    .cached(conn)
                    .get_result::<i32>()
            });
            assert_eq!((returned, sent), (Ok(id), 1));
            assert_eq!(world.once(count), Ok(i64::from(id)));
        }
        for left in [1, 0] {
            let delete = "DELETE FROM tags WHERE id = (SELECT min(id) FROM tags) RETURNING id";
            let (returned, sent) = world.sent(|conn| sql_query(delete).cached(conn).load::<Id>());
            assert_eq!((returned.unwrap().len(), sent), (1, 1));
            assert_eq!(world.once(count), Ok(left));
        }
        let counted = super::connections::COUNTS_WRITES.then_some(4);
        let bypasses = world.cache.stats().bypasses;
        assert_eq!(bypasses.get("not_select").copied(), counted);
    });
}

/// SQLite gives every value a type of its own, whatever the column's.
#[test]
fn r11_values_that_do_not_fit_their_column() {
    World::each(|world| {
        world
            .conn
            .batch_execute(
                "CREATE TABLE loose (id INTEGER PRIMARY KEY, value); \
                 INSERT INTO loose (value) VALUES (1), ('1'), (1.0), (x'31'), (NULL), ('');",
            )
            .unwrap();

        #[derive(Debug, PartialEq, QueryableByName)]
        struct Loose {
            #[diesel(sql_type = diesel::sql_types::Text)]
            kind: String,
            #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Binary>)]
            value: Option<Vec<u8>>,
        }
        let query = || sql_query("SELECT typeof(value) AS kind, value FROM loose ORDER BY id");
        let rows = assert_cached!(world, Loose, query());
        let kinds: Vec<_> = rows.iter().map(|row| &*row.kind).collect();
        assert_eq!(kinds, ["integer", "text", "real", "blob", "null", "text"]);
    });
}

/// Text that is not UTF-8 cannot be kept as it is: it is read each time.
#[test]
fn r11_text_that_is_not_utf_8_is_not_kept() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        sql_query("UPDATE posts SET body = CAST(x'ff00fe' AS TEXT) WHERE id = 1")
            .execute(&mut world.conn)
            .unwrap();
        let bodies = |conn: &mut Conn| {
            let query = sql_query("SELECT body AS bytes FROM posts ORDER BY id");
            query.cached(conn).load::<Bytes>().unwrap()
        };
        #[derive(Debug, PartialEq, QueryableByName)]
        struct Bytes {
            #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Binary>)]
            bytes: Option<Vec<u8>>,
        }

        for _ in 0..2 {
            let (rows, sent) = world.sent(bodies);
            assert_eq!(rows[0].bytes.as_deref(), Some(&[0xff, 0, 0xfe][..]));
            assert_eq!(sent, 1);
        }
        assert_eq!(world.cache.stats().bypasses.get("unstorable"), Some(&2));
        assert_eq!(
            assert_cached!(world, i32, posts::table.select(posts::id)).len(),
            4
        );
        let rest = posts::table.filter(posts::id.gt(1));
        assert_eq!(assert_cached!(world, Post, rest), blog::posts()[1..]);
    });
}
