//! The keys of a query.
//!
//! A row of `t` that does not satisfy `t.k = 1` in the `WHERE` of the query is in no row of the result, whatever
//! the kinds of the joins are: if `t` stands for no row, `t.k` is NULL. So it matters only if the query has `t`
//! at another place, too.

use std::{collections::BTreeMap, sync::Arc};

use sqlparser::ast::{Query, Select, SelectFlavor, SetExpr};

use super::{
    super::{Dialect, classify::Tables},
    Keys,
    conditions::{conjuncts, equality},
    constants::Constants,
    scope::Scope,
};

/// `None`, here and below, if a clause is not known here.
pub(super) fn of_query(
    query: &Query,
    constants: &Constants<'_, '_>,
    tables: &Tables,
    dialect: Dialect,
) -> Option<BTreeMap<Arc<str>, Keys>> {
    match &*plain(query)?.body {
        SetExpr::Select(select) => of_select(select, constants, tables, dialect),
        _ => None,
    }
}

/// The query, unless it has clauses that may restrict or lock its rows in another way than by order and number.
pub(super) fn plain(query: &Query) -> Option<&Query> {
    let Query {
        with: None,
        body: _,
        order_by: _,
        limit_clause: _,
        fetch: _,
        locks,
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators,
    } = query
    else {
        return None;
    };
    (locks.is_empty() && pipe_operators.is_empty()).then_some(query)
}

fn of_select(
    select: &Select,
    constants: &Constants<'_, '_>,
    tables: &Tables,
    dialect: Dialect,
) -> Option<BTreeMap<Arc<str>, Keys>> {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct: _,
        select_modifiers: None,
        top: None,
        top_before_distinct: _,
        projection: _,
        exclude: None,
        into: None,
        from,
        lateral_views,
        prewhere: None,
        selection,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify: None,
        window_before_qualify: _,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    } = select
    else {
        return None;
    };
    let others = optimizer_hints.is_empty()
        && lateral_views.is_empty()
        && connect_by.is_empty()
        && cluster_by.is_empty()
        && distribute_by.is_empty()
        && sort_by.is_empty();
    if !others {
        return None;
    }
    let scope = Scope::of(from, dialect)?;
    let mut found = BTreeMap::<_, Keys>::new();
    for condition in selection.iter().chain(scope.conditions.iter().copied()) {
        for conjunct in conjuncts(condition) {
            if let Some((compared, values)) = equality(conjunct, constants, dialect)
                && let Some((table, column)) = scope.column(compared)
                && tables.occurs_once(table)
            {
                let keys = found.entry(Arc::clone(table)).or_default();
                keys.restrict(column, values);
            }
        }
    }
    Some(found)
}
