//! Loads the foreign keys of MySQL and MariaDB, with their columns.

use std::collections::BTreeMap;

use diesel::{
    MysqlConnection, QueryResult, QueryableByName, RunQueryDsl,
    sql_types::{Nullable, Text},
};

use crate::catalog::Facts;
use cachalot_sql::Columns;

#[derive(QueryableByName)]
pub(super) struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    name: String,
    /// A column of the child and the one of the parent. `None` in the row with the key's actions.
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

/// The foreign keys of one database: a row for each with its actions, and one for each of its columns. In one
/// query, each part with the database as a constant, so that the server reads only that one.
pub(super) fn load(conn: &mut MysqlConnection, db: &str) -> QueryResult<Vec<ForeignKeyRow>> {
    diesel::sql_query(
        "SELECT TABLE_NAME AS child, CONSTRAINT_NAME AS name, NULL AS child_column, \
             NULL AS parent_column, UNIQUE_CONSTRAINT_SCHEMA AS parent_db, \
             REFERENCED_TABLE_NAME AS parent, DELETE_RULE AS on_delete, UPDATE_RULE AS on_update \
             FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ? \
             UNION ALL SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME, \
             REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, '', '' \
             FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = ? \
             AND REFERENCED_TABLE_NAME IS NOT NULL LIMIT 18446744073709551615",
    )
    .bind::<Text, _>(db)
    .bind::<Text, _>(db)
    .load(conn)
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
