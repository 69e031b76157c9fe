//! Reads that look alike and are not: each is an entry of its own.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Nullable, SmallInt, Text};

use super::CachedDsl as _;
use super::dialect::parameter;
use super::schema::*;
use super::values::assert_distinct;
use super::world::{World, assert_cached};

#[derive(Debug, PartialEq, QueryableByName)]
struct Label {
    #[diesel(sql_type = Text)]
    label: String,
}

fn label(world: &mut World, labels: &[&str]) {
    for (id, label) in (1..).zip(labels) {
        diesel::insert_into(tags::table)
            .values((tags::id.eq(id), tags::label.eq(label)))
            .execute(&mut world.conn)
            .unwrap();
    }
}

/// The key of the entry that a query would have.
macro_rules! key {
    ($world:expr, $query:expr) => {
        $query
            .cached(&mut $world.conn)
            .explain()
            .unwrap()
            .key
            .unwrap()
    };
}

#[test]
fn r12_the_same_bits_of_another_type_are_another_entry() {
    World::each(|world| {
        label(world, &["1", "2"]);
        let query = || {
            let value = parameter(1);
            sql_query(format!(
                "SELECT label FROM tags WHERE label = CAST({value} AS CHAR(1))"
            ))
        };

        let one = [Label {
            label: "1".to_owned(),
        }];
        assert_eq!(
            assert_cached!(world, Label, query().bind::<Integer, _>(1)),
            one
        );
        assert_eq!(
            assert_cached!(world, Label, query().bind::<Text, _>("1")),
            one
        );
        assert_eq!(
            assert_cached!(world, Label, query().bind::<BigInt, _>(1)),
            one
        );
        assert_eq!(
            assert_cached!(world, Label, query().bind::<SmallInt, _>(1)),
            one
        );
        let keys = [
            key!(world, query().bind::<Integer, _>(1)),
            key!(world, query().bind::<Text, _>("1")),
            key!(world, query().bind::<BigInt, _>(1)),
            key!(world, query().bind::<SmallInt, _>(1)),
        ];
        assert_distinct(&keys);
    });
}

#[test]
fn r12_where_one_bind_ends_and_the_next_begins_matters() {
    World::each(|world| {
        let pairs = [
            ["a,b", "c"],
            ["a", "b,c"],
            ["a,b,c", ""],
            ["", "a,b,c"],
            ["a\", \"b", "c"],
            ["a", "b\", \"c"],
            ["a', 'b", "c"],
            ["a\\", "\\b"],
            ["a\\\\", "b"],
        ];
        let mut labels: Vec<_> = pairs.concat();
        labels.sort_unstable();
        labels.dedup();
        label(world, &labels);
        let query = |pair: [&'static str; 2]| {
            sql_query(format!(
                "SELECT label FROM tags WHERE label IN ({}, {}) ORDER BY label",
                parameter(1),
                parameter(2),
            ))
            .bind::<Text, _>(pair[0])
            .bind::<Text, _>(pair[1])
        };

        for pair in pairs {
            let found = assert_cached!(world, Label, query(pair));
            let mut found: Vec<_> = found.into_iter().map(|row| row.label).collect();
            let mut expected = pair;
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected);
        }
        let keys = pairs.map(|pair| key!(world, query(pair)));
        assert_distinct(&keys);
    });
}

#[test]
fn r12_lists_of_values_are_entries_of_their_own() {
    World::each(|world| {
        label(world, &["a", "a,b", "b"]);
        let query = |labels: &'static [&'static str]| {
            tags::table
                .filter(tags::label.eq_any(labels))
                .order(tags::id)
                .select(tags::label)
        };

        assert_eq!(assert_cached!(world, String, query(&["a,b"])), ["a,b"]);
        assert_eq!(
            assert_cached!(world, String, query(&["a", "b"])),
            ["a", "b"]
        );
        assert_eq!(
            assert_cached!(world, String, query(&["b", "a"])),
            ["a", "b"]
        );
        assert_eq!(assert_cached!(world, String, query(&["{a,b}"])), [""; 0]);
        assert_eq!(assert_cached!(world, String, query(&["a\",\"b"])), [""; 0]);
    });
}

#[test]
fn r12_null_is_neither_empty_nor_the_word() {
    World::each(|world| {
        label(world, &["", "NULL", "None"]);
        let query = |label: Option<&'static str>| {
            sql_query(format!(
                "SELECT label FROM tags WHERE label = {}",
                parameter(1)
            ))
            .bind::<Nullable<Text>, _>(label)
        };

        assert_eq!(assert_cached!(world, Label, query(None)), []);
        for text in ["", "NULL", "None"] {
            let found = assert_cached!(world, Label, query(Some(text)));
            assert!(!found.is_empty(), "`{text}` is there");
        }
        let keys = [
            key!(world, query(None)),
            key!(world, query(Some(""))),
            key!(world, query(Some("NULL"))),
            key!(world, query(Some("None"))),
        ];
        assert_distinct(&keys);
    });
}

#[test]
fn r12_the_order_of_binds_matters() {
    World::each(|world| {
        label(world, &["one", "two", "three"]);
        let query = |from: i32, to: i32| tags::table.filter(tags::id.between(from, to)).count();

        assert_eq!(assert_cached!(world, i64, query(1, 3)), [3]);
        assert_eq!(assert_cached!(world, i64, query(3, 1)), [0]);
    });
}

#[test]
fn r12_a_bind_and_a_literal_are_entries_of_their_own() {
    World::each(|world| {
        label(world, &["one", "two"]);

        let bound = assert_cached!(world, i64, tags::table.filter(tags::id.eq(1)).count());
        let literal = assert_cached!(
            world,
            i64,
            tags::table
                .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("id = 1"))
                .count(),
        );
        assert_eq!(bound, literal);
    });
}
