//! Entries and version records that were damaged, forged or lost: never a wrong row, and healed by
//! the next read.

use cachalot_diesel::Outcome;
use cachalot_tests::memcached;
use diesel::prelude::*;

use super::CachedDsl as _;
use super::Conn;
use super::blog::{self, Author, Post};
use super::schema::*;
use super::spy_store::SpyStore;
use super::world::{World, assert_cached};

/// Every way to spoil an item that a test tries, by name.
fn spoilt(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut ways: Vec<(String, Vec<u8>)> = vec![
        ("one byte".into(), vec![0]),
        ("garbage".into(), b"\xff\x00garbage\r\nEND\r\n".to_vec()),
        ("a long garbage".into(), vec![0xa5; 100_000]),
        ("another program's".into(), b"{\"rows\":[]}".to_vec()),
        ("empty JSON".into(), b"{}".to_vec()),
        ("JSON of great depth".into(), vec![b'['; 50_000]),
        ("with a tail".into(), [bytes, b"x"].concat()),
        ("twice".into(), [bytes, bytes].concat()),
        ("zeroed".into(), vec![0; bytes.len()]),
    ];
    // A cut and a flipped bit in every eighth of it, and in each of the first bytes.
    let step = (bytes.len() / 8).max(1);
    let places = (0..bytes.len()).filter(|at| *at < 32 || at % step == 0);
    for at in places.chain([bytes.len() - 1]) {
        if at > 0 {
            ways.push((format!("cut at {at}"), bytes[..at].to_vec()));
        }
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << (at % 8);
        ways.push((format!("a bit of {at} flipped"), flipped));
    }
    ways
}

/// A world on each store of spy_store.
fn each(mut body: impl FnMut(&mut World, &SpyStore)) {
    for spy_store in [SpyStore::memcached(), SpyStore::memory()] {
        let mut world = World::with("memory://".to_owned(), |builder| {
            builder.store(spy_store.clone())
        });
        blog::fill(&mut world.conn);
        body(&mut world, &spy_store);
    }
}

type Row = (Post, Author);

fn read(conn: &mut Conn) -> QueryResult<Vec<Row>> {
    posts::table
        .inner_join(authors::table)
        .order(posts::id)
        .select((Post::as_select(), Author::as_select()))
        .cached(conn)
        .load()
}

fn expected() -> Vec<Row> {
    let posts = blog::posts().into_iter();
    posts
        .map(|post| {
            let author = blog::authors().swap_remove(usize::try_from(post.author_id).unwrap() - 1);
            (post, author)
        })
        .collect()
}

#[test]
fn r17_a_damaged_entry_is_a_miss_and_is_replaced() {
    each(|world, spy_store| {
        assert_eq!(world.once(read), Ok(expected()));
        let entry = spy_store.asked().swap_remove(0);
        let sound = spy_store.get(&entry).unwrap();

        for (way, bytes) in spoilt(&sound) {
            spy_store.set(&entry, &bytes);
            assert_eq!(world.sent(read), (Ok(expected()), 1), "{way}");
            assert_eq!(world.sent(read), (Ok(expected()), 0), "healed after {way}");
        }
        assert_eq!(world.cache.stats().store_errors, 0);
    });
}

#[test]
fn r17_an_entry_of_another_format_version_is_a_miss_and_heals() {
    each(|world, spy_store| {
        assert_eq!(world.once(read), Ok(expected()));
        let entry = spy_store.asked().swap_remove(0);
        let sound = spy_store.get(&entry).unwrap();
        assert_eq!(&sound[..4], b"cach");

        for version in [0, 1, 2, 3, 255] {
            let mut foreign = sound.clone();
            foreign[4] = version;
            spy_store.set(&entry, &foreign);
            assert_eq!(world.sent(read), (Ok(expected()), 1), "version {version}");
            assert_eq!(world.sent(read), (Ok(expected()), 0), "version {version}");
        }
    });
}

#[test]
fn r17_another_querys_entry_is_a_miss_and_heals() {
    each(|world, spy_store| {
        let _ = world.once(|conn| posts::table.find(1).cached(conn).first::<Post>());
        let of_first = spy_store.get(&spy_store.asked()[0]).unwrap();
        let second = |conn: &mut Conn| posts::table.find(2).cached(conn).first::<Post>();
        let found = world.once(second);
        assert_eq!(found, Ok(blog::posts().swap_remove(1)));

        spy_store.set(&spy_store.asked()[0], &of_first);
        assert_eq!(world.once(second), found);
    });
}

#[test]
fn r17_a_damaged_record_costs_one_miss_and_is_replaced() {
    each(|world, spy_store| {
        assert_eq!(world.once(read), Ok(expected()));
        let asked = spy_store.asked();
        assert_eq!(asked.len(), 4, "an entry, the namespace and two tables");

        for record in &asked[1..] {
            let sound = spy_store.get(record).unwrap();
            for (way, bytes) in spoilt(&sound) {
                spy_store.set(record, &bytes);
                let (rows, first) = world.sent(read);
                assert_eq!(rows, Ok(expected()), "{way}");
                // A bit in what only an operator reads may leave the entry valid.
                assert!(first <= 1, "{way}");
                assert_eq!(world.sent(read), (Ok(expected()), 0), "healed after {way}");
            }
            let sound = String::from_utf8(sound).unwrap();
            let foreign = sound.replacen("{\"v\":", "{\"v\":1", 1);
            assert_ne!(foreign, sound);
            spy_store.set(record, foreign.as_bytes());
            assert_eq!(world.once(read), Ok(expected()), "another format version");
        }
    });
}

#[test]
fn r17_a_write_over_a_damaged_record_is_seen() {
    each(|world, spy_store| {
        assert_eq!(world.once(read), Ok(expected()));
        let asked = spy_store.asked();

        for (number, record) in (0..).zip(&asked[1..]) {
            for bytes in [&b"garbage"[..], b"{}", &spy_store.get(record).unwrap()[..9]] {
                spy_store.set(record, bytes);
                let votes = posts::table.find(1).select(posts::votes);
                let before: i64 = votes
                    .first(super::connections::uncached(&mut world.conn))
                    .unwrap();
                diesel::update(posts::table.find(1))
                    .set(posts::votes.eq(posts::votes + 1))
                    .execute(&mut world.conn)
                    .unwrap();
                let (rows, _) = world.sent(read);
                assert_eq!(rows.unwrap()[0].0.votes, before + 1, "record {number}");
                let (rows, sent) = world.sent(read);
                assert_eq!(
                    (rows.unwrap()[0].0.votes, sent),
                    (before + 1, 0),
                    "record {number}"
                );
            }
        }
    });
}

#[test]
fn r17_an_entry_that_another_client_put_there_is_a_miss_and_heals() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let explain = |conn: &mut Conn| posts::table.cached(conn).explain().unwrap();
    let key = explain(&mut world.conn).key.unwrap();
    let mut wire = memcached::shared().wire();
    assert_eq!(wire.get(&key), None);

    for bytes in [&b"x"[..], b"cach", b"cach\x04", &[0; 5000]] {
        wire.set(&key, bytes);
        assert_eq!(explain(&mut world.conn).outcome, Outcome::Miss);
        assert_eq!(assert_cached!(world, Post, posts::table), blog::posts());
        assert_eq!(explain(&mut world.conn).outcome, Outcome::Hit);
    }
    // The very bytes, by way of another client, are the entry.
    let sound = wire.get(&key).unwrap();
    wire.set(&key, &sound);
    let (rows, sent) = world.sent(|conn| posts::table.cached(conn).load::<Post>());
    assert_eq!((rows, sent), (Ok(blog::posts()), 0));
}

#[test]
fn r17_a_deleted_entry_is_one_miss() {
    each(|world, spy_store| {
        assert_eq!(world.once(read), Ok(expected()));
        for _ in 0..2 {
            spy_store.delete(&spy_store.asked()[0]);
            assert_eq!(world.once(read), Ok(expected()));
        }
    });
}

#[test]
fn r18_a_deleted_record_is_one_miss() {
    each(|world, spy_store| {
        assert_eq!(world.once(read), Ok(expected()));
        let asked = spy_store.asked();
        assert_eq!(asked.len(), 4, "an entry, the namespace and two tables");

        for record in &asked[1..] {
            spy_store.delete(record);
            assert_eq!(world.once(read), Ok(expected()));
            assert!(spy_store.get(record).is_some(), "there is a record again");
        }
        for record in &asked[1..] {
            spy_store.delete(record);
        }
        assert_eq!(world.once(read), Ok(expected()), "all at once");
    });
}

#[test]
fn r18_a_record_that_comes_back_does_not_revive_old_entries() {
    each(|world, spy_store| {
        assert_eq!(world.once(read), Ok(expected()));
        let asked = spy_store.asked();
        let old: Vec<_> = asked
            .iter()
            .map(|key| spy_store.get(key).unwrap())
            .collect();

        for (record, bytes) in asked[1..].iter().zip(&old[1..]) {
            spy_store.delete(record);
            assert_eq!(world.once(read), Ok(expected()));
            diesel::update(posts::table)
                .set(posts::votes.eq(posts::votes))
                .execute(&mut world.conn)
                .unwrap();
            // The old entry under new records.
            spy_store.set(&asked[0], &old[0]);
            assert_ne!(spy_store.get(record).as_ref(), Some(bytes));
            assert_eq!(world.once(read), Ok(expected()));
        }
    });
}
