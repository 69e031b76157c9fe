//! diesel-async's own calls on a wrapped `CachalotConnection<SqliteConnection>`.

use cachalot_diesel::CachalotConnection;
use cachalot_tests::{Counter, schema::sqlite::tags, sqlite};
use diesel::{
    ExpressionMethods as _, QueryDsl as _, QueryableByName, SqliteConnection, result::Error,
    sql_types::Text,
};
use diesel_async::{
    AsyncConnection, RunQueryDsl as _, SimpleAsyncConnection as _,
    sync_connection_wrapper::SyncConnectionWrapper,
};

use super::run;

type Conn = SyncConnectionWrapper<CachalotConnection<SqliteConnection>>;

#[derive(QueryableByName, Debug, PartialEq)]
struct Named {
    #[diesel(sql_type = Text)]
    label: String,
}

#[test]
fn n02_queries_of_diesel_async_are_cached() {
    run(sqlite::database, async |url| {
        let mut conn = Conn::establish(url).await.unwrap();
        let mut writer = Conn::establish(url).await.unwrap();
        let counter = Counter::new();
        conn.set_instrumentation(counter.instrumentation());
        let query = || {
            tags::table
                .filter(tags::label.ne("b"))
                .order(tags::label)
                .select(tags::label)
        };
        for expected in [&[][..], &["a"], &["a", "c"]] {
            let labels: Vec<String> = query().load(&mut conn).await.unwrap();
            assert_eq!(labels, expected);
            let sent = counter.count();
            let labels: Vec<String> = query().load(&mut conn).await.unwrap();
            assert_eq!(labels, expected);
            assert_eq!(counter.count(), sent);
            let new = ["a", "c", "d"][expected.len()];
            let insert = diesel::insert_into(tags::table).values(tags::label.eq(new));
            if new == "c" {
                let written = writer.transaction(async |conn| insert.execute(conn).await);
                written.await.unwrap();
            } else {
                insert.execute(&mut writer).await.unwrap();
            }
        }
        let named = || diesel::sql_query("SELECT id, label FROM tags ORDER BY label LIMIT ?");
        for limit in [1_i64, 2, 1] {
            let rows = named().bind::<diesel::sql_types::BigInt, _>(limit);
            let rows: Vec<Named> = rows.load(&mut conn).await.unwrap();
            assert_eq!(rows.len(), usize::try_from(limit).unwrap());
            assert_eq!(rows[0].label, "a", "hits have the names of their columns");
        }
        let rolled_back = writer.transaction(async |conn| {
            conn.batch_execute("DELETE FROM tags").await?;
            let labels: Vec<String> = query().load(conn).await?;
            assert!(labels.is_empty());
            Err::<(), _>(Error::RollbackTransaction)
        });
        assert_eq!(rolled_back.await, Err(Error::RollbackTransaction));
        assert_eq!(query().load::<String>(&mut conn).await.unwrap().len(), 3);
    });
}
