//! All other statements that are known by their first words.

use std::sync::Arc;

use super::{
    Dialect, Effect, Events, Kind, SessionChange, Statement, Uncacheable, Writes,
    clauses::{after_word, is_character},
    commits::{commits_implicitly, is_maintenance},
    cursor::Cursor,
    keywords,
    lexer::{self, Token, TokenKind},
    own_tables::{self, TableChange, is_temporary_schema},
};

/// Reads the statement if it is known.
pub(super) fn read(cursor: Cursor<'_, '_>) -> Option<Statement> {
    let statement = match own_tables::read(cursor) {
        Some(change) => Statement::changing(change),
        None => by_verb(cursor)?,
    };
    let commits = cursor.dialect == Dialect::Mysql && commits_implicitly(cursor);
    Some(statement.doing_if(commits, Effect::ImplicitCommit))
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
        ("create", _) => create(at),
        ("drop", Dialect::Mysql) if at.sees(&["temporary"]) => Statement::quiet(Kind::Ddl),
        // A comment affects no rows.
        ("comment", Dialect::Postgres) => Statement::quiet(Kind::Ddl),
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
        // What is prepared does not run yet.
        ("prepare", _) => {
            Statement::quiet(Kind::Other).doing(Effect::Session(SessionChange::Unknown))
        }
        ("execute", _) => Statement::writes_unbounded(Kind::Other)
            .doing(Effect::Session(SessionChange::Unknown))
            .doing_if(
                dialect == Dialect::Mysql && verb == "execute",
                Effect::MayControlTransaction,
            ),
        ("copy", Dialect::Postgres) => copy(at)?,
        ("refresh", Dialect::Postgres) => refresh(at)?,
        ("load", Dialect::Mysql) => load(at)?,
        // What was written to the tables of privileges counts from here on.
        ("flush", Dialect::Mysql) if at.rest.iter().any(|token| token.is("privileges")) => {
            Statement::writes_unbounded(Kind::Other)
        }
        ("repair" | "change" | "start" | "stop" | "binlog" | "clone", Dialect::Mysql) => {
            Statement::writes_unbounded(Kind::Other)
        }
        ("handler", Dialect::Mysql) => {
            let statement = Statement::quiet(Kind::Other).reading(at.name()?.into());
            statement.running(condition(at))
        }
        ("show", Dialect::Mysql) => Statement::quiet(Kind::Other).running(condition(at)),
        ("kill", Dialect::Mysql) => {
            at.skip(&["hard", "soft", "connection", "query", "id", "user"]);
            Statement::quiet(Kind::Other).running(expressions(at))
        }
        ("purge", Dialect::Mysql) => {
            let before = after_word(at, |token| token.is("before"));
            Statement::quiet(Kind::Other).running(before.and_then(expressions))
        }
        // Rows without a key of their own may get other row ids.
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
        ) => Statement::quiet(Kind::Other),
        _ => return None,
    })
}

/// What `EXPLAIN` explains is not run, what `EXPLAIN ANALYZE` explains is.
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
    let quiet = Statement::quiet(Kind::Other);
    match Statement::query(at.rest, at.dialect) {
        Some(inner) if runs => inner.around(),
        // MariaDB works out derived tables and constants to explain a query, and so calls functions.
        Some(inner) if at.dialect == Dialect::Mysql => quiet.running(Some(Statement {
            writes: Writes::Nothing,
            ..inner
        })),
        Some(inner) => Statement {
            reads: inner.reads,
            schemas: inner.schemas,
            guessed: inner.guessed,
            ..quiet
        },
        None if runs => Statement::writes_unbounded(Kind::Other),
        None => quiet,
    }
}

/// Whether the options `(ANALYZE, BUFFERS off)` hold an `ANALYZE` that is not switched off.
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
    let statement = Statement::quiet(Kind::Delete);
    if at.rest.iter().any(|token| token.is("cascade")) {
        return Some(statement.writing(Writes::Everything));
    }
    let mut tables = Vec::new();
    loop {
        at.eat("only");
        tables.push((Arc::from(at.name()?), Events::DELETE));
        at.eat_symbol("*");
        if !at.eat_symbol(",") {
            return Some(statement.writing(tables.into_iter().collect()));
        }
    }
}

fn create(mut at: Cursor<'_, '_>) -> Statement {
    if at.dialect == Dialect::Sqlite
        && let Some(temporary) = trigger(at)
    {
        return Statement::writes_unbounded(Kind::Ddl).doing(Effect::CreateTrigger { temporary });
    }
    if let Some(name) = plain_table(at) {
        return Statement::quiet(Kind::Ddl).writing(Writes::table(name.into(), Events::ALL));
    }
    let view = at.dialect == Dialect::Postgres && at.rest.iter().take(8).any(|t| t.is("view"));
    let Some(name) = temporary(&mut at) else {
        return Statement::writes_unbounded(Kind::Ddl);
    };
    let own = Writes::table(name.as_str().into(), Events::ALL);
    let may_write = keywords::holds_write(at.rest) || at.rest.iter().any(|t| t.is("execute"));
    let filled = query_that_fills(at).unwrap_or_else(|| Statement::quiet(Kind::Ddl));
    Statement {
        reads: filled.reads,
        schemas: filled.schemas,
        calls: filled.calls,
        unknown_functions: filled.unknown_functions,
        guessed: filled.guessed,
        ..Statement::quiet(Kind::Ddl)
    }
    .writing(if may_write { Writes::Everything } else { own })
    .doing(Effect::CreateTemporary(vec![name]))
    .doing_if(view, Effect::HiddenWrites)
}

/// The table of `CREATE TABLE IF NOT EXISTS`, which programs run each time they start, if it is one by
/// itself: with no rows, no parents and no references, so that nothing but its own name changes.
fn plain_table(mut at: Cursor<'_, '_>) -> Option<String> {
    const TIES: &[&str] = &[
        "as",
        "execute",
        "foreign",
        "inherits",
        "like",
        "of",
        "partition",
        "references",
        "select",
        "table",
        "union",
        "values",
        "with",
    ];
    if !at.eat_all(&["table", "if", "not", "exists"]) {
        return None;
    }
    let mut path = at.path()?;
    let tied = at.rest.iter().any(|token| token.is_any(TIES));
    let name = path.pop()?;
    let temporary = path.pop().is_some_and(|schema| schema.contains("temp"));
    (!tied && !temporary && at.peek()?.is_symbol("(")).then_some(name)
}

/// Whether the trigger that is created is a temporary one; `None` if none is.
fn trigger(mut at: Cursor<'_, '_>) -> Option<bool> {
    let said = at.eat_any(&["temp", "temporary"]);
    if !at.eat("trigger") {
        return None;
    }
    at.eat_all(&["if", "not", "exists"]);
    let path = at.path()?;
    let schema = path.iter().rev().nth(1);
    Some(said || schema.is_some_and(|schema| schema == "temp"))
}

/// The query of `CREATE … AS query`; MySQL does without the `AS`.
fn query_that_fills(at: Cursor<'_, '_>) -> Option<Statement> {
    let mut depth = 0usize;
    for (place, token) in at.rest.iter().enumerate() {
        if depth == 0 {
            let rest = at.rest.get(place..)?;
            if at.dialect == Dialect::Mysql && opens_query(rest) {
                return Statement::query(rest, at.dialect);
            }
            if token.is("as") {
                return Statement::query(rest.get(1..)?, at.dialect);
            }
        }
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
    }
    None
}

fn opens_query(tokens: &[Token<'_>]) -> bool {
    let verb = tokens.iter().find(|token| !token.is_symbol("("));
    verb.is_some_and(|token| token.is_any(&["select", "with", "values"]))
}

/// The query of a cursor, whose functions run when rows are fetched.
fn cursor_for(at: Cursor<'_, '_>) -> Statement {
    let query = at.rest.iter().position(|token| token.is("for"));
    query
        .and_then(|place| at.rest.get(place + 1..))
        .and_then(|query| Statement::query(query, at.dialect))
        .map_or_else(|| Statement::quiet(Kind::Other), Statement::around)
}

/// Reads up to the name of the temporary table, view or sequence that is created.
fn temporary(at: &mut Cursor<'_, '_>) -> Option<String> {
    at.eat_all(&["or", "replace"]);
    at.skip(&["global", "local"]);
    let said = at.eat_any(&["temp", "temporary"]);
    at.skip(&["unlogged", "recursive"]);
    if !at.eat_any(&["table", "view", "sequence"]) {
        return None;
    }
    at.eat_all(&["if", "not", "exists"]);
    let mut path = at.path()?;
    let name = path.pop()?;
    let schema = path.pop().unwrap_or_default();
    (said || is_temporary_schema(at.dialect, &schema)).then_some(name)
}

/// `DO`: the body's language is not read, but a setting it changes would be named in it.
/// `CALL p`, `CALL a.p(1, f(2))`
fn call(mut at: Cursor<'_, '_>) -> Statement {
    let arguments = expressions(at);
    let mut statement = arguments.unwrap_or_else(|| Statement::quiet(Kind::Other));
    let path = at.path().unwrap_or_default();
    if let [.., schema, _] = path.as_slice() {
        insert_sorted(&mut statement.schemas, schema);
    }
    if let Some(procedure) = path.last() {
        // It may be called like a function of the server's.
        insert_sorted(&mut statement.calls, procedure);
        insert_sorted(&mut statement.unknown_functions, procedure);
        statement.calls_procedure = true;
    }
    statement
        .writing(Writes::Everything)
        .doing_if(at.dialect == Dialect::Mysql, Effect::MayControlTransaction)
}

/// Expressions that are worked out for what they do.
fn expressions(at: Cursor<'_, '_>) -> Option<Statement> {
    let select = lexer::lex("SELECT", at.dialect)?;
    let tokens: Vec<_> = select.iter().chain(at.rest).copied().collect();
    let statement = Statement::query(&tokens, at.dialect)?;
    Some(Statement {
        kind: Kind::Other,
        uncacheable: Some(Uncacheable::NotSelect),
        otherwise: Some(Uncacheable::NotSelect),
        ..statement
    })
}

fn insert_sorted(names: &mut Vec<Arc<str>>, name: &str) {
    if let Err(place) = names.binary_search_by(|known| (**known).cmp(name)) {
        names.insert(place, name.into());
    }
}

fn anonymous_block(at: Cursor<'_, '_>) -> Statement {
    let body = at.rest.iter().map(|token| token.text.to_ascii_lowercase());
    let sets = body.into_iter().any(|text| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| matches!(word, "set" | "set_config" | "reset" | "execute"))
    });
    let statement = Statement::writes_unbounded(Kind::Other);
    if sets {
        statement.doing(Effect::Session(SessionChange::Unknown))
    } else {
        statement
    }
}

fn copy(mut at: Cursor<'_, '_>) -> Option<Statement> {
    if at.peek()?.is_symbol("(") {
        let inner = Statement::query(at.parenthesised()?, at.dialect)?;
        return Some(inner.around());
    }
    at.eat("binary");
    let name: Arc<str> = at.name()?.into();
    at.parenthesised();
    if at.eat("from") {
        let statement = Statement::quiet(Kind::Insert).writing(Writes::table(name, Events::INSERT));
        Some(statement.running(condition(at)))
    } else if at.eat("to") {
        Some(Statement::quiet(Kind::Other).reading(name))
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
    Some(Statement::quiet(Kind::Other).writing(Writes::table(name, Events::ALL)))
}

/// `LOAD DATA`, `LOAD XML` and `LOAD INDEX INTO CACHE` of MySQL.
fn load(mut at: Cursor<'_, '_>) -> Option<Statement> {
    if at.eat("index") {
        return Some(Statement::quiet(Kind::Other));
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
    let values = after_word(at, |token| {
        let sets = token.is("set") && !before.is_some_and(|it: &Token<'_>| is_character(it));
        before = Some(token);
        sets
    });
    let statement = Statement::quiet(Kind::Insert).writing(Writes::table(name, events));
    Some(statement.running(values.and_then(expressions)))
}

/// The expressions of a `WHERE`, if there is one.
fn condition(at: Cursor<'_, '_>) -> Option<Statement> {
    after_word(at, |token| token.is("where")).and_then(expressions)
}

impl Statement {
    /// Changes tables. If these are temporary ones of the session, nobody else's rows depend on them.
    fn changing(change: TableChange) -> Self {
        let statement = match change.temporary {
            true => Self::quiet(Kind::Ddl),
            false => Self::writes_unbounded(Kind::Ddl),
        };
        statement.doing(Effect::ChangeTables {
            names: change.names,
            drops: change.drops,
        })
    }

    /// Adds what expressions do that it has worked out.
    fn running(mut self, inner: Option<Self>) -> Self {
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
        self.guessed |= inner.guessed;
        self
    }

    /// Turns what was found about an inner query into what the statement around it does.
    fn around(self) -> Self {
        let why = Some(Uncacheable::NotSelect);
        Self {
            kind: Kind::Other,
            uncacheable: why.clone(),
            otherwise: why,
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
            let found = Analysis::of(sql, dialect).unknown_functions();
            assert_eq!(found, [Arc::from("f")], "{sql}");
        }
        let load = "LOAD DATA INFILE 'a' INTO TABLE t CHARACTER SET utf8mb4 (a)";
        assert!(
            Analysis::of(load, Dialect::Mysql)
                .unknown_functions()
                .is_empty()
        );
    }
}
