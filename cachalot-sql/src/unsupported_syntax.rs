//! Syntax of MySQL that `sqlparser` does not support and that does not affect what is read or called. It is
//! omitted before the statement is parsed.

use super::{
    Dialect, keywords,
    lexer::{Token, TokenKind, back},
};

/// Which parenthesis is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// `WEIGHT_STRING(a AS CHAR(3))`
    WeightString,
    /// `JSON_DUALITY_OBJECT(WITH (INSERT) 'a': b)`
    DualityObject,
    /// That of its `WITH`.
    Annotations,
    Other,
}

/// How a token is changed before it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Keep,
    Omit,
    ReplaceByComma,
}

/// How each token is changed; `None` if all are kept.
pub(super) fn changes(tokens: &[Token<'_>], dialect: Dialect) -> Option<Vec<Change>> {
    const KEYWORDS: &[&str] = &["json_duality_object", "sounds", "weight_string"];
    if dialect != Dialect::Mysql || !tokens.iter().any(|token| token.is_any(KEYWORDS)) {
        return None;
    }
    let mut changes = vec![Change::Keep; tokens.len()];
    let mut open: Vec<Open> = Vec::new();
    // How many parentheses are open around the tokens that are omitted.
    let mut ends: Option<usize> = None;
    for (at, (token, change)) in tokens.iter().zip(&mut changes).enumerate() {
        let before = |steps, word| back(tokens, at, steps).is_some_and(|token| token.is(word));
        let next = tokens.get(at + 1);
        let inner = open.last().copied().unwrap_or(Open::Other);
        if token.is_symbol(")") {
            open.pop();
            let closes = ends.is_some_and(|depth| open.len() < depth);
            if closes {
                ends = None;
            }
            if ends.is_some() || inner == Open::Annotations {
                *change = Change::Omit;
            }
            continue;
        }
        if ends.is_some() {
            *change = Change::Omit;
        }
        if token.is_symbol("(") {
            open.push(if before(1, "weight_string") {
                Open::WeightString
            } else if before(1, "json_duality_object") {
                Open::DualityObject
            } else if before(1, "with") && inner == Open::DualityObject {
                *change = Change::Omit;
                Open::Annotations
            } else {
                Open::Other
            });
        } else if inner == Open::Annotations {
            *change = Change::Omit;
        } else if inner == Open::WeightString && token.is("as") {
            *change = Change::Omit;
            ends = Some(open.len());
        } else if inner == Open::DualityObject && token.is("with") {
            *change = Change::Omit;
        } else if inner == Open::DualityObject && token.is_symbol(":") {
            *change = Change::ReplaceByComma;
        } else if token.is("sounds")
            && next.is_some_and(|next| next.is("like"))
            && back(tokens, at, 1).is_some_and(ends_operand)
        {
            *change = Change::Omit;
        }
    }
    Some(changes)
}

/// Whether an operand ends with this token, so that an operator follows.
fn ends_operand(token: &Token<'_>) -> bool {
    match token.kind {
        TokenKind::Word => !keywords::is_syntax(token.text),
        TokenKind::Symbol => token.is_symbol(")"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Analysis;

    #[test]
    fn unsupported_syntax_does_not_hide_the_rest() {
        for sql in [
            "SELECT a FROM t WHERE b SOUNDS LIKE 'c' AND d sounds LIKE e",
            "SELECT WEIGHT_STRING(a AS CHAR(3)), WEIGHT_STRING(LOWER(b) AS BINARY(2)), CAST(c AS CHAR(3)) FROM t",
            "SELECT WEIGHT_STRING(a) AS w FROM t",
            "select json_duality_object( WITH (INSERT,UPDATE,DELETE) '_id':t.id,'n':json_duality_object('a':t.n)) AS x from t",
            "SELECT sounds FROM t WHERE sounds LIKE 'a'",
        ] {
            let analysis = Analysis::of(sql, Dialect::Mysql);
            assert!(analysis.parsed, "{sql}");
            assert_eq!(analysis.reads(), ["t".into()], "{sql}");
            assert_eq!(analysis.uncacheable(), None, "{sql}");
        }
    }
}
