//! What reaches memcached: hex keys and values of a told length, whatever names and values are like.

use cachalot_diesel::{Builder, CachedDsl as _, disabled};
use cachalot_tests::{memcached, proxy::Proxy};
use diesel::{prelude::*, sql_query, sql_types::Integer};

use super::Conn;
use super::dialect::quoted;
use super::schema::tags;
use super::world::World;

/// What would be a command, end one, or be too long for a key.
fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "with spaces and\ttabs",
        "a\r\nset b 0 0 1\r\nc\r\n",
        "\r\nflush_all\r\nquit\r\n",
        "nul\0nul",
        "größe 🐋",
        "quotes ' \" ` [ ] \\ ; -- /*",
        "%0d%0a ${x} {} $1 ?",
    ]
    .map(str::to_owned)
    .into();
    texts.push("0123456789".repeat(1_000));
    texts
}

/// A memcached of its own, the way there, and a world on it.
struct Wired {
    server: memcached::Server,
    way: Proxy,
    world: World,
}

impl Wired {
    fn new(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let server = memcached::start(&[]);
        let way = Proxy::to(server.address());
        let url = format!("memcache://{}", way.address());
        let world = World::with(url, settings);
        Self { server, way, world }
    }

    /// Every key in what was sent, and in the server, is a hash in hex.
    #[track_caller]
    fn assert_clean(&self, secret: Option<&str>) {
        let mut keys = Vec::new();
        for stream in self.way.take_streams() {
            if let Some(secret) = secret.map(str::as_bytes) {
                let shown = stream.windows(secret.len()).any(|part| part == secret);
                assert!(!shown, "a value is in no key and no row");
            }
            keys.extend(keys_of(&stream));
        }
        assert!(keys.len() > 3, "{keys:?}");
        keys.extend(self.server.wire().keys());
        for key in keys {
            let hex = |part: &str| {
                part.bytes()
                    .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
            };
            let (group, rest) = key.split_once(':').unwrap_or((&key, "0123456789abcdef"));
            assert!(group.len() == 64 && rest.len() == 16, "{key:?}");
            assert!(hex(group) && hex(rest), "{key:?}");
        }
        assert_eq!(self.world.cache.stats().store_errors, 0);
    }
}

/// Reads the commands of memcached's meta protocol, to the last byte.
fn keys_of(mut stream: &[u8]) -> Vec<String> {
    let mut keys = Vec::new();
    while !stream.is_empty() {
        let end = stream.windows(2).position(|pair| pair == b"\r\n");
        let (line, rest) = stream.split_at(end.expect("a whole line"));
        stream = &rest[2..];
        let line = std::str::from_utf8(line).expect("a line of text");
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["mn"] => continue,
            ["mg" | "md", key, ..] => keys.push(key.to_owned()),
            ["ms", key, length, ..] => {
                keys.push(key.to_owned());
                let length: usize = length.parse().expect("a length");
                assert_eq!(&stream[length..length + 2], b"\r\n", "{line}");
                stream = &stream[length + 2..];
            }
            _ => panic!("not one of the library's commands: {line:?}"),
        }
    }
    keys
}

#[derive(Debug, PartialEq, QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[test]
fn x03_binds_reach_the_store_neither_as_keys_nor_as_values() {
    let mut wired = Wired::new(|builder| builder);
    let conn = &mut wired.world.conn;
    for text in hostile() {
        let read = |conn: &mut Conn| {
            let query = tags::table
                .filter(tags::label.ne(&text))
                .select(tags::label);
            query
                .cached(conn)
                .load::<String>()
                .map_err(|error| error.to_string())
        };
        let plain = disabled(|| read(conn));
        assert_eq!(read(conn), plain);
        assert_eq!(read(conn), plain);
        // PostgreSQL takes no NUL.
        assert!(plain.is_ok() || text.contains('\0'), "{plain:?}");
    }
    assert!(wired.world.cache.stats().hits >= 7);
    wired.assert_clean(Some(&hostile()[1]));
}

#[test]
fn x03_rows_with_hostile_texts_come_back_as_they_are() {
    let mut wired = Wired::new(|builder| builder);
    let conn = &mut wired.world.conn;
    let labels = |conn: &mut Conn| -> Vec<String> {
        let query = tags::table.order(tags::id).select(tags::label);
        query.cached(conn).load().unwrap()
    };
    let mut expected = Vec::new();
    for text in hostile() {
        // MariaDB's column is short, and PostgreSQL takes no NUL.
        let inserted = diesel::insert_into(tags::table)
            .values(tags::label.eq(&text))
            .execute(conn);
        expected.extend(inserted.map(|_| text));
        assert_eq!(labels(conn), expected);
        assert_eq!(labels(conn), expected);
    }
    assert!(expected.len() >= 6);
    wired.assert_clean(None);
}

#[test]
fn x03_names_of_tables_reach_the_store_as_hashes() {
    let mut wired = Wired::new(|builder| builder);
    let mut read_any = false;
    for text in hostile() {
        let table = quoted(&text.replace(['"', '`'], ""));
        let create = format!("CREATE TABLE {table} (id INTEGER)");
        let world = &mut wired.world;
        // A name may be too long, and none holds a NUL. On MySQL a CREATE that fails and cannot be
        // parsed leaves its connection uncached, so another one tries first.
        let mut outsider = world.outsider();
        if sql_query(&create).execute(&mut outsider).is_err() {
            continue;
        }
        sql_query(format!("DROP TABLE {table}"))
            .execute(&mut outsider)
            .unwrap();
        sql_query(create).execute(&mut world.conn).unwrap();
        read_any = true;
        let read = |conn: &mut Conn| -> Vec<Id> {
            sql_query(format!("SELECT id FROM {table}"))
                .cached(conn)
                .load()
                .unwrap()
        };
        assert_eq!(world.once(read), []);
        let insert = format!("INSERT INTO {table} VALUES (7)");
        sql_query(insert).execute(&mut world.conn).unwrap();
        assert_eq!(world.once(read), [Id { id: 7 }]);
    }
    assert!(read_any);
    wired.assert_clean(None);
}

#[test]
fn x03_namespaces_and_names_given_by_hand_reach_the_store_as_hashes() {
    for text in hostile() {
        let mut wired = Wired::new(|builder| builder.namespace(&text));
        let world = &mut wired.world;
        let read = |conn: &mut Conn| -> Vec<i32> {
            let query = tags::table.select(tags::id);
            query
                .cached(conn)
                .depends_on_tables([&text])
                .load()
                .unwrap()
        };
        assert_eq!(world.once(read), Vec::<i32>::new());
        world.cache.invalidate([&text]).unwrap();
        assert_eq!(world.sent(read).1, 1, "{text:?}");
        assert!(world.cache.last_invalidation([&text]).unwrap().is_some());
        wired.assert_clean(None);
    }
}
