//! Which reads of a page a write makes anew.

use cachalot_tests::{memcached, unique};
use serde_json::json;
use ureq::http::Method;

use crate::servers::{Place, Server};

/// A page of one post is three reads: the post and its author, its tags, its comments.
pub(crate) fn of_a_post_page(database: &str) {
    let server = Server::cached(
        "with the cache",
        Place {
            database,
            cache: &memcached::shared().url(),
            namespace: &unique::name("blog"),
        },
    );
    let client = &server.client;
    client.post("/authors", &json!({"name": "Ada", "about": ""}));
    client.post(
        "/posts",
        &json!({"author_id": 1, "title": "One", "body": "", "tags": ["sea"]}),
    );
    let read = || {
        let before = server.counts();
        assert_eq!(client.get("/posts/1").status, 200);
        let after = server.counts();
        (after.0 - before.0, after.1 - before.1)
    };
    let (three_hits, two_hits) = ((3, 0), (2, 1));
    assert_eq!(read(), (0, 3));
    assert_eq!(read(), three_hits);

    client.post("/posts/1/comments", &json!({"name": "Bo", "body": "nice"}));
    assert_eq!(read(), two_hits, "the comments");
    assert_eq!(read(), three_hits);

    let renamed = json!({"name": "Ada L.", "about": ""});
    client.send(Method::PUT, "/authors/1", Some(&renamed));
    assert_eq!(read(), two_hits, "the post and its author");
    assert_eq!(read(), three_hits);

    let refused = json!({"author_id": 1, "title": "Two", "body": "", "tags": ["sea", "sea"]});
    assert_eq!(client.post("/posts", &refused).status, 409);
    assert_eq!(read(), three_hits, "a transaction that was rolled back");
}
