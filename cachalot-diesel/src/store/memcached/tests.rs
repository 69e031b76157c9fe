//! Tests specific to memcached: dead, frozen and restarted servers, several servers, and servers that
//! are not memcached.

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
    super::{
        CasVersion,
        contract::{self, eventually, get, set},
    },
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
fn a_dead_server_is_an_error_at_once() {
    let address = format!("127.0.0.1:{}", free_port());
    let store = MemcachedStore::connect(&[address], LONG_TIMEOUT).unwrap();
    let start = Instant::now();
    assert_unavailable(&try_get(&store, "aa"));
    assert!(start.elapsed() < LONG_TIMEOUT / 4, "{:?}", start.elapsed());
}

#[test]
fn commands_for_a_failed_server_fail_fast() {
    let address = format!("127.0.0.1:{}", free_port());
    let store = MemcachedStore::connect(&[address], TIMEOUT).unwrap();
    assert_unavailable(&try_get(&store, "aa"));
    let fastest = (0..100)
        .map(|_| {
            let start = Instant::now();
            assert_unavailable(&try_get(&store, "aa"));
            start.elapsed()
        })
        .min()
        .unwrap();
    assert!(fastest < Duration::from_micros(50), "{fastest:?}");
}

#[test]
fn a_server_that_comes_up_later_is_used() {
    let mut server = TestServer::start();
    server.kill();
    let store = store(&[&server], TIMEOUT);
    assert_unavailable(&try_set(&store, "aa", b"v"));
    server.restart();
    wait_until_available(&store);
    set(&store, "aa", b"v");
    assert_eq!(get(&store, "aa").as_deref(), Some(b"v".as_slice()));
}

#[test]
fn a_restarted_server_is_used_again_without_an_error() {
    let mut server = TestServer::start();
    let store = store(&[&server], LONG_TIMEOUT);
    for _ in 0..3 {
        // Leaves several idle connections.
        thread::scope(|scope| {
            for n in 0..8 {
                let store = &store;
                scope.spawn(move || set(store, &format!("{n:x}"), b"v"));
            }
        });
        server.kill();
        server.restart();
        thread::scope(|scope| {
            for n in 0..8 {
                let store = &store;
                scope.spawn(move || assert_eq!(get(store, &format!("{n:x}")), None));
            }
        });
        set(&store, "aa", b"v");
        assert_eq!(get(&store, "aa").as_deref(), Some(b"v".as_slice()));
    }
}

#[test]
fn a_frozen_server_is_an_error_within_the_time_limit() {
    let server = TestServer::start();
    let store = store(&[&server], TIMEOUT);
    wait_until_available(&store);
    server.freeze();
    // Once on an idle connection, once on a new one.
    for _ in 0..2 {
        let start = Instant::now();
        assert_unavailable(&try_get(&store, "aa"));
        let took = start.elapsed();
        assert!(took >= TIMEOUT && took < TIMEOUT * 4, "{took:?}");
        // Meanwhile other callers do not wait.
        let start = Instant::now();
        assert_unavailable(&try_get(&store, "aa"));
        assert!(start.elapsed() < TIMEOUT / 2, "{:?}", start.elapsed());
        store.servers[0].end_pause();
    }
}

#[test]
fn only_one_caller_waits_for_a_frozen_server() {
    let server = TestServer::start();
    let store = store(&[&server], Duration::from_secs(2));
    wait_until_available(&store);
    server.freeze();
    assert_unavailable(&try_get(&store, "aa"));
    store.servers[0].end_pause();
    let slow = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let start = Instant::now();
                assert_unavailable(&try_get(&store, "aa"));
                if start.elapsed() > Duration::from_secs(1) {
                    slow.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(slow.load(Ordering::Relaxed), 1);
}

#[test]
fn replies_are_not_mixed_up_after_a_freeze() {
    let server = TestServer::start();
    let store = store(&[&server], TIMEOUT);
    wait_until_available(&store);
    let keys: Vec<String> = (0..20).map(|n| format!("{n:x}")).collect();
    for key in &keys {
        set(&store, key, key.as_bytes());
    }
    server.freeze();
    for key in &keys {
        store.servers[0].end_pause();
        assert_unavailable(&try_get(&store, key));
    }
    server.thaw();
    wait_until_available(&store);
    for key in keys.iter().rev().chain(&keys) {
        let value = eventually("an answer", || try_get(&store, key).ok());
        assert!(
            matches!(&value, Reply::Item { value, .. } if value == key.as_bytes()),
            "{key}: {value:?}"
        );
    }
}

#[test]
fn a_frozen_server_may_execute_a_failed_write_later() {
    let server = TestServer::start();
    let store = store(&[&server], TIMEOUT);
    wait_until_available(&store);
    server.freeze();
    assert_unavailable(&try_set(&store, "aa", b"late"));
    server.thaw();
    eventually("the write arrives", || {
        matches!(try_get(&store, "aa"), Ok(Reply::Item { value, .. }) if value == b"late")
            .then_some(())
    });
}

#[test]
fn nothing_is_sent_after_a_failed_part_of_a_batch() {
    let server = TestServer::start();
    let store = store(&[&server], TIMEOUT);
    wait_until_available(&store);
    server.freeze();
    let filler = vec![1; 100_000];
    let replies = store.run(&[
        Command::Get { key: "aa" },
        Command::Set {
            key: "aa",
            value: b"first",
            ttl: None,
        },
        Command::Set {
            key: "bb",
            value: &filler,
            ttl: None,
        },
        Command::Set {
            key: "cc",
            value: &filler,
            ttl: None,
        },
        Command::Set {
            key: "aa",
            value: b"last",
            ttl: None,
        },
    ]);
    replies.iter().for_each(assert_unavailable);
    server.thaw();
    wait_until_available(&store);
    eventually("the first part arrives", || get(&store, "aa"));
    assert_eq!(get(&store, "aa").as_deref(), Some(b"first".as_slice()));
    assert_eq!(get(&store, "cc"), None);
}

#[test]
fn a_dead_server_fails_only_its_own_keys() {
    let mut servers = [
        TestServer::start(),
        TestServer::start(),
        TestServer::start(),
    ];
    let [a, b, c] = &servers;
    let store = store(&[a, b, c], LONG_TIMEOUT);
    let keys: Vec<String> = (0..90).map(|n| format!("{n:x}")).collect();
    for key in &keys {
        set(&store, key, key.as_bytes());
    }
    servers[1].kill();
    let gets: Vec<Command<'_>> = keys.iter().map(|key| Command::Get { key }).collect();
    let mut served = [0; 3];
    for (key, reply) in keys.iter().zip(store.run(&gets)) {
        let place = store.place(key);
        served[place] += 1;
        match reply {
            Err(error) if error.is_unavailable() => assert_eq!(place, 1, "{key}"),
            Ok(Reply::Item { value, .. }) => {
                assert_ne!(place, 1, "{key}");
                assert_eq!(value, key.as_bytes());
            }
            other => panic!("{key}: {other:?}"),
        }
    }
    assert!(served.iter().all(|count| *count > 0), "{served:?}");
}

#[test]
fn timeouts_of_several_servers_do_not_add_up() {
    let servers = [
        TestServer::start(),
        TestServer::start(),
        TestServer::start(),
    ];
    let [a, b, c] = &servers;
    let store = store(&[a, b, c], Duration::from_secs(2));
    let keys: Vec<String> = (0..90).map(|n| format!("{n:x}")).collect();
    let gets: Vec<Command<'_>> = keys.iter().map(|key| Command::Get { key }).collect();
    assert!(store.run(&gets).iter().all(Result::is_ok));
    a.freeze();
    b.freeze();
    let start = Instant::now();
    let answered = store
        .run(&gets)
        .iter()
        .filter(|reply| reply.is_ok())
        .count();
    assert!(
        start.elapsed() < Duration::from_millis(3_000),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        answered,
        keys.iter().filter(|key| store.place(key) == 2).count()
    );
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

/// A server that replies to each command with the next of `answers`, and closes the connection on an
/// empty one. Also returns the count of commands.
fn scripted(answers: &'static [&'static str]) -> (MemcachedStore, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    thread::spawn(move || {
        let mut answers = answers.iter();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|length| length > 0) {
                if line.starts_with("ms ") {
                    stream.read_line(&mut line).unwrap();
                }
                counter.fetch_add(1, Ordering::SeqCst);
                match answers.next() {
                    Some(answer) if !answer.is_empty() => {
                        stream.get_mut().write_all(answer.as_bytes()).unwrap();
                    }
                    _ => break,
                }
                line.clear();
            }
        }
    });
    (
        MemcachedStore::connect(&[address], LONG_TIMEOUT).unwrap(),
        requests,
    )
}

#[test]
fn a_failed_write_is_not_resent() {
    // The first reply leaves an idle connection, so the client could resend the second command on a
    // new one.
    let (store, requests) = scripted(&["HD c1 O0\r\n", "", "HD c2 O0\r\n"]);
    assert!(matches!(
        try_set(&store, "aa", b"v"),
        Ok(Reply::Stored(Some(CasVersion(1))))
    ));
    assert_unavailable(&try_set(&store, "aa", b"w"));
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[test]
fn a_late_reply_is_not_taken_for_that_to_a_later_command() {
    let (store, _) = scripted(&["VA 1 c1 O0\r\na\r\n", "VA 1 c2 O0\r\nb\r\n"]);
    assert!(matches!(try_get(&store, "aa"), Ok(Reply::Item { .. })));
    let reply = try_get(&store, "bb");
    assert!(matches!(reply, Err(StoreError::Protocol(_))), "{reply:?}");
}

#[test]
fn a_read_is_resent_once_after_the_server_closed_the_connection() {
    let (store, requests) = scripted(&["VA 1 c1 O0\r\na\r\n", "", "VA 1 c2 O0\r\nb\r\n"]);
    assert!(matches!(try_get(&store, "aa"), Ok(Reply::Item { .. })));
    assert!(matches!(try_get(&store, "aa"), Ok(Reply::Item { value, .. }) if value == b"b"));
    let (store, requests_without_reply) = scripted(&["VA 1 c1 O0\r\na\r\n", "", ""]);
    assert!(matches!(try_get(&store, "aa"), Ok(Reply::Item { .. })));
    assert_unavailable(&try_get(&store, "aa"));
    let counted = [requests, requests_without_reply].map(|counter| counter.load(Ordering::SeqCst));
    assert_eq!(counted, [3, 3]);
}

#[test]
fn invalid_replies_are_errors() {
    for answer in [
        "\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "VA\r\n",
        "VA -1 c1 O0\r\n",
        "VA 99999999999999999999 c1 O0\r\n",
        "VA 2 c1 O0\r\nabcd\r\n",
        "VA 1 O0\r\na\r\n",
        "VA 1 cx O0\r\na\r\n",
        "VA 1 c1 O1\r\na\r\n",
        "VA 1 c1\r\na\r\n",
        "HD O0\r\n",
        "NS O0\r\n",
        "EX O0\r\n",
        "MN\r\n",
        "SERVER_ERROR out of memory\u{1b}[31m\r\n",
        "CLIENT_ERROR bad\r\n",
        "\u{0}\u{0}\r\n",
    ] {
        let (store, _) = scripted(Box::leak(Box::new([answer])));
        let reply = try_get(&store, "aa");
        let Err(StoreError::Protocol(message)) = &reply else {
            panic!("{answer:?}: {reply:?}")
        };
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn a_memcached_without_the_meta_protocol_is_recognised() {
    let (store, _) = scripted(&["ERROR\r\n"]);
    let reply = try_get(&store, "aa");
    let Err(StoreError::Protocol(message)) = &reply else {
        panic!("{reply:?}")
    };
    assert!(message.contains("memcached 1.6 or later"), "{message}");
}
