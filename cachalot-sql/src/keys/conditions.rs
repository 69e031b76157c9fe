//! The parts of a condition that every row must satisfy.

use sqlparser::ast::{BinaryOperator, Expr};

use super::{
    super::Dialect,
    KeyValue, MAX_VALUES,
    constants::{Constants, without_parentheses},
};

/// The conditions that are joined by `AND`.
pub(super) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    let mut conjuncts = Vec::new();
    let mut pending = vec![condition];
    while let Some(expr) = pending.pop() {
        match expr {
            Expr::Nested(inner) => pending.push(inner),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => pending.extend([&**right, &**left]),
            other => conjuncts.push(other),
        }
    }
    conjuncts
}

/// What a condition compares with constants, and these: `a = 1`, `1 = a`, `a IN (1, 2)`, `a = ANY($1)`.
pub(super) fn equality<'e>(
    condition: &'e Expr,
    constants: &Constants<'_, '_>,
    dialect: Dialect,
) -> Option<(&'e Expr, Vec<KeyValue>)> {
    let (compared, values) = match condition {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } => match (constants.value(left), constants.value(right)) {
            (None, Some(value)) => (left, vec![value]),
            (Some(value), None) => (right, vec![value]),
            _ => return None,
        },
        Expr::InList {
            expr,
            list,
            negated: false,
        } if (1..=MAX_VALUES).contains(&list.len()) => {
            let values = list.iter().map(|value| constants.value(value));
            (expr, values.collect::<Option<_>>()?)
        }
        Expr::AnyOp {
            left,
            compare_op: BinaryOperator::Eq,
            right,
            is_some: _,
        } if dialect == Dialect::Postgres => (left, vec![KeyValue::Array(constants.bind(right)?)]),
        _ => return None,
    };
    Some((without_parentheses(compared), values))
}
