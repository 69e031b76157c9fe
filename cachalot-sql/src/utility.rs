//! Other statements that are recognised by their first words.

use std::sync::Arc;

use super::{
    Dialect, Effect, Events, Kind, SessionChange, Statement, Uncacheable, Writes,
    commits::{commits_implicitly, is_maintenance},
    create,
    cursor::Cursor,
    lexer::{self, Token, TokenKind},
    own_tables::{self, TableChange},
};

/// Analyses the statement if it is known.
pub(super) fn read(cursor: Cursor<'_, '_>) -> Option<Statement> {
    let statement = match own_tables::read(cursor) {
        Some(change) => Statement::changing_tables(change),
        None => by_verb(cursor)?,
    };
    let commits = cursor.dialect == Dialect::Mysql && commits_implicitly(cursor);
    Some(statement.with_effect_if(commits, Effect::ImplicitCommit))
}

fn by_verb(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let dialect = at.dialect;
    let verb = at
        .next()
        .filter(|token| token.kind == TokenKind::Word)?
        .text
        .to_ascii_lowercase();
    Some(match (verb.as_str(), dialect) {
        ("explain" | "describe" | "desc", _) => explain(at, false),
        ("analyze", Dialect::Mysql) if !at.sees(&["table"]) && !is_maintenance(at) => {
            explain(at, true)
        }
        ("truncate", Dialect::Postgres | Dialect::Mysql) => truncate(at)?,
        ("create", _) => create::read(at),
        ("drop", Dialect::Mysql) if at.sees(&["temporary"]) => Statement::without_tables(Kind::Ddl),
        // A comment affects no rows.
        ("comment", Dialect::Postgres) => Statement::without_tables(Kind::Ddl),
        (
            "alter" | "drop" | "grant" | "revoke" | "comment" | "security" | "import" | "reassign",
            _,
        )
        | ("rename" | "install" | "uninstall", Dialect::Mysql) => {
            Statement::writes_unbounded(Kind::Ddl)
        }
        ("call", _) => call(at),
        ("do", Dialect::Mysql) => expressions(at).unwrap_or_else(|| anonymous_block(at)),
        ("do", _) => anonymous_block(at),
        // The prepared statement does not run yet.
        ("prepare", _) => Statement::without_tables(Kind::Other)
            .with_effect(Effect::Session(SessionChange::Unknown)),
        ("execute", _) => Statement::writes_unbounded(Kind::Other)
            .with_effect(Effect::Session(SessionChange::Unknown))
            .with_effect_if(
                dialect == Dialect::Mysql && verb == "execute",
                Effect::MayControlTransaction,
            ),
        ("copy", Dialect::Postgres) => copy(at)?,
        ("refresh", Dialect::Postgres) => refresh(at)?,
        ("load", Dialect::Mysql) => load(at)?,
        // It applies changes of the privilege tables.
        ("flush", Dialect::Mysql) if at.rest.iter().any(|token| token.is("privileges")) => {
            Statement::writes_unbounded(Kind::Other)
        }
        ("repair" | "change" | "start" | "stop" | "binlog" | "clone", Dialect::Mysql) => {
            Statement::writes_unbounded(Kind::Other)
        }
        ("handler", Dialect::Mysql) => {
            let statement = Statement::without_tables(Kind::Other).with_read(at.name()?.into());
            statement.evaluating(condition(at))
        }
        ("show", Dialect::Mysql) => {
            Statement::without_tables(Kind::Other).evaluating(condition(at))
        }
        ("kill", Dialect::Mysql) => {
            at.skip(&["hard", "soft", "connection", "query", "id", "user"]);
            Statement::without_tables(Kind::Other).evaluating(expressions(at))
        }
        ("purge", Dialect::Mysql) => {
            let before = at.after(|token| token.is("before"));
            Statement::without_tables(Kind::Other).evaluating(before.and_then(expressions))
        }
        // Rows without a primary key may get other row ids.
        ("vacuum", Dialect::Sqlite) if !at.rest.iter().any(|token| token.is("into")) => {
            Statement::writes_unbounded(Kind::Other)
        }
        ("declare", Dialect::Postgres) => cursor_for(at),
        ("analyze" | "vacuum" | "reindex", _)
        | ("lock" | "show" | "deallocate", Dialect::Postgres | Dialect::Mysql)
        | (
            "listen" | "unlisten" | "notify" | "checkpoint" | "cluster" | "fetch" | "move"
            | "close",
            Dialect::Postgres,
        )
        | (
            "unlock" | "help" | "flush" | "reset" | "cache" | "check" | "checksum" | "optimize"
            | "signal" | "resignal" | "get",
            Dialect::Mysql,
        ) => Statement::without_tables(Kind::Other),
        _ => return None,
    })
}

/// `EXPLAIN` does not run its statement, `EXPLAIN ANALYZE` does.
fn explain(mut at: Cursor<'_, '_>, mut runs: bool) -> Statement {
    let mut options = at;
    if let Some(inside) = options.parenthesised() {
        let is_query = inside
            .first()
            .is_some_and(|t| t.is_any(&["select", "with", "values", "table"]) || t.is_symbol("("));
        if !is_query {
            runs |= is_asked_to_run(inside);
            at = options;
        }
    }
    loop {
        if at.eat_any(&["analyze", "analyse"]) {
            runs = true;
        } else if at.eat("format") {
            at.eat_symbol("=");
            at.next();
        } else if at.eat("into")
            || at.eat_all(&["for", "schema"])
            || at.eat_all(&["for", "database"])
        {
            at.next();
        } else if !at.eat_all(&["query", "plan"])
            && !at.eat_any(&["verbose", "extended", "partitions"])
        {
            break;
        }
    }
    let quiet = Statement::without_tables(Kind::Other);
    match Statement::query(at.rest, at.dialect) {
        Some(inner) if runs => inner.of_inner_query(),
        // MariaDB evaluates derived tables and constants to explain a query, so it calls functions.
        Some(inner) if at.dialect == Dialect::Mysql => quiet.evaluating(Some(Statement {
            writes: Writes::Nothing,
            ..inner
        })),
        Some(inner) => Statement {
            reads: inner.reads,
            schemas: inner.schemas,
            from_fallback: inner.from_fallback,
            ..quiet
        },
        None if runs => Statement::writes_unbounded(Kind::Other),
        None => quiet,
    }
}

/// Whether the options `(ANALYZE, BUFFERS off)` contain an `ANALYZE` that is not switched off.
fn is_asked_to_run(options: &[Token<'_>]) -> bool {
    options.iter().enumerate().any(|(at, token)| {
        token.is_any(&["analyze", "analyse"])
            && !options.get(at + 1).is_some_and(|value| {
                let literal = value.literal().unwrap_or_default().to_ascii_lowercase();
                value.is_any(&["false", "off"])
                    || value.text == "0"
                    || matches!(literal.as_str(), "false" | "off")
            })
    })
}

fn truncate(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.eat("table");
    let statement = Statement::without_tables(Kind::Delete);
    if at.rest.iter().any(|token| token.is("cascade")) {
        return Some(statement.with_writes(Writes::Everything));
    }
    let mut tables = Vec::new();
    loop {
        at.eat("only");
        tables.push((Arc::from(at.name()?), Events::DELETE));
        at.eat_symbol("*");
        if !at.eat_symbol(",") {
            return Some(statement.with_writes(tables.into_iter().collect()));
        }
    }
}

/// The query of a cursor, whose functions run when rows are fetched.
fn cursor_for(at: Cursor<'_, '_>) -> Statement {
    let query = at.rest.iter().position(|token| token.is("for"));
    query
        .and_then(|place| at.rest.get(place + 1..))
        .and_then(|query| Statement::query(query, at.dialect))
        .map_or_else(
            || Statement::without_tables(Kind::Other),
            Statement::of_inner_query,
        )
}

/// `CALL p`, `CALL a.p(1, f(2))`
fn call(mut at: Cursor<'_, '_>) -> Statement {
    let arguments = expressions(at);
    let mut statement = arguments.unwrap_or_else(|| Statement::without_tables(Kind::Other));
    let path = at.path().unwrap_or_default();
    if let [.., schema, _] = path.as_slice() {
        insert_sorted(&mut statement.schemas, schema);
    }
    if let Some(procedure) = path.last() {
        // It may have the name of a built-in function.
        insert_sorted(&mut statement.calls, procedure);
        insert_sorted(&mut statement.unknown_functions, procedure);
        statement.calls_procedure = true;
    }
    statement
        .with_writes(Writes::Everything)
        .with_effect_if(at.dialect == Dialect::Mysql, Effect::MayControlTransaction)
}

/// Expressions that are evaluated outside of a query.
fn expressions(at: Cursor<'_, '_>) -> Option<Statement> {
    let select = lexer::lex("SELECT", at.dialect)?;
    let tokens: Vec<_> = select.iter().chain(at.rest).copied().collect();
    let statement = Statement::query(&tokens, at.dialect)?;
    Some(Statement {
        kind: Kind::Other,
        uncacheable: Some(Uncacheable::NotSelect),
        uncacheable_if_pure: Some(Uncacheable::NotSelect),
        ..statement
    })
}

fn insert_sorted(names: &mut Vec<Arc<str>>, name: &str) {
    if let Err(place) = names.binary_search_by(|known| (**known).cmp(name)) {
        names.insert(place, name.into());
    }
}

/// `DO` of PostgreSQL. The language of the body is not parsed, but a setting that it changes is named in
/// it.
fn anonymous_block(at: Cursor<'_, '_>) -> Statement {
    let body = at.rest.iter().map(|token| token.text.to_ascii_lowercase());
    let sets = body.into_iter().any(|text| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| matches!(word, "set" | "set_config" | "reset" | "execute"))
    });
    let statement = Statement::writes_unbounded(Kind::Other);
    if sets {
        statement.with_effect(Effect::Session(SessionChange::Unknown))
    } else {
        statement
    }
}

fn copy(mut at: Cursor<'_, '_>) -> Option<Statement> {
    if at.peek()?.is_symbol("(") {
        let inner = Statement::query(at.parenthesised()?, at.dialect)?;
        return Some(inner.of_inner_query());
    }
    at.eat("binary");
    let name: Arc<str> = at.name()?.into();
    at.parenthesised();
    if at.eat("from") {
        let statement = Statement::without_tables(Kind::Insert)
            .with_writes(Writes::table(name, Events::INSERT));
        Some(statement.evaluating(condition(at)))
    } else if at.eat("to") {
        Some(Statement::without_tables(Kind::Other).with_read(name))
    } else {
        None
    }
}

fn refresh(mut at: Cursor<'_, '_>) -> Option<Statement> {
    if !at.eat_all(&["materialized", "view"]) {
        return None;
    }
    at.eat("concurrently");
    let name = at.name()?.into();
    Some(Statement::without_tables(Kind::Other).with_writes(Writes::table(name, Events::ALL)))
}

/// `LOAD DATA`, `LOAD XML` and `LOAD INDEX INTO CACHE` of MySQL.
fn load(mut at: Cursor<'_, '_>) -> Option<Statement> {
    if at.eat("index") {
        return Some(Statement::without_tables(Kind::Other));
    }
    let into = at
        .rest
        .windows(2)
        .position(|pair| pair[0].is("into") && pair[1].is("table"))?;
    let (options, rest) = at.rest.split_at(into);
    at.rest = rest.get(2..)?;
    let replaces = options.iter().any(|token| token.is("replace"));
    let events = if replaces {
        Events::ALL
    } else {
        Events::INSERT
    };
    let name = at.name()?.into();
    let mut before = None;
    let values = at.after(|token| {
        // `CHARACTER SET` assigns nothing.
        let names_charset = before.is_some_and(|it: &Token<'_>| it.is_any(&["character", "char"]));
        let sets = token.is("set") && !names_charset;
        before = Some(token);
        sets
    });
    let statement =
        Statement::without_tables(Kind::Insert).with_writes(Writes::table(name, events));
    Some(statement.evaluating(values.and_then(expressions)))
}

/// The expressions of a `WHERE`, if there is one.
fn condition(at: Cursor<'_, '_>) -> Option<Statement> {
    at.after(|token| token.is("where")).and_then(expressions)
}

impl Statement {
    /// A change of tables. If they are temporary, it affects no other session.
    fn changing_tables(change: TableChange) -> Self {
        let statement = match change.temporary {
            true => Self::without_tables(Kind::Ddl),
            false => Self::writes_unbounded(Kind::Ddl),
        };
        statement.with_effect(Effect::ChangeTables {
            names: change.names,
            drops: change.drops,
        })
    }

    /// Adds the reads, writes and calls of expressions that the statement evaluates.
    fn evaluating(mut self, inner: Option<Self>) -> Self {
        let Some(inner) = inner else { return self };
        for read in &inner.reads {
            insert_sorted(&mut self.reads, read);
        }
        for schema in &inner.schemas {
            insert_sorted(&mut self.schemas, schema);
        }
        self.writes.merge(&inner.writes);
        self.effects.extend(inner.effects);
        self.calls = inner.calls;
        self.unknown_functions = inner.unknown_functions;
        self.from_fallback |= inner.from_fallback;
        self
    }

    /// The statement around an inner query: it has the findings of the query.
    fn of_inner_query(self) -> Self {
        let why = Some(Uncacheable::NotSelect);
        Self {
            kind: Kind::Other,
            uncacheable: why.clone(),
            uncacheable_if_pure: why,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Analysis;
    use super::*;

    #[test]
    fn functions_are_found_wherever_a_statement_calls_them() {
        let mysql = [
            "LOAD DATA INFILE 'a' INTO TABLE t CHARACTER SET utf8mb4 (a) SET b = f(a)",
            "LOAD DATA INFILE 'a' INTO TABLE t FIELDS TERMINATED BY ',' (a, @v) SET c = 1, b = f(@v)",
            "LOAD XML INFILE 'a' INTO TABLE t ROWS IDENTIFIED BY '<r>' (a) SET b = (SELECT f(1))",
            "SHOW TABLES WHERE f(1)",
            "SHOW FULL COLUMNS FROM t WHERE Field = f('a')",
            "SHOW STATUS WHERE f(1)",
            "SHOW PROCEDURE STATUS WHERE f(1)",
            "EXPLAIN SELECT * FROM (SELECT f(1)) AS d",
            "EXPLAIN FORMAT = JSON SELECT f(1)",
            "EXPLAIN FOR SCHEMA s SELECT f(1)",
            "HANDLER t READ FIRST WHERE f(a)",
            "KILL QUERY f(1)",
            "PURGE BINARY LOGS BEFORE f(1)",
        ];
        let postgres = ["COPY t FROM STDIN WHERE f(a)"];
        let mysql = mysql.map(|sql| (sql, Dialect::Mysql));
        let postgres = postgres.map(|sql| (sql, Dialect::Postgres));
        for (sql, dialect) in mysql.into_iter().chain(postgres) {
            let analysis = Analysis::of(sql, dialect);
            let found: Vec<_> = analysis.unknown_functions().collect();
            assert_eq!(found, [&Arc::from("f")], "{sql}");
        }
        let load = "LOAD DATA INFILE 'a' INTO TABLE t CHARACTER SET utf8mb4 (a)";
        let analysis = Analysis::of(load, Dialect::Mysql);
        assert_eq!(analysis.unknown_functions().next(), None);
    }
}
