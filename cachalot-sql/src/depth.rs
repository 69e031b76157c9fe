//! An upper limit for the depth of a syntax tree.
//!
//! The parser turns a chain of operators into a tree as deep as the chain is long, and dropping the tree
//! is recursive. So the depth is checked before the statement is parsed.

use super::lexer::{Token, TokenKind};

/// Words that add a level to the tree, as operators do.
const OPERATORS: &[&str] = &[
    "and", "or", "is", "not", "in", "like", "between", "xor", "ilike", "rlike", "regexp", "glob",
    "match", "similar", "collate", "at", "div", "mod", "isnull", "notnull", "overlaps", "member",
];

/// Operators between queries. Their chain continues after a comma.
const SET_OPERATORS: &[&str] = &["union", "except", "intersect", "minus"];

/// To drop such a tree takes about 500 kB of stack in a debug build.
const MAX_TREE_DEPTH: usize = 4_000;

/// The parser recurses for each open parenthesis.
const MAX_OPEN_PARENTHESES: usize = 450;

/// Joins whose `ON` has not been reached. The parser recurses for each of them without growing its stack.
const MAX_PENDING_JOINS: usize = 8;

/// Whether a statement must not be parsed.
pub(super) fn is_too_deep(tokens: &[Token<'_>]) -> bool {
    depth(tokens).is_none_or(|depth| depth > MAX_TREE_DEPTH)
}

/// An upper bound of the number of operators above or below each other, parentheses included.
/// `None` if too many parentheses or joins are open at a time.
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
    // What is still open may be an operand of what came before.
    let open: usize = outer.iter().map(Level::depth).sum();
    Some(deepest.max(open + level.depth()))
}

/// The tokens between two parentheses.
#[derive(Default)]
struct Level {
    set_operators: usize,
    /// Of the current expression.
    operators: usize,
    /// Joins among them whose `ON` has not been reached.
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
    fn too_many_joins_without_on_are_too_deep() {
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
