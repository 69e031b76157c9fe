//! A race that only PostgreSQL has: Diesel asks for the numbers of custom types in the middle of a
//! statement.

use std::{thread, time::Duration};

use cachalot_diesel::{BypassReason, Outcome, prelude::*};
use cachalot_tests::{memcached, unique, wait_until};
use diesel::{connection::SimpleConnection, prelude::*};

use super::dialect::lock_waits;
use super::schema::{Mood, every_type};
use super::{Conn, db};

#[test]
fn c02_a_write_stays_announced_while_diesel_looks_a_type_up() {
    let database = db::database();
    let cache = Cachalot::builder()
        .url(memcached::shared().url())
        .namespace(unique::name("lookup"))
        .store_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    let mut reader = db::establish(database.url());
    cache.watch(&mut reader).unwrap();
    reader
        .batch_execute("INSERT INTO every_type (id, a_mood) VALUES (1, 'calm')")
        .unwrap();
    let read = |conn: &mut Conn| {
        every_type::table
            .find(1)
            .select(every_type::a_mood)
            .cached(conn)
            .get_result()
    };
    assert_eq!(read(&mut reader), Ok(Some(Mood::Calm)));

    let mut holder = db::establish(database.url());
    holder
        .batch_execute("BEGIN; UPDATE every_type SET a_text = 'x' WHERE id = 1")
        .unwrap();
    let mut writer = db::establish(database.url());
    cache.watch(&mut writer).unwrap();
    let writing = thread::spawn(move || {
        diesel::update(every_type::table.find(1))
            .set(every_type::a_mood.eq(Mood::Curious))
            .execute(&mut writer)
    });
    // The writer waits for the row, so its lookup is over and its statement is not.
    wait_until(
        "the writer waits for the row",
        Duration::from_secs(20),
        || lock_waits(&mut holder, &database, "every_type") > 0,
    );

    let outcome = every_type::table
        .find(1)
        .select(every_type::a_mood)
        .cached(&mut reader)
        .explain()
        .unwrap()
        .outcome;
    assert_eq!(outcome, Outcome::Bypass(BypassReason::WriterInFlight));

    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(writing.join().unwrap(), Ok(1));
    assert_eq!(read(&mut reader), Ok(Some(Mood::Curious)));
}
