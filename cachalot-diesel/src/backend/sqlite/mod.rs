//! SQLite.

mod catalog;
mod catalog_columns;
mod probe;
mod rows;
