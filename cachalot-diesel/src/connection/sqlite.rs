use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection as _,
    sql_types::{Bool, Text},
};

use super::{CacheConnection, CatalogAnswer, Lookup, Probe, ProbeAnswer, Question, Sealed};
use crate::{protocol::Token, statement::Isolation};

/// `AS`, as a pragma may decide how columns without it are called.
const DATABASES: &str = "SELECT name AS name, coalesce(file, '') AS file FROM pragma_database_list";

/// Pragmas that decide what rows a statement returns, in which order, or what their columns are
/// called. `case_sensitive_like` cannot be asked for, but it shows.
const SETTINGS: &str = "\
SELECT read_uncommitted AS dirty, \
('a' LIKE 'A') || reverse_unordered_selects || full_column_names || short_column_names AS others \
FROM pragma_read_uncommitted, pragma_reverse_unordered_selects, pragma_full_column_names, \
pragma_short_column_names";

const VERSION: &str = "SELECT sqlite_version() || ' ' || sqlite_source_id() AS version";

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// An `ALTER TABLE` opens the temporary database too, and leaves it empty.
const TEMPORARY: &str = "SELECT count(*) > 0 AS some, \
coalesce(sum(type = 'trigger'), 0) > 0 AS triggers FROM sqlite_temp_schema";

#[derive(QueryableByName, Default)]
struct Temporary {
    #[diesel(sql_type = Bool)]
    some: bool,
    #[diesel(sql_type = Bool)]
    triggers: bool,
}

#[derive(QueryableByName)]
struct Settings {
    #[diesel(sql_type = Bool)]
    dirty: bool,
    #[diesel(sql_type = Text)]
    others: String,
}

#[derive(QueryableByName)]
struct Database {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    file: String,
}

impl Sealed for SqliteConnection {}

impl CacheConnection for SqliteConnection {
    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T {
        run(&mut ())
    }

    fn probe(&mut self, _named: &[String]) -> QueryResult<ProbeAnswer> {
        let databases: Vec<Database> = diesel::sql_query(DATABASES).load(self)?;
        let settings: Settings = diesel::sql_query(SETTINGS).get_result(self)?;
        let mut identity = vec![settings.others];
        let mut opened = false;
        for database in &databases {
            if database.name == "temp" {
                opened = true;
                continue;
            }
            identity.push(database.name.clone());
            identity.push(identity_of(&database.file));
        }
        // Queries can show it.
        let version: Version = diesel::sql_query(VERSION).get_result(self)?;
        identity.push(version.version);
        // To ask for it would open it.
        let temporary: Temporary = if opened {
            diesel::sql_query(TEMPORARY).get_result(self)?
        } else {
            Temporary::default()
        };
        Ok(ProbeAnswer(Probe {
            database: identity.clone(),
            identity,
            isolation: Some(if settings.dirty {
                Isolation::ReadUncommitted
            } else {
                Isolation::Serializable
            }),
            autocommit: true,
            replica: false,
            temporary: temporary.some,
            unseen: temporary.triggers,
        }))
    }

    fn in_transaction(&mut self) -> Option<bool> {
        // None can begin in another.
        Some(self.batch_execute("BEGIN").is_err() || self.batch_execute("ROLLBACK").is_err())
    }

    fn catalog(&mut self, _question: &Question) -> QueryResult<CatalogAnswer> {
        crate::catalog::load_sqlite(self).map(CatalogAnswer)
    }
}

/// The same file is the same database, for as long as it is the same file: one that was deleted
/// and made again under its name is another.
fn identity_of(file: &str) -> String {
    match std::fs::metadata(Path::new(file)) {
        Ok(metadata) if !file.is_empty() => {
            let path = std::fs::canonicalize(file).unwrap_or_else(|_| file.into());
            format!(
                "{}|{}|{:?}",
                path.display(),
                inode(&metadata),
                metadata.created().ok()
            )
        }
        // In memory, unnamed, or not to be looked at: nobody else's.
        _ => format!("own {}", unique()),
    }
}

#[cfg(unix)]
fn inode(metadata: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.ino()
}

#[cfg(not(unix))]
fn inode(_metadata: &std::fs::Metadata) -> u64 {
    0
}

fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // Another process on the same store counts from zero too.
    let random = Token::random().map(Token::to_hex).unwrap_or_default();
    format!("{} {number} {random}", std::process::id())
}
