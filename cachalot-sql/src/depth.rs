//! How deep the tree of a statement can get.
//!
//! The parser makes a chain of operators a tree as deep as the chain is long, and dropping such a
//! tree recurses. The depth is bounded here before there is a tree.

use super::lexer::{Token, TokenKind};

/// Words that the parser makes a node of, as it does of an operator.
const OPERATORS: &[&str] = &[
    "and", "or", "is", "not", "in", "like", "between", "xor", "ilike", "rlike", "regexp", "glob",
    "match", "similar", "collate", "at", "div", "mod", "isnull", "notnull", "overlaps", "member",
];

/// Operators between queries, whose chain goes on after a comma.
const SET_OPERATORS: &[&str] = &["union", "except", "intersect", "minus"];

/// How deep a tree may get: to drop it takes some 500 kB of stack in a debug build.
const MAX_TREE_DEPTH: usize = 4_000;

/// How many parentheses may be open at a time: the parser recurses for each.
const MAX_OPEN_PARENTHESES: usize = 450;

/// How many joins may wait for their `ON` at a time: the parser recurses for each and grows no stack.
const MAX_PENDING_JOINS: usize = 8;

/// Whether a statement is better not parsed.
pub(super) fn is_too_deep(tokens: &[Token<'_>]) -> bool {
    depth(tokens).is_none_or(|depth| depth > MAX_TREE_DEPTH)
}

/// An upper bound of the number of operators above or below each other, parentheses included.
/// `None`: too many parentheses are open or joins unfinished at a time.
fn depth(tokens: &[Token<'_>]) -> Option<usize> {
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::default();
    let mut deepest = 0;
    for token in tokens {
        match token.kind {
            TokenKind::Symbol => match token.text {
                "(" | "[" | "{" if outer.len() == MAX_OPEN_PARENTHESES => return None,
                "(" | "[" | "{" => outer.push(std::mem::take(&mut level)),
                ")" | "]" | "}" => {
                    let inner = level.depth();
                    level = outer.pop().unwrap_or_default();
                    level.inner = level.inner.max(inner + 1);
                }
                "," => level.end_expression(),
                "." => {}
                _ => level.operators += 1,
            },
            TokenKind::Word if token.is_any(SET_OPERATORS) => level.set_operators += 1,
            TokenKind::Word if token.is_any(OPERATORS) => level.operators += 1,
            TokenKind::Word if token.is("join") && level.joins == MAX_PENDING_JOINS => return None,
            TokenKind::Word if token.is("join") => {
                level.operators += 1;
                level.joins += 1;
            }
            TokenKind::Word if token.is("on") || token.is("using") => {
                level.joins = level.joins.saturating_sub(1);
            }
            _ => {}
        }
        deepest = deepest.max(level.depth());
    }
    // What is still open could yet be an operand of what came before.
    let open: usize = outer.iter().map(Level::depth).sum();
    Some(deepest.max(open + level.depth()))
}

/// What stands between two parentheses.
#[derive(Default)]
struct Level {
    set_operators: usize,
    /// Of the current expression.
    operators: usize,
    /// Those among them that wait for their `ON`.
    joins: usize,
    /// The deepest parenthesis in the current expression.
    inner: usize,
    /// The deepest expression before it.
    before: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.set_operators + self.before.max(self.operators + self.inner)
    }

    fn end_expression(&mut self) {
        self.before = self.before.max(self.operators + self.inner);
        self.operators = 0;
        self.joins = 0;
        self.inner = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Dialect, lexer::lex},
        *,
    };

    fn of(sql: &str) -> Option<usize> {
        depth(&lex(sql, Dialect::Postgres).expect("text is whole"))
    }

    #[test]
    fn a_chain_is_as_deep_as_it_is_long() {
        assert_eq!(of("a + b OR c"), Some(2));
        assert_eq!(of("a UNION b, c UNION d"), Some(2));
    }

    #[test]
    fn a_list_is_as_deep_as_its_deepest_item() {
        assert_eq!(of("-1, a + b + c, -2, d"), Some(2));
        assert_eq!(of("(1, -2), (3, -4)"), Some(2));
    }

    #[test]
    fn parentheses_add_up_on_either_side() {
        assert_eq!(of("(a + b) + c"), Some(3));
        assert_eq!(of("c + f(1, a + b)"), Some(3));
        assert_eq!(of("a + ARRAY[1, 2] + b"), Some(3));
        assert_eq!(of("a + (b + (c"), Some(2));
    }

    #[test]
    fn too_many_joins_that_wait_are_too_deep() {
        let nested = |joins| format!("t{}{}", " JOIN t".repeat(joins), " ON a".repeat(joins));
        assert_eq!(of(&nested(MAX_PENDING_JOINS)), Some(MAX_PENDING_JOINS));
        assert_eq!(of(&nested(MAX_PENDING_JOINS + 1)), None);
        assert_eq!(of(&" JOIN t USING (a)".repeat(20)), Some(21));
    }

    #[test]
    fn too_many_open_parentheses_are_too_deep() {
        assert_eq!(of(&"(".repeat(MAX_OPEN_PARENTHESES)), Some(0));
        assert_eq!(of(&"(".repeat(MAX_OPEN_PARENTHESES + 1)), None);
        assert_eq!(of(&"()".repeat(MAX_OPEN_PARENTHESES + 1)), Some(1));
    }
}
