//! SQLite.

mod catalog;
mod catalog_columns;
mod probe;
mod rows;
pub(super) mod values;
