//! PostgreSQL.

mod catalog;
mod lineage;
mod names;
mod probe;
mod rows;
