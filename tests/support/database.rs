//! A database that belongs to one test.

/// A migrated database: the demo schema and the tests' own, no rows.
///
/// It ends with its server, or when this is dropped if the server was running before the tests.
#[must_use = "a database of a running server is removed when this is dropped"]
#[derive(Debug)]
pub struct Database {
    url: String,
    name: String,
    remove: Option<fn(&str)>,
}

impl Database {
    pub(crate) fn new(url: String, name: String, remove: Option<fn(&str)>) -> Self {
        Self { url, name, remove }
    }

    /// The URL for `establish`; for SQLite the file's path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name; for SQLite the file's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(remove) = self.remove {
            remove(&self.name);
        }
    }
}
