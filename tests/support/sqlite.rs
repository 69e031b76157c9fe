//! SQLite: a file for each test.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, SqliteConnection};

use crate::watchdog::{Service, Watched};
use crate::{Database, migrations, unique};

/// The connection type of this database.
pub type Connection = SqliteConnection;

/// The folder of this process's databases, and in it a migrated one to copy.
static FOLDER: OnceLock<Watched> = OnceLock::new();
const TEMPLATE: &str = "template.sqlite";

/// A migrated database of the caller's own.
pub fn database() -> Database {
    let name = unique::name("test") + ".sqlite";
    let folder = folder();
    let path = folder.join(&name);
    fs::copy(folder.join(TEMPLATE), &path).expect("the template database cannot be copied");
    let url = path
        .to_str()
        .expect("the folder for temporary files has a name that is not UTF-8");
    Database::new(url.to_owned(), name, None)
}

/// A connection to `url` that checks foreign keys, waits up to ten seconds for a lock, and leaves the disk alone.
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

fn folder() -> PathBuf {
    let watched = FOLDER.get_or_init(|| {
        let watched = Watched::start(&Service {
            name: "sqlite",
            prepare: String::new(),
            serve: "true".to_owned(),
            signal: "KILL",
        });
        let template = watched.folder().join(TEMPLATE);
        let url = template
            .to_str()
            .expect("the folder for temporary files has a name that is not UTF-8");
        migrations::run(&mut establish(url), migrations::SQLITE);
        watched
    });
    watched.folder().to_path_buf()
}
