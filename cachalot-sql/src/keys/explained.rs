//! Whether a syntax tree has everything that its text has. The parser reads some words without keeping them, and
//! some are omitted before it reads the text.

use std::borrow::Cow;

use sqlparser::ast::Statement as Tree;

use super::super::{
    Dialect,
    lexer::{self, Token, TokenKind},
};

/// Whether the tree, written as text again, has the same tokens in the same order. It may have more `AS`.
pub(super) fn is_explained(tree: &Tree, tokens: &[Token<'_>], dialect: Dialect) -> bool {
    let text = tree.to_string();
    let Some(rendered) = lexer::lex(&text, dialect) else {
        return false;
    };
    let mut expected = shapes(tokens, dialect).into_iter().peekable();
    for shape in shapes(&rendered, dialect) {
        let same = expected.next_if(|expected| *expected == shape).is_some();
        if !same && shape != Shape::Word("as".into()) {
            return false;
        }
    }
    expected.next().is_none()
}

/// A token, without what may differ.
#[derive(PartialEq, Eq)]
enum Shape<'a> {
    /// In lower case.
    Word(Cow<'a, str>),
    Name(Cow<'a, str>),
    /// The parser does not get all values.
    Literal,
    /// The parser does not get all names.
    Parameter,
    Other(&'a str),
}

fn shapes<'a>(tokens: &'a [Token<'_>], dialect: Dialect) -> Vec<Shape<'a>> {
    let mut shapes: Vec<Shape<'_>> = Vec::with_capacity(tokens.len());
    for token in tokens {
        // `a != b` is `a <> b`, and on SQLite `a == b` is `a = b`.
        if token.is_symbol("=") && !token.spaced {
            match shapes.last_mut() {
                Some(last @ Shape::Other("!")) => {
                    *last = Shape::Other("<");
                    shapes.push(Shape::Other(">"));
                    continue;
                }
                Some(Shape::Other("=")) if dialect == Dialect::Sqlite => continue,
                _ => {}
            }
        }
        shapes.push(match token.kind {
            TokenKind::Word => Shape::Word(token.text.to_ascii_lowercase().into()),
            TokenKind::Quoted => Shape::Name(token.identifier().unwrap_or_default()),
            TokenKind::Text => Shape::Literal,
            TokenKind::Parameter => Shape::Parameter,
            TokenKind::Number | TokenKind::Variable | TokenKind::Symbol => Shape::Other(token.text),
        });
    }
    shapes
}
