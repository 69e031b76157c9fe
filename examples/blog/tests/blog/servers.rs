use std::path::Path;

use cachalot_tests::program::Program;
use serde_json::Value;

use crate::client::Client;

/// A running blog.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) client: Client,
    _program: Program,
}

/// Where a blog has its rows and its cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) database: &'a str,
    pub(crate) cache: &'a str,
    pub(crate) namespace: &'a str,
}

impl Server {
    /// A blog whose pages may come from the cache.
    pub(crate) fn cached(name: &'static str, place: Place<'_>) -> Self {
        Self::start(name, place, "true")
    }

    /// A blog that asks the database for every page. Its writes still invalidate.
    pub(crate) fn plain(place: Place<'_>) -> Self {
        Self::start("without the cache", place, "false")
    }

    fn start(name: &'static str, place: Place<'_>, enabled: &str) -> Self {
        let (program, url) = Program::start(
            Path::new(env!("CARGO_BIN_EXE_blog")),
            &[
                ("BLOG_LISTEN", "127.0.0.1:0"),
                ("DATABASE_URL", place.database),
                ("CACHALOT_URL", place.cache),
                ("CACHALOT_NAMESPACE", place.namespace),
                ("CACHALOT_ENABLED", enabled),
                // A busy machine is no reason to give a server up.
                ("CACHALOT_STORE_TIMEOUT", "30000"),
            ],
            "listening on ",
        );
        Self {
            name,
            client: Client::new(url),
            _program: program,
        }
    }

    /// Its hits and misses so far.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let body = self.client.get("/cache").body;
        let count = |name: &str| body.get(name).and_then(Value::as_u64).unwrap();
        (count("hits"), count("misses"))
    }
}
