//! A serialisable summary of an analysis.

use serde::Serialize;

use super::{Analysis, Dialect, Writes};

/// What a text reads and writes and whether its result may be cached. `cachalot analyze` prints it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The kind of the statement; `other` if there are several of different kinds.
    pub kind: &'static str,
    /// The tables read, sorted.
    pub reads: Vec<String>,
    /// The tables written, sorted; `*` alone stands for all tables.
    pub writes: Vec<String>,
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
            parsed: analysis.parsed,
            cacheable: reason.is_none(),
            reason,
        }
    }
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
    fn a_change_of_the_schema_writes_everything() {
        assert_eq!(
            json("DROP TABLE users"),
            r#"{"kind":"ddl","reads":[],"writes":["*"],"parsed":true,"cacheable":false,"reason":"not a plain select"}"#
        );
    }
}
