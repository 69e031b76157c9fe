//! The tables that a parsed change of rows writes.

use sqlparser::ast::{
    AssignmentTarget, Delete, FromTable, Insert, Merge, MergeAction, ObjectName, OnConflictAction,
    OnInsert, SqliteOnConflict, TableFactor, TableObject, TableWithJoins, Update,
};

use super::{Dialect, Events};

/// A table that is written.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// Its name in the tree.
    pub(super) name: &'a ObjectName,
    pub(super) events: Events,
}

/// `None`, here and below, if it is not clear what is written.
pub(super) fn of_insert(insert: &Insert) -> Option<Vec<Target<'_>>> {
    let TableObject::TableName(name) = &insert.table else {
        return None;
    };
    let several = !insert.multi_table_into_clauses.is_empty()
        || !insert.multi_table_when_clauses.is_empty()
        || insert.multi_table_else_clause.is_some();
    if several || insert.overwrite {
        return None;
    }
    let events = if insert.replace_into || insert.or == Some(SqliteOnConflict::Replace) {
        Events::ALL
    } else {
        match &insert.on {
            None => Events::INSERT,
            Some(OnInsert::OnConflict(conflict)) => match conflict.action {
                OnConflictAction::DoNothing => Events::INSERT,
                OnConflictAction::DoUpdate(_) => Events::UPSERT,
            },
            Some(OnInsert::DuplicateKeyUpdate(_)) => Events::UPSERT,
            Some(_) => return None,
        }
    };
    Some(vec![Target { name, events }])
}

pub(super) fn of_update(update: &Update, dialect: Dialect) -> Option<Vec<Target<'_>>> {
    let events = if update.or == Some(SqliteOnConflict::Replace) {
        Events {
            update: true,
            delete: true,
            insert: false,
        }
    } else {
        Events::UPDATE
    };
    let tables = named(std::slice::from_ref(&update.table))?;
    let names = if dialect == Dialect::Mysql && tables.len() > 1 {
        let mut columns = Vec::new();
        for assignment in &update.assignments {
            match &assignment.target {
                AssignmentTarget::ColumnName(column) => columns.push(column),
                AssignmentTarget::Tuple(tuple) => columns.extend(tuple),
            }
        }
        let assigned = columns.into_iter().map(|column| {
            let (_, qualifier) = column.0.split_last()?;
            find(&tables, qualifier.last()?.as_ident()?.value.as_str())
        });
        assigned
            .collect::<Option<Vec<_>>>()
            .unwrap_or_else(|| all(&tables))
    } else {
        vec![tables.first()?.name]
    };
    Some(
        names
            .into_iter()
            .map(|name| Target { name, events })
            .collect(),
    )
}

pub(super) fn of_delete(delete: &Delete, dialect: Dialect) -> Option<Vec<Target<'_>>> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let from = named(from)?;
    let mut candidates = from.clone();
    let names =
        if dialect == Dialect::Mysql && (!delete.tables.is_empty() || delete.using.is_some()) {
            let targets: Vec<_> = if let Some(using) = &delete.using {
                candidates = named(using)?;
                from.iter().map(|table| table.name).collect()
            } else {
                delete.tables.iter().collect()
            };
            let found = targets
                .into_iter()
                .map(|target| find(&candidates, &target.0.last()?.as_ident()?.value));
            let found = found.collect::<Option<Vec<_>>>();
            let mut names = found.unwrap_or_else(|| all(&candidates));
            // `USING` lists the tables a second time, so these are not reads either.
            if delete.using.is_some() {
                names.extend(all(&from));
            }
            names
        } else if delete.tables.is_empty() {
            vec![from.first()?.name]
        } else {
            return None;
        };
    Some(
        names
            .into_iter()
            .map(|name| Target {
                name,
                events: Events::DELETE,
            })
            .collect(),
    )
}

pub(super) fn of_merge(merge: &Merge) -> Option<Vec<Target<'_>>> {
    let TableFactor::Table {
        name, args: None, ..
    } = &merge.table
    else {
        return None;
    };
    let events = merge
        .clauses
        .iter()
        .fold(Events::default(), |events, clause| {
            events.or(match clause.action {
                MergeAction::Insert(_) => Events::INSERT,
                MergeAction::Update(_) => Events::UPDATE,
                MergeAction::Delete { .. } => Events::DELETE,
                MergeAction::DoNothing { .. } => Events::default(),
            })
        });
    let events = if events == Events::default() {
        Events::ALL
    } else {
        events
    };
    Some(vec![Target { name, events }])
}

/// A table in a list, and its alias there.
#[derive(Clone)]
struct Named<'a> {
    name: &'a ObjectName,
    alias: Option<&'a str>,
}

impl Named<'_> {
    fn is(&self, called: &str) -> bool {
        let own = self
            .name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .map(|ident| &*ident.value);
        self.alias
            .or(own)
            .is_some_and(|name| name.eq_ignore_ascii_case(called))
    }
}

/// The tables of a list, joins flattened; sub-queries cannot be targets and are omitted.
fn named(list: &[TableWithJoins]) -> Option<Vec<Named<'_>>> {
    let mut tables = Vec::new();
    let mut pending: Vec<&TableWithJoins> = list.iter().rev().collect();
    while let Some(item) = pending.pop() {
        let factors = std::iter::once(&item.relation).chain(item.joins.iter().map(|j| &j.relation));
        for factor in factors {
            match factor {
                TableFactor::Table {
                    name,
                    alias,
                    args: None,
                    ..
                } => {
                    let alias = alias.as_ref().map(|alias| alias.name.value.as_str());
                    tables.push(Named { name, alias });
                }
                TableFactor::NestedJoin {
                    table_with_joins, ..
                } => pending.push(table_with_joins),
                TableFactor::Derived { .. } => {}
                _ => return None,
            }
        }
    }
    Some(tables)
}

fn find<'a>(tables: &[Named<'a>], called: &str) -> Option<&'a ObjectName> {
    tables
        .iter()
        .find(|table| table.is(called))
        .map(|table| table.name)
}

fn all<'a>(tables: &[Named<'a>]) -> Vec<&'a ObjectName> {
    tables.iter().map(|table| table.name).collect()
}
