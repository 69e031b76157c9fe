//! Loads the foreign keys of MySQL and MariaDB and the columns of all keys.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::{
    MysqlConnection, QueryResult, QueryableByName, RunQueryDsl,
    sql_types::{Nullable, Text},
};

use super::catalog_columns::ColumnRow;
use crate::catalog::{
    Facts,
    tracked::{self, TrackedColumns},
};
use cachalot_sql::Columns;

#[derive(QueryableByName)]
pub(super) struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    name: String,
    /// A column of the child and the one of the parent. `None` in the row with the key's actions. A column
    /// of a primary key has no parent.
    #[diesel(sql_type = Nullable<Text>)]
    child_column: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    parent_column: Option<String>,
    #[diesel(sql_type = Text)]
    pub(super) parent_db: String,
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
    #[diesel(sql_type = Text)]
    on_update: String,
}

/// The foreign keys of one database: a row for each with its actions, and one for each of its columns; and a row
/// for each column of a primary key, also of those that the account cannot see. In one query, each part with the
/// database as a constant, so that the server reads only that one.
pub(super) fn load(conn: &mut MysqlConnection, db: &str) -> QueryResult<Vec<ForeignKeyRow>> {
    diesel::sql_query(
        "SELECT TABLE_NAME AS child, CONSTRAINT_NAME AS name, NULL AS child_column, \
             NULL AS parent_column, UNIQUE_CONSTRAINT_SCHEMA AS parent_db, \
             REFERENCED_TABLE_NAME AS parent, DELETE_RULE AS on_delete, UPDATE_RULE AS on_update \
             FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ? \
             UNION ALL SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME, \
             REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, '', '' \
             FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = ? \
             AND REFERENCED_TABLE_NAME IS NOT NULL \
             UNION ALL SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, NULL, '', '', '', '' \
             FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND INDEX_NAME = 'PRIMARY' LIMIT 18446744073709551615",
    )
    .bind::<Text, _>(db)
    .bind::<Text, _>(db)
    .bind::<Text, _>(db)
    .load(conn)
}

/// The tracked columns of a database's tables, by the tables' exact names.
pub(super) fn tracked<'a>(
    keys: &'a [ForeignKeyRow],
    columns: &'a [ColumnRow],
) -> HashMap<&'a str, TrackedColumns> {
    let mut primary: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut foreign: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in keys {
        match (&row.child_column, &row.parent_column) {
            (Some(column), None) => _ = primary.entry(&row.child).or_default().insert(column),
            (Some(column), Some(_)) => _ = foreign.insert((&row.child, column)),
            _ => {}
        }
    }
    let mut tracked: HashMap<&str, Vec<_>> = HashMap::new();
    for column in columns {
        let (table, name) = (&*column.on_table, &*column.name);
        let primary = primary.get(table).filter(|names| names.contains(name));
        if primary.is_some() || foreign.contains(&(table, name)) {
            let unique = primary.is_some_and(|names| names.len() == 1);
            tracked
                .entry(table)
                .or_default()
                .extend(column.tracked(unique));
        }
    }
    let tracked = tracked.into_iter();
    tracked
        .map(|(table, columns)| (table, tracked::named(columns)))
        .collect()
}

/// Adds foreign keys. If the account cannot see the columns of one, these are unknown.
pub(super) fn add(facts: &mut Facts, rows: &[ForeignKeyRow]) {
    let mut columns: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        if let (Some(child), Some(parent)) = (&row.child_column, &row.parent_column) {
            let pairs = columns.entry((&row.child, &row.name)).or_default();
            pairs.push((&**child, &**parent));
        }
    }
    for row in rows.iter().filter(|row| row.child_column.is_none()) {
        let pairs = columns.get(&(&row.child, &row.name));
        let of = |side: fn(&(_, _)) -> _| {
            pairs.map_or(Columns::All, |pairs| Facts::columns(pairs.iter().map(side)))
        };
        facts.add_foreign_key(
            [&row.child, &row.parent],
            [&row.on_delete, &row.on_update],
            [of(|it| it.0), of(|it| it.1)],
        );
    }
}
