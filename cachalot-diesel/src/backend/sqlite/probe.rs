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
use crate::connection::{
    CacheConnection, CatalogAnswer, Lookup, PlainConnection, Probe, ProbeAnswer, ProbeQuestion,
    Question, Sealed, ServerRole, TemporaryTables,
};
use cachalot_sql::Isolation;

/// Columns need `AS`, as pragmas may change their default names. None of these queries calls a function,
/// as the program may have overridden it.
const DATABASES: &str = "SELECT name AS name, file AS file FROM pragma_database_list";

/// Pragmas that affect rows, their order or the names of columns. `case_sensitive_like` cannot be queried,
/// so its effect is tested.
const SETTINGS: &str = "\
SELECT read_uncommitted AS dirty, \
('a' LIKE 'A') || reverse_unordered_selects || full_column_names || short_column_names \
|| trusted_schema AS others \
FROM pragma_read_uncommitted, pragma_reverse_unordered_selects, pragma_full_column_names, \
pragma_short_column_names, pragma_trusted_schema";

/// Compares a few words with SQLite's built-in collations, as a program can override each of them.
const COLLATIONS: &str = "SELECT \
('a' < 'b' AND 'B' < 'a' AND 'a' <> 'A' AND 'z' < 'é') || \
('a' = 'A' COLLATE NOCASE AND 'a' < 'B' COLLATE NOCASE AND 'é' <> 'É' COLLATE NOCASE AND 'a2' > 'a10' COLLATE NOCASE) || \
('a' = 'a  ' COLLATE RTRIM AND 'a' <> 'A' COLLATE RTRIM AND 'a' <> ' a' COLLATE RTRIM) AS bits";

/// Functions that are not built-in. This includes those of SQLite's full-text and spatial tables, and
/// `LIKE` once `case_sensitive_like` was set.
const FUNCTIONS: &str = "SELECT name AS name FROM pragma_function_list WHERE NOT builtin";

/// Those among them that every connection has.
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

/// Not only whether the temporary database is open: an `ALTER TABLE` opens it too and leaves it empty.
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

impl PlainConnection for SqliteConnection {}

impl CacheConnection for SqliteConnection {
    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T {
        run(&mut ())
    }

    fn probe(&mut self, _question: &ProbeQuestion) -> QueryResult<ProbeAnswer> {
        let databases: Vec<Database> = diesel::sql_query(DATABASES).load(self)?;
        let settings: Settings = diesel::sql_query(SETTINGS).get_result(self)?;
        let collations: Collations = diesel::sql_query(COLLATIONS).get_result(self)?;
        let functions: Vec<Function> = diesel::sql_query(FUNCTIONS).load(self)?;
        // `BINARY` and the others are SQLite's own.
        let exact_texts = collations.bits == "111";
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
        // A query can return it.
        let version: Version = diesel::sql_query(VERSION).get_result(self)?;
        identity.push(version.version);
        // A query would open it.
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
            hidden_writes: temporary.triggers,
            functions: functions
                .into_iter()
                .map(|function| function.name.to_lowercase())
                .filter(|name| !is_extension(name))
                .collect(),
            exact_texts,
            replication: None,
        }))
    }

    fn in_transaction(&mut self) -> Option<bool> {
        // Transactions cannot be nested.
        Some(self.batch_execute("BEGIN").is_err() || self.batch_execute("ROLLBACK").is_err())
    }

    fn catalog(&mut self, question: &Question) -> QueryResult<CatalogAnswer> {
        catalog::load(self, &question.declared_keys).map(CatalogAnswer)
    }
}

fn is_extension(function: &str) -> bool {
    EXTENSIONS.contains(&function) || function.starts_with("geopoly_")
}

/// Identifies a database by its file, not by its path: a file that was deleted and created again is
/// another database.
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
        // In memory, temporary or unreadable: not shared with any other connection.
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
    // Other processes that use the same store count from zero too.
    let mut random = [0; 16];
    // Without random numbers, the process id is used.
    let _ = getrandom::fill(&mut random);
    let random = u128::from_ne_bytes(random);
    format!("{} {number} {random:032x}", std::process::id())
}
