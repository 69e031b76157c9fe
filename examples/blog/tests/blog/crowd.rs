//! Visitors who comment at one time, on two servers.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use cachalot_tests::{memcached, unique};
use serde_json::json;

use crate::servers::{Place, Server};

const VISITORS: usize = 4;
const COMMENTS: usize = 25;

/// Each visitor comments on one server and reads on the other: no comment that anybody has had the
/// answer to may be missing.
pub(crate) fn comments(database: &str) {
    let place = Place {
        database,
        cache: &memcached::shared().url(),
        namespace: &unique::name("blog"),
    };
    let servers = [Server::cached("one", place), Server::cached("other", place)];
    let [one, _] = &servers;
    one.client
        .post("/authors", &json!({"name": "Ada", "about": ""}));
    one.client.post(
        "/posts",
        &json!({"author_id": 1, "title": "One", "body": ""}),
    );

    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for visitor in 0..VISITORS {
            let (servers, answered) = (&servers, &answered);
            scope.spawn(move || {
                for number in 0..COMMENTS {
                    let remark = json!({"name": visitor.to_string(), "body": number.to_string()});
                    let writer = &servers[(visitor + number) % 2].client;
                    let reader = &servers[(visitor + number + 1) % 2].client;
                    assert_eq!(writer.post("/posts/1/comments", &remark).status, 201);
                    answered.fetch_add(1, Ordering::SeqCst);

                    let at_least = answered.load(Ordering::SeqCst);
                    let page = reader.get("/posts/1").body;
                    let comments = page["comments"].as_array().unwrap();
                    assert!(comments.len() >= at_least, "{page}");
                    let own = comments
                        .iter()
                        .filter(|comment| comment["name"] == remark["name"]);
                    assert_eq!(own.count(), number + 1, "{page}");

                    let at_least = answered.load(Ordering::SeqCst);
                    let front = reader.get("/").body;
                    let count = front[0]["comments"].as_u64().unwrap();
                    assert!(count >= at_least as u64, "{front}");
                }
            });
        }
    });
}
