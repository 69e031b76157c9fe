//! Values, rows and passwords are in no log, no error of the library's, no `Debug` and no explanation.

use std::{env, process::Command, sync::Arc};

use cachalot_diesel::{Cachalot, CachedDsl as _};
use cachalot_tests::{log::Log, memcached, unique};
use diesel::{connection::SimpleConnection as _, prelude::*, sql_query, sql_types::Text};
use parking_lot::Mutex;

use super::dialect::{parameter, with_password};
use super::schema::tags;
use super::world::World;
use super::{Conn, db};

/// What must never be shown.
struct Secrets {
    bind: String,
    row: String,
    literal: String,
    password: String,
    key: String,
}

impl Secrets {
    fn new() -> Self {
        let secret = |what: &str| unique::name(&format!("secret_{what}"));
        Self {
            bind: secret("bind"),
            row: secret("row"),
            literal: secret("literal"),
            password: secret("password"),
            key: secret("key"),
        }
    }

    /// Neither said here nor logged by now.
    #[track_caller]
    fn assert_hidden(&self, said: &[String], log: &Log) {
        for secret in [
            &self.bind,
            &self.row,
            &self.literal,
            &self.password,
            &self.key,
        ] {
            assert!(!log.says(secret), "{secret} is in the log");
            for text in said {
                assert!(!text.contains(secret.as_str()), "{secret} is in {text}");
            }
        }
    }
}

/// A read whose text, binds and rows are secrets; what the library says of it.
fn read(conn: &mut Conn, secrets: &Secrets) -> Vec<String> {
    let sql = format!(
        "SELECT label AS label FROM tags WHERE label <> '{}' AND label <> {}",
        secrets.literal,
        parameter(1)
    );
    #[derive(QueryableByName)]
    struct Label {
        #[diesel(sql_type = Text)]
        label: String,
    }
    let query = || sql_query(&sql).bind::<Text, _>(secrets.bind.clone());
    let explanation = query().cached(conn).explain().unwrap();
    let said = vec![
        format!("{explanation}"),
        format!("{explanation:?}"),
        format!("{:?}", query().cached(conn)),
    ];
    let rows: Vec<Label> = query().cached(conn).load().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].label, secrets.row);
    said
}

/// In a process of its own, so that whatever any of its threads logs is these tests'.
#[test]
fn x05_nothing_that_the_library_says_shows_a_value_or_a_password() {
    let path = concat!(module_path!(), "::said");
    let test = path.split_once("::").unwrap().1;
    let mut process = Command::new(env::current_exe().unwrap());
    process.args(["--exact", "--ignored", test]);
    match super::DATABASE {
        #[cfg(feature = "postgres")]
        "postgres" => process.env(
            "CACHALOT_TEST_POSTGRES_URL",
            cachalot_tests::postgres::shared().url(""),
        ),
        #[cfg(feature = "mysql")]
        "mysql" => process.env(
            "CACHALOT_TEST_MYSQL_URL",
            cachalot_tests::mysql::shared().url(""),
        ),
        _ => &mut process,
    };
    let output = process.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "a process that the test above starts"]
fn said() {
    let log = Log::new();
    log.hear_all();
    about_work(&log);
    about_settings(&log);
}

fn about_work(log: &Log) {
    let secrets = Secrets::new();
    let server = memcached::start(&[]);
    let world = World::with(server.url(), |builder| builder.secret(&secrets.key));
    let url = with_password(&world.database, &secrets.password);
    let mut conn = db::establish(&url);
    world.cache.watch(&mut conn).unwrap();
    let mut said = vec![format!("{:?}", world.cache)];
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    world
        .cache
        .on_invalidation(move |signal| sink.lock().push(format!("{signal:?}")));

    // A write, a miss, a hit, a bypass.
    let insert = |conn: &mut Conn, label: &str| {
        diesel::insert_into(tags::table)
            .values((tags::id.eq(1), tags::label.eq(label)))
            .execute(conn)
    };
    insert(&mut conn, &secrets.row).unwrap();
    for _ in 0..2 {
        said.extend(read(&mut conn, &secrets));
    }
    conn.batch_execute("BEGIN").unwrap();
    diesel::update(tags::table)
        .set(tags::label.eq(&secrets.row))
        .execute(&mut conn)
        .unwrap();
    said.extend(read(&mut conn, &secrets));
    conn.batch_execute("COMMIT").unwrap();
    // Errors of the database, whose own words are not the library's.
    assert!(
        insert(&mut conn, &secrets.row).is_err(),
        "there is such a row"
    );
    let nonsense = format!("SELECT nonsense, '{}' FROM tags", secrets.literal);
    assert!(conn.batch_execute(&nonsense).is_err());
    assert!(
        sql_query(&nonsense)
            .cached(&mut conn)
            .load::<Nothing>()
            .is_err()
    );
    // A store that is away: a read, a write, and an invalidation that cannot be delivered.
    server.stop();
    said.extend(read(&mut conn, &secrets));
    let label = format!("{}'", secrets.row);
    diesel::update(tags::table)
        .set(tags::label.eq(&label))
        .execute(&mut conn)
        .unwrap();
    let undelivered = world.cache.invalidate(["tags"]).unwrap_err();
    said.extend([format!("{undelivered}"), format!("{undelivered:?}")]);
    said.push(format!("{:?}", world.cache.stats()));
    said.append(&mut seen.lock());

    // Not because nothing was said.
    let told = log.names("cachalot");
    for event in [
        "hit",
        "miss",
        "stored",
        "bypass",
        "invalidated",
        "store_error",
        "server_failed",
        "undelivered",
    ] {
        assert!(
            told.contains(&*format!("cachalot.{event}")),
            "{event}: {told:?}"
        );
    }
    secrets.assert_hidden(&said, log);
}

#[derive(Debug, QueryableByName)]
struct Nothing {}

fn about_settings(log: &Log) {
    let secrets = Secrets::new();
    let password = &secrets.password;
    let mut said = Vec::new();
    for url in [
        format!("memcache://user:{password}@127.0.0.1:11211"),
        format!("memcache://{password}@127.0.0.1"),
        format!("redis://user:{password}@127.0.0.1"),
        format!("memory://user:{password}@"),
        format!("user:{password}@127.0.0.1"),
    ] {
        let builder = Cachalot::builder().url(&url).secret(&secrets.key);
        said.push(format!("{builder:?}"));
        let error = builder.build().unwrap_err();
        said.extend([format!("{error}"), format!("{error:?}")]);
    }
    let cache = Cachalot::builder()
        .url("memory://")
        .secret(&secrets.key)
        .build()
        .unwrap();
    said.extend([format!("{cache:?}"), cache.store_name()]);
    secrets.assert_hidden(&said, log);
}
