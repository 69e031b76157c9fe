//! Tables whose names need care: they are read, invalidated and told apart like any other.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;

use super::CachedDsl as _;
use super::Conn;
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

type Db = <Conn as Connection>::Backend;

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

diesel::table! {
    /// A name with what separates the parts of a name.
    #[sql_name = "we.ird"]
    dotted (id) {
        id -> Integer,
        value -> Text,
    }
}

diesel::table! {
    /// Every sort of quote.
    #[sql_name = "it's \"so\" `and` [so]"]
    quoted (id) {
        id -> Integer,
        value -> Text,
    }
}

diesel::table! {
    /// What other databases call a function, and a column that is one here.
    user (id) {
        id -> Integer,
        #[sql_name = "current_date"]
        value -> Text,
    }
}

/// Reads of a table that is created first are cached, and see what Diesel writes to it.
macro_rules! r13_created {
    ($test:ident, $table:ident.$column:ident, $name:literal) => {
        #[test]
        fn $test() {
            use diesel::query_builder::QueryBuilder as _;

            World::each(|world| {
                let quoted = |name: &str| {
                    let mut sql = <Db as Backend>::QueryBuilder::default();
                    sql.push_identifier(name).unwrap();
                    sql.finish()
                };
                let name = $name;
                let create = format!(
                    "CREATE TABLE {} (id INTEGER NOT NULL PRIMARY KEY, {} VARCHAR(9) NOT NULL)",
                    quoted(name),
                    quoted(<$table::$column as Column>::NAME),
                );
                sql_query(create).execute(&mut world.conn).unwrap();
                assert_eq!(assert_cached!(world, (i32, String), $table::table), []);

                diesel::insert_into($table::table)
                    .values(($table::id.eq(1), $table::$column.eq("ein")))
                    .execute(&mut world.conn)
                    .unwrap();
                let rows = assert_cached!(world, (i32, String), $table::table);
                assert_eq!(rows, [(1, "ein".to_owned())]);
                diesel::update($table::table)
                    .set($table::$column.eq("zwei"))
                    .execute(&mut world.conn)
                    .unwrap();
                let rows = assert_cached!(world, (i32, String), $table::table);
                assert_eq!(rows, [(1, "zwei".to_owned())]);
                sql_query(format!("DELETE FROM {}", quoted(name)))
                    .execute(&mut world.conn)
                    .unwrap();
                assert_eq!(assert_cached!(world, (i32, String), $table::table), []);
                let tables = $table::table
                    .cached(&mut world.conn)
                    .explain()
                    .unwrap()
                    .tables;
                assert_eq!(tables.len(), 1, "{tables:?}");
            });
        }
    };
}

r13_created!(r13_a_name_with_a_dot, dotted.value, "we.ird");
r13_created!(
    r13_a_name_with_quotes,
    quoted.value,
    "it's \"so\" `and` [so]"
);
r13_created!(r13_a_name_that_is_a_function_elsewhere, user.value, "user");

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
