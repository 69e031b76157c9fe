//! What `sqlparser` does not know of MySQL and can do without: what is read and called stays the same.

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

/// What becomes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    IsLeftOut,
    IsComma,
}

/// What becomes of each token; `None` if all stay.
pub(super) fn fates(tokens: &[Token<'_>], dialect: Dialect) -> Option<Vec<Fate>> {
    const SIGNS: &[&str] = &["json_duality_object", "sounds", "weight_string"];
    if dialect != Dialect::Mysql || !tokens.iter().any(|token| token.is_any(SIGNS)) {
        return None;
    }
    let mut fates = vec![Fate::Stays; tokens.len()];
    let mut open: Vec<Open> = Vec::new();
    // How many parentheses are open around what is left out.
    let mut ends: Option<usize> = None;
    for (at, (token, fate)) in tokens.iter().zip(&mut fates).enumerate() {
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
                *fate = Fate::IsLeftOut;
            }
            continue;
        }
        if ends.is_some() {
            *fate = Fate::IsLeftOut;
        }
        if token.is_symbol("(") {
            open.push(if before(1, "weight_string") {
                Open::WeightString
            } else if before(1, "json_duality_object") {
                Open::DualityObject
            } else if before(1, "with") && inner == Open::DualityObject {
                *fate = Fate::IsLeftOut;
                Open::Annotations
            } else {
                Open::Other
            });
        } else if inner == Open::Annotations {
            *fate = Fate::IsLeftOut;
        } else if inner == Open::WeightString && token.is("as") {
            *fate = Fate::IsLeftOut;
            ends = Some(open.len());
        } else if inner == Open::DualityObject && token.is("with") {
            *fate = Fate::IsLeftOut;
        } else if inner == Open::DualityObject && token.is_symbol(":") {
            *fate = Fate::IsComma;
        } else if token.is("sounds")
            && next.is_some_and(|next| next.is("like"))
            && back(tokens, at, 1).is_some_and(ends_operand)
        {
            *fate = Fate::IsLeftOut;
        }
    }
    Some(fates)
}

/// Does an operand end here, so that an operator follows?
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
    fn the_rest_is_read_as_ever() {
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
