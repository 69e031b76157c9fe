//! `CREATE` statements.

use super::{
    Dialect, Effect, Events, Kind, Statement, Writes, cursor::Cursor, keywords, lexer::Token,
    own_tables::is_temporary_schema,
};

/// Reads what follows `CREATE`.
pub(super) fn read(mut at: Cursor<'_, '_>) -> Statement {
    if at.dialect == Dialect::Sqlite
        && let Some(temporary) = trigger(at)
    {
        return Statement::writes_unbounded(Kind::Ddl)
            .with_effect(Effect::CreateTrigger { temporary });
    }
    if let Some(name) = plain_table(at) {
        return Statement::without_tables(Kind::Ddl)
            .with_writes(Writes::table(name.into(), Events::ALL));
    }
    let view = at.dialect == Dialect::Postgres && at.rest.iter().take(8).any(|t| t.is("view"));
    let Some(name) = temporary(&mut at) else {
        return Statement::writes_unbounded(Kind::Ddl);
    };
    let own = Writes::table(name.as_str().into(), Events::ALL);
    let may_write = keywords::contains_write(at.rest) || at.rest.iter().any(|t| t.is("execute"));
    let filled = query_that_fills(at).unwrap_or_else(|| Statement::without_tables(Kind::Ddl));
    Statement {
        reads: filled.reads,
        schemas: filled.schemas,
        calls: filled.calls,
        unknown_functions: filled.unknown_functions,
        from_fallback: filled.from_fallback,
        ..Statement::without_tables(Kind::Ddl)
    }
    .with_writes(if may_write { Writes::Everything } else { own })
    .with_effect(Effect::CreateTemporary(vec![name]))
    .with_effect_if(view, Effect::HiddenWrites)
}

/// The table of a `CREATE TABLE IF NOT EXISTS` without rows, parents or references. Such a statement
/// affects no other table, and many programs run it each time they start.
fn plain_table(mut at: Cursor<'_, '_>) -> Option<String> {
    const DEPENDENCIES: &[&str] = &[
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
    let depends = at.rest.iter().any(|token| token.is_any(DEPENDENCIES));
    let name = path.pop()?;
    let temporary = path.pop().is_some_and(|schema| schema.contains("temp"));
    (!depends && !temporary && at.peek()?.is_symbol("(")).then_some(name)
}

/// `CREATE TRIGGER`: whether the trigger is temporary. `None` if the statement creates something else.
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

/// The query of `CREATE … AS query`. On MySQL the `AS` is optional.
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
