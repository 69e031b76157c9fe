//! What the database does behind a statement's back, as its catalog tells: views, foreign-key
//! actions, triggers, rules, partitions, routines, row-level security.
//!
//! [`Facts`] are what a backend's loader brings; [`Catalog`] is what follows from them. Of the
//! queries each backend has its own (`postgres`, `mysql`, `sqlite`), and here alone this library asks
//! a database for more than the user's rows.
//!
//! The knowledge is of one moment, and kept under the epoch's token that was seen before it was
//! loaded: whatever changes a schema through a watched connection renews the epoch, and so ends it.

#[cfg_attr(
    not(all(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "each backend has its own kinds of facts")
)]
mod facts;
mod families;
#[cfg(feature = "mysql")]
mod grants;
mod graph;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "mysql")]
mod privileges;
mod routines;
#[cfg(feature = "sqlite")]
mod sqlite;
mod times;
mod unanalyzable;

pub(crate) use facts::Facts;
pub(crate) use graph::{Catalog, Refusal, Resolved};
#[cfg(feature = "mysql")]
pub(crate) use mysql::load as load_mysql;
#[cfg(feature = "postgres")]
pub(crate) use postgres::load as load_postgres;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::load as load_sqlite;
pub use unanalyzable::UnanalyzableCode;
