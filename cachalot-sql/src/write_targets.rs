//! The tables that a parsed change of rows writes, and the columns that its updates set.

use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, FromTable, Insert, Merge, MergeAction, MergeUpdateKind,
    ObjectName, OnConflictAction, OnInsert, SqliteOnConflict, TableFactor, TableObject,
    TableWithJoins, Update,
};

use super::{Changes, Columns, Dialect, Events};

/// A table that is written.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// Its name in the tree.
    pub(super) name: &'a ObjectName,
    pub(super) changes: Changes,
}

/// `None`, here and below, if it is not clear what is written.
pub(super) fn of_insert(insert: &Insert, dialect: Dialect) -> Option<Vec<Target<'_>>> {
    let TableObject::TableName(name) = &insert.table else {
        return None;
    };
    let several = !insert.multi_table_into_clauses.is_empty()
        || !insert.multi_table_when_clauses.is_empty()
        || insert.multi_table_else_clause.is_some();
    if several || insert.overwrite {
        return None;
    }
    let upsert = |assignments| Changes {
        events: Events::UPSERT,
        updated: set_by(assignments, dialect),
    };
    let changes = if insert.replace_into || insert.or == Some(SqliteOnConflict::Replace) {
        Changes::ALL
    } else {
        match &insert.on {
            None => Events::INSERT.into(),
            Some(OnInsert::OnConflict(conflict)) => match &conflict.action {
                OnConflictAction::DoNothing => Events::INSERT.into(),
                OnConflictAction::DoUpdate(update) => upsert(&update.assignments),
            },
            Some(OnInsert::DuplicateKeyUpdate(assignments)) => upsert(assignments),
            Some(_) => return None,
        }
    };
    Some(vec![Target { name, changes }])
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
    let updated = if dialect == Dialect::Mysql && tables.len() > 1 {
        set_by_qualifier(&tables, &update.assignments).unwrap_or_else(|| {
            let all = tables.iter().map(|table| (table.name, Columns::All));
            all.collect()
        })
    } else {
        vec![(tables.first()?.name, set_by(&update.assignments, dialect))]
    };
    let targets = updated.into_iter().map(|(name, updated)| Target {
        name,
        changes: Changes { events, updated },
    });
    Some(targets.collect())
}

/// The columns of each table that the assignments of MySQL's multi-table `UPDATE` set. `None` if one of
/// them has no qualifier, or one that is not known.
fn set_by_qualifier<'a>(
    tables: &[Named<'a>],
    assignments: &[Assignment],
) -> Option<Vec<(&'a ObjectName, Columns)>> {
    let mut updated = vec![Columns::NONE; tables.len()];
    for column in assignments.iter().flat_map(targets) {
        let (_, qualifier) = column.0.split_last()?;
        let place = find(tables, qualifier.last()?.as_ident()?.value.as_str())?;
        add_column(updated.get_mut(place)?, column, Dialect::Mysql);
    }
    let updated = tables.iter().zip(updated);
    let updated = updated.filter(|(_, columns)| *columns != Columns::NONE);
    Some(
        updated
            .map(|(table, columns)| (table.name, columns))
            .collect(),
    )
}

/// The columns that assignments set.
fn set_by(assignments: &[Assignment], dialect: Dialect) -> Columns {
    let mut columns = Columns::NONE;
    for column in assignments.iter().flat_map(targets) {
        add_column(&mut columns, column, dialect);
    }
    columns
}

fn targets(assignment: &Assignment) -> &[ObjectName] {
    match &assignment.target {
        AssignmentTarget::ColumnName(column) => std::slice::from_ref(column),
        AssignmentTarget::Tuple(columns) => columns,
    }
}

/// Adds the column of a path: `t.a` is column `a` of MySQL, and a part of PostgreSQL's column `t`.
fn add_column(columns: &mut Columns, path: &ObjectName, dialect: Dialect) {
    let part = match dialect {
        Dialect::Postgres => path.0.first(),
        Dialect::Mysql | Dialect::Sqlite => path.0.last(),
    };
    match part.and_then(|part| part.as_ident()) {
        Some(ident) => columns.insert(&ident.value),
        None => *columns = Columns::All,
    }
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
            let found = targets.into_iter().map(|target| {
                let place = find(&candidates, &target.0.last()?.as_ident()?.value)?;
                Some(candidates.get(place)?.name)
            });
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
                changes: Events::DELETE.into(),
            })
            .collect(),
    )
}

pub(super) fn of_merge(merge: &Merge, dialect: Dialect) -> Option<Vec<Target<'_>>> {
    let TableFactor::Table {
        name, args: None, ..
    } = &merge.table
    else {
        return None;
    };
    let mut changes = Changes::NONE;
    for clause in &merge.clauses {
        changes.merge(&match &clause.action {
            MergeAction::Insert(_) => Events::INSERT.into(),
            MergeAction::Update(update) => Changes {
                events: Events::UPDATE,
                updated: match &update.kind {
                    MergeUpdateKind::Set(assignments) => set_by(assignments, dialect),
                    MergeUpdateKind::Wildcard => Columns::All,
                },
            },
            MergeAction::Delete { .. } => Events::DELETE.into(),
            MergeAction::DoNothing { .. } => Changes::NONE,
        });
    }
    if changes == Changes::NONE {
        changes = Changes::ALL;
    }
    Some(vec![Target { name, changes }])
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

/// The place of a table in a list.
fn find(tables: &[Named<'_>], called: &str) -> Option<usize> {
    tables.iter().position(|table| table.is(called))
}

fn all<'a>(tables: &[Named<'a>]) -> Vec<&'a ObjectName> {
    tables.iter().map(|table| table.name).collect()
}
