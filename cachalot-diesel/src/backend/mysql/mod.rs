//! MySQL and MariaDB.

mod catalog;
mod catalog_columns;
mod foreign_keys;
mod grants;
mod privileges;
mod probe;
mod rows;
pub(super) mod values;

/// Overrides `sql_select_limit` in a query.
const NO_LIMIT: &str = "LIMIT 18446744073709551615";
