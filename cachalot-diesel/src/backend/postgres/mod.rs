//! PostgreSQL.

mod catalog;
mod catalog_columns;
mod catalog_queries;
mod names;
mod probe;
mod replication;
mod rows;
pub(super) mod values;
