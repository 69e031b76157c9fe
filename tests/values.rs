//! Values of one column's type, stored and bound, read plainly and through the cache.

/// For each of `$values`, and for null: what a plain read gives of the column is what a cached one
/// gives, 1→0, and so is what comes back of it as a bind value; each has a key of its own. The
/// keys are the value.
///
/// Rows are compared by their `Debug`, which knows −0.0 from 0.0 and NaN from null.
macro_rules! assert_values {
    ($world:expr, $column:ident: $type:ty as $sql:ty, $values:expr $(,)?) => {{
        use cachalot_diesel::CachedDsl as _;
        let values: Vec<Option<$type>> = std::iter::once(None)
            .chain($values.into_iter().map(Some))
            .collect();
        diesel::delete(every_type::table)
            .execute(&mut $world.conn)
            .unwrap();
        for (id, value) in (1..).zip(&values) {
            diesel::insert_into(every_type::table)
                .values((every_type::id.eq(id), every_type::$column.eq(value.clone())))
                .execute(&mut $world.conn)
                .unwrap();
        }

        let stored = || {
            every_type::table
                .order(every_type::id)
                .select(every_type::$column)
        };
        let plain = stored().load::<Option<$type>>(&mut $world.conn).unwrap();
        assert_eq!(plain.len(), values.len());
        for expected in [1, 0] {
            let (cached, sent) = $world.sent(|conn| stored().cached(conn).load::<Option<$type>>());
            assert_eq!(format!("{:?}", cached.unwrap()), format!("{plain:?}"));
            assert_eq!(sent, expected, "{plain:?}");
        }

        let mut keys = Vec::new();
        for value in &values {
            let bound = || {
                every_type::table.filter(every_type::id.eq(1)).select(
                    value
                        .clone()
                        .into_sql::<diesel::sql_types::Nullable<$sql>>(),
                )
            };
            let plain = bound().load::<Option<$type>>(&mut $world.conn).unwrap();
            for expected in [1, 0] {
                let (cached, sent) =
                    $world.sent(|conn| bound().cached(conn).load::<Option<$type>>());
                assert_eq!(format!("{:?}", cached.unwrap()), format!("{plain:?}"));
                assert_eq!(sent, expected, "{value:?}");
            }
            let explanation = bound().cached(&mut $world.conn).explain().unwrap();
            keys.push(explanation.key.unwrap());
        }
        super::values::assert_distinct(&keys);
        keys
    }};
}

/// Asserts that no two are the same.
#[track_caller]
pub(crate) fn assert_distinct(keys: &[String]) {
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len(), "two share a key: {keys:?}");
}

pub(crate) use assert_values;
