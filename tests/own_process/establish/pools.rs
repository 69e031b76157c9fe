use std::panic::{AssertUnwindSafe, catch_unwind};

use cachalot_diesel::{CachalotConnection, Outcome, prelude::*};
use diesel::{
    connection::{AnsiTransactionManager, TransactionManager as _},
    prelude::*,
    r2d2::{ConnectionManager, Pool, PooledConnection, R2D2Connection as _, TestCustomizer},
};

use super::{
    super::{shared, with},
    Plain, db,
    schema::tags::{self, label},
};

type Conn = CachalotConnection<Plain>;
type Pooled = PooledConnection<ConnectionManager<Conn>>;

fn labels(conn: &mut Pooled) -> Vec<String> {
    tags::table.order(label).select(label).load(conn).unwrap()
}

fn outcome(conn: &mut Pooled) -> Outcome {
    let query = tags::table.order(label).select(label);
    query.cached(conn).explain().unwrap().outcome
}

fn insert(conn: &mut Pooled, new: &str) -> QueryResult<usize> {
    let tags = diesel::insert_into(tags::table);
    tags.values(label.eq(new)).execute(conn)
}

#[test]
fn n02_a_pools_connections_are_cached() {
    with(db::database, &shared(), |url| {
        let manager = ConnectionManager::<Conn>::new(url);
        let pool = Pool::builder()
            .max_size(2)
            .test_on_check_out(true)
            .build(manager)
            .unwrap();
        let (mut reader, mut writer) = (pool.get().unwrap(), pool.get().unwrap());
        assert!(labels(&mut reader).is_empty());
        assert_eq!(outcome(&mut writer), Outcome::Hit);
        insert(&mut writer, "a").unwrap();
        assert_eq!(labels(&mut reader), ["a"]);
        writer.transaction(|conn| insert(conn, "b")).unwrap();
        assert_eq!(labels(&mut reader), ["a", "b"]);
        let query = tags::table.order(label).select(label);
        assert_eq!(
            query.cached(&mut writer).load::<String>().unwrap(),
            ["a", "b"]
        );
        assert_eq!(outcome(&mut reader), Outcome::Hit);
        writer
            .inner_mut()
            .transaction(|conn| {
                diesel::insert_into(tags::table)
                    .values(label.eq("c"))
                    .execute(conn)
            })
            .unwrap();
        assert_eq!(labels(&mut reader), ["a", "b", "c"]);
        assert!(writer.ping().is_ok() && !writer.is_broken());

        // A transaction that a panic has left open: the pool does not use the connection again.
        let panics = AssertUnwindSafe(|| {
            writer.transaction(|conn| {
                insert(conn, "never")?;
                panic!("on purpose");
                #[allow(unreachable_code)]
                QueryResult::Ok(())
            })
        });
        assert!(catch_unwind(panics).is_err());
        assert!(writer.is_broken());
        drop(writer);
        let mut writer = pool.get().unwrap();
        assert!(!writer.is_broken());
        let status = AnsiTransactionManager::transaction_manager_status_mut(&mut *writer);
        assert_eq!(status.transaction_depth(), Ok(None));
        assert_eq!(labels(&mut writer), ["a", "b", "c"]);
        insert(&mut writer, "d").unwrap();
        assert_eq!(labels(&mut reader), ["a", "b", "c", "d"]);
    });
}

#[test]
fn n02_a_pool_for_tests_leaks_nothing() {
    with(db::database, &shared(), |url| {
        let mut other = Conn::establish(url).unwrap();
        let query = || tags::table.order(label).select(label);
        assert!(query().load::<String>(&mut other).unwrap().is_empty());
        let manager = ConnectionManager::<Conn>::new(url);
        let pool = Pool::builder()
            .max_size(1)
            .connection_customizer(Box::new(TestCustomizer))
            .build(manager)
            .unwrap();
        for number in 1..3 {
            let mut conn = pool.get().unwrap();
            insert(&mut conn, &format!("test {number}")).unwrap();
            assert_eq!(labels(&mut conn).len(), number);
            assert!(query().load::<String>(&mut other).unwrap().is_empty());
        }
        drop(pool);
        assert!(query().load::<String>(&mut other).unwrap().is_empty());
    });
}
