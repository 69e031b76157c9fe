//! A server that is read-only follows another, and may lag behind it.

use cachalot_diesel::{BypassReason, CachedDsl as _, Outcome};
use diesel::{connection::SimpleConnection as _, prelude::*};

use super::schema::tags;
use super::world::World;
use super::{Conn, db};

fn labels(conn: &mut Conn) -> Vec<String> {
    tags::table.select(tags::label).cached(conn).load().unwrap()
}

#[test]
fn c03_what_a_read_only_server_shows_is_not_stored() {
    let Some(server) = db::read_only() else {
        return;
    };
    let mut world = World::on(server.database());
    let outcome = |conn: &mut Conn| {
        tags::table
            .select(tags::label)
            .cached(conn)
            .explain()
            .unwrap()
            .outcome
    };
    for times in 1..=2 {
        assert_eq!(
            outcome(&mut world.conn),
            Outcome::Bypass(BypassReason::Replica)
        );
        assert_eq!(world.sent(labels), (Vec::new(), 1));
        assert_eq!(world.cache.stats().bypasses.get("replica"), Some(&times));
    }
    // A server that takes writes again is known by connections from then on.
    world
        .outsider()
        .batch_execute("SET GLOBAL read_only = 0")
        .unwrap();
    let mut reader = world.reader();
    assert_eq!(reader.sent(labels), (Vec::new(), 1));
    assert_eq!(reader.sent(labels), (Vec::new(), 0));
}
