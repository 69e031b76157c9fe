//! The same pools and wrappers around `CachalotConnection`.

use async_bb8_diesel::AsyncConnection as _;
use cachalot_diesel::{CachalotConnection, CachedDsl as _, Outcome};
use diesel::prelude::*;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;

use super::{
    super::run,
    Conn as Plain, db,
    schema::tags::{self, label},
};

type Conn = CachalotConnection<Plain>;

/// How the labels are read, and what they are.
fn read(conn: &mut Conn) -> QueryResult<(Outcome, Vec<String>)> {
    let query = tags::table.order(label).select(label);
    let outcome = query.cached(conn).explain()?.outcome;
    Ok((outcome, query.load(conn)?))
}

fn expect(outcome: Outcome, labels: &[&str]) -> (Outcome, Vec<String>) {
    let labels = labels.iter().map(ToString::to_string);
    (outcome, labels.collect())
}

fn write(conn: &mut Conn, new: &str) -> QueryResult<usize> {
    let tags = diesel::insert_into(tags::table);
    tags.values(label.eq(new)).execute(conn)
}

#[test]
fn n02_deadpools_interact_with_it() {
    use deadpool_diesel::{Manager, Pool, Runtime};

    run(db::database, async |url| {
        let manager = Manager::<Conn>::new(url, Runtime::Tokio1);
        let pool: Pool<_> = Pool::builder(manager).max_size(2).build().unwrap();
        let (reader, writer) = (pool.get().await.unwrap(), pool.get().await.unwrap());
        let read = async || reader.interact(read).await.unwrap().unwrap();
        assert_eq!(read().await, expect(Outcome::Miss, &[]));
        assert_eq!(read().await, expect(Outcome::Hit, &[]));
        let written = writer
            .interact(|conn| conn.transaction(|conn| write(conn, "a")))
            .await;
        written.unwrap().unwrap();
        assert_eq!(read().await, expect(Outcome::Miss, &["a"]));
        assert_eq!(read().await, expect(Outcome::Hit, &["a"]));
    });
}

#[test]
fn n02_bb8s_run_it() {
    run(db::database, async |url| {
        let manager = async_bb8_diesel::ConnectionManager::<Conn>::new(url);
        let pool = bb8::Pool::builder()
            .max_size(2)
            .build(manager)
            .await
            .unwrap();
        let (reader, writer) = (pool.get().await.unwrap(), pool.get().await.unwrap());
        let read = async || reader.run(read).await.unwrap();
        assert_eq!(read().await, expect(Outcome::Miss, &[]));
        assert_eq!(read().await, expect(Outcome::Hit, &[]));
        writer
            .run(|conn| conn.transaction(|conn| write(conn, "a")))
            .await
            .unwrap();
        assert_eq!(read().await, expect(Outcome::Miss, &["a"]));
        assert_eq!(read().await, expect(Outcome::Hit, &["a"]));
    });
}

#[test]
fn n02_diesel_async_blocks_on_it() {
    run(db::database, async |url| {
        let wrapper = || SyncConnectionWrapper::<Conn>::new(Conn::establish(url).unwrap());
        let (mut reader, mut writer) = (wrapper(), wrapper());
        let mut read = async || reader.spawn_blocking(read).await.unwrap();
        assert_eq!(read().await, expect(Outcome::Miss, &[]));
        assert_eq!(read().await, expect(Outcome::Hit, &[]));
        writer
            .spawn_blocking(|conn| conn.transaction(|conn| write(conn, "a")))
            .await
            .unwrap();
        assert_eq!(read().await, expect(Outcome::Miss, &["a"]));
        assert_eq!(read().await, expect(Outcome::Hit, &["a"]));
    });
}
