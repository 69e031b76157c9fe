//! What the tokens of a query show, whether or not it can be parsed.

use super::{
    Dialect, SessionChange,
    cursor::Cursor,
    functions,
    lexer::{Token, TokenKind, back},
};

/// Words in a date or time literal of PostgreSQL whose value depends on the current time.
const VOLATILE_DATES: &[&str] = &["now", "today", "tomorrow", "yesterday"];

/// System columns of PostgreSQL that change also when a row is locked or moved.
const SYSTEM_COLUMNS: &[&str] = &["cmax", "cmin", "ctid", "xmax"];

/// What the tokens of a query show.
#[derive(Debug, Default)]
pub(super) struct TokenScan {
    /// `FOR UPDATE` and other row locks.
    pub(super) locks: bool,
    /// `TABLESAMPLE`
    pub(super) samples: bool,
    /// A keyword, variable or literal that is volatile.
    pub(super) volatile: Option<String>,
    /// MySQL: the result goes to a file or variable, or its size is kept for `FOUND_ROWS()`.
    pub(super) redirected: bool,
    /// PostgreSQL: the result becomes a new table.
    pub(super) into_table: Option<IntoTable>,
    /// The session changes.
    pub(super) session: Option<SessionChange>,
}

/// `SELECT … INTO [TEMP] name`
#[derive(Debug)]
pub(super) struct IntoTable {
    pub(super) name: String,
    pub(super) temporary: bool,
}

impl TokenScan {
    pub(super) fn of(tokens: &[Token<'_>], dialect: Dialect) -> Self {
        let mut scan = Self {
            session: session_change(tokens),
            ..Self::default()
        };
        for (at, token) in tokens.iter().enumerate() {
            let next = tokens.get(at + 1);
            let before = back(tokens, at, 1);
            let follows = |words: &[&str]| next.is_some_and(|next| next.is_any(words));
            let preceded = |words: &[&str]| before.is_some_and(|token| token.is_any(words));
            match token.kind {
                TokenKind::Word if token.is("for") => {
                    scan.locks |= follows(&["update", "share", "no"])
                        || (follows(&["key"]) && tokens.get(at + 2).is_some_and(|t| t.is("share")));
                }
                TokenKind::Word if token.is("lock") => scan.locks |= follows(&["in"]),
                TokenKind::Word if token.is("tablesample") => scan.samples = true,
                TokenKind::Word if token.is("into") => {
                    let rest = tokens.get(at + 1..).unwrap_or_default();
                    if dialect == Dialect::Mysql {
                        scan.redirected = true;
                    } else if !preceded(&["insert", "merge"]) {
                        scan.into_table = into_table(Cursor::new(rest, dialect));
                    }
                }
                TokenKind::Word if dialect == Dialect::Mysql && token.is("sql_calc_found_rows") => {
                    scan.redirected = true;
                }
                // Sequences of MariaDB.
                TokenKind::Word
                    if token.is("value")
                        && preceded(&["next", "previous"])
                        && follows(&["for"]) =>
                {
                    scan.volatile.get_or_insert_with(|| "nextval".into());
                }
                TokenKind::Word | TokenKind::Quoted if !preceded(&["as"]) => {
                    if let Some(name) = volatile_name(tokens, at, dialect) {
                        scan.volatile.get_or_insert_with(|| name.into());
                    }
                }
                TokenKind::Variable => {
                    scan.volatile
                        .get_or_insert_with(|| token.text.to_ascii_lowercase());
                }
                TokenKind::Text if dialect == Dialect::Postgres => {
                    if let Some(word) = volatile_date(token.text.as_bytes()) {
                        scan.volatile.get_or_insert_with(|| format!("'{word}'"));
                    }
                }
                _ => {}
            }
        }
        scan
    }
}

/// The name at a position, if it is a volatile value.
pub(super) fn volatile_name(
    tokens: &[Token<'_>],
    at: usize,
    dialect: Dialect,
) -> Option<&'static str> {
    let token = tokens.get(at)?;
    let before = back(tokens, at, 1);
    let part_of_name = before.is_some_and(|token| token.is_symbol("."));
    if token.kind == TokenKind::Word && !part_of_name {
        let keyword = functions::volatile_keyword(dialect, token.text);
        if keyword.is_some() {
            return keyword;
        }
    }
    match dialect {
        Dialect::Postgres => {
            let name = token.identifier()?;
            let column = SYSTEM_COLUMNS
                .iter()
                .find(|column| column.eq_ignore_ascii_case(&name));
            column.copied().or_else(|| {
                let zoned = token.is("timetz") || is_zone_of_time(tokens, at);
                zoned.then_some("timetz")
            })
        }
        // `s.NEXTVAL` in MariaDB's Oracle mode.
        Dialect::Mysql if part_of_name && token.is_any(&["nextval", "currval"]) => Some("nextval"),
        _ => None,
    }
}

/// Whether this is the `zone` of `time(3) with time zone`. If the value has no offset, the server uses
/// that of the current day.
fn is_zone_of_time(tokens: &[Token<'_>], at: usize) -> bool {
    let words = ["zone", "time", "with"];
    let follows = words
        .iter()
        .zip(0..)
        .all(|(word, steps)| back(tokens, at, steps).is_some_and(|token| token.is(word)));
    let precise = back(tokens, at, 3).is_some_and(|token| token.is_symbol(")"));
    let steps = if precise { 6 } else { 3 };
    follows && back(tokens, at, steps).is_some_and(|token| token.is("time"))
}

/// The word that makes a text a volatile value if it is converted to a date, as in `12:00today`. The types
/// on the server decide whether it is converted (`at > 'today'`), so every text counts.
#[must_use]
pub fn volatile_date(text: &[u8]) -> Option<&'static str> {
    let mut words = text.split(|byte| !byte.is_ascii_alphabetic());
    words.find_map(|word| {
        VOLATILE_DATES
            .iter()
            .find(|volatile| volatile.as_bytes().eq_ignore_ascii_case(word))
            .copied()
    })
}

fn into_table(mut at: Cursor<'_, '_>) -> Option<IntoTable> {
    let temporary = at
        .peek()
        .is_some_and(|token| token.is_any(&["temp", "temporary", "local"]));
    at.skip(&["temp", "temporary", "local", "unlogged", "table"]);
    let path = at.path()?;
    let temporary = temporary || path.iter().rev().skip(1).any(|s| s.starts_with("pg_temp"));
    Some(IntoTable {
        name: path.last()?.clone(),
        temporary,
    })
}

/// What the functions and assignments in a statement change in the session: `set_config(…)` of
/// PostgreSQL, `@x := 1` and `INTO @x` of MySQL.
pub(super) fn session_change(tokens: &[Token<'_>]) -> Option<SessionChange> {
    let mut settings = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let rest = tokens.get(at + 1..).unwrap_or_default();
        if token.kind == TokenKind::Variable && !token.text.starts_with("@@") {
            let assigned = matches!(rest, [a, b, ..] if a.is_symbol(":") && b.is_symbol("="));
            if assigned || back(tokens, at, 1).is_some_and(|token| token.is("into")) {
                settings.push(token.text.to_lowercase());
            }
        } else if is_call(token, rest, "set_limit") {
            settings.push("pg_trgm.similarity_threshold".to_owned());
        } else if is_call(token, rest, "set_config") {
            match rest {
                [_, name, comma, ..] if comma.is_symbol(",") && name.literal().is_some() => {
                    settings.extend(name.literal().map(|name| name.to_lowercase()));
                }
                _ => return Some(SessionChange::Unknown),
            }
        }
    }
    (!settings.is_empty()).then_some(SessionChange::Settings(settings))
}

fn is_call(token: &Token<'_>, rest: &[Token<'_>], function: &str) -> bool {
    let named = token.identifier();
    named.is_some_and(|name| name.eq_ignore_ascii_case(function))
        && rest.first().is_some_and(|next| next.is_symbol("("))
}
