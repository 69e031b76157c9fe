//! SQLite: a file for each test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, SqliteConnection};
use diesel_migrations::embed_migrations;

use crate::migrations::Migrations;
use crate::{Database, folder, migrations, unique};

/// The schema of a [`database`].
pub const MIGRATIONS: Migrations = [
    embed_migrations!("../migrations/sqlite"),
    embed_migrations!("migrations/sqlite"),
];

/// The connection type of this database.
pub type Connection = SqliteConnection;

/// A migrated database; a new one is a copy of it.
static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();

/// A migrated database of the caller's own, in [`folder::shared()`].
pub fn database() -> Database {
    let template = TEMPLATE.get_or_init(|| {
        let (path, _) = new_path("template");
        migrations::run(&mut establish(text(&path)), MIGRATIONS);
        path
    });
    let (path, name) = new_path("cachalot");
    fs::copy(template, &path).expect("the template database cannot be copied");
    Database::new(text(&path).to_owned(), name, None)
}

/// A database without any table, in [`folder::shared()`]: a file that is made when it is opened.
pub fn empty_database() -> Database {
    let (path, name) = new_path("cachalot");
    Database::new(text(&path).to_owned(), name, None)
}

/// A connection to `url` that checks foreign keys, waits up to ten seconds for a lock, and leaves the
/// disk alone.
#[must_use]
pub fn establish(url: &str) -> Connection {
    let mut conn = SqliteConnection::establish(url)
        .unwrap_or_else(|error| panic!("cannot open `{url}`: {error}"));
    conn.batch_execute(
        "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000; PRAGMA synchronous = OFF;",
    )
    .expect("SQLite refuses its pragmas");
    conn
}

fn new_path(prefix: &str) -> (PathBuf, String) {
    let name = unique::name(prefix) + ".sqlite";
    (folder::shared().join(&name), name)
}

fn text(path: &Path) -> &str {
    path.to_str()
        .expect("the folder for temporary files has a name that is not UTF-8")
}
