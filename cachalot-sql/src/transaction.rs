//! Statements that begin or end transactions, and savepoints.

use super::{
    Dialect, Effect, Isolation, Kind, Statement, Writes,
    cursor::Cursor,
    lexer::{Token, TokenKind},
};

/// Analyses the statement if it is one of these.
///
/// Unknown text at the end is ignored: to miss a `COMMIT` would be worse.
pub(super) fn read(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let effect = if at.eat("begin") {
        if at.sees(&["not", "atomic"]) {
            return Some(
                Statement::writes_unbounded(Kind::Other).with_effect(Effect::MayControlTransaction),
            );
        }
        Effect::Begin {
            isolation: isolation(at.rest),
        }
    } else if at.eat_all(&["start", "transaction"]) {
        Effect::Begin {
            isolation: isolation(at.rest),
        }
    } else if at.eat("commit") || (at.dialect != Dialect::Mysql && at.eat("end")) {
        if at.eat("prepared") {
            let effect = Effect::FinishPrepared { commit: true };
            return Some(Statement::writes_unbounded(Kind::Transaction).with_effect(effect));
        }
        Effect::Commit { chain: chains(at) }
    } else if at.eat("rollback") || (at.dialect == Dialect::Postgres && at.eat("abort")) {
        rollback(at)?
    } else if at.eat("savepoint") {
        Effect::Savepoint(at.name()?)
    } else if at.eat("release") {
        at.eat("savepoint");
        Effect::Release(at.name()?)
    } else if at.eat_all(&["prepare", "transaction"]) {
        Effect::PrepareTransaction
    } else if at.dialect == Dialect::Mysql && at.eat("xa") {
        return distributed(at);
    } else {
        return None;
    };
    Some(Statement::without_tables(Kind::Transaction).with_effect(effect))
}

fn rollback(mut at: Cursor<'_, '_>) -> Option<Effect> {
    if at.eat("prepared") {
        return Some(Effect::FinishPrepared { commit: false });
    }
    let chain = chains(at);
    at.skip(&["work", "transaction"]);
    if at.eat("to") {
        at.eat("savepoint");
        return Some(Effect::RollbackTo(at.name()?));
    }
    Some(Effect::Rollback { chain })
}

/// `AND CHAIN`, but not `AND NO CHAIN`.
fn chains(mut at: Cursor<'_, '_>) -> bool {
    at.skip(&["work", "transaction"]);
    at.sees(&["and", "chain"])
}

/// The XA statements of MySQL.
fn distributed(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let quiet = Statement::without_tables(Kind::Transaction);
    Some(if at.eat("start") || at.eat("begin") {
        quiet.with_effect(Effect::Begin { isolation: None })
    } else if at.eat("prepare") {
        quiet.with_effect(Effect::PrepareTransaction)
    } else if at.eat("commit") {
        if at.rest.iter().any(|token| token.is("phase")) {
            quiet.with_effect(Effect::Commit { chain: false })
        } else {
            quiet
                .with_writes(Writes::Everything)
                .with_effect(Effect::FinishPrepared { commit: true })
        }
    } else if at.eat("rollback") {
        quiet.with_effect(Effect::FinishPrepared { commit: false })
    } else if at.eat("end") || at.eat("recover") {
        quiet
    } else {
        return None;
    })
}

/// The level that follows `ISOLATION LEVEL`, if these words are among the tokens.
pub(super) fn isolation(tokens: &[Token<'_>]) -> Option<Isolation> {
    let level = tokens
        .windows(2)
        .position(|pair| pair[0].is("isolation") && pair[1].is("level"))?;
    let words = tokens.get(level + 2..)?;
    let one = words.first()?.text;
    let two = words
        .get(1)
        .filter(|token| token.kind == TokenKind::Word)
        .map_or("", |t| t.text);
    Isolation::parse(one).or_else(|| Isolation::parse(&format!("{one} {two}")))
}
