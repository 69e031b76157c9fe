//! The repository itself: its documents, its scripts, and what its tests are made of.

mod compose;
#[cfg(all(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod conformance_table;
mod documents;
mod environment;
mod memcached_selftest;
#[cfg(all(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod torture_smoke;
