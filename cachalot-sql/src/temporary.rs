//! The temporary tables that a MySQL text creates, by their exact names: on a case-sensitive file system,
//! `Mine` and `mine` are two tables.

use super::{Dialect, cursor::Cursor, lexer, split::split};

/// A table by its exact name, as it is written without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The schema; `None` is the connection's current one.
    pub schema: Option<String>,
    /// The name, as it is written.
    pub name: String,
}

/// The temporary tables and sequences that a text creates. `None` if one of the names cannot be parsed.
#[must_use]
pub fn made_temporary(sql: &str) -> Option<Vec<TableName>> {
    let tokens = lexer::lex(sql, Dialect::Mysql)?;
    let mut made = Vec::new();
    for statement in split(&tokens, Dialect::Mysql) {
        let mut at = Cursor::new(statement, Dialect::Mysql);
        if !at.eat("create") {
            continue;
        }
        at.eat_all(&["or", "replace"]);
        if at.eat("temporary") {
            made.push(name(at)?);
        }
    }
    Some(made)
}

/// How many permanent tables a text may create, and how many it certainly creates if no statement fails:
/// with `IF NOT EXISTS` a table may exist already.
#[must_use]
pub fn made_permanent(sql: &str) -> (u64, u64) {
    let (mut all, mut certain) = (0, 0);
    let tokens = lexer::lex(sql, Dialect::Mysql).unwrap_or_default();
    for statement in split(&tokens, Dialect::Mysql) {
        let mut at = Cursor::new(statement, Dialect::Mysql);
        if at.eat_all(&["create", "table"]) {
            all += 1;
            certain += u64::from(!at.eat("if"));
        }
    }
    (all, certain)
}

/// `TABLE [IF NOT EXISTS] [schema.]name`
fn name(mut at: Cursor<'_, '_>) -> Option<TableName> {
    if !at.eat_any(&["table", "sequence"]) {
        return None;
    }
    at.eat_all(&["if", "not", "exists"]);
    let mut name = at.next()?.identifier()?.into_owned();
    let mut schema = None;
    if at.eat_symbol(".") {
        schema = Some(name);
        name = at.next()?.identifier()?.into_owned();
    }
    Some(TableName { schema, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(sql: &str) -> Option<Vec<String>> {
        let shown = |table: TableName| match table.schema {
            Some(schema) => format!("{schema}.{}", table.name),
            None => table.name,
        };
        Some(made_temporary(sql)?.into_iter().map(shown).collect())
    }

    #[test]
    fn names_keep_their_case_and_their_schema() {
        let sql = "SELECT 1; CREATE TEMPORARY TABLE Mine (id INT); \
            create or replace temporary table `a`.`B c` select 1; \
            CREATE TABLE plain (id INT); CREATE TEMPORARY SEQUENCE IF NOT EXISTS numbers";
        let names = ["Mine", "a.B c", "numbers"].map(str::to_owned);
        assert_eq!(made(sql), Some(names.to_vec()));
    }

    #[test]
    fn an_unparsed_text_has_no_result() {
        assert_eq!(made("CREATE TEMPORARY TABLE 1"), None);
        assert_eq!(made("SELECT 'it never ends"), None);
        assert_eq!(made("SELECT 1"), Some(Vec::new()));
    }
}
