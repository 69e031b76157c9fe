//! Dead, frozen and restarted servers.

use super::*;

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
