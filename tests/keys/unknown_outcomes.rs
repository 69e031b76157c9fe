//! Keyed writes of which nobody knows whether the server has carried them out.

use cachalot_diesel::CachalotConnection;
use cachalot_tests::proxy::Proxy;
use diesel::{connection::SimpleConnection as _, prelude::*};

use super::{
    blog, blog::Post, connection_type::Typed, db, reads, schema::*, statement::Client, world::World,
};

/// A connection that caches, through a proxy before the database.
fn through_a_proxy(world: &World) -> (Proxy, Client) {
    let (proxy, url) = Proxy::before(world.database.url());
    let conn = CachalotConnection::new(db::establish(&url), &world.cache).unwrap();
    (proxy, conn)
}

#[test]
fn k12_keyed_writes_whose_answer_is_lost_are_seen() {
    type Lost = (&'static str, fn(&mut Client) -> QueryResult<()>);
    let lost: [Lost; 4] = [
        ("UPDATE", |conn| {
            conn.batch_execute("UPDATE posts SET votes = 77 WHERE id = 1")
        }),
        ("COMMIT", |conn| {
            conn.transaction(|conn| {
                let post = posts::table.find(1).filter(posts::author_id.eq(1));
                diesel::update(post)
                    .set(posts::author_id.eq(2))
                    .execute(conn)?;
                diesel::delete(posts::table.find(2)).execute(conn).map(drop)
            })
        }),
        ("COMMIT", |conn| {
            conn.batch_execute("BEGIN")?;
            conn.batch_execute("UPDATE posts SET id = 60 WHERE id = 4")?;
            conn.batch_execute("COMMIT")
        }),
        ("INSERT", |conn| {
            conn.batch_execute("INSERT INTO posts (id, author_id, title) VALUES (50, 3, 'new')")
        }),
    ];
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let mut typed = Typed::of(&world);
    let mut other = Typed::on(&world.database, &world.other_process());
    let mut outsider = world.outsider();
    let all = reads::all();
    for (statement, write) in lost {
        for read in &all {
            (read.by_type)(&mut typed.conn).unwrap();
        }
        let before: Vec<Post> = posts::table.order(posts::id).load(&mut outsider).unwrap();
        let (proxy, mut conn) = through_a_proxy(&world);
        proxy.swallow_answer_to(statement);
        assert!(write(&mut conn).is_err(), "its answer is lost");
        let after: Vec<Post> = posts::table.order(posts::id).load(&mut outsider).unwrap();
        assert_ne!(before, after, "it was carried out: {statement}");
        for read in &all {
            let shown = (read.plain)(&mut outsider);
            assert_eq!((read.by_type)(&mut typed.conn), shown, "{}", read.name);
            assert_eq!((read.by_type)(&mut other.conn), shown, "{}", read.name);
        }
    }
}
