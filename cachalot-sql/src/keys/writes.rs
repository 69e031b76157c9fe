//! The keys of a change: of all rows that it touches, as they are before and after.

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
    sync::Arc,
};

use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, OnConflict,
    OnConflictAction, OnInsert, Query, SetExpr, SqliteOnConflict, Statement as Tree, TableObject,
    Update, Values,
};

use super::{
    super::Dialect,
    KeyValue, Keys, MAX_VALUES,
    conditions::{conjuncts, equality},
    constants::Constants,
    reads::plain,
    scope::{self, Scope},
};

/// `None`, here and below, if something in it is not known here.
pub(super) fn of_change(
    tree: &Tree,
    constants: &Constants<'_, '_>,
    dialect: Dialect,
) -> Option<BTreeMap<Arc<str>, Keys>> {
    let (path, keys) = match tree {
        Tree::Insert(insert) => of_insert(insert, constants, dialect)?,
        Tree::Update(update) => of_update(update, constants, dialect)?,
        Tree::Delete(delete) => of_delete(delete, constants, dialect)?,
        _ => return None,
    };
    let (table, schemas) = path.split_last()?;
    // It may be in another database than the connection, and what happens there is not known here.
    if dialect == Dialect::Mysql && !schemas.is_empty() {
        return None;
    }
    Some(BTreeMap::from([(Arc::clone(table), keys)]))
}

/// The path of the table that a change names, and the keys.
type Keyed = (Vec<Arc<str>>, Keys);

fn of_delete(delete: &Delete, constants: &Constants<'_, '_>, dialect: Dialect) -> Option<Keyed> {
    let Delete {
        delete_token: _,
        optimizer_hints,
        tables,
        from: FromTable::WithFromKeyword(from),
        using: None,
        selection,
        returning: _,
        output: None,
        order_by: _,
        limit: _,
    } = delete
    else {
        return None;
    };
    if !optimizer_hints.is_empty() || !tables.is_empty() {
        return None;
    }
    let scope = Scope::of(from, dialect)?;
    let keys = selected(selection.as_ref(), &scope, constants, dialect);
    Some((scope.only()?.to_vec(), keys))
}

fn of_update(update: &Update, constants: &Constants<'_, '_>, dialect: Dialect) -> Option<Keyed> {
    let Update {
        update_token: _,
        optimizer_hints,
        table,
        assignments,
        from: None,
        selection,
        returning: _,
        output: None,
        or: None,
        order_by: _,
        limit: _,
    } = update
    else {
        return None;
    };
    if !optimizer_hints.is_empty() {
        return None;
    }
    let scope = Scope::of(slice::from_ref(table), dialect)?;
    let mut keys = selected(selection.as_ref(), &scope, constants, dialect);
    for Assignment { target, value } in assignments {
        let AssignmentTarget::ColumnName(name) = target else {
            return None;
        };
        let column = assigned(name, &scope, dialect)?;
        // The row may be moved away from the values of the condition, but not from any others.
        if let Some(mut values) = keys.0.remove(&column)
            && let Some(new) = constants.value(value)
            && add(&mut values, new)
        {
            keys.0.insert(column, values);
        }
    }
    Some((scope.only()?.to_vec(), keys))
}

/// What the `WHERE` of a change says of the rows of its only table.
fn selected(
    condition: Option<&Expr>,
    scope: &Scope<'_>,
    constants: &Constants<'_, '_>,
    dialect: Dialect,
) -> Keys {
    let mut keys = Keys::default();
    for conjunct in condition.into_iter().flat_map(conjuncts) {
        if let Some((compared, values)) = equality(conjunct, constants, dialect)
            && let Some((_, column)) = scope.column(compared)
        {
            keys.restrict(column, values);
        }
    }
    keys
}

/// The column that an assignment sets.
fn assigned(name: &ObjectName, scope: &Scope<'_>, dialect: Dialect) -> Option<Arc<str>> {
    let idents = name.0.iter().map(|part| part.as_ident());
    let idents = idents.collect::<Option<Vec<_>>>()?;
    match idents.as_slice() {
        [column] => scope::column(column, dialect),
        // On PostgreSQL this is a part of a column.
        [_, _] if dialect != Dialect::Postgres => {
            let path = idents.into_iter().cloned().collect();
            let (_, column) = scope.column(&Expr::CompoundIdentifier(path))?;
            Some(column)
        }
        _ => None,
    }
}

fn of_insert(insert: &Insert, constants: &Constants<'_, '_>, dialect: Dialect) -> Option<Keyed> {
    let Insert {
        insert_token: _,
        optimizer_hints,
        or,
        // MySQL changes values that do not fit.
        ignore: false,
        into: true,
        table: TableObject::TableName(name),
        table_alias: _,
        columns,
        overwrite: false,
        source: Some(source),
        assignments,
        partitioned: None,
        after_columns,
        has_table_keyword: false,
        on,
        returning: _,
        output: None,
        replace_into: false,
        priority: None,
        insert_alias: None,
        settings: None,
        format_clause: None,
        multi_table_insert_type: None,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause: None,
    } = insert
    else {
        return None;
    };
    let others = optimizer_hints.is_empty()
        && assignments.is_empty()
        && after_columns.is_empty()
        && multi_table_into_clauses.is_empty()
        && multi_table_when_clauses.is_empty();
    let only_inserts = match on {
        None => *or != Some(SqliteOnConflict::Replace),
        Some(OnInsert::OnConflict(OnConflict {
            conflict_target: _,
            action: OnConflictAction::DoNothing,
        })) => or.is_none(),
        Some(_) => false,
    };
    if !others || !only_inserts {
        return None;
    }
    let rows = rows(source)?;
    let columns = columns.iter().map(|name| match name.0.as_slice() {
        [only] => scope::column(only.as_ident()?, dialect),
        _ => None,
    });
    let columns = columns.collect::<Option<Vec<_>>>()?;
    let distinct: BTreeSet<_> = columns.iter().collect();
    if distinct.len() != columns.len() || rows.iter().any(|row| row.len() != columns.len()) {
        return None;
    }
    let mut keys = Keys::default();
    for (place, column) in columns.into_iter().enumerate() {
        if let Some(values) = inserted(&rows, place, constants, dialect) {
            keys.restrict(column, values);
        }
    }
    Some((scope::path(name)?, keys))
}

/// The rows of a plain `VALUES`.
fn rows(query: &Query) -> Option<Vec<&[Expr]>> {
    let query = plain(query)?;
    let SetExpr::Values(Values {
        explicit_row: false,
        value_keyword: false,
        rows,
    }) = &*query.body
    else {
        return None;
    };
    let all = query.order_by.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    (all && !rows.is_empty()).then(|| rows.iter().map(|row| row.content.as_slice()).collect())
}

/// The values of a column in new rows.
fn inserted(
    rows: &[&[Expr]],
    place: usize,
    constants: &Constants<'_, '_>,
    dialect: Dialect,
) -> Option<Vec<KeyValue>> {
    let mut values = Vec::new();
    for row in rows {
        let value = constants.value(row.get(place)?)?;
        // MySQL may generate a number instead.
        let generates = dialect == Dialect::Mysql && value == KeyValue::Integer(0);
        if generates || !add(&mut values, value) {
            return None;
        }
    }
    Some(values)
}

/// Adds a value; `false` if there are too many.
fn add(values: &mut Vec<KeyValue>, value: KeyValue) -> bool {
    if !values.contains(&value) {
        values.push(value);
    }
    values.len() <= MAX_VALUES
}
