use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::Barrier,
    thread,
    time::Duration,
};

use cachalot_diesel::{BypassReason, CachalotConnection, Outcome, prelude::*};
use cachalot_tests::{Counter, Recorder, memcached, wait_until};
use diesel::{
    ConnectionError,
    connection::{SimpleConnection as _, set_default_instrumentation},
    prelude::*,
    result::Error,
};

use super::{
    super::{elsewhere, free_address, heard, shared, variable, with},
    Plain, db,
    schema::tags::{self, label},
};

type Conn = CachalotConnection<Plain>;

fn labels(conn: &mut Conn) -> Vec<String> {
    tags::table.order(label).select(label).load(conn).unwrap()
}

/// The labels, and the number of statements that it took.
fn counted(conn: &mut Conn) -> (Vec<String>, usize) {
    let counter = Counter::new();
    conn.set_instrumentation(counter.instrumentation());
    counter.during(|| labels(conn))
}

macro_rules! insert {
    ($conn:expr, $value:expr) => {
        diesel::insert_into(tags::table)
            .values(label.eq($value))
            .execute($conn)
            .unwrap()
    };
}

fn memory() -> Vec<(&'static str, String)> {
    vec![("CACHALOT_URL", "memory://".to_owned())]
}

#[test]
fn n01_the_first_connection_installs_a_cache_for_all() {
    with(db::database, &memory(), |url| {
        const THREADS: usize = 8;
        let barrier = Barrier::new(THREADS);
        let establish = || {
            barrier.wait();
            let mut conn = Conn::establish(url).unwrap();
            assert!(labels(&mut conn).is_empty());
            conn
        };
        let mut conns: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(establish)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        conns.push(Conn::establish(url).unwrap());
        insert!(&mut conns[0], "a");
        assert_eq!(counted(&mut conns[1]), (vec!["a".to_owned()], 1));
        for conn in &mut conns {
            assert_eq!(
                counted(conn),
                (vec!["a".to_owned()], 0),
                "one memory for all"
            );
        }
        // Plain connections that are opened from now on are watched, and their reads can be cached.
        let mut plain = Plain::establish(url).unwrap();
        insert!(&mut plain, "b");
        assert_eq!(
            counted(&mut conns[0]),
            (vec!["a".to_owned(), "b".to_owned()], 1)
        );
        let query = tags::table.order(label).select(label);
        assert_eq!(
            query.cached(&mut plain).explain().unwrap().outcome,
            Outcome::Hit
        );
    });
}

#[test]
fn n01_an_invalid_setting_is_named() {
    let bad = [
        ("CACHALOT_URL", "memory://".to_owned()),
        ("CACHALOT_STORE_TIMEOUT", "soon".to_owned()),
    ];
    with(db::database, &bad, |url| {
        for _ in 0..2 {
            let Err(ConnectionError::BadConnection(text)) = Conn::establish(url) else {
                panic!("a connection, or another error");
            };
            assert!(text.contains("CACHALOT_STORE_TIMEOUT"), "{text}");
        }
        // Nothing was installed, and the program can do that itself.
        let cache = Cachalot::builder().url("memory://").build().unwrap();
        cache.install().unwrap();
        let mut conn = Conn::establish(url).unwrap();
        assert_eq!(counted(&mut conn).1, 1);
        assert_eq!(counted(&mut conn).1, 0);
        assert_eq!(cache.stats().hits, 1);
    });
}

#[test]
fn n01_an_invalid_url_of_the_store_is_named() {
    with(
        db::database,
        &[("CACHALOT_URL", "gopher://nowhere".to_owned())],
        |url| {
            let Err(ConnectionError::BadConnection(text)) = Conn::establish(url) else {
                panic!("a connection, or another error");
            };
            assert!(text.contains("CACHALOT_URL"), "{text}");
        },
    );
}

#[test]
fn n01_a_database_that_cannot_be_reached_is_diesels_own_error() {
    with(db::database, &memory(), |url| {
        for bad in [
            &format!("{url}/no/such/database"),
            "nothing://like this",
            "\0",
        ] {
            let plain = Plain::establish(bad)
                .err()
                .map(|error| format!("{error:?}"));
            let typed = Conn::establish(bad).err().map(|error| format!("{error:?}"));
            assert!(plain.is_some() || super::DATABASE == "sqlite", "{bad}");
            assert_eq!(plain, typed);
        }
        assert_eq!(counted(&mut Conn::establish(url).unwrap()).1, 1);
    });
}

/// Passes on what comes to `address`, from now on.
fn listen(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || io::copy(&mut from, &mut to));
    };
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client?, TcpStream::connect(memcached::shared().address())?);
            copy(client.try_clone()?, server.try_clone()?);
            copy(server, client);
        }
        io::Result::Ok(())
    });
}

#[test]
fn n01_a_store_that_is_down_costs_only_hits() {
    let address = free_address();
    let mut variables = shared();
    variables[0].1 = format!("memcache://{address}");
    variables[2].1 = "200".to_owned();
    with(db::database, &variables, |url| {
        let mut conn = Conn::establish(url).unwrap();
        assert!(labels(&mut conn).is_empty());
        insert!(&mut conn, "a");
        assert_eq!(labels(&mut conn), ["a"]);
        let address = variable("CACHALOT_URL");
        listen(address.trim_start_matches("memcache://"));
        wait_until("a hit", Duration::from_secs(60), || {
            counted(&mut conn) == (vec!["a".to_owned()], 0)
        });
        insert!(&mut conn, "b");
        assert_eq!(labels(&mut conn), ["a", "b"]);
    });
}

#[test]
fn n01_the_installed_cache_is_used() {
    with(
        db::database,
        &[("CACHALOT_URL", "not looked at".to_owned())],
        |url| {
            let cache = Cachalot::builder().url("memory://").build().unwrap();
            cache
                .install_with(Recorder::default_instrumentation)
                .unwrap();
            let recorder = Recorder::of_this_process();
            let mut conn = Conn::establish(url).unwrap();
            let events = recorder.take();
            assert!(
                events
                    .first()
                    .is_some_and(|event| event.starts_with("connects ")),
                "{events:?}"
            );
            assert!(
                events
                    .last()
                    .is_some_and(|event| event.ends_with(": succeeded")),
                "{events:?}"
            );
            assert!(labels(&mut conn).is_empty());
            assert!(
                recorder
                    .take()
                    .iter()
                    .any(|event| event.starts_with("starts SELECT"))
            );
            assert!(labels(&mut conn).is_empty());
            assert_eq!(recorder.take(), [""; 0]);
            assert_eq!((cache.stats().misses, cache.stats().hits), (1, 1));
        },
    );
}

/// What a program does on a connection that it has just opened; its reads are misses.
macro_rules! program {
    ($conn:ty, $url:expr) => {{
        let conn = &mut <$conn>::establish($url).unwrap();
        let all = tags::table.order(label).select(label);
        all.load::<String>(conn).unwrap();
        tags::table.count().get_result::<i64>(conn).unwrap();
        conn.batch_execute("DELETE FROM tags WHERE id = 99")
            .unwrap();
        diesel::delete(tags::table.find(99)).execute(conn).unwrap();
        assert!(
            diesel::sql_query("no such statement")
                .execute(conn)
                .is_err()
        );
        let committed = conn.transaction(|conn| {
            diesel::delete(tags::table.find(98)).execute(conn)?;
            conn.transaction(|_| Err::<(), _>(Error::RollbackTransaction))
                .unwrap_err();
            tags::table.select(tags::id).load::<i32>(conn)
        });
        committed.unwrap();
    }};
}

/// A connection in memory was opened.
fn is_private(event: &str) -> bool {
    ["connects :memory:", "connected :memory:: succeeded"].contains(&event)
}

#[test]
fn n06_an_earlier_default_of_the_programs_own_sees_every_event() {
    with(db::database, &memory(), |url| {
        let log = heard();
        let recorder = Recorder::of_this_process();
        set_default_instrumentation(Recorder::default_instrumentation).unwrap();
        program!(Plain, url);
        let expected = recorder.take();
        program!(Conn, url);
        let heard = recorder.take().into_iter();
        // SQLite: the library's own connections, of which it hears nothing else.
        let heard: Vec<_> = heard.filter(|event| !is_private(event)).collect();
        assert_eq!(heard, expected);
        // The connections of the type are cached, and hear of each other.
        let (mut first, mut second) =
            (Conn::establish(url).unwrap(), Conn::establish(url).unwrap());
        labels(&mut first);
        assert_eq!(counted(&mut second).1, 0);
        insert!(&mut first, "a");
        assert_eq!(counted(&mut second), (vec!["a".to_owned()], 1));
        let warned = log.named("cachalot.plain_connections_unwatched");
        assert_eq!(warned.len(), 1, "{warned:?}");
        assert!(warned[0].starts_with("WARN "), "{warned:?}");
        // A new connection still gets the program's default.
        let _ = recorder.take();
        Plain::establish(url).unwrap();
        assert!(!recorder.take().is_empty());
    });
}

#[test]
fn n06_a_default_that_is_set_later_misses_no_write() {
    with(db::database, &shared(), |url| {
        let log = heard();
        let mut conn = Conn::establish(url).unwrap();
        assert_eq!(counted(&mut conn).1, 1);
        assert_eq!(counted(&mut conn).1, 0);
        set_default_instrumentation(Recorder::default_instrumentation).unwrap();
        let recorder = Recorder::of_this_process();
        let mut late = Conn::establish(url).unwrap();
        assert!(!recorder.take().is_empty());
        insert!(&mut late, "a");
        assert_eq!(labels(&mut conn), ["a"]);
        // Nobody sees this one.
        let mut plain = Plain::establish(url).unwrap();
        insert!(&mut plain, "b");
        assert_eq!(labels(&mut conn), ["a", "b"]);
        assert_eq!(labels(&mut late), ["a", "b"]);
        let reason = Outcome::Bypass(BypassReason::InstrumentationReplaced);
        let query = tags::table.order(label).select(label);
        assert_eq!(query.cached(&mut plain).explain().unwrap().outcome, reason);
        assert_eq!(log.named("cachalot.instrumentation_replaced").len(), 1);
    });
}

#[test]
fn n06_a_default_that_is_set_after_install_misses_no_write() {
    with(db::database, &shared(), |url| {
        let mut other = Plain::establish(url).unwrap();
        elsewhere().watch(&mut other).unwrap();
        let mut other_labels = || {
            let query = tags::table.order(label).select(label);
            query.cached(&mut other).load::<String>().unwrap()
        };
        cachalot_diesel::install().unwrap();
        let mut conn = Conn::establish(url).unwrap();
        assert!(labels(&mut conn).is_empty() && other_labels().is_empty());
        set_default_instrumentation(Recorder::default_instrumentation).unwrap();
        let mut late = Conn::establish(url).unwrap();
        insert!(&mut late, "a");
        assert_eq!(other_labels(), ["a"]);
        assert_eq!(labels(&mut conn), ["a"]);
        late.transaction(|conn| QueryResult::Ok(insert!(conn, "b")))
            .unwrap();
        assert_eq!(other_labels(), ["a", "b"]);
        assert_eq!(labels(&mut late), ["a", "b"]);
    });
}

/// Mixed with plain connections and `.cached()`, here and in what could be another process.
#[test]
fn n04_all_kinds_of_connections_hear_of_each_other() {
    with(db::database, &shared(), |url| {
        let mut conn = Conn::establish(url).unwrap();
        let mut plain = Plain::establish(url).unwrap();
        let mut other =
            CachalotConnection::new(Plain::establish(url).unwrap(), &elsewhere()).unwrap();
        let mut cached = Plain::establish(url).unwrap();
        elsewhere().watch(&mut cached).unwrap();
        let mut expected = Vec::new();
        for round in 0..3 {
            for writer in 0..5 {
                let new = format!("{round} {writer}");
                match writer {
                    0 => insert!(&mut conn, &new),
                    1 => insert!(&mut plain, &new),
                    2 => insert!(&mut other, &new),
                    3 => insert!(&mut cached, &new),
                    _ => insert!(conn.inner_mut(), &new),
                };
                expected.push(new);
                for _ in 0..2 {
                    assert_eq!(labels(&mut conn), expected);
                    assert_eq!(labels(&mut other), expected);
                    for conn in [&mut plain, &mut cached] {
                        let query = tags::table.order(label).select(label);
                        assert_eq!(query.cached(conn).load::<String>().unwrap(), expected);
                    }
                }
            }
        }
    });
}
