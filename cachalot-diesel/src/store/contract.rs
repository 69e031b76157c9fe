//! The contract of [`Store`] as checks that the tests of each store run. With the feature
//! `store-contract`, authors of other stores can run them too:
//!
//! ```
//! use cachalot_diesel::{MemoryStore, store_contract};
//!
//! store_contract::check_all(&MemoryStore::new(64 * 1024 * 1024));
//! ```

#![cfg_attr(
    not(feature = "store-contract"),
    allow(unreachable_pub, reason = "only the library's own tests use it then")
)]
#![allow(
    clippy::unwrap_used,
    reason = "a violation of the contract fails by panicking, like a test"
)]

use std::{
    fmt::Debug,
    thread,
    time::{Duration, Instant},
};

use super::{CasVersion, Command, Reply, Store, StoreError, Ttl};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs all checks, which takes a few seconds.
///
/// `store` must be empty and reachable, and accept values of 1,000,000 bytes, but not of 80 MiB. The
/// checks leave items in it.
///
/// # Panics
/// If the store violates the contract of [`Store`].
pub fn check_all(store: &impl Store) {
    missing_items_are_missing(store);
    a_value_comes_back_as_it_was_written(store);
    add_fails_if_the_item_exists(store);
    compare_and_swap_fails_on_another_version(store);
    compare_and_swap_accepts_the_version_of_a_write(store);
    delete_removes(store);
    every_write_changes_the_version(store);
    commands_take_effect_in_order(store);
    commands_of_a_group_take_effect_in_order(store);
    a_thousand_keys_fit_in_a_batch(store);
    large_reads_and_writes_fit_in_one_batch(store);
    items_expire(store);
    a_long_time_to_live_is_not_taken_for_a_timestamp(store);
    only_the_value_above_the_limit_is_rejected(store);
    only_the_invalid_command_is_rejected(store);
    an_empty_batch_has_no_replies(store);
    counts_add_up_across_threads(store);
}

type Replies = Vec<Result<Reply, StoreError>>;

fn one(store: &impl Store, command: Command<'_>) -> Reply {
    let mut replies = store.run(&[command]);
    assert_eq!(replies.len(), 1);
    replies
        .remove(0)
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn set_command<'a>(key: &'a str, value: &'a [u8]) -> Command<'a> {
    let ttl = None;
    Command::Set { key, value, ttl }
}

fn add_command<'a>(key: &'a str, value: &'a [u8]) -> Command<'a> {
    let ttl = None;
    Command::Add { key, value, ttl }
}

fn swap_command<'a>(key: &'a str, value: &'a [u8], version: CasVersion) -> Command<'a> {
    Command::CompareAndSwap {
        key,
        value,
        ttl: None,
        version,
    }
}

pub(super) fn set(store: &impl Store, key: &str, value: &[u8]) {
    stored(one(store, set_command(key, value)));
}

pub(super) fn get(store: &impl Store, key: &str) -> Option<Vec<u8>> {
    read(store, key).map(|(value, _)| value)
}

fn read(store: &impl Store, key: &str) -> Option<(Vec<u8>, CasVersion)> {
    match one(store, Command::Get { key }) {
        Reply::Item { value, version } => Some((value, version)),
        Reply::Missing => None,
        other => panic!("a get was answered by {other:?}"),
    }
}

fn stored(reply: Reply) -> Option<CasVersion> {
    match reply {
        Reply::Stored(version) => version,
        other => panic!("a write was answered by {other:?}"),
    }
}

/// Polls until `fact` returns a value.
pub(crate) fn eventually<T: Debug>(what: &str, mut fact: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = fact() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn missing_items_are_missing(store: &impl Store) {
    assert!(matches!(
        one(store, Command::Get { key: "absent" }),
        Reply::Missing
    ));
    assert!(matches!(
        one(store, Command::Delete { key: "absent" }),
        Reply::Missing
    ));
    let version = CasVersion(1);
    let swap = swap_command("absent", b"v", version);
    assert!(matches!(one(store, swap), Reply::Missing));
    assert!(matches!(
        one(store, Command::Get { key: "absent" }),
        Reply::Missing
    ));
}

fn a_value_comes_back_as_it_was_written(store: &impl Store) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for value in [
        b"\r\n".as_slice(),
        b"\0",
        b"v\r\nEN\r\nVA 1 c1\r\n",
        b"END\r\n",
        &every_byte,
    ] {
        set(store, "b1", value);
        assert_eq!(get(store, "b1").as_deref(), Some(value));
    }
    let long = every_byte.repeat(3_000);
    let longest_key = "f".repeat(250);
    set(store, &longest_key, &long);
    assert_eq!(get(store, &longest_key), Some(long));
}

fn add_fails_if_the_item_exists(store: &impl Store) {
    let add = |value| one(store, add_command("ad", value));
    stored(add(b"first"));
    assert!(matches!(add(b"second"), Reply::Conflict));
    assert_eq!(get(store, "ad").as_deref(), Some(b"first".as_slice()));
    stored(one(store, Command::Delete { key: "ad" }));
    stored(add(b"third"));
    assert_eq!(get(store, "ad").as_deref(), Some(b"third".as_slice()));
}

fn compare_and_swap_fails_on_another_version(store: &impl Store) {
    let swap = |value, version| one(store, swap_command("5a", value, version));
    set(store, "5a", b"one");
    let (_, version) = read(store, "5a").unwrap();
    stored(swap(b"two", version));
    assert!(matches!(swap(b"three", version), Reply::Conflict));
    assert_eq!(get(store, "5a").as_deref(), Some(b"two".as_slice()));
    // Writing the same bytes also changes the version.
    let (_, version) = read(store, "5a").unwrap();
    set(store, "5a", b"two");
    assert!(matches!(swap(b"three", version), Reply::Conflict));
    // So does removing the item and writing it again.
    let (_, version) = read(store, "5a").unwrap();
    stored(one(store, Command::Delete { key: "5a" }));
    assert!(matches!(swap(b"three", version), Reply::Missing));
    set(store, "5a", b"two");
    assert!(matches!(swap(b"three", version), Reply::Conflict));
}

fn compare_and_swap_accepts_the_version_of_a_write(store: &impl Store) {
    let key = "60";
    let added = stored(one(store, add_command(key, b"1"))).unwrap();
    assert_eq!(read(store, key).unwrap().1, added);
    let swap = swap_command(key, b"2", added);
    let swapped = stored(one(store, swap)).unwrap();
    assert_eq!(read(store, key).unwrap(), (b"2".to_vec(), swapped));
    let written = stored(one(store, set_command(key, b"3"))).unwrap();
    assert_eq!(read(store, key).unwrap(), (b"3".to_vec(), written));
}

fn delete_removes(store: &impl Store) {
    set(store, "de", b"v");
    stored(one(store, Command::Delete { key: "de" }));
    assert_eq!(get(store, "de"), None);
    assert!(matches!(
        one(store, Command::Delete { key: "de" }),
        Reply::Missing
    ));
}

fn every_write_changes_the_version(store: &impl Store) {
    let mut seen = Vec::new();
    for _ in 0..100 {
        set(store, "7e", b"same");
        let (_, version) = read(store, "7e").unwrap();
        assert_eq!(read(store, "7e").unwrap().1, version, "reading is no write");
        assert!(!seen.contains(&version), "{version:?} again");
        seen.push(version);
    }
}

fn commands_take_effect_in_order(store: &impl Store) {
    let key = "0d";
    let (a, b) = (b"a".as_slice(), b"b".as_slice());
    let replies = store.run(&[
        Command::Get { key },
        set_command(key, a),
        Command::Get { key },
        add_command(key, b),
        Command::Delete { key },
        Command::Get { key },
        add_command(key, b),
        Command::Get { key },
    ]);
    let shown: Vec<String> = replies.into_iter().map(outline).collect();
    let expected = [
        "missing", "stored", "item a", "conflict", "stored", "missing", "stored", "item b",
    ];
    assert_eq!(shown, expected);
}

fn outline(reply: Result<Reply, StoreError>) -> String {
    match reply {
        Ok(Reply::Item { value, .. }) => format!("item {}", String::from_utf8_lossy(&value)),
        Ok(Reply::Stored(_)) => "stored".to_owned(),
        Ok(Reply::Conflict) => "conflict".to_owned(),
        Ok(Reply::Missing) => "missing".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// A reader of several groups, beside a writer that counts in two keys of each.
fn commands_of_a_group_take_effect_in_order(store: &impl Store) {
    const GROUPS: usize = 8;
    const COUNT: u32 = 1_000;
    let keys: Vec<[String; 2]> = (0..GROUPS)
        .map(|group| [format!("9d{group}"), format!("9d{group}:0f")])
        .collect();
    let count = |count: u32| {
        let value = count.to_string().into_bytes();
        // The second key first.
        let sets = keys
            .iter()
            .flat_map(|[first, second]| [set_command(second, &value), set_command(first, &value)]);
        for reply in store.run(&sets.collect::<Vec<_>>()) {
            stored(reply.unwrap());
        }
    };
    let look = || {
        let gets = keys.iter().flatten().map(|key| Command::Get { key });
        let replies = store.run(&gets.collect::<Vec<_>>());
        let counts: Vec<u32> = replies.into_iter().map(counted).collect();
        for pair in counts.as_chunks::<2>().0 {
            assert!(pair[0] <= pair[1], "the first key is ahead: {counts:?}");
        }
    };
    count(0);
    thread::scope(|scope| {
        let writer = scope.spawn(|| (1..=COUNT).for_each(count));
        while !writer.is_finished() {
            look();
        }
    });
}

fn counted(reply: Result<Reply, StoreError>) -> u32 {
    match reply {
        Ok(Reply::Item { value, .. }) => String::from_utf8(value).unwrap().parse().unwrap(),
        other => panic!("not a count: {other:?}"),
    }
}

fn a_thousand_keys_fit_in_a_batch(store: &impl Store) {
    let items: Vec<(String, Vec<u8>)> = (0..1_000)
        .map(|n| (format!("{n:064x}"), n.to_string().into_bytes()))
        .collect();
    let sets: Vec<Command<'_>> = items
        .iter()
        .map(|(key, value)| set_command(key, value))
        .collect();
    let gets: Vec<Command<'_>> = items.iter().map(|(key, _)| Command::Get { key }).collect();
    assert!(
        store
            .run(&sets)
            .into_iter()
            .all(|reply| matches!(reply, Ok(Reply::Stored(_))))
    );
    check_items(&items, store.run(&gets));
}

fn large_reads_and_writes_fit_in_one_batch(store: &impl Store) {
    // More than the sockets' buffers hold, in both directions.
    const EACH: usize = 20;
    let (old, new) = (vec![1; 900_000], vec![2; 900_000]);
    set(store, "1a", &old);
    let mut commands = vec![Command::Get { key: "1a" }; EACH];
    commands.extend([set_command("1a", &new); EACH]);
    let mut replies = store.run(&commands);
    let writes = replies.split_off(EACH);
    assert!(
        writes
            .iter()
            .all(|reply| matches!(reply, Ok(Reply::Stored(_)))),
        "{writes:?}"
    );
    check_items(&vec![("1a".to_owned(), old); EACH], replies);
    assert!(get(store, "1a") == Some(new));
}

fn check_items(items: &[(String, Vec<u8>)], replies: Replies) {
    assert_eq!(items.len(), replies.len());
    for ((key, expected), reply) in items.iter().zip(replies) {
        match reply {
            Ok(Reply::Item { value, .. }) => assert!(value == *expected, "another value for {key}"),
            other => panic!("{key}: {other:?}"),
        }
    }
}

fn items_expire(store: &impl Store) {
    let ttl = Some(Duration::from_millis(1_001));
    let short = |key| {
        stored(one(
            store,
            Command::Set {
                key,
                value: b"v",
                ttl,
            },
        ))
    };
    short("70");
    short("71");
    set(store, "72", b"stays");
    let version = short("73").unwrap();
    eventually("the item is gone", || {
        get(store, "70").is_none().then_some(())
    });
    eventually("an item can be added in its place", || {
        let added = one(store, add_command("71", b"w"));
        matches!(added, Reply::Stored(_)).then_some(())
    });
    eventually("it cannot be swapped", || {
        let swap = Command::CompareAndSwap {
            key: "73",
            value: b"w",
            ttl,
            version,
        };
        matches!(one(store, swap), Reply::Missing).then_some(())
    });
    assert_eq!(get(store, "72").as_deref(), Some(b"stays".as_slice()));
}

fn a_long_time_to_live_is_not_taken_for_a_timestamp(store: &impl Store) {
    let lives = |ttl: Ttl| {
        stored(one(
            store,
            Command::Set {
                key: "74",
                value: b"v",
                ttl,
            },
        ));
        assert!(get(store, "74").is_some(), "{ttl:?}");
    };
    lives(None);
    for days in [1, 29, 30, 31, 40, 365, 3_650, 7_300, 36_500] {
        lives(Some(DAY * days));
    }
    lives(Some(Duration::from_secs(u64::from(u32::MAX))));
    lives(Some(Duration::MAX));
}

fn only_the_value_above_the_limit_is_rejected(store: &impl Store) {
    let huge = vec![0; 80 * 1024 * 1024];
    set(store, "80", b"old");
    let replies = store.run(&[
        set_command("81", b"before"),
        set_command("80", &huge),
        add_command("82", &huge),
        set_command("83", b"behind"),
    ]);
    assert!(matches!(replies[0], Ok(Reply::Stored(_))));
    for refused in &replies[1..3] {
        let Err(StoreError::TooLarge { bytes, limit }) = refused else {
            panic!("{refused:?}")
        };
        assert!(*bytes == huge.len() && limit < bytes, "{refused:?}");
    }
    assert!(matches!(replies[3], Ok(Reply::Stored(_))));
    assert_eq!(get(store, "80").as_deref(), Some(b"old".as_slice()));
    assert_eq!(get(store, "82"), None);
}

fn only_the_invalid_command_is_rejected(store: &impl Store) {
    let long = "f".repeat(251);
    for key in ["", "a b", "a\r\nflush_all", "a\0", "é", &long] {
        let replies = store.run(&[
            set_command("90", b"v"),
            set_command(key, b"v"),
            Command::Get { key },
            set_command("91", b""),
            Command::Get { key: "90" },
        ]);
        assert!(matches!(replies[0], Ok(Reply::Stored(_))), "{replies:?}");
        assert!(
            matches!(replies[1], Err(StoreError::Protocol(_))),
            "{replies:?}"
        );
        assert!(
            matches!(replies[2], Err(StoreError::Protocol(_))),
            "{replies:?}"
        );
        assert!(
            matches!(replies[3], Err(StoreError::Protocol(_))),
            "{replies:?}"
        );
        assert!(matches!(replies[4], Ok(Reply::Item { .. })), "{replies:?}");
    }
    assert_eq!(get(store, "91"), None);
}

fn an_empty_batch_has_no_replies(store: &impl Store) {
    assert!(store.run(&[]).is_empty());
}

fn counts_add_up_across_threads(store: &impl Store) {
    const THREADS: usize = 8;
    const INCREMENTS: usize = 500;
    let key = "c0";
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..INCREMENTS).for_each(|_| increment(store, key)));
        }
    });
    let total = (THREADS * INCREMENTS).to_string().into_bytes();
    assert_eq!(get(store, key), Some(total));
}

fn increment(store: &impl Store, key: &str) {
    loop {
        let reply = match read(store, key) {
            None => one(store, add_command(key, b"1")),
            Some((count, version)) => {
                let count: usize = String::from_utf8(count).unwrap().parse().unwrap();
                let value = (count + 1).to_string();
                one(store, swap_command(key, value.as_bytes(), version))
            }
        };
        if matches!(reply, Reply::Stored(_)) {
            return;
        }
    }
}
