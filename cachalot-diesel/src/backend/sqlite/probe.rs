use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection as _,
    sql_types::{Bool, Nullable, Text},
};

use super::catalog;
use crate::{
    connection::{
        CacheConnection, CatalogAnswer, Lookup, Probe, ProbeAnswer, ProbeQuestion, Question,
        Sealed, ServerRole,
    },
    statement::Isolation,
    tracker::TemporaryTables,
};

/// `AS`, as a pragma may decide how columns without it are called. None of these questions calls a
/// function: a program may have put another in its place.
const DATABASES: &str = "SELECT name AS name, file AS file FROM pragma_database_list";

/// Pragmas that decide what rows a statement returns, in which order, or what their columns are
/// called. `case_sensitive_like` cannot be asked for, but it shows.
const SETTINGS: &str = "\
SELECT read_uncommitted AS dirty, \
('a' LIKE 'A') || reverse_unordered_selects || full_column_names || short_column_names \
|| trusted_schema AS others \
FROM pragma_read_uncommitted, pragma_reverse_unordered_selects, pragma_full_column_names, \
pragma_short_column_names, pragma_trusted_schema";

/// Whether SQLite's own collations are what they were built as, as far as a few words tell: a program
/// can put another in the place of each.
const COLLATIONS: &str = "SELECT \
('a' < 'b' AND 'B' < 'a' AND 'a' <> 'A' AND 'z' < 'é') || \
('a' = 'A' COLLATE NOCASE AND 'a' < 'B' COLLATE NOCASE AND 'é' <> 'É' COLLATE NOCASE AND 'a2' > 'a10' COLLATE NOCASE) || \
('a' = 'a  ' COLLATE RTRIM AND 'a' <> 'A' COLLATE RTRIM AND 'a' <> ' a' COLLATE RTRIM) AS bits";

/// Functions that are not SQLite's own. Those of its full-text and spatial tables are registered as a
/// program's are, and so is `LIKE` once `case_sensitive_like` was set.
const FUNCTIONS: &str = "SELECT name AS name FROM pragma_function_list WHERE NOT builtin";

/// Of these, those that each connection has.
const EXTENSIONS: [&str; 17] = [
    "bm25",
    "diesel_manage_updated_at",
    "fts3_tokenizer",
    "fts5",
    "fts5_get_locale",
    "fts5_insttoken",
    "fts5_locale",
    "fts5_source_id",
    "highlight",
    "match",
    "matchinfo",
    "offsets",
    "optimize",
    "rtreecheck",
    "rtreedepth",
    "rtreenode",
    "snippet",
];

const VERSION: &str = "SELECT sqlite_version() || ' ' || sqlite_source_id() AS version";

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// An `ALTER TABLE` opens the temporary database too, and leaves it empty.
const TEMPORARY: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_temp_schema) AS some, \
EXISTS (SELECT 1 FROM sqlite_temp_schema WHERE type = 'trigger') AS triggers";

#[derive(QueryableByName, Default)]
struct Temporary {
    #[diesel(sql_type = Bool)]
    some: bool,
    #[diesel(sql_type = Bool)]
    triggers: bool,
}

#[derive(QueryableByName)]
struct Function {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Collations {
    #[diesel(sql_type = Text)]
    bits: String,
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
    #[diesel(sql_type = Nullable<Text>)]
    file: Option<String>,
}

impl Sealed for SqliteConnection {}

impl CacheConnection for SqliteConnection {
    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T {
        run(&mut ())
    }

    fn probe(&mut self, _question: &ProbeQuestion) -> QueryResult<ProbeAnswer> {
        let databases: Vec<Database> = diesel::sql_query(DATABASES).load(self)?;
        let settings: Settings = diesel::sql_query(SETTINGS).get_result(self)?;
        let collations: Collations = diesel::sql_query(COLLATIONS).get_result(self)?;
        let functions: Vec<Function> = diesel::sql_query(FUNCTIONS).load(self)?;
        let mut identity = vec![settings.others, collations.bits];
        let mut opened = false;
        for database in &databases {
            if database.name == "temp" {
                opened = true;
                continue;
            }
            identity.push(database.name.clone());
            identity.push(identity_of(database.file.as_deref().unwrap_or_default()));
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
            role: ServerRole::Primary,
            temporary: TemporaryTables::Listed(temporary.some),
            unseen: temporary.triggers,
            functions: functions
                .into_iter()
                .map(|function| function.name.to_lowercase())
                .filter(|name| !is_extension(name))
                .collect(),
            lineage: None,
        }))
    }

    fn in_transaction(&mut self) -> Option<bool> {
        // None can begin in another.
        Some(self.batch_execute("BEGIN").is_err() || self.batch_execute("ROLLBACK").is_err())
    }

    fn catalog(&mut self, _question: &Question) -> QueryResult<CatalogAnswer> {
        catalog::load(self).map(CatalogAnswer)
    }
}

fn is_extension(function: &str) -> bool {
    EXTENSIONS.contains(&function) || function.starts_with("geopoly_")
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
    let mut random = [0; 16];
    // Without randomness the process's number has to do.
    let _ = getrandom::fill(&mut random);
    let random = u128::from_ne_bytes(random);
    format!("{} {number} {random:032x}", std::process::id())
}
