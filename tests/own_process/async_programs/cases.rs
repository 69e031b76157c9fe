use std::{
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use async_bb8_diesel::AsyncConnection as _;
use cachalot_diesel::{Outcome, prelude::*};
use diesel::prelude::*;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;

use super::{
    super::{give_up, run},
    Conn, db,
    schema::tags::{self, label},
};

const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// The labels as they are read through the cache, and how.
fn read(conn: &mut Conn) -> QueryResult<(Vec<String>, Outcome)> {
    let query = tags::table.order(label).select(label);
    let outcome = query.cached(conn).explain()?.outcome;
    Ok((query.cached(conn).load()?, outcome))
}

fn expect(labels: &[&str], outcome: Outcome) -> (Vec<String>, Outcome) {
    let labels = labels.iter().map(ToString::to_string);
    (labels.collect(), outcome)
}

fn write(conn: &mut Conn, new: &str) -> QueryResult<usize> {
    diesel::insert_into(tags::table)
        .values(label.eq(new))
        .execute(conn)
}

fn write_in_transaction(conn: &mut Conn, new: &str) -> QueryResult<usize> {
    conn.transaction(|conn| write(conn, new))
}

/// A write that tells when it is done, for those that nobody awaits.
fn told_write(new: &'static str) -> (Receiver<QueryResult<usize>>, Write) {
    let (tell, told) = channel();
    let write = move |conn: &mut Conn| {
        let _ = tell.send(write(conn, new));
        Ok(())
    };
    (told, Box::new(write))
}

type Write = Box<dyn FnOnce(&mut Conn) -> QueryResult<()> + Send>;

#[test]
fn deadpools_interact() {
    use deadpool_diesel::{Manager, Pool, Runtime};

    run(db::database, async |url| {
        let manager = Manager::<Conn>::new(url, Runtime::Tokio1);
        let pool: Pool<_> = Pool::builder(manager).max_size(2).build().unwrap();
        let (reader, writer) = (pool.get().await.unwrap(), pool.get().await.unwrap());
        let read = async || reader.interact(read).await.unwrap().unwrap();

        assert_eq!(read().await, expect(&[], Outcome::Miss));
        assert_eq!(read().await, expect(&[], Outcome::Hit));
        let written = writer.interact(|conn| write(conn, "a")).await;
        written.unwrap().unwrap();
        assert_eq!(read().await, expect(&["a"], Outcome::Miss));
        let written = writer.interact(|conn| write_in_transaction(conn, "b"));
        written.await.unwrap().unwrap();
        assert_eq!(read().await, expect(&["a", "b"], Outcome::Miss));
        assert_eq!(read().await, expect(&["a", "b"], Outcome::Hit));

        // A request that is given up writes all the same.
        let (told, write) = told_write("c");
        give_up(writer.interact(write)).await;
        assert_eq!(told.recv_timeout(WAIT_TIMEOUT), Ok(Ok(1)));
        assert_eq!(read().await.0, ["a", "b", "c"]);
    });
}

#[test]
fn bb8s_run() {
    run(db::database, async |url| {
        let manager = async_bb8_diesel::ConnectionManager::<Conn>::new(url);
        let pool = bb8::Pool::builder().max_size(2).build(manager).await;
        let pool = pool.unwrap();
        let (reader, writer) = (pool.get().await.unwrap(), pool.get().await.unwrap());
        let read = async || reader.run(read).await.unwrap();

        assert_eq!(read().await, expect(&[], Outcome::Miss));
        assert_eq!(read().await, expect(&[], Outcome::Hit));
        writer.run(|conn| write(conn, "a")).await.unwrap();
        assert_eq!(read().await, expect(&["a"], Outcome::Miss));
        let written = writer.run(|conn| write_in_transaction(conn, "b"));
        written.await.unwrap();
        assert_eq!(read().await, expect(&["a", "b"], Outcome::Miss));
        assert_eq!(read().await, expect(&["a", "b"], Outcome::Hit));

        let (told, write) = told_write("c");
        give_up(writer.run(write)).await;
        assert_eq!(told.recv_timeout(WAIT_TIMEOUT), Ok(Ok(1)));
        assert_eq!(read().await.0, ["a", "b", "c"]);
    });
}

#[test]
fn diesel_asyncs_spawn_blocking() {
    run(db::database, async |url| {
        let wrapper = || SyncConnectionWrapper::<Conn>::new(db::establish(url));
        let (mut reader, mut writer) = (wrapper(), wrapper());
        let mut read = async || reader.spawn_blocking(read).await.unwrap();

        assert_eq!(read().await, expect(&[], Outcome::Miss));
        assert_eq!(read().await, expect(&[], Outcome::Hit));
        let written = writer.spawn_blocking(|conn| write(conn, "a"));
        written.await.unwrap();
        assert_eq!(read().await, expect(&["a"], Outcome::Miss));
        let written = writer.spawn_blocking(|conn| write_in_transaction(conn, "b"));
        written.await.unwrap();
        assert_eq!(read().await, expect(&["a", "b"], Outcome::Miss));
        assert_eq!(read().await, expect(&["a", "b"], Outcome::Hit));

        let (told, write) = told_write("c");
        give_up(writer.spawn_blocking(write)).await;
        assert_eq!(told.recv_timeout(WAIT_TIMEOUT), Ok(Ok(1)));
        assert_eq!(read().await.0, ["a", "b", "c"]);
    });
}
