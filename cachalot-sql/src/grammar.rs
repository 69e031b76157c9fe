//! Rewrites a statement for `sqlparser`, so that the parser reads it as the server does, and parses it.

use sqlparser::{
    ast::Statement as Tree,
    dialect::{Dialect as Grammar, MySqlDialect, PostgreSqlDialect, SQLiteDialect},
    parser::Parser,
    tokenizer::Token as ParserToken,
};

use super::{
    Dialect,
    depth::is_too_deep,
    lexer::{Token, TokenKind, back},
    names,
    unsupported_syntax::{Change, changes},
};

/// The parser grows its stack up to this depth.
const MAX_RECURSION: usize = 500;

/// The parser grows its stack when less than this is left. For nested joins a debug build needs more
/// than the default of 128 kB.
const MIN_STACK_BYTES: usize = 1 << 20;

/// Words that may occur [`MAX_COSTLY_WORDS`] times. The parser tries each nested `POSITION` twice, and
/// does not grow its stack for a nested `NESTED PATH`.
const COSTLY_WORDS: &[&str] = &["position", "nested"];
const MAX_COSTLY_WORDS: usize = 8;

/// Modifiers of MySQL that may follow the verb.
const MODIFIERS: &[&str] = &[
    "low_priority",
    "high_priority",
    "delayed",
    "quick",
    "ignore",
];

/// A syntax tree, and the text that was parsed.
pub(super) struct Parsed {
    pub(super) tree: Tree,
    pub(super) text: Rewritten,
}

/// The text for the parser.
pub(super) struct Rewritten {
    pub(super) sql: String,
    /// By offset in it, the tokens that begin there, in order. Those that are omitted are not in it.
    pub(super) starts: Vec<(usize, usize)>,
}

/// The syntax tree of a statement. `None` if the parser rejects it or would take too long.
pub(super) fn parse(tokens: &[Token<'_>], dialect: Dialect) -> Option<Parsed> {
    let costly = tokens
        .iter()
        .filter(|token| token.is_any(COSTLY_WORDS))
        .count();
    if costly > MAX_COSTLY_WORDS || is_too_deep(tokens) {
        return None;
    }
    if recursive::get_minimum_stack_size() < MIN_STACK_BYTES {
        recursive::set_minimum_stack_size(MIN_STACK_BYTES);
    }
    let grammar: &dyn Grammar = match dialect {
        Dialect::Postgres => &PostgreSqlDialect {},
        Dialect::Mysql => &MySqlDialect {},
        Dialect::Sqlite => &SQLiteDialect {},
    };
    let parser = Parser::new(grammar).with_recursion_limit(MAX_RECURSION);
    let text = rewritten(tokens, dialect);
    let mut parser = parser.try_with_sql(&text.sql).ok()?;
    let tree = parser.parse_statement().ok()?;
    let whole = parser.peek_token_ref().token == ParserToken::EOF;
    whole.then_some(Parsed { tree, text })
}

/// The text: without comments, without syntax that the parser and the server read
/// differently, and with the same token boundaries.
fn rewritten(tokens: &[Token<'_>], dialect: Dialect) -> Rewritten {
    let mut sql = String::with_capacity(tokens.iter().map(|token| token.text.len() + 1).sum());
    let mut starts = Vec::with_capacity(tokens.len());
    let mut opening = true;
    let changes = changes(tokens, dialect);
    for (at, token) in tokens.iter().enumerate() {
        let before = back(tokens, at, 1);
        let follows = |words: &[&str]| before.is_some_and(|before| before.is_any(words));
        // The parser would read a modifier of MySQL as a table: `UPDATE LOW_PRIORITY t`.
        let modifier = opening && dialect == Dialect::Mysql && token.is_any(MODIFIERS) && at > 0;
        opening = at == 0 || (opening && modifier);
        // The same for `FROM ONLY t`.
        let only = dialect == Dialect::Postgres
            && token.is("only")
            && (follows(&["from", "join", "update", "into", "using", "table"])
                || before.is_some_and(|before| before.is_symbol(",")));
        if token.spaced || before.is_some_and(|before| would_run_together(before, token)) {
            sql.push(' ');
        }
        if modifier || only {
            continue;
        }
        match changes.as_ref().and_then(|changes| changes.get(at)) {
            Some(Change::Omit) => continue,
            Some(Change::ReplaceByComma) => {
                sql.push(',');
                continue;
            }
            Some(Change::Keep) | None => {}
        }
        starts.push((sql.len(), at));
        // The parser ignores what follows `TABLE t`.
        let table = token.is("table")
            && !follows(&["into", "temp", "temporary", "unlogged"])
            && !before.is_some_and(|before| before.is_symbol("."))
            && !tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
        if table {
            sql.push_str("SELECT * FROM");
        } else {
            push(&mut sql, token, dialect);
        }
    }
    Rewritten { sql, starts }
}

/// `1FROM`, `'a'FROM` and MySQL's `a--1`: the parser could end the first token at another place.
fn would_run_together(before: &Token<'_>, token: &Token<'_>) -> bool {
    let symbol = |token: &Token<'_>| token.kind == TokenKind::Symbol;
    (!symbol(before) && !symbol(token)) || (before.is_symbol("-") && token.is_symbol("-"))
}

fn push(sql: &mut String, token: &Token<'_>, dialect: Dialect) {
    match token.kind {
        TokenKind::Parameter if dialect == Dialect::Sqlite => sql.push('?'),
        TokenKind::Quoted if names::has_unicode_prefix(token.text) => {
            sql.push('"');
            sql.push_str(&names::unquoted(token.text).replace('"', "\"\""));
            sql.push('"');
        }
        // The parser would read `2fast` and `db.123` as numbers.
        TokenKind::Word if token.text.starts_with(|c: char| c.is_ascii_digit()) => {
            sql.push('`');
            sql.push_str(token.text);
            sql.push('`');
        }
        // The format of a date function decides the type of its result.
        TokenKind::Text if dialect == Dialect::Mysql && is_format(token.text) => {
            sql.push_str(token.text);
        }
        // The value of other literals does not matter, and the parser could end them at another place.
        // SQLite's literals have no escapes, and may be names or dates. On MySQL those in double quotes
        // may be names.
        TokenKind::Text if dialect != Dialect::Sqlite && !token.text.starts_with('"') => {
            sql.push_str("'x'");
        }
        _ => sql.push_str(token.text),
    }
}

/// Whether this is a literal in single quotes that looks like a format and has no escapes.
fn is_format(literal: &str) -> bool {
    let inner = literal
        .strip_prefix('\'')
        .and_then(|it| it.strip_suffix('\''));
    inner.is_some_and(|inner| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "%:-/., ".contains(c);
        inner.contains('%') && inner.chars().all(plain)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::lexer::lex, *};

    fn rewritten(sql: &str, dialect: Dialect) -> String {
        super::rewritten(&lex(sql, dialect).expect("text is whole"), dialect).sql
    }

    #[test]
    fn comments_become_spaces_and_literals_are_replaced() {
        let sql = "SELECT a/* b */,'/* c */' -- d\nFROM t";
        assert_eq!(
            rewritten(sql, Dialect::Sqlite),
            "SELECT a ,'/* c */' FROM t"
        );
        for literal in ["'/* c */'", "E'\\''", "$a$'$a$", "N'c'"] {
            let sql = format!("SELECT a/* b */,{literal} -- d\nFROM t");
            assert_eq!(rewritten(&sql, Dialect::Postgres), "SELECT a ,'x' FROM t");
        }
    }

    #[test]
    fn token_boundaries_are_kept() {
        let sql = "SELECT 1.FROM t WHERE a='x'OR b--1";
        let expected = "SELECT 1. FROM t WHERE a='x' OR b- -1";
        assert_eq!(rewritten(sql, Dialect::Mysql), expected);
        let sql = "SELECT a FROM 2fast, db.123";
        let expected = "SELECT a FROM `2fast`, db.`123`";
        assert_eq!(rewritten(sql, Dialect::Mysql), expected);
    }

    #[test]
    fn words_that_look_like_tables_are_omitted() {
        let sql = "UPDATE LOW_PRIORITY IGNORE t SET ignore = 1";
        assert_eq!(rewritten(sql, Dialect::Mysql), "UPDATE   t SET ignore = 1");
        let sql = "SELECT * FROM ONLY t, ONLY u FETCH FIRST 1 ROW ONLY";
        let expected = "SELECT * FROM  t,  u FETCH FIRST 1 ROW ONLY";
        assert_eq!(rewritten(sql, Dialect::Postgres), expected);
    }

    #[test]
    fn a_table_command_becomes_a_query() {
        let sql = "TABLE a UNION TABLE b";
        let expected = "SELECT * FROM a UNION SELECT * FROM b";
        assert_eq!(rewritten(sql, Dialect::Postgres), expected);
        let sql = "SELECT 1 INTO TABLE a";
        assert_eq!(rewritten(sql, Dialect::Postgres), sql);
    }
}
