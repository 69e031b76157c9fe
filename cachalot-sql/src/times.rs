//! Where a statement of MySQL may take a `TIME` for a date.
//!
//! The server then adds the day on which the statement runs, so that the result moves with the date. Which
//! columns and routines are of times is for the catalog to say: this tells which of them reach such a place.

use std::{collections::BTreeSet, sync::Arc};

use sqlparser::ast::{
    BinaryOperator, DataType, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, Query, SelectItem, SetExpr, TableAlias, UnaryOperator, Value,
};

use super::{
    Dialect,
    functions::{self, Purity},
    lexer::Token,
    names,
};

/// So deep it is looked into an expression for what its value is made of.
const DEEP: usize = 8;
/// More places than these are taken together as one of which nothing is known.
const MOST: usize = 64;

/// Functions whose first argument is a date.
const DATES: &str = "
    adddate convert_tz date date_add date_format date_sub day dayname dayofmonth dayofweek
    dayofyear last_day month monthname quarter subdate timestamp to_days to_seconds
    unix_timestamp week weekday weekofyear year yearweek
";

/// Functions whose arguments are all dates.
const ALL_DATES: &str = "datediff timestampadd timestampdiff";

/// Functions that give one of their arguments, all of one type.
const ONE_OF: &str = "coalesce greatest ifnull lag lead least nullif nvl";

/// Functions that give one of their arguments, all of one type, after the first.
const ONE_OF_REST: &str = "if nvl2";

/// Functions whose value has the type of the first argument.
const SAME: &str = "
    any_value ceil ceiling first_value floor last_value max median min nth_value
    percentile_cont percentile_disc round truncate
";

/// Functions that give a time.
const TIMES: &str = "maketime sec_to_time time timediff";

/// Functions that give a time or a date, as their arguments decide.
const TIMES_OR_DATES: &str = "
    adddate addtime date_add date_sub str_to_date subdate subtime timestampadd
";

/// Functions that give a date.
const GIVE_DATES: &str = "convert_tz date from_days from_unixtime last_day makedate timestamp";

fn is_among(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|it| it == name)
}

/// What a value may be made of, as far as its type may be that of a time or of a date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// It may be a time whatever its columns are.
    pub time: bool,
    /// It may be a date whatever its columns are.
    pub date: bool,
    /// Nothing is known of it.
    pub any: bool,
    /// It may be a bind, which has the type that the program gives it.
    pub bind: bool,
    /// Columns whose values it may be made of.
    pub columns: BTreeSet<Arc<str>>,
    /// Functions that are not the server's.
    pub functions: BTreeSet<Arc<str>>,
}

impl Sources {
    fn any() -> Self {
        Self {
            any: true,
            ..Self::default()
        }
    }

    fn time() -> Self {
        Self {
            time: true,
            ..Self::default()
        }
    }

    fn date() -> Self {
        Self {
            date: true,
            ..Self::default()
        }
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn and(mut self, other: Self) -> Self {
        self.time |= other.time;
        self.date |= other.date;
        self.any |= other.any;
        self.bind |= other.bind;
        self.columns.extend(other.columns);
        self.functions.extend(other.functions);
        self
    }

    fn all(sources: impl IntoIterator<Item = Self>) -> Self {
        sources.into_iter().fold(Self::default(), Self::and)
    }
}

/// The places of a statement where a time would be taken for a date.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// Values of which a date is made.
    pub dated: Vec<Sources>,
    /// Values that are made one type: a time beside a date becomes one.
    pub mixed: Vec<Vec<Sources>>,
    /// Names that the statement gives to values.
    pub names: Vec<(Arc<str>, Sources)>,
    /// It was not understood: a time anywhere may be taken for a date.
    pub unread: bool,
}

impl Times {
    /// Those of a statement that the parser refuses.
    pub(super) fn unread() -> Self {
        Self {
            unread: true,
            ..Self::default()
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        !self.unread && self.dated.is_empty() && self.mixed.is_empty() && self.names.is_empty()
    }

    /// Adds what the tokens show: joins by columns of one name.
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
            self.unread |= self.dated.len() > MOST;
        }
    }

    fn mix(&mut self, mut values: Vec<Sources>) {
        // Which bind is which is not followed: nearly always they have the type of the other side.
        values.iter_mut().for_each(|sources| sources.bind = false);
        values.retain(|sources| !sources.is_nothing());
        if values.len() > 1 && !self.mixed.contains(&values) {
            self.mixed.push(values);
            self.unread |= self.mixed.len() > MOST;
        }
    }

    fn name(&mut self, name: &Ident, sources: Sources) {
        if !sources.is_nothing() {
            self.names.push((names::folded(&name.value), sources));
            self.unread |= self.names.len() > MOST;
        }
    }

    /// Notes what one node of the tree does with its own parts.
    pub(super) fn expression(&mut self, expr: &Expr) {
        // What follows is only more of what is unknown.
        if self.unread {
            return;
        }
        let of = |expr: &Expr| sources(expr, DEEP);
        match expr {
            Expr::BinaryOp { left, op, right } if compares(op) => {
                self.mix(vec![of(left), of(right)]);
            }
            Expr::BinaryOp { left, right, .. } => {
                for (value, step) in [(left, right), (right, left)] {
                    if let Expr::Interval(_) = **step
                        && !is_step_of_time(step)
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
                self.mix(vec![of(expr), of_query(subquery, DEEP)]);
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
        let of = |expr: &&Expr| sources(expr, DEEP);
        let name = &*name;
        if own || is_among(ALL_DATES, name) {
            arguments.iter().for_each(|it| self.date(of(it)));
        } else if is_among(DATES, name) {
            let of_time = match (name, arguments.get(1)) {
                ("adddate" | "date_add" | "date_sub" | "subdate", Some(step)) => {
                    is_step_of_time(step)
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

    /// Notes the names of a query's columns, and the values that a `UNION` makes one type.
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
                self.name(alias, sources(expr, DEEP));
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
            let values: Vec<_> = values.map(|it| sources(it, DEEP)).collect();
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

    /// Columns that get other names, by their places.
    pub(super) fn renamed(&mut self, alias: Option<&TableAlias>) {
        for column in alias.iter().flat_map(|alias| &alias.columns) {
            self.name(&column.name, Sources::any());
        }
    }
}

fn value_of(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// What the value of an expression may be made of.
fn sources(expr: &Expr, depth: usize) -> Sources {
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

fn of_query(query: &Query, depth: usize) -> Sources {
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
        name if is_among(GIVE_DATES, name) => Sources::date(),
        name if is_among(ONE_OF, name) => Sources::all(arguments.iter().map(of)),
        name if is_among(ONE_OF_REST, name) => Sources::all(arguments.iter().skip(1).map(of)),
        name if is_among(SAME, name) => arguments.first().map_or_else(Sources::any, of),
        _ => Sources::default(),
    }
}

fn column(name: &Ident) -> Sources {
    let name = names::folded(&name.value);
    // The name of what has none is its text.
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

fn is_date(data_type: &DataType) -> bool {
    match data_type {
        DataType::Date | DataType::Datetime(_) | DataType::Timestamp(..) => true,
        DataType::Custom(name, _) => name.to_string().eq_ignore_ascii_case("year"),
        _ => false,
    }
}

/// The function that is called, and whether it is none of the server's.
fn called(function: &Function) -> Option<(Arc<str>, bool)> {
    let name = names::folded(&function.name.0.last()?.as_ident()?.value);
    let own =
        function.name.0.len() > 1 || functions::purity(Dialect::Mysql, &name, 1) == Purity::Unknown;
    Some((name, own))
}

fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let list = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        FunctionArguments::None => &[],
        FunctionArguments::Subquery(_) => return None,
    };
    let arguments = list.iter().filter_map(|argument| match argument {
        // That of `count(*)` is no value.
        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => None,
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(Some(expr)),
        _ => Some(None),
    });
    arguments.collect()
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

/// Is it a step of hours or less?
fn is_step_of_time(step: &Expr) -> bool {
    let Expr::Interval(interval) = step else {
        return false;
    };
    interval.leading_field.as_ref().is_some_and(is_time)
        && interval.last_field.as_ref().is_none_or(is_time)
}

/// Is it a unit of a time of day?
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

/// Is it a text in which every part is one of a time of day?
fn is_format_of_time(format: &Expr) -> bool {
    parts(format).is_some_and(|parts| parts.iter().all(|it| "HhIiklfprSsT%".contains(*it)))
}

/// Is it a text with a part that is one of a date?
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
