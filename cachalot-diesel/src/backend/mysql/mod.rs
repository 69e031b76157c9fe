//! MySQL and MariaDB.

mod catalog;
mod catalog_columns;
mod foreign_keys;
mod grants;
mod privileges;
mod probe;
mod rows;
