//! Where a MySQL statement may convert a `TIME` to a date.
//!
//! The server then adds the current date, so the result changes from day to day. The catalog knows which
//! columns and routines have the type `TIME`. This module finds which of them are converted.

mod sources;

use std::sync::Arc;

use sqlparser::ast::{
    BinaryOperator, DateTimeField, Expr, Function, Ident, Query, SelectItem, SetExpr, TableAlias,
};

use super::{lexer::Token, names};
pub use sources::Sources;
use sources::{
    ONE_OF, ONE_OF_REST, arguments, called, is_among, is_date, is_format_of_time, of_query,
    sources, value_of,
};

/// How many levels of an expression are searched for the sources of its value.
const MAX_DEPTH: usize = 8;
/// A statement with more such places counts as unknown.
const MAX_PLACES: usize = 64;

/// Functions whose first argument is a date.
const DATES: &str = "
    adddate convert_tz date date_add date_format date_sub day dayname dayofmonth dayofweek
    dayofyear last_day month monthname quarter subdate timestamp to_days to_seconds
    unix_timestamp week weekday weekofyear year yearweek
";

/// Functions whose arguments are all dates.
const ALL_DATES: &str = "datediff timestampadd timestampdiff";

/// The places of a statement where a time would be converted to a date.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// Values that are converted to a date.
    pub dated: Vec<Sources>,
    /// Values that are converted to a common type: a time together with a date becomes a date.
    pub mixed: Vec<Vec<Sources>>,
    /// Aliases that the statement gives to values.
    pub names: Vec<(Arc<str>, Sources)>,
    /// The statement could not be parsed: any time may be converted to a date.
    pub unread: bool,
}

impl Times {
    /// Those of a statement that the parser rejects.
    pub(super) fn unread() -> Self {
        Self {
            unread: true,
            ..Self::default()
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        !self.unread && self.dated.is_empty() && self.mixed.is_empty() && self.names.is_empty()
    }

    /// Adds joins by columns of the same name, which the tokens show.
    pub(super) fn tokens(&mut self, tokens: &[Token<'_>]) {
        if tokens
            .iter()
            .any(|token| token.is_any(&["natural", "using"]))
        {
            self.mix(vec![Sources::any(), Sources::any()]);
        }
    }

    /// About how many bytes of memory this takes.
    pub(super) fn weight(&self) -> usize {
        let names = self.names.iter().map(|(_, sources)| sources);
        let all = self
            .dated
            .iter()
            .chain(self.mixed.iter().flatten())
            .chain(names);
        let weight =
            |it: &Sources| size_of::<Sources>() + 64 * (it.columns.len() + it.functions.len());
        all.map(weight).sum()
    }

    fn date(&mut self, sources: Sources) {
        if !sources.is_nothing() && !self.dated.contains(&sources) {
            self.dated.push(sources);
            self.unread |= self.dated.len() > MAX_PLACES;
        }
    }

    fn mix(&mut self, mut values: Vec<Sources>) {
        // Binds are ignored: nearly always they have the type of the other side.
        values.iter_mut().for_each(|sources| sources.bind = false);
        values.retain(|sources| !sources.is_nothing());
        if values.len() > 1 && !self.mixed.contains(&values) {
            self.mixed.push(values);
            self.unread |= self.mixed.len() > MAX_PLACES;
        }
    }

    fn name(&mut self, name: &Ident, sources: Sources) {
        if !sources.is_nothing() {
            self.names.push((names::folded(&name.value), sources));
            self.unread |= self.names.len() > MAX_PLACES;
        }
    }

    /// Adds the conversions of one node of the tree.
    pub(super) fn expression(&mut self, expr: &Expr) {
        // Nothing can be added to unknown.
        if self.unread {
            return;
        }
        let of = |expr: &Expr| sources(expr, MAX_DEPTH);
        match expr {
            Expr::BinaryOp { left, op, right } if compares(op) => {
                self.mix(vec![of(left), of(right)]);
            }
            Expr::BinaryOp { left, right, .. } => {
                for (value, step) in [(left, right), (right, left)] {
                    if let Expr::Interval(_) = **step
                        && !is_interval_of_time(step)
                    {
                        self.date(of(value));
                    }
                }
            }
            Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
                self.mix(vec![of(left), of(right)]);
            }
            Expr::Between {
                expr, low, high, ..
            } => self.mix(vec![of(expr), of(low), of(high)]),
            Expr::InList { expr, list, .. } => {
                self.mix(
                    std::iter::once(of(expr))
                        .chain(list.iter().map(of))
                        .collect(),
                );
            }
            Expr::InSubquery { expr, subquery, .. } => {
                self.mix(vec![of(expr), of_query(subquery, MAX_DEPTH)]);
            }
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                if let Some(operand) = operand {
                    let compared = conditions.iter().map(|when| of(&when.condition));
                    self.mix(std::iter::once(of(operand)).chain(compared).collect());
                }
                let results = conditions.iter().map(|when| of(&when.result));
                self.mix(results.chain(else_result.iter().map(|it| of(it))).collect());
            }
            Expr::Cast {
                expr, data_type, ..
            } if is_date(data_type) => self.date(of(expr)),
            Expr::Convert {
                expr,
                data_type: Some(data_type),
                ..
            } if is_date(data_type) => self.date(of(expr)),
            Expr::Extract { field, expr, .. } if !is_time(field) => self.date(of(expr)),
            Expr::Function(function) => self.call(function),
            _ => {}
        }
    }

    fn call(&mut self, function: &Function) {
        let Some((name, own)) = called(function) else {
            return;
        };
        let Some(arguments) = arguments(function) else {
            self.unread = true;
            return;
        };
        let of = |expr: &&Expr| sources(expr, MAX_DEPTH);
        let name = &*name;
        if own || is_among(ALL_DATES, name) {
            arguments.iter().for_each(|it| self.date(of(it)));
        } else if is_among(DATES, name) {
            let of_time = match (name, arguments.get(1)) {
                ("adddate" | "date_add" | "date_sub" | "subdate", Some(step)) => {
                    is_interval_of_time(step)
                }
                ("date_format", Some(format)) => is_format_of_time(format),
                _ => false,
            };
            if !of_time && let Some(date) = arguments.first() {
                self.date(of(date));
            }
        } else if is_among(ONE_OF, name) {
            self.mix(arguments.iter().map(of).collect());
        } else if is_among(ONE_OF_REST, name) {
            self.mix(arguments.iter().skip(1).map(of).collect());
        }
    }

    /// Adds the names of a query's columns, and the values that a `UNION` converts to a common type.
    pub(super) fn query(&mut self, query: &Query) {
        let mut branches = Vec::new();
        let mut pending = vec![&*query.body];
        while let Some(body) = pending.pop() {
            match body {
                SetExpr::Select(select) => branches.push(select.projection.as_slice()),
                SetExpr::SetOperation { left, right, .. } => pending.extend([&**right, &**left]),
                SetExpr::Query(inner) => pending.push(&inner.body),
                _ => {
                    self.unread = true;
                    return;
                }
            }
        }
        for item in branches.iter().copied().flatten() {
            if let SelectItem::ExprWithAlias { expr, alias } = item {
                self.name(alias, sources(expr, MAX_DEPTH));
            }
        }
        let [first, rest @ ..] = branches.as_slice() else {
            return;
        };
        if rest.is_empty() {
            return;
        }
        let width = first.len();
        let stars = |branch: &&[SelectItem]| branch.iter().any(|item| value_of(item).is_none());
        if branches.iter().any(|it| it.len() != width || stars(it)) {
            self.mix(vec![Sources::any(), Sources::any()]);
            return;
        }
        for (place, item) in first.iter().enumerate() {
            let values = branches.iter().filter_map(|it| value_of(it.get(place)?));
            let values: Vec<_> = values.map(|it| sources(it, MAX_DEPTH)).collect();
            let name = match item {
                SelectItem::ExprWithAlias { alias, .. } => Some(alias),
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name),
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => path.last(),
                _ => None,
            };
            if let Some(name) = name {
                self.name(name, Sources::all(values.iter().cloned()));
            }
            self.mix(values);
        }
    }

    /// Adds columns that an alias renames by position.
    pub(super) fn renamed(&mut self, alias: Option<&TableAlias>) {
        for column in alias.iter().flat_map(|alias| &alias.columns) {
            self.name(&column.name, Sources::any());
        }
    }
}

fn compares(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Spaceship
    )
}

/// Whether this is an interval of hours or less.
fn is_interval_of_time(step: &Expr) -> bool {
    let Expr::Interval(interval) = step else {
        return false;
    };
    interval.leading_field.as_ref().is_some_and(is_time)
        && interval.last_field.as_ref().is_none_or(is_time)
}

/// Whether this is a unit of a time of day.
fn is_time(field: &DateTimeField) -> bool {
    match field {
        DateTimeField::Hour
        | DateTimeField::Hours
        | DateTimeField::Minute
        | DateTimeField::Minutes
        | DateTimeField::Second
        | DateTimeField::Seconds
        | DateTimeField::Microsecond
        | DateTimeField::Microseconds => true,
        DateTimeField::Custom(name) => {
            let mut units = name.value.split('_');
            units.all(|unit| {
                let units = ["hour", "minute", "second", "microsecond"];
                units.iter().any(|it| it.eq_ignore_ascii_case(unit))
            })
        }
        _ => false,
    }
}
