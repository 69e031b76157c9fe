//! Which settings of a session keep its entries apart from others', and which do not.

use cachalot_diesel::CachedDsl as _;
use diesel::{connection::SimpleConnection as _, prelude::*};

use super::super::{
    Conn,
    dialect::here,
    schema::tags,
    world::{Reader, World},
};

pub(super) fn labels(conn: &mut Conn) -> Vec<String> {
    tags::table.select(tags::label).cached(conn).load().unwrap()
}

/// The key of a read of the connection's.
pub(super) fn key(conn: &mut Conn) -> String {
    let query = tags::table.select(tags::label).cached(conn);
    query.explain().unwrap().key.expect("a cached read")
}

/// After each of these a connection reads what others have stored.
pub(super) fn are_shared(world: &mut World, settings: &[&str]) {
    let shared = key(&mut world.conn);
    labels(&mut world.conn);
    for set in settings {
        let set = here(set);
        let mut watched = world.reader();
        labels(&mut watched.conn);
        watched.conn.batch_execute(set).unwrap();
        assert_eq!(key(&mut watched.conn), shared, "{set}");
        assert_eq!(watched.sent(labels).1, 0, "{set}");
        let mut late = world.outsider();
        late.batch_execute(set).unwrap();
        world.cache.watch(&mut late).unwrap();
        assert_eq!(key(&mut late), shared, "before it was watched: {set}");
    }
}

/// After each of these a connection has entries of its own, which others like it share.
pub(super) fn are_kept_apart(world: &mut World, settings: &[&str]) {
    let mut keys = vec![key(&mut world.conn)];
    for set in settings {
        let set = here(set);
        let [one, other] = [(); 2].map(|()| {
            let mut late = world.outsider();
            late.batch_execute(set).unwrap();
            world.cache.watch(&mut late).unwrap();
            key(&mut late)
        });
        assert_eq!(one, other, "{set}");
        let Reader { mut conn, .. } = world.reader();
        assert_eq!(key(&mut conn), keys[0], "{set}");
        conn.batch_execute(set).unwrap();
        assert_eq!(key(&mut conn), one, "watched: {set}");
        assert!(!keys.contains(&one), "{set}");
        keys.push(one);
    }
}
