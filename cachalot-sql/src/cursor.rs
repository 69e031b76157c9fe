//! A cursor over the tokens of a statement.

use super::{
    Dialect,
    lexer::{Token, TokenKind},
    names,
};

/// The tokens of a statement that have not been read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t, 'a> {
    pub(super) rest: &'t [Token<'a>],
    pub(super) dialect: Dialect,
}

impl<'t, 'a> Cursor<'t, 'a> {
    pub(super) fn new(rest: &'t [Token<'a>], dialect: Dialect) -> Self {
        Self { rest, dialect }
    }

    pub(super) fn peek(&self) -> Option<&'t Token<'a>> {
        self.rest.first()
    }

    pub(super) fn next(&mut self) -> Option<&'t Token<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Whether the next tokens are these words. Does not consume them.
    pub(super) fn sees(&self, words: &[&str]) -> bool {
        self.rest.len() >= words.len() && self.rest.iter().zip(words).all(|(t, word)| t.is(word))
    }

    /// Consumes this word if it comes next.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        self.eat_all(&[word])
    }

    /// Consumes all these words if they come next.
    pub(super) fn eat_all(&mut self, words: &[&str]) -> bool {
        let seen = self.sees(words);
        if seen {
            self.rest = self.rest.get(words.len()..).unwrap_or_default();
        }
        seen
    }

    /// Consumes one of these words if it comes next.
    pub(super) fn eat_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.eat(word))
    }

    /// Consumes as many of these words as come next, in any order.
    pub(super) fn skip(&mut self, words: &[&str]) {
        while self.peek().is_some_and(|token| token.is_any(words)) {
            self.next();
        }
    }

    pub(super) fn eat_symbol(&mut self, symbol: &str) -> bool {
        let seen = self.peek().is_some_and(|token| token.is_symbol(symbol));
        if seen {
            self.next();
        }
        seen
    }

    /// Consumes `a`, `a.b` or `"a"."b"` and returns its normalised components.
    ///
    /// On MySQL and SQLite a string may be an identifier.
    pub(super) fn path(&mut self) -> Option<Vec<String>> {
        let mut path = Vec::new();
        loop {
            let token = self.next()?;
            let name = match token.kind {
                TokenKind::Text if self.dialect != Dialect::Postgres => token.literal()?,
                _ => token.identifier()?.into_owned(),
            };
            path.push(names::folded(&name).to_string());
            if !self.eat_symbol(".") {
                return Some(path);
            }
        }
    }

    /// Consumes a name, qualified or not, and returns its normalised last component.
    pub(super) fn name(&mut self) -> Option<String> {
        self.path()?.pop()
    }

    /// Consumes a parenthesis and returns the tokens inside. `None` if no parenthesis opens here, or if it
    /// is not closed.
    pub(super) fn parenthesised(&mut self) -> Option<&'t [Token<'a>]> {
        let mut inner = *self;
        if !inner.eat_symbol("(") {
            return None;
        }
        let start = inner.rest;
        let mut depth = 1usize;
        for (at, token) in start.iter().enumerate() {
            if token.is_symbol("(") {
                depth += 1;
            } else if token.is_symbol(")") {
                depth -= 1;
                if depth == 0 {
                    self.rest = start.get(at + 1..)?;
                    return start.get(..at);
                }
            }
        }
        None
    }

    /// The tokens after the first one outside of parentheses for which `is_it` is true.
    pub(super) fn after(mut self, mut is_it: impl FnMut(&'t Token<'a>) -> bool) -> Option<Self> {
        let mut depth = 0usize;
        while let Some(token) = self.next() {
            if token.is_symbol("(") {
                depth += 1;
            } else if token.is_symbol(")") {
                depth = depth.saturating_sub(1);
            }
            if is_it(token) && depth == 0 {
                return Some(self);
            }
        }
        None
    }
}
