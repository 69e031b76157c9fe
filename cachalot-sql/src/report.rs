//! A serialisable summary of an analysis.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Analysis, Columns, Dialect, Writes};

/// What a text reads and writes and whether its result may be cached. `cachalot analyze` prints it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The kind of the statement; `other` if there are several of different kinds.
    pub kind: &'static str,
    /// The tables read, sorted.
    pub reads: Vec<String>,
    /// The tables written, sorted; `*` alone stands for all tables.
    pub writes: Vec<String>,
    /// By table, the columns that a query uses, or those that the updates of a change set. A table of which
    /// these are all columns or none is absent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Vec<String>>,
    /// By table, the columns of which constants of the text or binds tell all rows that a query reads, or that a
    /// change touches. A table without such columns is absent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Vec<String>>,
    /// Whether all of it could be parsed.
    pub parsed: bool,
    /// Whether the result may be cached.
    pub cacheable: bool,
    /// The reason, if it may not be cached.
    pub reason: Option<String>,
}

impl Report {
    /// Analyses a text.
    #[must_use]
    pub fn of(sql: &str, dialect: Dialect) -> Self {
        Self::from(&Analysis::of(sql, dialect))
    }
}

impl From<&Analysis> for Report {
    fn from(analysis: &Analysis) -> Self {
        let reason = analysis.uncacheable().map(ToString::to_string);
        Self {
            kind: analysis.kind().as_str(),
            reads: analysis.reads().iter().map(ToString::to_string).collect(),
            writes: match analysis.writes() {
                Writes::Nothing => Vec::new(),
                Writes::Tables(tables) => tables.keys().map(ToString::to_string).collect(),
                Writes::Everything => vec!["*".to_owned()],
            },
            columns: columns(analysis),
            keys: keys(analysis),
            parsed: analysis.parsed,
            cacheable: reason.is_none(),
            reason,
        }
    }
}

fn columns(analysis: &Analysis) -> BTreeMap<String, Vec<String>> {
    let columns: Vec<_> = match analysis.writes() {
        Writes::Nothing => {
            let reads = analysis.reads().iter();
            reads
                .map(|table| (table, analysis.columns(table)))
                .collect()
        }
        Writes::Tables(tables) => {
            let tables = tables.iter();
            tables
                .map(|(table, changes)| (table, changes.updated.clone()))
                .collect()
        }
        Writes::Everything => Vec::new(),
    };
    let named = columns
        .into_iter()
        .filter_map(|(table, columns)| match columns {
            Columns::Named(names) if !names.is_empty() => Some((
                table.to_string(),
                names.iter().map(ToString::to_string).collect(),
            )),
            _ => None,
        });
    named.collect()
}

fn keys(analysis: &Analysis) -> BTreeMap<String, Vec<String>> {
    let tables: Vec<_> = match analysis.writes() {
        Writes::Tables(tables) => tables.keys().collect(),
        _ => analysis.reads().iter().collect(),
    };
    let keys = tables.into_iter().filter_map(|table| {
        let columns = analysis.keys(table)?.iter();
        let columns = columns.map(|(column, _)| column.to_string());
        Some((table.to_string(), columns.collect()))
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(sql: &str) -> String {
        serde_json::to_string(&Report::of(sql, Dialect::Postgres)).expect("plain data")
    }

    #[test]
    fn a_query_that_may_be_cached() {
        assert_eq!(
            json("SELECT 1 FROM b JOIN a ON true"),
            r#"{"kind":"select","reads":["a","b"],"writes":[],"parsed":true,"cacheable":true,"reason":null}"#
        );
    }

    #[test]
    fn the_columns_of_a_query_and_of_an_update() {
        assert_eq!(
            json("SELECT p.id, count(*) FROM posts p, users WHERE p.title = $1"),
            r#"{"kind":"select","reads":["posts","users"],"writes":[],"columns":{"posts":["id","title"]},"keys":{"posts":["title"]},"parsed":true,"cacheable":true,"reason":null}"#
        );
        assert_eq!(
            json("UPDATE posts SET title = $1, views = 2 WHERE id = 3"),
            r#"{"kind":"update","reads":[],"writes":["posts"],"columns":{"posts":["title","views"]},"keys":{"posts":["id"]},"parsed":true,"cacheable":false,"reason":"not a plain select"}"#
        );
    }

    #[test]
    fn the_key_columns_of_a_query_and_of_a_change() {
        let keys = |sql| Report::of(sql, Dialect::Postgres).keys;
        let posts = |columns: &[&str]| {
            let columns = columns.iter().map(|column| (*column).to_owned());
            BTreeMap::from([("posts".to_owned(), columns.collect())])
        };
        let sql = "SELECT p.id FROM posts p, users u WHERE p.user_id = 1 AND p.id = $1";
        assert_eq!(keys(sql), posts(&["id", "user_id"]));
        let sql = "UPDATE posts SET views = 1 WHERE id = $1 AND EXISTS (SELECT 1 FROM users)";
        assert_eq!(keys(sql), posts(&["id"]));
        assert!(json("DELETE FROM posts WHERE id = 'x'").contains(r#","keys":{"posts":["id"]},"#));
        assert_eq!(keys("DELETE FROM posts WHERE id > 1"), BTreeMap::new());
    }

    #[test]
    fn a_change_of_the_schema_writes_everything() {
        assert_eq!(
            json("DROP TABLE users"),
            r#"{"kind":"ddl","reads":[],"writes":["*"],"parsed":true,"cacheable":false,"reason":"not a plain select"}"#
        );
    }
}
