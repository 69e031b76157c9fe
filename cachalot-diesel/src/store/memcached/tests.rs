//! Tests specific to memcached.

mod outages;
mod replies;

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    super::contract::{self, eventually, get, set},
    test_server::{TestServer, ask, free_port},
    *,
};

const TIMEOUT: Duration = Duration::from_millis(200);

/// For tests in which no timeout must occur, however busy the machine is.
const LONG_TIMEOUT: Duration = Duration::from_secs(20);

fn store(servers: &[&TestServer], timeout: Duration) -> MemcachedStore {
    let addresses: Vec<String> = servers.iter().map(|server| server.address()).collect();
    MemcachedStore::connect(&addresses, timeout).unwrap()
}

fn try_get(store: &MemcachedStore, key: &str) -> Result<Reply, StoreError> {
    store.run(&[Command::Get { key }]).remove(0)
}

fn try_set(store: &MemcachedStore, key: &str, value: &[u8]) -> Result<Reply, StoreError> {
    store
        .run(&[Command::Set {
            key,
            value,
            ttl: None,
        }])
        .remove(0)
}

#[track_caller]
fn assert_unavailable(reply: &Result<Reply, StoreError>) {
    assert!(
        reply.as_ref().is_err_and(StoreError::is_unavailable),
        "{reply:?}"
    );
}

/// Waits until the circuit breaker is closed again.
fn wait_until_available(store: &MemcachedStore) {
    eventually("the store answers again", || {
        store.run(&[Command::Get { key: "well" }]).remove(0).ok()
    });
}

#[test]
fn one_server_keeps_the_contract() {
    let server = TestServer::start();
    contract::check_all(&store(&[&server], LONG_TIMEOUT));
}

#[test]
fn three_servers_keep_the_contract() {
    let servers = [
        TestServer::start(),
        TestServer::start(),
        TestServer::start(),
    ];
    let [a, b, c] = &servers;
    contract::check_all(&store(&[a, b, c], LONG_TIMEOUT));
}

#[test]
fn the_description_lists_the_servers() {
    let store = MemcachedStore::connect(&["127.0.0.1", "[::1]:11212"], TIMEOUT).unwrap();
    assert_eq!(store.describe(), "memcache://127.0.0.1:11211,[::1]:11212");
    assert!(matches!(
        MemcachedStore::connect(&[""; 0], TIMEOUT),
        Err(OpenError::NoServer)
    ));
}

#[test]
fn a_time_to_live_of_forty_days_reaches_the_server_as_forty_days() {
    const FORTY_DAYS: i64 = 40 * 24 * 60 * 60;
    let server = TestServer::start();
    let ttl = Some(Duration::from_secs(FORTY_DAYS.unsigned_abs()));
    let replies = store(&[&server], LONG_TIMEOUT).run(&[
        Command::Set {
            key: "aa",
            value: b"v",
            ttl,
        },
        Command::Set {
            key: "bb",
            value: b"v",
            ttl: None,
        },
    ]);
    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    let answer = ask(server.port(), "mg aa t").unwrap();
    let left: i64 = answer.strip_prefix("HD t").unwrap().parse().unwrap();
    assert!(
        (FORTY_DAYS - 60..=FORTY_DAYS + 1).contains(&left),
        "{left} seconds left"
    );
    assert_eq!(ask(server.port(), "mg bb t").unwrap(), "HD t-1");
}

#[test]
fn the_order_of_servers_does_not_matter() {
    let servers = [
        TestServer::start(),
        TestServer::start(),
        TestServer::start(),
    ];
    let [a, b, c] = &servers;
    let one = store(&[a, b, c], LONG_TIMEOUT);
    let other = store(&[c, a, b, a], LONG_TIMEOUT);
    for n in 0..100 {
        let key = format!("{n:x}");
        set(&one, &key, key.as_bytes());
        assert_eq!(get(&other, &key), Some(key.into_bytes()));
    }
}

#[test]
fn the_keys_of_a_group_are_on_one_server() {
    let servers = [TestServer::start(), TestServer::start()];
    let [a, b] = &servers;
    let store = store(&[a, b], LONG_TIMEOUT);
    let mut counts = [0; 2];
    for n in 0..40 {
        let group = format!("{n:x}");
        let second = format!("{group}:17");
        set(&store, &group, b"v");
        set(&store, &second, b"v");
        for (server, count) in servers.iter().zip(&mut counts) {
            let found = [&group, &second].map(|key| ask(server.port(), &format!("mg {key}")));
            let found = found.map(|line| line.unwrap() == "HD");
            assert_eq!(found[0], found[1], "{group}");
            *count += usize::from(found[0]);
        }
    }
    assert_eq!(counts[0] + counts[1], 40);
    assert!(counts.iter().all(|it| *it > 0), "{counts:?}");
}

#[test]
fn a_value_that_the_server_rejects_is_too_large() {
    let server = TestServer::with_options(&["-I", "512k"]);
    let store = store(&[&server], LONG_TIMEOUT);
    set(&store, "aa", b"old");
    let large = vec![1; 600_000];
    let replies = store.run(&[
        Command::Set {
            key: "bb",
            value: b"before",
            ttl: None,
        },
        Command::Set {
            key: "aa",
            value: &large,
            ttl: None,
        },
        Command::Get { key: "bb" },
    ]);
    assert!(matches!(replies[0], Ok(Reply::Stored(_))), "{replies:?}");
    assert!(
        matches!(replies[1], Err(StoreError::TooLarge { bytes: 600_000, .. })),
        "{replies:?}"
    );
    // The replies after it are lost, which is reported.
    assert_unavailable(&replies[2]);
    assert_eq!(get(&store, "bb").as_deref(), Some(b"before".as_slice()));
    // Memcached drops the older value too.
    assert_eq!(get(&store, "aa"), None);
}
