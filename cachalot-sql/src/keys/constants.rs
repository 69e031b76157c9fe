//! The constants of a statement: literals as they are in the text, and the places of binds.

use std::{collections::HashMap, sync::Arc};

use sqlparser::{
    ast::{Expr, UnaryOperator, Value, ValueWithSpan},
    tokenizer::Location,
};

use super::{
    super::{
        Dialect,
        grammar::Rewritten,
        lexer::{Token, TokenKind, back},
    },
    KeyValue,
};

/// SQLite's largest number of a parameter.
const MAX_SQLITE_PARAMETER: usize = 32_766;

pub(super) struct Constants<'t, 'a> {
    tokens: &'t [Token<'a>],
    /// By its place in the text that was parsed, the token.
    places: HashMap<(u64, u64), usize>,
    /// Of each token, the number of parameters before it.
    before: Vec<usize>,
    binds: Binds,
    dialect: Dialect,
}

/// How parameters name the binds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Binds {
    /// By number: `$1`, `?1`.
    Numbered,
    /// In the order of the text.
    InOrder,
    /// In a way that is not known here: by name, or by number and in order.
    Unknown,
}

impl<'t, 'a> Constants<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>], text: &Rewritten, dialect: Dialect) -> Self {
        let is_parameter = |token: &&Token<'_>| token.kind == TokenKind::Parameter;
        let parameters = || tokens.iter().filter(is_parameter);
        let is_numbered = |token: &Token<'_>| {
            let number = token.text.strip_prefix('?');
            number
                .and_then(|number| number.parse().ok())
                .is_some_and(|number| (1..=MAX_SQLITE_PARAMETER).contains(&number))
        };
        let binds = if dialect == Dialect::Postgres {
            Binds::Numbered
        } else if parameters().all(|token| token.text == "?") {
            Binds::InOrder
        } else if dialect == Dialect::Sqlite && parameters().all(is_numbered) {
            Binds::Numbered
        } else {
            Binds::Unknown
        };
        let mut count = 0;
        let before = tokens.iter().map(|token| {
            let before = count;
            count += usize::from(token.kind == TokenKind::Parameter);
            before
        });
        Self {
            tokens,
            places: places(text),
            before: before.collect(),
            binds,
            dialect,
        }
    }

    /// The value of an expression that is a constant of certain type, or a bind.
    pub(super) fn value(&self, expr: &Expr) -> Option<KeyValue> {
        match without_parentheses(expr) {
            Expr::Value(value) => self.literal(value),
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match &**expr {
                Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                    match self.literal(value)? {
                        KeyValue::Integer(number) => Some(KeyValue::Integer(-number)),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The bind that an expression is.
    pub(super) fn bind(&self, expr: &Expr) -> Option<usize> {
        match self.value(expr)? {
            KeyValue::Bind(place) => Some(place),
            _ => None,
        }
    }

    fn literal(&self, value: &ValueWithSpan) -> Option<KeyValue> {
        let Location { line, column } = value.span.start;
        let at = *self.places.get(&(line, column))?;
        let token = self.tokens.get(at)?;
        match (&value.value, token.kind) {
            (Value::Placeholder(_), TokenKind::Parameter) => self.place(at).map(KeyValue::Bind),
            (Value::Number(digits, false), TokenKind::Number) if digits == token.text => {
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                let number = plain.then(|| digits.parse().ok()).flatten();
                number.map(KeyValue::Integer)
            }
            (Value::SingleQuotedString(_), TokenKind::Text) if token.text.starts_with('\'') => {
                // Two literals beside each other are one.
                let is_text = |token: &Token<'_>| token.kind == TokenKind::Text;
                let alone = !back(self.tokens, at, 1).is_some_and(is_text)
                    && !self.tokens.get(at + 1).is_some_and(is_text);
                let text = alone.then(|| token.literal()).flatten();
                text.map(|text| KeyValue::Text(Arc::from(text)))
            }
            (Value::Boolean(value), TokenKind::Word) if self.dialect == Dialect::Postgres => {
                Some(KeyValue::Bool(*value))
            }
            _ => None,
        }
    }

    /// The place of a parameter's bind.
    fn place(&self, at: usize) -> Option<usize> {
        match self.binds {
            Binds::Numbered => {
                let number = self.tokens.get(at)?.text.get(1..)?;
                number.parse::<usize>().ok()?.checked_sub(1)
            }
            Binds::InOrder => self.before.get(at).copied(),
            Binds::Unknown => None,
        }
    }
}

pub(super) fn without_parentheses(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// The tokens by line and column, as the parser counts them.
fn places(text: &Rewritten) -> HashMap<(u64, u64), usize> {
    let mut places = HashMap::with_capacity(text.starts.len());
    let mut starts = text.starts.iter().peekable();
    let (mut line, mut column) = (1, 1);
    for (at, c) in text.sql.char_indices() {
        while let Some((_, token)) = starts.next_if(|(start, _)| *start == at) {
            places.insert((line, column), *token);
        }
        if c == '\n' {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
    }
    places
}
