//! The tables that a condition can name, and the columns that it means.

use std::{collections::BTreeSet, sync::Arc};

use sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor,
    TableWithJoins,
};

use super::super::{Dialect, functions, names, writes};

/// PostgreSQL truncates longer names, so two of them can be one column.
const MAX_NAME_BYTES: usize = 63;

/// Words without quotes that are values whatever the columns of a table are called, beside those of the server.
const VALUES: &[&str] = &["default", "false", "null", "rownum", "true"];

/// What a `FROM` lists. No two of them have the same normalised name.
pub(super) struct Scope<'t> {
    factors: Vec<Factor>,
    /// The conditions of joins that all rows of the result satisfy.
    pub(super) conditions: Vec<&'t Expr>,
    dialect: Dialect,
}

struct Factor {
    /// What qualifies its columns.
    called: Option<Arc<str>>,
    /// The path by which it is named, if it is a table.
    path: Vec<Arc<str>>,
    has_alias: bool,
}

impl<'t> Scope<'t> {
    /// `None` if something in it is not known here.
    pub(super) fn of(from: &'t [TableWithJoins], dialect: Dialect) -> Option<Self> {
        let mut scope = Self {
            factors: Vec::new(),
            conditions: Vec::new(),
            dialect,
        };
        let mut outer = false;
        for item in from {
            scope.add(item, &mut outer)?;
        }
        if outer {
            scope.conditions.clear();
        }
        let mut names = BTreeSet::new();
        let called = scope.factors.iter().filter_map(|it| it.called.as_deref());
        let distinct = called.map(|name| name.is_ascii() && names.insert(name));
        distinct.into_iter().all(|it| it).then_some(scope)
    }

    fn add(&mut self, item: &'t TableWithJoins, outer: &mut bool) -> Option<()> {
        let TableWithJoins { relation, joins } = item;
        self.add_factor(relation, outer)?;
        for join in joins {
            let Join {
                relation,
                global: false,
                join_operator,
            } = join
            else {
                return None;
            };
            let constraint = match join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::CrossJoin(constraint)
                | JoinOperator::StraightJoin(constraint) => constraint,
                JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint) => {
                    *outer = true;
                    constraint
                }
                _ => return None,
            };
            match constraint {
                JoinConstraint::On(condition) => self.conditions.push(condition),
                JoinConstraint::None => {}
                JoinConstraint::Using(_) | JoinConstraint::Natural => return None,
            }
            self.add_factor(relation, outer)?;
        }
        Some(())
    }

    fn add_factor(&mut self, factor: &'t TableFactor, outer: &mut bool) -> Option<()> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                let path = path(name)?;
                let called = match alias {
                    Some(alias) => own_name(alias)?,
                    None => Arc::clone(path.last()?),
                };
                self.factors.push(Factor {
                    called: Some(called),
                    path,
                    has_alias: alias.is_some(),
                });
            }
            TableFactor::Derived {
                lateral: _,
                subquery: _,
                alias,
                sample: None,
            } => {
                // A list of columns renames only those of the query.
                let called = alias.as_ref().map(|it| names::folded(&it.name.value));
                self.factors.push(Factor {
                    called,
                    path: Vec::new(),
                    has_alias: true,
                });
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => self.add(table_with_joins, outer)?,
            _ => return None,
        }
        Some(())
    }

    /// The table and the column that an expression is. `None` if it is not certainly a column of one table.
    pub(super) fn column(&self, expr: &Expr) -> Option<(&Arc<str>, Arc<str>)> {
        let (factor, column) = match expr {
            Expr::Identifier(ident) => {
                let [only] = self.factors.as_slice() else {
                    return None;
                };
                if ident.quote_style.is_none() && is_value(&ident.value) {
                    return None;
                }
                (only, ident)
            }
            Expr::CompoundIdentifier(path) => {
                let (column, qualifier) = path.split_last()?;
                let qualifier: Vec<_> = qualifier
                    .iter()
                    .map(|ident| names::folded(&ident.value))
                    .collect();
                (self.find(&qualifier)?, column)
            }
            _ => return None,
        };
        let table = factor.path.last()?;
        Some((table, self::column(column, self.dialect)?))
    }

    fn find(&self, qualifier: &[Arc<str>]) -> Option<&Factor> {
        self.factors.iter().find(|factor| match qualifier {
            [name] => factor.called.as_ref() == Some(name),
            // With an alias a table has no other name.
            path => !factor.has_alias && factor.path == path,
        })
    }

    /// The path of the only table.
    pub(super) fn only(&self) -> Option<&[Arc<str>]> {
        match self.factors.as_slice() {
            [only] if !only.path.is_empty() => Some(&only.path),
            _ => None,
        }
    }
}

/// Is a word without quotes a value in any dialect, and not a column?
fn is_value(word: &str) -> bool {
    let of_server = |dialect| functions::volatile_keyword(dialect, word).is_some();
    Dialect::ALL.into_iter().any(of_server)
        || VALUES.iter().any(|value| value.eq_ignore_ascii_case(word))
}

/// The normalised name of a column. `None` if another column of the table may have the same.
pub(super) fn column(ident: &Ident, dialect: Dialect) -> Option<Arc<str>> {
    let name = writes::column(&ident.value)?;
    let folds = dialect != Dialect::Postgres || ident.quote_style.is_none();
    let certain = ident.value.len() <= MAX_NAME_BYTES && (folds || *ident.value == *name);
    certain.then_some(name)
}

/// The normalised path of a name.
pub(super) fn path(name: &ObjectName) -> Option<Vec<Arc<str>>> {
    let parts = name.0.iter();
    parts
        .map(|part| Some(names::folded(&part.as_ident()?.value)))
        .collect()
}

/// The name that an alias gives, if it renames no columns.
fn own_name(alias: &TableAlias) -> Option<Arc<str>> {
    let TableAlias {
        explicit: _,
        name,
        columns,
        at: None,
    } = alias
    else {
        return None;
    };
    columns.is_empty().then(|| names::folded(&name.value))
}
