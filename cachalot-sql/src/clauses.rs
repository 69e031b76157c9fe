//! Finds a clause of a statement that the parser does not read.

use super::{cursor::Cursor, lexer::Token};

/// `CHARACTER SET` sets nothing.
pub(super) fn is_character(token: &Token<'_>) -> bool {
    token.is_any(&["character", "char"])
}

/// What follows the first such token outside of parentheses.
pub(super) fn after_word<'t, 'a>(
    mut at: Cursor<'t, 'a>,
    mut is_it: impl FnMut(&'t Token<'a>) -> bool,
) -> Option<Cursor<'t, 'a>> {
    let mut depth = 0usize;
    while let Some(token) = at.next() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        if is_it(token) && depth == 0 {
            return Some(at);
        }
    }
    None
}
