//! Tables whose names need care: they are read, invalidated and told apart like any other.

use cachalot_diesel::CachedDsl as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;

use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

#[derive(Debug, PartialEq, QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Reads of `$table` are cached, depend on it alone, and see a row inserted by Diesel.
macro_rules! r13 {
    ($test:ident, $table:ident.$column:ident, $name:literal) => {
        #[test]
        fn $test() {
            World::each(|world| {
                assert_eq!(assert_cached!(world, (i32, String), $table::table), []);
                assert_tables!(world, $table::table, [$name]);

                for (id, value) in [(1, "ein"), (2, "zwei")] {
                    let insert = diesel::insert_into($table::table)
                        .values(($table::id.eq(id), $table::$column.eq(value)))
                        .execute(&mut world.conn);
                    assert_eq!(insert, Ok(1));
                    let rows =
                        assert_cached!(world, (i32, String), $table::table.order($table::$column));
                    assert_eq!(rows.last(), Some(&(id, value.to_owned())));
                }
                let found = assert_cached!(
                    world,
                    i32,
                    $table::table
                        .filter($table::$column.eq("zwei"))
                        .select($table::id),
                );
                assert_eq!(found, [2]);
                diesel::delete($table::table.find(1))
                    .execute(&mut world.conn)
                    .unwrap();
                assert_eq!(assert_cached!(world, i64, $table::table.count()), [1]);
            });
        }
    };
}

r13!(r13_a_name_that_is_not_ascii, creme.groesse, "crème");
r13!(r13_a_name_with_upper_case, gadgets.name, "gadgets");
r13!(r13_a_name_that_is_a_keyword, order_.group_, "order");
r13!(r13_a_name_with_a_space, two_words.first_name, "two words");

#[test]
fn r13_all_of_them_in_one_query() {
    World::each(|world| {
        let query = || {
            creme::table
                .inner_join(gadgets::table.on(gadgets::id.eq(creme::id)))
                .inner_join(order_::table.on(order_::id.eq(creme::id)))
                .inner_join(two_words::table.on(two_words::id.eq(creme::id)))
                .count()
        };

        assert_eq!(assert_cached!(world, i64, query()), [0]);
        assert_tables!(world, query(), ["crème", "gadgets", "order", "two words"]);
    });
}

#[test]
fn r13_a_qualified_name_is_the_table_itself() {
    World::each(|world| {
        let schema = super::dialect::schema_of(&world.database);
        let query = || sql_query(format!("SELECT count(*) AS number FROM {schema}.tags"));
        assert_eq!(assert_cached!(world, Count, query()), [Count { number: 0 }]);
        assert_tables!(world, query(), ["tags"]);

        diesel::insert_into(tags::table)
            .values((tags::id.eq(1), tags::label.eq("one")))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(assert_cached!(world, Count, query()), [Count { number: 1 }]);
        sql_query(format!(
            "INSERT INTO {schema}.tags (id, label) VALUES (2, 'two')"
        ))
        .execute(&mut world.conn)
        .unwrap();
        let (count, sent) = world.sent(|conn| tags::table.count().cached(conn).get_result::<i64>());
        assert_eq!((count, sent), (Ok(2), 1));
    });
}
