//! The sources of a value whose type may be a time or a date.

use std::{collections::BTreeSet, sync::Arc};

use sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query,
    SelectItem, SetExpr, UnaryOperator, Value,
};

use crate::{
    Dialect,
    functions::{self, Purity},
    names,
};

/// Functions that return one of their arguments, converted to a common type.
pub(super) const ONE_OF: &str = "coalesce greatest ifnull lag lead least nullif nvl";

/// Functions that return one of their arguments after the first, converted to a common type.
pub(super) const ONE_OF_REST: &str = "if nvl2";

/// Functions whose result has the type of the first argument.
const SAME: &str = "
    any_value ceil ceiling first_value floor last_value max median min nth_value
    percentile_cont percentile_disc round truncate
";

/// Functions that return a time.
const TIMES: &str = "maketime sec_to_time time timediff";

/// Functions that return a time or a date, depending on their arguments.
const TIMES_OR_DATES: &str = "
    adddate addtime date_add date_sub str_to_date subdate subtime timestampadd
";

/// Functions that return a date.
const RETURN_DATES: &str = "convert_tz date from_days from_unixtime last_day makedate timestamp";

pub(super) fn is_among(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|it| it == name)
}

/// What a value may be computed from, as far as this decides whether it is a time or a date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// It may be a time, independent of columns and functions.
    pub time: bool,
    /// It may be a date, independent of columns and functions.
    pub date: bool,
    /// Nothing is known of it.
    pub any: bool,
    /// It may be a bind, whose type the program decides.
    pub bind: bool,
    /// Columns that it may be computed from.
    pub columns: BTreeSet<Arc<str>>,
    /// Functions that are not built in.
    pub functions: BTreeSet<Arc<str>>,
}

impl Sources {
    pub(super) fn any() -> Self {
        Self {
            any: true,
            ..Self::default()
        }
    }

    pub(super) fn time() -> Self {
        Self {
            time: true,
            ..Self::default()
        }
    }

    pub(super) fn date() -> Self {
        Self {
            date: true,
            ..Self::default()
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.time |= other.time;
        self.date |= other.date;
        self.any |= other.any;
        self.bind |= other.bind;
        self.columns.extend(other.columns);
        self.functions.extend(other.functions);
        self
    }

    pub(super) fn all(sources: impl IntoIterator<Item = Self>) -> Self {
        sources.into_iter().fold(Self::default(), Self::and)
    }
}

pub(super) fn value_of(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The sources of the value of an expression.
pub(super) fn sources(expr: &Expr, depth: usize) -> Sources {
    let Some(depth) = depth.checked_sub(1) else {
        return Sources::any();
    };
    let of = |expr: &Expr| sources(expr, depth);
    match expr {
        Expr::Nested(inner) => of(inner),
        Expr::Identifier(name) => column(name),
        Expr::CompoundIdentifier(path) => path.last().map_or_else(Sources::any, column),
        Expr::TypedString(text) => of_type(&text.data_type),
        Expr::Cast { data_type, .. } => of_type(data_type),
        Expr::Convert { data_type, .. } => {
            data_type.as_ref().map_or_else(Sources::default, of_type)
        }
        Expr::Case {
            conditions,
            else_result,
            ..
        } => {
            let results = conditions.iter().map(|when| of(&when.result));
            Sources::all(results.chain(else_result.iter().map(|it| of(it))))
        }
        Expr::BinaryOp { left, right, .. } => match (&**left, &**right) {
            (Expr::Interval(_), value) | (value, Expr::Interval(_)) => {
                Sources::date().and(of(value))
            }
            _ => Sources::default(),
        },
        Expr::UnaryOp {
            op: UnaryOperator::Plus,
            expr,
        }
        | Expr::Ceil { expr, .. }
        | Expr::Floor { expr, .. } => of(expr),
        Expr::Tuple(values) => Sources::all(values.iter().map(of)),
        Expr::Subquery(query) => of_query(query, depth),
        Expr::Function(function) => of_call(function, depth),
        Expr::Value(value) => Sources {
            bind: matches!(value.value, Value::Placeholder(_)),
            ..Sources::default()
        },
        Expr::UnaryOp { .. }
        | Expr::Interval(_)
        | Expr::Extract { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Collate { .. }
        | Expr::Like { .. }
        | Expr::RLike { .. }
        | Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Exists { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::MatchAgainst { .. } => Sources::default(),
        _ => Sources::any(),
    }
}

pub(super) fn of_query(query: &Query, depth: usize) -> Sources {
    match &*query.body {
        SetExpr::Select(select) => {
            let values = select.projection.iter();
            Sources::all(
                values.map(|it| value_of(it).map_or_else(Sources::any, |it| sources(it, depth))),
            )
        }
        _ => Sources::any(),
    }
}

fn of_call(function: &Function, depth: usize) -> Sources {
    let Some((name, own)) = called(function) else {
        return Sources::any();
    };
    if own {
        return Sources {
            functions: BTreeSet::from([name]),
            ..Sources::default()
        };
    }
    let Some(arguments) = arguments(function) else {
        return Sources::any();
    };
    let of = |expr: &&Expr| sources(expr, depth);
    match &*name {
        "str_to_date" if arguments.get(1).is_some_and(|it| is_format_of_date(it)) => {
            Sources::date()
        }
        name if is_among(TIMES, name) => Sources::time(),
        name if is_among(TIMES_OR_DATES, name) => Sources::time().and(Sources::date()),
        name if is_among(RETURN_DATES, name) => Sources::date(),
        name if is_among(ONE_OF, name) => Sources::all(arguments.iter().map(of)),
        name if is_among(ONE_OF_REST, name) => Sources::all(arguments.iter().skip(1).map(of)),
        name if is_among(SAME, name) => arguments.first().map_or_else(Sources::any, of),
        _ => Sources::default(),
    }
}

fn column(name: &Ident) -> Sources {
    let name = names::folded(&name.value);
    // A column without a name is named by its text.
    if !name
        .chars()
        .all(|c| c.is_alphanumeric() || c == '_' || c == '$')
    {
        return Sources::any();
    }
    Sources {
        columns: BTreeSet::from([name]),
        ..Sources::default()
    }
}

fn of_type(data_type: &DataType) -> Sources {
    match data_type {
        DataType::Time(..) => Sources::time(),
        _ if is_date(data_type) => Sources::date(),
        _ => Sources::default(),
    }
}

pub(super) fn is_date(data_type: &DataType) -> bool {
    match data_type {
        DataType::Date | DataType::Datetime(_) | DataType::Timestamp(..) => true,
        DataType::Custom(name, _) => name.to_string().eq_ignore_ascii_case("year"),
        _ => false,
    }
}

/// The function that is called, and whether it is not built in.
pub(super) fn called(function: &Function) -> Option<(Arc<str>, bool)> {
    let name = names::folded(&function.name.0.last()?.as_ident()?.value);
    let own =
        function.name.0.len() > 1 || functions::purity(Dialect::Mysql, &name, 1) == Purity::Unknown;
    Some((name, own))
}

pub(super) fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let list = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        FunctionArguments::None => &[],
        FunctionArguments::Subquery(_) => return None,
    };
    let arguments = list.iter().filter_map(|argument| match argument {
        // The argument of `count(*)` is not a value.
        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => None,
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(Some(expr)),
        _ => Some(None),
    });
    arguments.collect()
}

/// Whether every part of this date format is one of a time of day.
pub(super) fn is_format_of_time(format: &Expr) -> bool {
    parts(format).is_some_and(|parts| parts.iter().all(|it| "HhIiklfprSsT%".contains(*it)))
}

/// Whether a part of this date format is one of a date.
fn is_format_of_date(format: &Expr) -> bool {
    parts(format).is_some_and(|parts| parts.iter().any(|it| "YymcdejMbD".contains(*it)))
}

/// The letters after each `%` of a literal.
fn parts(format: &Expr) -> Option<Vec<char>> {
    let Expr::Value(value) = format else {
        return None;
    };
    let (Value::SingleQuotedString(text) | Value::DoubleQuotedString(text)) = &value.value else {
        return None;
    };
    let mut letters = text.chars();
    let mut parts = Vec::new();
    while let Some(letter) = letters.next() {
        if letter == '%' {
            parts.push(letters.next()?);
        }
    }
    (!parts.is_empty() && text.is_ascii() && !text.contains('\\')).then_some(parts)
}
