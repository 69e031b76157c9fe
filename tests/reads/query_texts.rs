//! Queries whose type says what their text is, and such whose type does not.

use cachalot_diesel::Explanation;
use cachalot_tests::sqlite;
use diesel::{
    backend::Backend,
    dsl::sql,
    expression::{AppearsOnTable, SelectableExpression, ValidGrouping, is_aggregate},
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::Bool,
};

use super::schema::tags;
use super::values::assert_distinct;
use super::world::{World, assert_cached, assert_tables};
use super::{CachedDsl as _, connections};

const LABELS: [&str; 4] = ["one", "two", "three", "four"];

/// A world with a tag for each of the labels, numbered from 1.
fn world() -> World {
    let mut world = World::in_process();
    for (id, label) in (1..).zip(LABELS) {
        diesel::insert_into(tags::table)
            .values((tags::id.eq(id), tags::label.eq(label)))
            .execute(&mut world.conn)
            .unwrap();
    }
    world
}

macro_rules! explain {
    ($conn:expr, $query:expr) => {{
        let explanation: Explanation = $query.cached(&mut $conn).explain().unwrap();
        explanation
    }};
}

macro_rules! key {
    ($conn:expr, $query:expr) => {
        explain!($conn, $query).key.unwrap()
    };
}

/// A condition of the program's own, whose text is what it holds and whose query id says that the
/// type decides it. One that is `HONEST` says all the same that its text varies.
#[derive(QueryId)]
struct Raw<const HONEST: bool>(&'static str);

impl<const HONEST: bool> Expression for Raw<HONEST> {
    type SqlType = Bool;
}

impl<QS, const HONEST: bool> AppearsOnTable<QS> for Raw<HONEST> {}
impl<QS, const HONEST: bool> SelectableExpression<QS> for Raw<HONEST> {}

impl<const HONEST: bool> ValidGrouping<()> for Raw<HONEST> {
    type IsAggregate = is_aggregate::Never;
}

impl<DB: Backend, const HONEST: bool> QueryFragment<DB> for Raw<HONEST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if HONEST {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(self.0);
        Ok(())
    }
}

fn where_raw<const HONEST: bool>(
    text: &'static str,
) -> diesel::dsl::Select<diesel::dsl::Filter<tags::table, Raw<HONEST>>, tags::id> {
    tags::table.filter(Raw(text)).select(tags::id)
}

#[test]
fn r12_a_query_and_the_same_boxed_are_one_entry() {
    let mut world = world();
    let typed = |id: i32, limit: i64| {
        tags::table
            .filter(tags::id.ge(id))
            .filter(tags::label.ne("two"))
            .order(tags::id.desc())
            .select((tags::id, tags::label))
            .limit(limit)
            .offset(1)
    };
    // The one type comes first with the one query, and the other with the other.
    let boxed = key!(world.conn, typed(1, 1).into_boxed());
    for _ in 0..2 {
        assert_eq!(key!(world.conn, typed(1, 1)), boxed);
    }
    let of_two = key!(world.conn, typed(2, 2));
    assert_eq!(key!(world.conn, typed(2, 2).into_boxed()), of_two);
    assert_ne!(of_two, boxed);
    // Boxed queries are of one type, whatever they ask.
    let other = tags::table.select((tags::id, tags::label)).into_boxed();
    assert_distinct(&[key!(world.conn, other), boxed, of_two]);
}

#[test]
fn r12_queries_of_one_type_differ_by_their_binds() {
    let mut world = world();
    let by_label = |label: &'static str| tags::table.filter(tags::label.eq(label)).select(tags::id);
    for (id, label) in (1..).zip(LABELS) {
        assert_eq!(assert_cached!(world, i32, by_label(label)), [id]);
    }
    assert_distinct(&LABELS.map(|label| key!(world.conn, by_label(label))));
}

#[test]
fn r12_limits_and_offsets_are_entries_of_their_own() {
    let mut world = world();
    let page = |limit, offset| {
        let tags = tags::table.order(tags::id).select(tags::id);
        tags.limit(limit).offset(offset)
    };
    assert_eq!(assert_cached!(world, i32, page(1, 0)), [1]);
    assert_eq!(assert_cached!(world, i32, page(2, 0)), [1, 2]);
    assert_eq!(assert_cached!(world, i32, page(1, 2)), [3]);
    assert_eq!(assert_cached!(world, i32, page(2, 1)), [2, 3]);
    assert_eq!(assert_cached!(world, i32, page(0, 0)), [0; 0]);
}

#[test]
fn r12_lists_of_each_length_are_entries_of_their_own() {
    let mut world = world();
    let among = |ids: Vec<i32>| {
        let tags = tags::table.filter(tags::id.eq_any(ids));
        tags.order(tags::id).select(tags::id)
    };
    let beside = |ids: Vec<i32>| {
        let tags = tags::table.filter(tags::id.ne_all(ids));
        tags.order(tags::id).select(tags::id)
    };
    for length in [2, 0, 4, 1, 3] {
        let (ids, others) = ((1..=length).collect(), (length + 1..=4).collect());
        let (ids, others): (Vec<i32>, Vec<i32>) = (ids, others);
        assert_eq!(assert_cached!(world, i32, among(ids.clone())), ids);
        assert_eq!(assert_cached!(world, i32, beside(ids.clone())), others);
    }
}

#[test]
fn r12_text_that_is_made_at_run_time_is_what_it_is() {
    let mut world = world();
    for id in 1..=4 {
        let query = || {
            let tags = tags::table.filter(sql::<Bool>(&format!("id = {id}")));
            tags.select(tags::id)
        };
        assert_eq!(assert_cached!(world, i32, query()), [id]);
        let query = || {
            let condition = sql::<Bool>(&format!("label <> 'x{id}' AND id = "));
            let condition = condition.bind::<diesel::sql_types::Integer, _>(id);
            tags::table.filter(condition).select(tags::id)
        };
        assert_eq!(assert_cached!(world, i32, query()), [id]);
        let query = || diesel::sql_query(format!("SELECT id, label FROM tags WHERE id = {id}"));
        let found = assert_cached!(world, Tag, query());
        assert_eq!(found.iter().map(|tag| tag.id).collect::<Vec<_>>(), [id]);
    }
}

#[derive(Debug, PartialEq, QueryableByName)]
#[diesel(table_name = tags)]
struct Tag {
    id: i32,
    label: String,
}

#[test]
fn r12_a_fragment_that_is_unsafe_to_cache_prepared_may_vary_its_text() {
    let mut world = world();
    for (text, ids) in [
        ("id = 1", [1].as_slice()),
        ("id = 2", &[2]),
        ("id > 2", &[3, 4]),
    ] {
        let query = || where_raw::<true>(text).order(tags::id);
        assert_eq!(assert_cached!(world, i32, query()), ids);
    }
    let of_others = "EXISTS (SELECT 1 FROM users)";
    assert_tables!(world, where_raw::<true>("id = 1"), ["tags"]);
    assert_tables!(world, where_raw::<true>(of_others), ["tags", "users"]);
}

/// What is relied upon: where a type says falsely that its text never varies, Diesel itself runs the
/// statement that it has prepared for the type. The cache is as wrong then, and no longer: both
/// forget with the connection.
#[test]
fn r12_a_type_with_a_wrong_query_id_is_one_query_as_for_diesel() {
    let mut world = world();
    let mut plain = world.outsider();
    for text in ["id = 1", "id = 2"] {
        let found = where_raw::<false>(text).load::<i32>(&mut plain);
        assert_eq!(found, Ok(vec![1]), "Diesel runs what it prepared first");
        let found = where_raw::<false>(text)
            .cached(&mut world.conn)
            .load::<i32>();
        assert_eq!(found, Ok(vec![1]));
    }
    let mut reader = world.reader();
    for text in ["id = 2", "id = 1"] {
        let found = where_raw::<false>(text).cached(&mut reader.conn).load();
        assert_eq!(found, Ok(vec![2]), "another connection");
    }
}

#[test]
fn r12_one_type_on_two_databases_has_a_text_in_each() {
    let mut world = world();
    let database = sqlite::database();
    let mut other = connections::watch(sqlite::establish(database.url()), &world.cache);
    diesel::insert_into(tags::table)
        .values((tags::id.eq(1), tags::label.eq("of SQLite")))
        .execute(&mut other)
        .unwrap();

    let typed = || tags::table.filter(tags::id.eq(1)).select(tags::label);
    for _ in 0..2 {
        let here = typed().cached(&mut world.conn).load::<String>();
        assert_eq!(here, Ok(vec!["one".to_owned()]));
        let there = typed().cached(&mut other).load::<String>();
        assert_eq!(there, Ok(vec!["of SQLite".to_owned()]));
    }
    assert_eq!(world.cache.stats().hits, 2);
    let (here, there) = (key!(world.conn, typed()), key!(other, typed()));
    assert_eq!(here, key!(world.conn, typed().into_boxed()));
    assert_eq!(there, key!(other, typed().into_boxed()));
    assert_ne!(here, there);
}

#[test]
fn r12_the_analysis_of_a_type_does_not_depend_on_the_caches_settings() {
    let mut world = world();
    let restricted = cachalot_diesel::Cachalot::builder()
        .url("memory://")
        .only_tables(["posts"])
        .build()
        .unwrap();
    let query = || tags::table.filter(tags::id.eq(1)).select(tags::label);
    let free = explain!(world.conn, query());
    for _ in 0..2 {
        restricted.watch(&mut world.conn).unwrap();
        assert_eq!(
            explain!(world.conn, query()).key,
            None,
            "no table of its list"
        );
        world.cache.watch(&mut world.conn).unwrap();
        assert_eq!(explain!(world.conn, query()), free);
    }
    // The tables that are named besides are this read's own.
    let more = query().cached(&mut world.conn).depends_on_tables(["users"]);
    assert_eq!(more.explain().unwrap().tables, ["tags", "users"]);
    assert_tables!(world, query(), ["tags"]);
}
