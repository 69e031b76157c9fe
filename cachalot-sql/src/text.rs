use std::{fmt, sync::Arc};

use super::Dialect;

/// A text, its dialect and a hash of both.
#[derive(Clone)]
pub struct Text {
    sql: Arc<str>,
    dialect: Dialect,
    hash: [u8; 32],
}

impl Text {
    pub(super) fn new(sql: &str, dialect: Dialect) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(dialect.as_str().as_bytes());
        // No name of a dialect contains this byte, so the two parts cannot be confused.
        hasher.update(&[0]);
        hasher.update(sql.as_bytes());
        Self {
            sql: sql.into(),
            dialect,
            hash: hasher.finalize().into(),
        }
    }

    /// The text.
    #[must_use]
    pub fn sql(&self) -> &Arc<str> {
        &self.sql
    }

    /// The dialect in which it is read.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A hash of the text and the dialect.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

/// Shows only the length: raw SQL may contain values, which must not be logged.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.sql.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_the_dialect() {
        let hash = |sql, dialect| *Text::new(sql, dialect).hash();
        let one = hash("SELECT 1", Dialect::Postgres);
        assert_eq!(one, hash("SELECT 1", Dialect::Postgres));
        assert_ne!(one, hash("SELECT 1", Dialect::Sqlite));
        assert_ne!(one, hash("SELECT 2", Dialect::Postgres));
    }

    #[test]
    fn debug_output_does_not_contain_the_text() {
        let text = Text::new("SELECT 'secret'", Dialect::Mysql);
        assert_eq!(format!("{text:?}"), "Text(15 bytes)");
    }
}
