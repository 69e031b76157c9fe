//! Splits a text into tokens by the lexical rules of its dialect.
//!
//! Comments and white space are dropped. Tokens borrow from the text. The lexer makes one pass and does
//! not recurse.

use std::borrow::Cow;

use super::{Dialect, names};

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A keyword or a bare identifier.
    Word,
    /// An identifier in quotes.
    Quoted,
    /// A string literal of any form. On MySQL this may be an identifier if it has double quotes.
    Text,
    /// A number.
    Number,
    /// A bind parameter: `$1`, `?`, `:name`.
    Parameter,
    /// `@x` or `@@x` of MySQL.
    Variable,
    /// One other character.
    Symbol,
}

/// A token and its context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    /// As written, quotes and prefixes included.
    pub(super) text: &'a str,
    /// White space or a comment precedes it.
    pub(super) spaced: bool,
    /// It is inside a comment that some servers execute (`/*! … */`).
    pub(super) conditional: bool,
}

impl Token<'_> {
    /// Whether this is the given unquoted word, in any case.
    pub(super) fn is(&self, word: &str) -> bool {
        count_steps(1);
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether this is one of several unquoted words.
    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Whether this is the given character.
    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        count_steps(1);
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    /// The identifier that this token is, without its quotes.
    pub(super) fn identifier(&self) -> Option<Cow<'_, str>> {
        count_steps(1);
        match self.kind {
            TokenKind::Word => Some(Cow::Borrowed(self.text)),
            TokenKind::Quoted => Some(Cow::Owned(names::unquoted(self.text))),
            _ => None,
        }
    }

    /// The value of a plain string literal; `None` if it has escapes or a prefix.
    pub(super) fn literal(&self) -> Option<String> {
        let quote = self
            .text
            .chars()
            .next()
            .filter(|c| matches!(c, '\'' | '"'))?;
        let value = self.text.strip_prefix(quote)?.strip_suffix(quote)?;
        (self.kind == TokenKind::Text && !value.contains('\\'))
            .then(|| value.replace(&format!("{quote}{quote}"), &quote.to_string()))
    }
}

/// The token `steps` before the one at a position, if there is one.
pub(super) fn back<'t, 'a>(
    tokens: &'t [Token<'a>],
    at: usize,
    steps: usize,
) -> Option<&'t Token<'a>> {
    at.checked_sub(steps).and_then(|at| tokens.get(at))
}

/// The tokens of a text. `None` if it ends inside a quote or a comment, or if the settings of a server
/// decide where a token ends.
pub(super) fn lex(sql: &str, dialect: Dialect) -> Option<Vec<Token<'_>>> {
    let tokens = split(sql, dialect, Escapes::usual(dialect))?;
    // A setting decides whether a backslash escapes a quote, and the text does not show the setting.
    let ambiguous = sql.contains('\\')
        && Escapes::others(dialect)
            .iter()
            .filter_map(|escapes| split(sql, dialect, *escapes))
            .any(|other| !ends_alike(&tokens, &other) && !has_stray_backslash(&other));
    (!ambiguous).then_some(tokens)
}

fn ends_alike(tokens: &[Token<'_>], others: &[Token<'_>]) -> bool {
    tokens.len() == others.len()
        && tokens
            .iter()
            .zip(others)
            .all(|(token, other)| token.text == other.text)
}

/// Outside of quotes a backslash is valid only in MySQL's `\N`. Servers reject any other.
fn has_stray_backslash(tokens: &[Token<'_>]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        token.is_symbol("\\") && !tokens.get(at + 1).is_some_and(|next| next.is("n"))
    })
}

fn split(sql: &str, dialect: Dialect, escapes: Escapes) -> Option<Vec<Token<'_>>> {
    let mut lexer = Lexer {
        sql,
        bytes: sql.as_bytes(),
        dialect,
        escapes,
        at: 0,
        spaced: false,
        conditional: false,
        tokens: Vec::with_capacity(sql.len() / 6),
    };
    while lexer.at < sql.len() {
        lexer.step()?;
    }
    (!lexer.conditional).then_some(lexer.tokens)
}

/// In which quotes a backslash escapes the next character.
#[derive(Debug, Clone, Copy)]
struct Escapes {
    single: bool,
    double: bool,
}

impl Escapes {
    const NOWHERE: Self = Self {
        single: false,
        double: false,
    };

    fn usual(dialect: Dialect) -> Self {
        let backslash = dialect == Dialect::Mysql;
        Self {
            single: backslash,
            double: backslash,
        }
    }

    /// With `standard_conforming_strings` off in PostgreSQL; with `NO_BACKSLASH_ESCAPES` or
    /// `ANSI_QUOTES` in the `sql_mode` of MySQL.
    fn others(dialect: Dialect) -> &'static [Self] {
        const SINGLE: Escapes = Escapes {
            single: true,
            double: false,
        };
        match dialect {
            Dialect::Postgres => &[SINGLE],
            Dialect::Mysql => &[Self::NOWHERE, SINGLE],
            Dialect::Sqlite => &[],
        }
    }
}

/// SQLite treats a byte order mark as white space where a token could begin.
const BYTE_ORDER_MARK_BYTES: usize = 3;

struct Lexer<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    dialect: Dialect,
    escapes: Escapes,
    at: usize,
    spaced: bool,
    conditional: bool,
    tokens: Vec<Token<'a>>,
}

impl Lexer<'_> {
    /// The byte `ahead` of the current position; 0 after the end.
    fn byte(&self, ahead: usize) -> u8 {
        count_steps(1);
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn step(&mut self) -> Option<()> {
        let dialect = self.dialect;
        match self.byte(0) {
            b if b.is_ascii_whitespace() || b == 0x0b => {
                self.at += 1;
                self.spaced = true;
                Some(())
            }
            0xef if dialect == Dialect::Sqlite && self.byte(1) == 0xbb && self.byte(2) == 0xbf => {
                self.at += BYTE_ORDER_MARK_BYTES;
                self.spaced = true;
                Some(())
            }
            b'-' if self.byte(1) == b'-' && self.dashes_open_comment() => self.line_comment(),
            b'#' if dialect == Dialect::Mysql => self.line_comment(),
            b'/' if self.byte(1) == b'*' => self.block_comment(),
            b'*' if self.conditional && self.byte(1) == b'/' => {
                self.at += 2;
                self.conditional = false;
                self.spaced = true;
                Some(())
            }
            b'\'' => self.quoted(0, TokenKind::Text, self.escapes.single),
            b'"' if dialect == Dialect::Mysql => {
                self.quoted(0, TokenKind::Text, self.escapes.double)
            }
            b'"' => self.quoted(0, TokenKind::Quoted, false),
            b'`' if dialect != Dialect::Postgres => self.quoted(0, TokenKind::Quoted, false),
            b'[' if dialect == Dialect::Sqlite => self.bracketed(),
            b'$' if dialect == Dialect::Postgres => self.dollar(),
            b'?' if dialect != Dialect::Postgres => {
                let end = self.run(1, |b| b.is_ascii_digit());
                self.push(TokenKind::Parameter, end)
            }
            b':' | b'@' | b'$' if dialect == Dialect::Sqlite && self.continues_word(1) => {
                let end = self.run(1, is_word_byte);
                self.push(TokenKind::Parameter, end)
            }
            b'@' if dialect == Dialect::Mysql => self.variable(),
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() && !self.follows_name() => self.number(),
            b if self.starts_word(b) => self.word(),
            _ => self.push(TokenKind::Symbol, 1),
        }
    }

    fn starts_word(&self, byte: u8) -> bool {
        byte.is_ascii_alphabetic()
            || byte == b'_'
            || byte >= 0x80
            || (byte == b'$' && self.dialect == Dialect::Mysql)
    }

    fn continues_word(&self, ahead: usize) -> bool {
        is_word_byte(self.byte(ahead))
    }

    /// The length of a token of `skip` bytes and all following ones for which `takes` is true.
    fn run(&self, skip: usize, takes: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(self.at + skip..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| takes(**byte)).count();
        count_steps(length);
        skip + length
    }

    /// Adds the next `length` bytes as a token.
    fn push(&mut self, kind: TokenKind, length: usize) -> Option<()> {
        let text = self.sql.get(self.at..self.at + length)?;
        let token = Token {
            kind,
            text,
            spaced: self.spaced,
            conditional: self.conditional,
        };
        if let Some(last) = self.tokens.last() {
            // A string that continues in the next literal keeps its escapes. The parser does not support that.
            let escaped = last.kind == TokenKind::Text && last.text.starts_with(['e', 'E']);
            if escaped && kind == TokenKind::Text {
                return None;
            }
            if names::has_unicode_prefix(last.text) && token.is("uescape") {
                return None;
            }
        }
        // A server that skips the comment ignores quotes in it.
        if self.conditional && (text.contains("*/") || text == ";") {
            return None;
        }
        self.tokens.push(token);
        self.at += length;
        self.spaced = false;
        Some(())
    }

    /// On MySQL, `--` begins a comment only before white space.
    fn dashes_open_comment(&self) -> bool {
        self.dialect != Dialect::Mysql || self.byte(2) <= b' '
    }

    fn line_comment(&mut self) -> Option<()> {
        let ends_at_return = self.dialect == Dialect::Postgres;
        self.at += self.run(1, |b| b != b'\n' && !(ends_at_return && b == b'\r'));
        self.spaced = true;
        Some(())
    }

    fn block_comment(&mut self) -> Option<()> {
        self.spaced = true;
        if self.dialect == Dialect::Mysql {
            let executable = match (self.byte(2), self.byte(3)) {
                (b'!', _) => 3,
                (b'M', b'!') => 4,
                _ => 0,
            };
            if executable > 0 {
                if self.conditional {
                    return None;
                }
                self.conditional = true;
                self.at += self.run(executable, |b| b.is_ascii_digit());
                return Some(());
            }
        }
        self.at += 2;
        let mut depth = 1;
        while self.at < self.bytes.len() {
            match (self.byte(0), self.byte(1)) {
                (b'*', b'/') => {
                    self.at += 2;
                    depth -= 1;
                    if depth == 0 {
                        return Some(());
                    }
                }
                (b'/', b'*') if self.dialect == Dialect::Postgres => {
                    self.at += 2;
                    depth += 1;
                }
                _ => self.at += 1,
            }
        }
        // SQLite ends the comment with the text.
        (self.dialect == Dialect::Sqlite).then_some(())
    }

    /// A quoted token. The quote begins after `prefix` bytes; a doubled quote is part of the text.
    fn quoted(&mut self, prefix: usize, kind: TokenKind, backslash: bool) -> Option<()> {
        let quote = self.byte(prefix);
        let mut length = prefix + 1;
        while self.at + length < self.bytes.len() {
            match self.byte(length) {
                b'\\' if backslash => length += 2,
                b if b == quote && self.byte(length + 1) == quote => length += 2,
                b if b == quote => return self.push(kind, length + 1),
                _ => length += 1,
            }
        }
        None
    }

    fn bracketed(&mut self) -> Option<()> {
        let length = self.run(1, |b| b != b']') + 1;
        self.push(TokenKind::Quoted, length)
    }

    /// `$1`, `$tag$ … $tag$`, or a lone dollar.
    fn dollar(&mut self) -> Option<()> {
        if self.byte(1).is_ascii_digit() {
            let length = self.run(1, |b| b.is_ascii_digit());
            return self.push(TokenKind::Parameter, length);
        }
        let tag = self.run(1, |b| b != b'$' && is_word_byte(b)) + 1;
        if self.byte(tag - 1) != b'$' {
            return self.push(TokenKind::Symbol, 1);
        }
        let delimiter = self.sql.get(self.at..self.at + tag)?;
        let rest = self.sql.get(self.at + tag..)?;
        let body = rest.find(delimiter);
        count_steps(body.unwrap_or(rest.len()));
        let body = body?;
        self.push(TokenKind::Text, tag + body + tag)
    }

    /// `@x`, `@'x'`, `@@session.x`.
    fn variable(&mut self) -> Option<()> {
        let signs = self.run(1, |b| b == b'@');
        match self.byte(signs) {
            b'\'' | b'"' => self.quoted(signs, TokenKind::Variable, true),
            b'`' => self.quoted(signs, TokenKind::Variable, false),
            _ => {
                let length = self.run(signs, |b| is_word_byte(b) || b == b'.');
                self.push(TokenKind::Variable, length)
            }
        }
    }

    /// `12`, `.5`, `1.5e-3`, `0xFF`.
    fn number(&mut self) -> Option<()> {
        let mysql = self.dialect == Dialect::Mysql;
        // `db.123` is a name on MySQL.
        if mysql && self.follows_name_and_dot() {
            let length = self.run(1, is_word_byte);
            return self.push(TokenKind::Word, length);
        }
        let digit = |b: u8| b.is_ascii_digit() || b == b'_';
        let radix = self.byte(0) == b'0' && matches!(self.byte(1) | 0x20, b'x' | b'b' | b'o');
        let mut length = if radix {
            self.run(2, |b| b.is_ascii_hexdigit() || b == b'_')
        } else {
            self.run(1, digit)
        };
        let mut whole = self.byte(0) != b'.';
        if !radix {
            if self.byte(length) == b'.' {
                length = self.run(length + 1, digit);
                whole = false;
            }
            let sign = usize::from(matches!(self.byte(length + 1), b'+' | b'-'));
            if self.byte(length) | 0x20 == b'e' && self.byte(length + 1 + sign).is_ascii_digit() {
                length = self.run(length + 1 + sign, digit);
                whole = false;
            }
        }
        // `2fast` is a name on MySQL; `1.5fast` and `1e2fast` are a number and a name.
        if mysql && whole && self.continues_word(length) {
            length = self.run(length, is_word_byte);
            return self.push(TokenKind::Word, length);
        }
        self.push(TokenKind::Number, length)
    }

    fn follows_name(&self) -> bool {
        let last = self.tokens.last();
        !self.spaced && last.is_some_and(|last| last.identifier().is_some())
    }

    fn follows_name_and_dot(&self) -> bool {
        let [.., name, dot] = self.tokens.as_slice() else {
            return false;
        };
        !self.spaced && !dot.spaced && dot.is_symbol(".") && name.identifier().is_some()
    }

    fn word(&mut self) -> Option<()> {
        let length = self.run(1, is_word_byte);
        let postgres = self.dialect == Dialect::Postgres;
        match (length, self.byte(0) | 0x20, self.byte(1), self.byte(2)) {
            (1, b'e', b'\'', _) if postgres => self.quoted(1, TokenKind::Text, true),
            (1, b'b' | b'x' | b'n', b'\'', _) => {
                self.quoted(1, TokenKind::Text, self.escapes.single)
            }
            (1, b'u', b'&', b'\'') if postgres => self.quoted(2, TokenKind::Text, false),
            (1, b'u', b'&', b'"') if postgres => self.quoted(2, TokenKind::Quoted, false),
            _ => self.push(TokenKind::Word, length),
        }
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// Counts how often the analysis looks at a byte or a token: a measure of its running time that does
/// not depend on the machine. Only tests count.
#[inline]
fn count_steps(_steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + _steps);
}

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The steps that this thread has counted.
#[cfg(test)]
pub(super) fn steps() -> usize {
    STEPS.get()
}

#[cfg(test)]
mod tests;
