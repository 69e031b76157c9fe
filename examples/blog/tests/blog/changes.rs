//! What visitors write, one after the other. Some of it has to be refused.

use serde_json::{Value, json};
use ureq::http::Method;

/// A request that writes, and the status that answers it.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) body: Option<Value>,
    pub(crate) status: u16,
}

fn post(path: &'static str, body: Value, status: u16) -> Change {
    Change {
        method: Method::POST,
        path,
        body: Some(body),
        status,
    }
}

fn put(path: &'static str, body: Value, status: u16) -> Change {
    Change {
        method: Method::PUT,
        path,
        body: Some(body),
        status,
    }
}

fn delete(path: &'static str, status: u16) -> Change {
    Change {
        method: Method::DELETE,
        path,
        body: None,
        status,
    }
}

/// Pages that show all of it, and some that are not there.
pub(crate) const PAGES: [&str; 18] = [
    "/",
    "/?page=2",
    "/?page=3",
    "/?page=9223372036854775807",
    "/discussed",
    "/search?words=Post",
    "/search?words=whale",
    "/posts/1",
    "/posts/2",
    "/posts/3",
    "/posts/12",
    "/authors",
    "/authors/1",
    "/authors/2",
    "/authors/3",
    "/tags/sea",
    "/tags/O'Hara%2C%20%E6%B5%B7",
    "/tags/none",
];

pub(crate) fn all() -> Vec<Change> {
    let ada = json!({"name": "Ada", "about": "engines"});
    let bo = json!({"name": "Bo", "about": ""});
    let draft = |author: i32, title: &str, tags: &[&str]| json!({"author_id": author, "title": title, "body": "…", "tags": tags});
    let remark = |name: &str, body: &str| json!({"name": name, "body": body});

    let mut changes = vec![
        post("/authors", ada.clone(), 201),
        post("/authors", bo, 201),
    ];
    // A second page, and an answer to it that may not be taken for the first one's.
    for _ in 0..11 {
        changes.push(post("/posts", draft(1, "Post", &[]), 201));
    }
    changes.extend([
        post("/posts", draft(2, "A whale", &["sea", "O'Hara, 海"]), 201),
        post("/posts/1/comments", remark("Cy", "first"), 201),
        post("/posts/1/comments", remark("Di", "second"), 201),
        post(
            "/posts/12/comments",
            remark("Cy", "'; DROP TABLE posts --"),
            201,
        ),
        put(
            "/posts/1",
            json!({"title": "Post, mended", "body": "new"}),
            204,
        ),
        put(
            "/authors/1",
            json!({"name": "Ada L.", "about": "engines"}),
            204,
        ),
        delete("/comments/2", 204),
        // What is refused changes nothing.
        delete("/comments/2", 404),
        put("/posts/99", json!({"title": "Nowhere", "body": ""}), 404),
        put("/posts/1", json!({"title": " ", "body": ""}), 422),
        put("/posts/1", json!({"body": "without a title"}), 422),
        put(
            "/authors/2",
            json!({"name": "Ada L.", "about": "not she"}),
            409,
        ),
        post("/posts/99/comments", remark("Cy", "to nobody"), 409),
        post("/posts", draft(99, "By nobody", &["sea"]), 409),
        // Here the post is written before its tags are refused.
        post("/posts", draft(2, "Twice", &["sea", "sea"]), 409),
        post("/authors", json!({"name": "Bo", "about": "again"}), 409),
        // Several tables in one transaction.
        delete("/posts/12", 204),
        delete("/posts/12", 404),
        delete("/posts/1", 204),
        put("/authors/1", ada, 204),
    ]);
    changes
}
