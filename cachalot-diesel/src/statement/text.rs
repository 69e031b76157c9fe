use std::{fmt, sync::Arc};

use super::Dialect;
use crate::fingerprint::{Digest, Fingerprint};

/// A text in its dialect, and the hash that stands for both.
#[derive(Clone)]
pub(crate) struct Text {
    sql: Arc<str>,
    dialect: Dialect,
    hash: Digest,
}

impl Text {
    pub(super) fn new(sql: &str, dialect: Dialect) -> Self {
        let mut fingerprint = Fingerprint::new("", "text");
        fingerprint.part(dialect.as_str().as_bytes());
        fingerprint.part(sql.as_bytes());
        Self {
            sql: sql.into(),
            dialect,
            hash: fingerprint.to_digest(),
        }
    }

    pub(crate) fn sql(&self) -> &Arc<str> {
        &self.sql
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn hash(&self) -> &Digest {
        &self.hash
    }
}

/// Raw SQL may have values in it, which nobody should find in a log.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.sql.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_another_hash_in_another_dialect() {
        let hash = |sql, dialect| *Text::new(sql, dialect).hash();
        let one = hash("SELECT 1", Dialect::Postgres);
        assert_eq!(one, hash("SELECT 1", Dialect::Postgres));
        assert_ne!(one, hash("SELECT 1", Dialect::Sqlite));
        assert_ne!(one, hash("SELECT 2", Dialect::Postgres));
    }

    #[test]
    fn what_is_in_a_text_is_not_shown() {
        let text = Text::new("SELECT 'secret'", Dialect::Mysql);
        assert_eq!(format!("{text:?}"), "Text(15 bytes)");
    }
}
