//! The side effects of statements, as the database's catalog defines them: views, foreign key actions,
//! triggers, rules, partitions, routines, row-level security.
//!
//! Each backend has a loader (`postgres`, `mysql`, `sqlite`), which queries the database for [`Facts`].
//! A [`Catalog`] is computed from them.
//!
//! A catalog is valid for the epoch that was read before it was loaded: a change of the schema through
//! a watched connection changes the epoch.

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
