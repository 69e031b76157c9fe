//! PostgreSQL.

mod catalog;
mod names;
mod probe;
mod replication;
mod rows;
