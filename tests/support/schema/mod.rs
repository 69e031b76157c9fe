//! The tables, as Diesel sees them: one module for each database, with the tables that all have and
//! those of its own.

#![allow(
    missing_docs,
    reason = "`table!` makes an undocumented struct of every column"
)]

#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
mod shared;
pub mod sqlite;
