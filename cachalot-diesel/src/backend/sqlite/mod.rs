//! SQLite.

mod catalog;
mod probe;
mod rows;
