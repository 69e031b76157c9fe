//! The tables, as Diesel sees them: one module for each database, with the tables that all have and
//! those of its own.

#![allow(
    missing_docs,
    reason = "`table!` makes an undocumented struct of every column"
)]

pub mod mysql;
pub mod postgres;
mod shared;
pub mod sqlite;
