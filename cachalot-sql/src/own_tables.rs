//! Changes of the schema that affect no other relation, if the tables that they name are temporary ones
//! of the session: no code runs, and nothing else is dropped.

use super::{Dialect, cursor::Cursor, lexer::TokenKind};

/// Such a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TableChange {
    /// The tables, as compared.
    pub(super) names: Vec<String>,
    /// The names are qualified with the schema of the session's temporary tables, or the statement says
    /// `TEMPORARY`.
    pub(super) temporary: bool,
    /// The tables are dropped.
    pub(super) drops: bool,
}

/// Types whose values need no user-defined code. On SQLite no type does.
const BUILTIN_TYPES: &[&str] = &[
    "bigint",
    "blob",
    "bool",
    "boolean",
    "bytea",
    "char",
    "character",
    "date",
    "datetime",
    "decimal",
    "double",
    "float",
    "int",
    "int2",
    "int4",
    "int8",
    "integer",
    "json",
    "jsonb",
    "longtext",
    "mediumtext",
    "numeric",
    "real",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "tinyint",
    "uuid",
    "varchar",
];

/// Reads `DROP TABLE …`, `ALTER TABLE …` or `CREATE INDEX …`.
pub(super) fn read(mut at: Cursor<'_, '_>) -> Option<TableChange> {
    if at.eat("drop") {
        drop_table(at)
    } else if at.eat_all(&["alter", "table"]) {
        alter_table(at)
    } else if at.eat("create") {
        create_index(at)
    } else {
        None
    }
}

fn drop_table(mut at: Cursor<'_, '_>) -> Option<TableChange> {
    let said = at.dialect == Dialect::Mysql && at.eat("temporary");
    // A `CASCADE` may drop columns and functions that others see.
    if !at.eat("table") {
        return None;
    }
    at.eat_all(&["if", "exists"]);
    let mut tables = vec![table(&mut at)?];
    while at.eat_symbol(",") {
        tables.push(table(&mut at)?);
    }
    at.eat("restrict");
    at.rest.is_empty().then_some(())?;
    change(at.dialect, tables, said, true)
}

fn alter_table(mut at: Cursor<'_, '_>) -> Option<TableChange> {
    at.eat_all(&["if", "exists"]);
    at.eat("only");
    let table = table(&mut at)?;
    at.eat_symbol("*");
    action(&mut at)?;
    while at.eat_symbol(",") {
        action(&mut at)?;
    }
    at.rest.is_empty().then_some(())?;
    change(at.dialect, vec![table], false, false)
}

/// One action of an `ALTER TABLE`.
fn action(at: &mut Cursor<'_, '_>) -> Option<()> {
    if at.eat("rename") {
        if !at.eat("to") {
            at.eat("column");
            column(at)?;
            at.eat("to").then_some(())?;
        }
        return column(at);
    }
    if at.eat("drop") {
        at.eat("column");
        at.eat_all(&["if", "exists"]);
        column(at)?;
        at.eat("restrict");
        return Some(());
    }
    at.eat("add").then_some(())?;
    at.eat("column");
    at.eat_all(&["if", "not", "exists"]);
    column(at)?;
    at.eat_any(BUILTIN_TYPES).then_some(())?;
    at.skip(&[
        "precision",
        "varying",
        "unsigned",
        "with",
        "without",
        "time",
        "zone",
    ]);
    if let Some(sizes) = at.parenthesised() {
        let is_size = |kind| matches!(kind, TokenKind::Number | TokenKind::Symbol);
        sizes
            .iter()
            .all(|token| is_size(token.kind))
            .then_some(())?;
    }
    loop {
        if at.eat("default") {
            let literal = at.next()?;
            let is_literal = matches!(literal.kind, TokenKind::Number | TokenKind::Text)
                || literal.is_any(&["null", "true", "false"]);
            is_literal.then_some(())?;
        } else if !at.eat_all(&["not", "null"]) && !at.eat("null") {
            return Some(());
        }
    }
}

fn create_index(mut at: Cursor<'_, '_>) -> Option<TableChange> {
    at.eat("unique");
    at.eat("index").then_some(())?;
    at.eat("concurrently");
    at.eat_all(&["if", "not", "exists"]);
    if !at.sees(&["on"]) {
        at.path()?;
    }
    at.eat("on").then_some(())?;
    at.eat("only");
    let table = table(&mut at)?;
    // An expression may call functions.
    let mut columns = Cursor {
        rest: at.parenthesised()?,
        ..at
    };
    loop {
        column(&mut columns)?;
        columns.skip(&["asc", "desc", "nulls", "first", "last"]);
        if !columns.eat_symbol(",") {
            break;
        }
    }
    (columns.rest.is_empty() && at.rest.is_empty()).then_some(())?;
    change(at.dialect, vec![table], false, false)
}

/// The schema, if there is one, and the name.
fn table(at: &mut Cursor<'_, '_>) -> Option<(Option<String>, String)> {
    let mut path = at.path()?;
    let name = path.pop()?;
    Some((path.pop(), name))
}

/// An unqualified name.
fn column(at: &mut Cursor<'_, '_>) -> Option<()> {
    (at.path()?.len() == 1).then_some(())
}

/// `None` if one of the tables is certainly not a temporary one.
fn change(
    dialect: Dialect,
    tables: Vec<(Option<String>, String)>,
    temporary: bool,
    drops: bool,
) -> Option<TableChange> {
    let is_own = |schema: &String| is_temporary_schema(dialect, schema);
    let schemas = || tables.iter().map(|(schema, _)| schema.as_ref());
    let temporary = temporary || schemas().all(|schema| schema.is_some_and(is_own));
    let may_be = temporary || schemas().all(|schema| schema.is_none_or(is_own));
    may_be.then(|| TableChange {
        names: tables.into_iter().map(|(_, name)| name).collect(),
        temporary,
        drops,
    })
}

/// Is this the schema of the session's temporary tables?
pub(super) fn is_temporary_schema(dialect: Dialect, schema: &str) -> bool {
    match dialect {
        Dialect::Postgres => schema.starts_with("pg_temp"),
        Dialect::Mysql => false,
        Dialect::Sqlite => schema == "temp",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer;

    fn of(sql: &str, dialect: Dialect) -> Option<TableChange> {
        read(Cursor::new(&lexer::lex(sql, dialect).unwrap(), dialect))
    }

    #[test]
    fn what_affects_only_the_named_tables() {
        for (sql, dialect, names, temporary, drops) in [
            ("DROP TABLE a", Dialect::Postgres, "a", false, true),
            (
                "DROP TABLE IF EXISTS a, \"B\" RESTRICT",
                Dialect::Sqlite,
                "a b",
                false,
                true,
            ),
            (
                "DROP TABLE pg_temp.a, pg_temp_3.b",
                Dialect::Postgres,
                "a b",
                true,
                true,
            ),
            (
                "DROP TABLE pg_temp.a, b",
                Dialect::Postgres,
                "a b",
                false,
                true,
            ),
            (
                "DROP TEMPORARY TABLE s.a, b",
                Dialect::Mysql,
                "a b",
                true,
                true,
            ),
            (
                "ALTER TABLE temp.a RENAME TO b",
                Dialect::Sqlite,
                "a",
                true,
                false,
            ),
            (
                "ALTER TABLE a RENAME b TO c, DROP COLUMN d",
                Dialect::Postgres,
                "a",
                false,
                false,
            ),
            (
                "ALTER TABLE a ADD b numeric(10, 2) NOT NULL DEFAULT 0",
                Dialect::Postgres,
                "a",
                false,
                false,
            ),
            (
                "CREATE UNIQUE INDEX i ON a (b DESC, c)",
                Dialect::Postgres,
                "a",
                false,
                false,
            ),
        ] {
            let found = of(sql, dialect).expect(sql);
            assert_eq!(
                (found.names.join(" ").as_str(), found.temporary, found.drops),
                (names, temporary, drops),
                "{sql}"
            );
        }
    }

    #[test]
    fn what_may_affect_others() {
        for sql in [
            "DROP TABLE a CASCADE",
            "DROP TABLE public.a",
            "DROP TABLE public.a, pg_temp.b",
            "DROP VIEW a",
            "ALTER TABLE a DROP COLUMN b CASCADE",
            "ALTER TABLE a ADD b integer DEFAULT f()",
            "ALTER TABLE a ADD b own_type",
            "ALTER TABLE a ADD b integer REFERENCES c",
            "ALTER TABLE a ADD CHECK (f(b))",
            "ALTER TABLE a ALTER b TYPE text USING f(b)",
            "ALTER TABLE a INHERIT b",
            "ALTER TABLE a RENAME TO b; SELECT 1",
            "CREATE INDEX i ON a (f(b))",
            "CREATE INDEX i ON a (b) WHERE f(b)",
            "CREATE TABLE a (b integer)",
        ] {
            assert_eq!(of(sql, Dialect::Postgres), None, "{sql}");
        }
    }
}
