//! The side effects of statements, as the database's catalog defines them: views, foreign key actions,
//! triggers, rules, partitions, routines, row-level security.
//!
//! Each backend has a loader (`backend/*/catalog.rs`), which queries the database for [`Facts`]. A [`Catalog`] is computed from them.
//!
//! A catalog is valid for the epoch that was read before it was loaded: a change of the schema through
//! a watched connection changes the epoch.

mod causes;
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "the backends load the columns")
)]
pub(crate) mod declared;
#[cfg_attr(
    not(all(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "each backend has its own kinds of facts")
)]
pub(crate) mod facts;
mod families;
mod graph;
mod routines;
pub(crate) mod times;
#[cfg_attr(
    not(all(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "each backend has its own classes")
)]
pub(crate) mod tracked;
mod tracked_tables;
mod unanalyzable;

pub(crate) use facts::Facts;
pub(crate) use graph::{Catalog, Refusal, Resolved};
pub use unanalyzable::UnanalyzableCode;
