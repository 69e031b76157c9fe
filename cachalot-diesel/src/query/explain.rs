use std::{fmt, sync::Arc};

use diesel::{
    QueryResult,
    expression::QueryMetadata,
    query_builder::{QueryFragment, QueryId},
};

use super::{
    Options,
    analysis::analysis_of,
    prepare::{PreparedRead, prepare_with_retry},
    read_plan::names,
};
use crate::{
    bypass::BypassReason,
    connection::CacheConnection,
    protocol::{Columns, Dependency, Key, KeyNames},
};

/// What a cached read would do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The rows come from the cache.
    Hit,
    /// The database is queried, and its rows are stored.
    Miss,
    /// The database is queried, and nothing is stored.
    Bypass(BypassReason),
}

/// What a cached read would do, and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// What it would do.
    pub outcome: Outcome,
    /// The normalised names of the tables whose writes invalidate it, sorted.
    pub tables: Vec<String>,
    /// The same tables, with the columns whose updates invalidate it, sorted: `posts(author_id, title)`.
    /// `posts` if all columns count, and `posts()` if none does, as for `COUNT(*)`. Inserts and deletes
    /// are not told apart by column.
    ///
    /// `posts[id]` or `posts[id](author_id, title)` if only writes of rows with certain values of `id`
    /// invalidate it, and those whose values are not known. Values are never shown.
    ///
    /// If the read is not cached for another reason than the state of the store, this has no columns.
    pub dependencies: Vec<String>,
    /// The entry's key in the store: 64 hex digits. `None` if nothing would be looked up.
    pub key: Option<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Hit => f.write_str("hit: answered from the cache")?,
            Outcome::Miss => {
                f.write_str("miss: the database is queried and its rows are stored")?
            }
            Outcome::Bypass(reason) => write!(f, "bypass: {reason}")?,
        }
        if !self.dependencies.is_empty() {
            write!(f, "; depends on {}", self.dependencies.join(", "))?;
        }
        if let Some(key) = &self.key {
            write!(f, "; key {key}")?;
        }
        Ok(())
    }
}

pub(super) fn explain<ST, Q, Conn>(
    conn: &mut Conn,
    query: &Q,
    options: &Options,
) -> QueryResult<Explanation>
where
    Q: QueryFragment<Conn::Backend> + QueryId,
    Conn: CacheConnection,
    Conn::Backend: QueryMetadata<ST>,
{
    let look_up = |read: &mut PreparedRead| {
        let found = read.cache.entries().peek(&read.key, read.records());
        Some(match found {
            Ok(None) => return None,
            Ok(Some(true)) => Outcome::Hit,
            Ok(Some(false)) if read.replica => Outcome::Bypass(BypassReason::Replica),
            Ok(Some(false)) => Outcome::Miss,
            Err(reason) => Outcome::Bypass(reason),
        })
    };
    let analysis = analysis_of(conn, query)?;
    let prepared = prepare_with_retry::<ST, _, _, _>(conn, query, &analysis, options, look_up)?;
    let explanation = match prepared {
        Ok((read, outcome)) => Explanation {
            outcome: outcome.unwrap_or(Outcome::Bypass(BypassReason::CatalogUnknown)),
            tables: texts(&names(&read.plan.dependencies)),
            dependencies: {
                let dependencies = read.plan.dependencies.iter();
                dependencies.map(|it| shown(it, &read.row_keys)).collect()
            },
            key: Some(read.key),
        },
        Err(bypass) => Explanation {
            outcome: Outcome::Bypass(bypass.reason),
            tables: texts(&bypass.tables),
            dependencies: texts(&bypass.tables),
            key: None,
        },
    };
    Ok(explanation)
}

fn texts(names: &[Arc<str>]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// A table with the column by whose values writes are told apart, and the columns whose updates count.
fn shown(dependency: &Dependency, keys: &[(Arc<str>, Key)]) -> String {
    let mut table = dependency.table.to_string();
    if let Some((_, key)) = keys.iter().find(|(table, _)| *table == dependency.table) {
        table = format!("{table}[{}]", KeyNames::column_of(&key.column));
    }
    match &dependency.changes.updated {
        Columns::All => table,
        Columns::Named(columns) => {
            let columns: Vec<&str> = columns.iter().map(|column| &**column).collect();
            format!("{table}({})", columns.join(", "))
        }
    }
}
